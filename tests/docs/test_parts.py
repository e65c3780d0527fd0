"""What is drawn and told on the pages that are written by hand."""

import base64
import html
import json
import re

import numpy as np
import pytest

import minidl as md
from docs import course, drawing, engine, house, lessons, measured, proof, reader, scrubber, written
from minidl.learn import course as on_disk
from minidl.viz import backward

DIAMOND = {"top": {"left", "right", "base"}, "left": {"base"}, "right": {"base"}, "base": set()}


def test_a_drawing_leaves_out_what_a_longer_way_says():
    assert drawing.floors(DIAMOND) == {"top": 2, "left": 1, "right": 1, "base": 0}
    assert drawing.direct(DIAMOND) == DIAMOND | {"top": {"left", "right"}}
    boxes = {name: drawing.Box(name, "<b>", f"{name}.html" if name == "top" else "") for name in DIAMOND}
    for downward in (False, True):
        svg = drawing.graph(boxes, DIAMOND, "four & more", downward)
        assert svg.count("<path") == 4 and svg.count("<rect") == 4 and svg.count("<a ") == 1
        assert 'role="group"' in svg and 'role="img"' in drawing.graph({"base": boxes["base"]}, {"base": set()}, "one")
        assert "four &amp; more" in svg and "&lt;b&gt;" in svg
        heights = {name: int(y) for y, name in re.findall(r'y="(\d+)" class="name">(\w+)', svg)}
        assert (heights["top"] > heights["left"] == heights["right"] > heights["base"]) == downward
        assert (heights["top"] < heights["left"] == heights["right"] < heights["base"]) != downward


def test_the_house_stands_on_the_backend():
    used = house.rooms()
    assert used["backend"] == set() and "engine" in used["ops"] and "ops" not in used["engine"]
    assert f"| 1 | `engine` | {', '.join(f'`{name}`' for name in sorted(used['engine']))} |" in house.table()
    assert house.picture().count('class="name"') == len(used)


def test_the_map_has_every_lesson():
    svg, table = course.picture(), course.listed()
    for script in on_disk.scripts():
        assert f"lessons/{script.path.stem}.html" in svg and f"({'lessons/' + script.path.name})" in table


def test_what_was_measured():
    case = {"case": "step", "unit": "s", "median": {"minidl": 0.002, "PyTorch": 0.004, "slow": 0.02}}
    cases = [case, case | {"case": "chain", "median": {"minidl": 4e-6, "PyTorch": 2e-6}}]
    assert measured.compared(case) == {"PyTorch": 0.5, "slow": 0.1}
    table = measured.table(cases)
    assert "| step | 2.00 ms | 4.00 ms (0.50) | 20.0 ms (0.10) |" in table
    assert "| chain | 4.00 µs | 2.00 µs (2.00) |  |" in table
    assert "| *geometric mean* |  | (1.00) |  |" in table
    svg = measured.ratios(cases, "training")
    assert svg.count("<circle") == 3 + 2 and "minidl over slow" in svg
    places = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)[:3]]
    assert places[1] < places[0] < places[2]
    assert measured.ratios([case | {"median": {"minidl": 1.0}}], "alone") == ""


def test_the_engine_is_drawn_from_a_run():
    svg, turns = engine.structures(), engine.turns()
    for said in ("Tensor x", "array [1.0, 4.0]", "node None: a leaf", "serial 1", "serial 2", "edges (0, x), (1, x)"):
        assert said in svg
    assert "kept x [1.0, 2.0], y [1.0, 2.0]" in svg and "kept no array" in svg
    assert "| 1 | `sum` | 1.0 | [1.0, 1.0] to y |" in turns
    assert "| 2 | `mul` | [1.0, 1.0] | [1.0, 2.0] to x, and [1.0, 2.0] to x |" in turns
    assert turns.endswith("x.grad is the sum, [2.0, 4.0] |\n")


def test_code_is_shown_as_it_is(tmp_path):
    shown = written.part("source", "engine/core.py Node.name", tmp_path)
    assert "return self.op.name" in shown and "minidl/engine/core.py, line" in shown
    assert "mul.vjp(x=lambda g, y: g * y" in written.part("rule", "mul", tmp_path)
    assert "pop_newest(heap)" in written.part("loop", "", tmp_path)
    with pytest.raises(KeyError, match="nothing"):
        written.part("nothing", "", tmp_path)


def test_a_walk_is_recorded(monkeypatch):
    layer = md.nn.Linear(784, 3)
    monkeypatch.setitem(scrubber.WALKS, "small", lambda: backward((layer(md.rand(2, 784)) ** 2).sum(), network=layer))
    widget = scrubber.widget("small")
    record = json.loads(re.search(r'<script type="application/json">(.*?)</script>', widget, re.S)[1])
    assert [step["name"] for step in record] == ["sum", "pow", "add", "linear"]
    (sent,) = record[-1]["outgoing"]
    assert (sent["to"], sent["size"], record[-1]["module"]) == ("weight", "3×784", "")
    assert "ops/" in sent["rule"] or "functional/" in sent["rule"]
    assert base64.b64decode(sent["picture"]).startswith(b"\x89PNG") and int(sent["width"]) == 3 * 29 - 1
    assert record[0]["incoming"] == {"size": "a number", "text": "1."}
    assert html.escape("weight") in widget.partition("<details>")[2]


def test_the_reader_learns(monkeypatch, tmp_path):
    monkeypatch.setattr(reader, "EPOCHS", 1)
    digits = md.data.Subset(md.data.MNIST(), range(0, 4000, 4))
    images, labels = next(iter(md.data.DataLoader(digits, 1000)))
    network = reader.trained(digits)
    assert not network.training and (network(images).argmax(1) == labels).numpy().mean() > 0.7


@pytest.mark.deep
def test_faults_are_counted():
    said = proof.counts()
    counted = re.search(r"Today (\d+) of (\d+) ops .* \*\*([\d,]+)\*\* faults", said)
    assert counted[1] == counted[2] and int(counted[3].replace(",", "")) > 8000
    kinds = [int(n.replace(",", "")) for n in re.findall(r"\| ([\d,]+) \|", said.partition("| op with")[0])]
    assert sum(kinds) == int(counted[3].replace(",", ""))


def test_spread():
    assert (lessons.spread([1, 3]), lessons.spread([0.123456]), lessons.spread([])) == ("2 ± 1.4", "0.1235", "")
    assert lessons.spread([[0.5, 1 / 3], {"MB": 15.74, "ms": [3]}]) == "0.5, 0.3333; MB: 15.74, ms: 3"
    assert lessons.spread(["sgd"]) == "sgd" and np.isfinite(float(lessons.spread([5])))
