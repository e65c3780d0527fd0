"""``minidl learn`` and ``minidl check``."""

import io
import json
import re

import pytest

from minidl.__main__ import main
from minidl.commands import lessons
from minidl.learn import course
from minidl.learn.learner import Learner, fresh


@pytest.fixture
def learner(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIDL_LEARN", str(tmp_path / "mine"))
    return Learner()


def test_the_map_as_json(learner, capsys):
    lesson = course.script("01")
    learner.keep("01", fresh() | {"step": 2, "exercises": {"01.1": "passed"}})
    assert main(["learn", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert (first["number"], first["state"], first["step"], first["minutes"]) == ("01", "begun", 2, lesson.minutes)
    assert first["exercises"] == {"01.1": "passed", "01.2": "new", "01.3": "new"}
    passed = {"exercises": dict.fromkeys(first["exercises"], "passed")}
    for far, state in (
        (fresh() | {"step": first["steps"]}, "read"),
        (fresh() | {"step": first["steps"]} | passed, "done"),
        (fresh() | {"step": 2, "farthest": first["steps"]} | passed, "done"),
        (fresh() | {"step": 2} | passed, "begun"),
    ):
        learner.keep("01", far)
        assert lessons.overview(learner)[0]["state"] == state
    assert lessons.overview(Learner(learner.folder / "other"))[0]["state"] == "new"


def test_the_map_as_a_table(learner, capsys):
    lesson = course.script("01")
    count = len(lesson.steps) - 1
    learner.keep("01", fresh() | {"step": count, "exercises": {"01.1": "passed"}})
    assert main(["learn", "--list"]) == 0
    shown = capsys.readouterr().out
    assert "1 of 3" in shown
    assert re.search(r"01 .* read ", shown)
    minutes = sum(entry["minutes"] for entry in lessons.overview(learner)) - lesson.minutes
    assert f"{minutes} minutes left." in shown


def test_the_next_lesson_is_offered_where_it_was_left(learner, monkeypatch, capsys):
    lesson = course.script("01")
    for step, place in ((0, ""), (2, f", step 2 of {len(lesson.steps) - 1}")):
        learner.keep("01", fresh() | {"step": step})
        monkeypatch.setattr("sys.stdin", io.StringIO("q\n"))
        assert main(["learn"]) == 0
        assert capsys.readouterr().out.rstrip().endswith(f"Enter: 01 {lesson.title}{place} · q quit")


def test_reset(learner, monkeypatch, capsys):
    copy = learner.copy(course.script("01")).path
    learner.keep("01", fresh() | {"step": 2})
    monkeypatch.setattr("builtins.input", lambda question: "")
    assert main(["learn", "01", "--reset"]) == 0
    assert copy.exists() and learner.of("01")["step"] == 2
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert main(["learn", "01", "--reset"]) == 0
    assert not copy.exists() and learner.of("01") == fresh()
    assert "Begun anew; your copy is kept as" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, text",
    [
        (["learn", "77"], "minidl: learn: no lesson 77; there are 01"),
        (["learn", "--reset"], "minidl: learn: --reset wants the number of a lesson"),
        (["check", "77"], "minidl: learn: no lesson 77; there are 01"),
    ],
)
def test_refusals(arguments, text, learner, capsys):
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith(text)


def test_nothing_to_check(learner, capsys):
    assert main(["check"]) == 0
    assert capsys.readouterr().out == "Nothing to check yet; minidl learn begins.\n"


SCRIPT = """# %% [markdown]
# # 01 · Short

# %%
from minidl.learn import Lesson, check
assert Lesson("01").profile == "ci"
check("01.1", lambda f, x, h: (f(x + h) - f(x - h)) / (2 * h))
check("01.2", lambda x: 1 - x * x)
raise SystemExit("the end")
"""


def test_check_runs_the_learners_copy(learner, capsys):
    learner.copy(course.script("01")).path.write_text(SCRIPT, "utf-8")
    assert main(["check", "01", "--json"]) == 1
    captured = capsys.readouterr()
    results = json.loads(captured.out)
    assert {number: result["state"] for number, result in results.items()} == {
        "01.1": "passed",
        "01.2": "failed",
        "01.3": "failed",
    }
    assert results["01.2"]["text"].endswith("That is what comes out if x is taken for the result: 1 − x².")
    assert results["01.3"]["text"] == "It was not reached: the lesson stopped before."
    assert captured.err == "01_gradient.py: the end\n"
    assert learner.of("01")["exercises"]["01.1"] == "passed"
    assert main(["check", "01"]) == 1
    assert capsys.readouterr().out.splitlines()[0] == "✓ 01.1 the central difference: Passed, 3 calls."


@pytest.mark.parametrize(
    "line, error",
    [
        ("raise SystemExit(3)", "01_gradient.py: it ended with the status 3\n"),
        ("import os; os._exit(1)", "01_gradient.py: it ended with the status 1\n"),
        ("import os; os.kill(os.getpid(), 9)", "01_gradient.py: it ended with the status -9\n"),
        ("while True: pass", "01_gradient.py: stopped after 1 s; a loop without end? --timeout allows more\n"),
    ],
    ids=["silent", "no verdicts", "killed", "without end"],
)
def test_check_of_what_ends_badly(line, error, learner, capsys):
    learner.copy(course.script("01")).path.write_text(f"# %% [markdown]\n# # 01 · Short\n\n# %%\n{line}\n", "utf-8")
    assert main(["check", "01", "--json", *(["--timeout", "1"] if "while" in line else [])]) == 1
    captured = capsys.readouterr()
    assert captured.err == error
    assert {result["state"] for result in json.loads(captured.out).values()} == {"failed"}
