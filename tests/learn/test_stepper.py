"""From step to step: parts, predictions, what is run again, and where a learner goes on."""

import sys

import pytest


def test_from_the_first_step_to_the_last(step, capsys):
    shown, learner = step("\n\n" + "\n\n" + "\n\n" + "\n", "5")
    assert capsys.readouterr().out.splitlines() == ["loss 5.0", "○ 98.1 twice: Not written yet."]
    order = [
        "# 98 · Small",
        "Running; Ctrl-C stops it.",
        "## 1. Predict",
        "Your prediction: ",
        "You predicted: 5",
        "## 2. Make",
        "Exercise 98.1, twice",
    ]
    places = [shown.index(text) for text in [*order, "## 3. Read", "That was the lesson.", "You stand at step 3 of 3"]]
    assert places == sorted(places)
    state = learner.of("98")
    assert (state["step"], state["predictions"], state["exercises"]) == (3, {"1": "5"}, {"98.1": "stub"})
    assert set(state["seconds"]) == {"0", "1", "2"}


ANSWER = """
# %% [markdown]
# It is a sum of squares.

# %%
print("in parts", loss.item())

# %% [markdown]
# That was all.
"""


@pytest.fixture
def in_parts(changed):
    """The learner's copy, whose first step goes on behind its code."""
    changed("loss.item())\n", "loss.item())\n" + ANSWER)


def test_the_answer_comes_after_the_prediction(step, in_parts, capsys):
    shown, learner = step("\n\n" + "\n\n" + "\n\n" + "\n", "5")
    order = ["## 1.", "Your prediction: ", "You predicted: 5", "a sum of squares", "in parts", "That was all.", "## 2."]
    places = [shown.index(text) for text in order]
    assert places == sorted(places)
    assert shown.count("You predicted") == 1
    assert capsys.readouterr().out.splitlines() == ["loss 5.0", "in parts 5.0"]
    assert learner.of("98")["step"] == 2


def test_a_prediction_waits_for_what_is_no_exercise(step, changed, capsys):
    stub = 'def twice(x):\n    raise NotImplementedError\n\ncheck("98.1", twice)\n\n# %%\n'
    changed("loss = (w * w)", stub + "loss = (w * w)")
    shown, _ = step("\n\n\n", "5")
    assert "Not written yet" in capsys.readouterr().out and "You predicted" not in shown
    shown, _ = step("\n\n\n\n")
    assert "loss 5.0" in capsys.readouterr().out and shown.count("You predicted: 5") == 1


def test_who_predicts_nothing_is_asked_again(step):
    shown, learner = step("\n\nnaq", "", "")
    assert shown.count("Your prediction: ") == 2 and learner.of("98")["predictions"] == {}
    shown, learner = step("", "5")
    assert shown.count("Your prediction: ") == 1 and learner.of("98")["predictions"] == {"1": "5"}


def test_run_again_runs_the_part(step, in_parts, capsys):
    shown, learner = step("\n\n\n\nrr", "5")
    assert capsys.readouterr().out.splitlines() == ["loss 5.0"] + 2 * ["in parts 5.0"]
    assert learner.of("98")["step"] == 1


def test_back_to_the_beginning_of_the_step(step, in_parts):
    shown, learner = step("\n\n\n\na", "5")
    assert learner.of("98")["step"] == 1
    assert shown.count("## 1. Predict") == 2
    assert step("aa")[1].of("98")["step"] == 0


def test_resume_runs_all_parts_in_silence(step, changed, in_parts, capsys):
    drawn = "from minidl.learn import Lesson, plots\nlesson = Lesson('98')\nlesson.show(plots.curves([], []), 'a')\n"
    changed('print("in', f'{drawn}parts = 2\nprint("in')
    assert "picture a.png" in step("\n\n\n\n\n\n\n", "5")[0]
    capsys.readouterr()
    shown, learner = step("v")
    assert capsys.readouterr().out == "" and "picture a.png" not in shown
    assert "loss = a scalar float32  5" in shown and "parts = 2" in shown
    assert learner.of("98")["step"] == 2


def test_an_edit_stays_at_the_part(step, in_parts, monkeypatch):
    monkeypatch.setenv("VISUAL", "true")
    shown, _ = step("\n\n\n\ne\n", "5")
    assert shown.count("a sum of squares") == 2
    assert shown.count("## 1. Predict") == 1


def test_main_is_put_back(step):
    before = sys.modules["__main__"], list(sys.argv)
    step("\n")
    assert (sys.modules["__main__"], sys.argv) == before


def test_resume_runs_what_came_before_and_asks_nothing_twice(step, capsys):
    step("\n\n\n\n", "5")
    capsys.readouterr()
    shown, learner = step("\nq")
    assert "Running step 1 again, which took 0 s" in shown
    assert "Your prediction" not in shown
    assert capsys.readouterr().out.splitlines() == ["○ 98.1 twice: Not written yet."]
    assert learner.of("98")["step"] == 2


def test_back_and_next_without_running(step, capsys):
    shown, learner = step("nnaq", "5")
    assert learner.of("98")["step"] == 1
    assert shown.count("## 1. Predict") == 2
    assert capsys.readouterr().out == ""


def test_at_the_end_what_is_left_is_said_and_come_back_to(step, changed):
    shown, learner = step("\n\n" + "\n\n" + "\n\n" + "\n", "5")
    assert shown.index("That was the lesson.") < shown.index("Left to write: 98.1.")
    shown, learner = step("")
    assert "Running steps 1 to 1 again" not in shown and "Running step 1 again" in shown
    assert "You stand at step 2 of 3" in shown
    assert (learner.of("98")["step"], learner.of("98")["farthest"]) == (3, 3)
    changed("raise NotImplementedError", "return x + x")
    shown, learner = step("\n\n\n")
    assert "Left to write" not in shown and learner.of("98")["exercises"] == {"98.1": "passed"}
    shown, _ = step("a")
    assert "Running steps 1 to 2 again" in shown
    assert (learner.of("98")["step"], learner.of("98")["farthest"]) == (2, 3)


def test_an_error_shows_the_lessons_own_line(step, changed):
    changed("loss = (w * w).sum()", "loss = w @ md.ones(3)")
    shown, learner = step("\nn\n", "5")
    assert 'File "' in shown and "line 14, in <module>" in shown
    assert "matmul" in shown
    assert learner.of("98")["step"] == 1


def test_ctrl_c_stops_a_cell_and_keeps_the_place(step, changed):
    changed("loss = (w * w).sum()", "raise KeyboardInterrupt")
    shown, learner = step("\nn\n", "5")
    assert "stopped; r runs it again" in shown
    assert learner.of("98")["step"] == 1


def test_what_was_broken_since_begins_anew(step, changed):
    step("\n\n\n\n", "5")
    changed("loss = (w * w).sum()", "loss = w @ md.ones(3)")
    shown, _ = step("")
    assert "You stand at step 0" in shown
