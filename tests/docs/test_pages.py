"""What the pages of the site are made of: Markdown of the checkout, lessons with their records, the public names."""

import json
from pkgutil import resolve_name

import pytest

from docs import api, lessons, markdown, mended, written
from minidl.learn import course


@pytest.mark.parametrize(("written", "shown"), [
    ("[a page](../minidl/PYTORCH.md)", "[a page](pytorch.md)"),
    ("[a place](../README.md#how-to-read-it)", "[a place](house.md)"),
    ("[a part](../minidl/data/transforms/README.md#speed)", "[a part](transforms.md#speed)"),
    ("[by hand](../docs/pages/gpu.md#below)", "[by hand](gpu.md#below)"),
    ("[`tests/specs`](../tests/specs)", "`tests/specs`"),
    ("[code](../minidl/ops/loss.py)", "`code`"),
    ("[elsewhere](https://example.org/a.md)", "[elsewhere](https://example.org/a.md)"),
    ("[here](#below)", "[here](#below)"),
    ("$`\\bar x = \\bar z`$ costs 5 $", "{math}`\\bar x = \\bar z` costs 5 $"),
])  # fmt: skip
def test_what_a_page_makes_of_markdown(written, shown, tmp_path):
    assert markdown.converted(written, "lessons/TEACHING.md", tmp_path) == shown


def test_pictures_come_along(tmp_path):
    assert markdown.converted("![six](results/06-mistakes.png)", "lessons/x.md", tmp_path) == "![six](06-mistakes.png)"
    assert (tmp_path / "06-mistakes.png").exists()


def test_a_section_of_a_file(tmp_path):
    assert written.part("section", "README.md Limits", tmp_path).startswith("Writes are recorded: after")
    with pytest.raises(ValueError, match=r"README.md has no section 'Limit'; it has .*Limits"):
        markdown.section("README.md", "Limit")


def test_each_lesson_has_its_record():
    for script in course.scripts():
        page = lessons.page(script)
        record = script.path.parent / "results" / f"{script.number}.json"
        assert ("## Numbers on record" in page) == ("at its end" in page) == record.exists()
        code = [cell.source for cell in course.cells(page) if not cell.prose]
        assert code == [cell.source for cell in course.cells(script.path.read_text("utf-8")) if not cell.prose]
    run = {"profile": "full", "data": "digits", "cpu": "Z80", "cores": 1, "seconds": 1234.5}
    run["results"] = {"A": [{"seed": 1, "error": 0.1}, {"seed": 2, "error": 0.3}], "B": [{"seed": 1, "loss": 2}]}
    shown = lessons.recorded(json.loads(json.dumps([run])))
    assert "**digits**, profile `full` (Z80, 1 cores, 1,234 s)" in shown
    assert "\n\n| | error | seeds |\n|---|---|---|\n| A | 0.2 ± 0.14 | 2 |\n\n| | loss | seeds |" in shown
    assert shown.endswith("| B | 2 | 1 |\n")


def test_every_public_name_is_documented_once(tmp_path):
    api.pages(tmp_path)
    text = "".join(path.read_text("utf-8") for path in sorted((tmp_path / "api").glob("*.rst")))
    lines = [line for line in text.splitlines() if line.startswith((".. autoclass::", ".. autofunction::"))]
    entries = [line.partition(":: ")[2] for line in lines]
    assert len(entries) == len(set(entries)) > 600
    assert {"minidl.nn.Conv2d", "minidl.functional.conv2d", "minidl.autograd.gradcheck", "minidl.exp"} <= set(entries)
    documented = {id(getattr(resolve_name(place), name)) for place, _, name in (e.rpartition(".") for e in entries)}
    for place in ("minidl", "minidl.nn", "minidl.functional", "minidl.optim", "minidl.data", "minidl.train.callbacks"):
        public = {name: value for name, value in vars(resolve_name(place)).items() if api.is_public(name, value)}
        assert [name for name, value in public.items() if id(value) not in documented] == []
    assert ":py:obj:`minidl.functional.relu_`" in (tmp_path / "api" / "minidl.rst").read_text("utf-8")
    assert "Also called ``divide``, ``true_divide``." in text
    index = (tmp_path / "api" / "index.rst").read_text("utf-8")
    assert ":doc:`minidl.nn`\n   What networks are built of" in index and index.count(":doc:`minidl") == len(api.PLACES)


def test_what_is_mended():
    body = (
        '<pre>x</pre> <a href="../../api/minidl.autograd.html#minidl.no_grad">[docs]</a> <a href="../x.html#minidl.y">'
    )
    context = {"body": body, "furo_navigation_tree": '<p role="heading">'}
    mended.mended(None, "_modules/minidl/backend/modes", "", context, None)
    shown = body.replace("#minidl.no_grad", "#minidl.autograd.no_grad").replace("<pre>", '<pre tabindex="0">')
    assert context == {"body": shown, "furo_navigation_tree": '<p role="heading" aria-level="2">'}
    context = {"body": f'{body}<div class="table-wrapper docutils">(<dl>\n<dd>a,</dd>\n<dd>b</dd>\n</dl>\n)'}
    mended.mended(None, "api/minidl", "", context, None)
    assert (
        "#minidl.no_grad" in context["body"] and '<div tabindex="0" class="table-wrapper docutils">' in context["body"]
    )
    assert '(<span class="parameter">a,</span>\n<span class="parameter">b</span>\n\n)' in context["body"]
    assert mended.name("minidl.data.transforms.Compose.extend") == "Compose.extend"
