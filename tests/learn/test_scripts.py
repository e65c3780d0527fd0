"""The lessons' scripts: their form, and that recorded numbers are those of their present code."""

import json
import re
import shutil
from pathlib import Path

import jupytext
import pytest

from minidl.learn.lesson import fingerprint

LESSONS = Path(__file__).parents[2] / "lessons"
SCRIPTS = sorted(LESSONS.glob("[0-9][0-9]_*.py"))
NAMES = [script.stem for script in SCRIPTS]


def stale(lessons: Path) -> list[str]:
    """The runs recorded in a folder of lessons whose code has changed since."""
    return [
        f"{script.stem}: {run['profile']}, {run['data']}"
        for script in sorted(lessons.glob("[0-9][0-9]_*.py"))
        if (results := lessons / "results" / f"{script.stem[:2]}.json").exists()
        for run in json.loads(results.read_text("utf-8"))
        if run["code_sha256"] != fingerprint(script.read_bytes())
    ]


def test_recorded_numbers_are_of_the_present_code():
    assert stale(LESSONS) == []


def test_every_record_belongs_to_a_lesson():
    assert {path.stem for path in (LESSONS / "results").glob("*.json")} <= {name[:2] for name in NAMES}


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_form(script):
    cells = jupytext.read(script).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert {cell.cell_type for cell in cells} == {"markdown", "code"}
    assert cells[0].source.startswith(f"# {script.stem[:2]} · ")
    assert len(script.read_text("utf-8").splitlines()) <= 250
    assert 1 <= len(re.findall(r"^## \d+\. ", prose, re.M)) <= 12
    for phase in ("predict", "run", "investigate", "modify", "make"):
        assert phase in prose.lower()


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_round_trip_through_a_notebook(script, tmp_path):
    notebook = jupytext.read(script)
    jupytext.write(notebook, tmp_path / "lesson.ipynb")
    again = jupytext.read(tmp_path / "lesson.ipynb")
    jupytext.write(again, tmp_path / "lesson.py", fmt="py:percent")
    assert [cell.source for cell in jupytext.read(tmp_path / "lesson.py").cells] == [c.source for c in notebook.cells]


def test_changed_code_makes_the_record_stale_and_changed_prose_does_not(tmp_path):
    script = Path(shutil.copy(LESSONS / "06_simplenet.py", tmp_path))
    source = script.read_bytes()
    results = tmp_path / "results"
    results.mkdir()
    run = {"profile": "ci", "data": "1,600 digits", "code_sha256": fingerprint(source)}
    (results / "06.json").write_text(json.dumps([run]), "utf-8")
    assert stale(tmp_path) == []
    script.write_bytes(source.replace(b"\n# %%", b"\n# More prose.\n\n# %%"))
    assert stale(tmp_path) == []
    script.write_bytes(source + b"pass\n")
    assert stale(tmp_path) == ["06_simplenet: ci, 1,600 digits"]
