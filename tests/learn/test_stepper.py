"""The stepper: driven by keys on a screen that remembers, and deep, in a real pseudo-terminal."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import tty

import numpy as np
import pytest
from PIL import Image

from minidl.learn import checks, course
from minidl.learn.learner import Learner
from minidl.learn.screen import Screen, one_key
from minidl.learn.stepper import Stepper

LESSON = """# %% [markdown]
# # 98 · Small

# %%
import minidl as md
from minidl.learn import check

w = md.tensor([1.0, 2.0], requires_grad=True)

# %% [markdown]
# ## 1. Predict: the loss

# %%
loss = (w * w).sum()
print("loss", loss.item())

# %% [markdown]
# ## 2. Make: twice

# %%
def twice(x):
    raise NotImplementedError

check("98.1", twice)

# %% [markdown]
# ## 3. Read
"""
EXERCISE = """
from minidl.learn.exercise import Exercise, call

exercise = Exercise("98.1", "twice", minutes=2, difficulty=1, purpose="Practice.", hints=["one", "two", "three"])

@exercise.solution
def twice(x):
    return 2 * x

@exercise.calls
def calls():
    yield call(3.0)

@exercise.expected
def expected(x):
    return x + x
"""


class Keys(Screen):
    """A screen whose keys and answers are given beforehand, and which remembers what it showed."""

    def __init__(self, keys, answers=()):
        super().__init__()
        self.keys, self.answers, self.shown = list(keys), list(answers), []

    def prose(self, text):
        self.shown.append(text)

    def code(self, source, line):
        self.shown.append(f"{line}: {source}")

    def say(self, text, style=""):
        self.shown.append(text)

    def table(self, columns, rows):
        self.shown += [" = ".join(row) for row in rows]

    def facets(self, pixels):
        self.shown.append(f"facets {pixels.shape}")

    def ask(self, question):
        self.shown.append(question)
        return self.answers.pop(0)

    def key(self, question, keys):
        self.shown.append(question)
        pressed = self.keys.pop(0) if self.keys else "q"
        assert pressed in keys
        return pressed


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    (tmp_path / "course" / "exercises").mkdir(parents=True)
    (tmp_path / "course" / "98_small.py").write_text(LESSON, "utf-8")
    (tmp_path / "course" / "exercises" / "98_small.py").write_text(EXERCISE, "utf-8")
    monkeypatch.setattr(course, "folder", lambda: tmp_path / "course")
    monkeypatch.setattr(checks, "verdicts", {})
    monkeypatch.setattr(checks, "hints_given", {})
    return course.script("98")


@pytest.fixture
def step(lesson, tmp_path):
    """Step through the lesson with some keys and answers; returns what was shown, and the learner."""

    def go(keys, *answers):
        learner = Learner(tmp_path / "mine")
        screen = Keys(keys, answers)
        Stepper(lesson, learner, screen).go()
        return "\n".join(screen.shown), learner

    return go


def test_from_the_first_step_to_the_last(step, capsys):
    shown, learner = step("\n\n" + "\n\n" + "\n\n" + "\n", "5")
    assert capsys.readouterr().out.splitlines() == ["loss 5.0", "○ 98.1 twice: Not written yet."]
    order = [
        "# 98 · Small",
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
def in_parts(step, tmp_path):
    """The learner's copy, whose first step goes on behind its code."""
    step("")
    own = tmp_path / "mine" / "98_small.py"
    own.write_text(LESSON.replace("loss.item())\n", "loss.item())\n" + ANSWER, 1), "utf-8")
    return own


def test_the_answer_comes_after_the_prediction(step, in_parts, capsys):
    shown, learner = step("\n\n" + "\n\n" + "\n\n" + "\n", "5")
    order = ["## 1.", "Your prediction: ", "You predicted: 5", "a sum of squares", "in parts", "That was all.", "## 2."]
    places = [shown.index(text) for text in order]
    assert places == sorted(places)
    assert shown.count("You predicted") == 1
    assert capsys.readouterr().out.splitlines() == ["loss 5.0", "in parts 5.0"]
    assert learner.of("98")["step"] == 2


def test_a_prediction_waits_for_what_is_no_exercise(step, tmp_path, capsys):
    step("")
    own = tmp_path / "mine" / "98_small.py"
    stub = 'def twice(x):\n    raise NotImplementedError\n\ncheck("98.1", twice)\n\n# %%\n'
    own.write_text(LESSON.replace("loss = (w * w)", stub + "loss = (w * w)"), "utf-8")
    shown, _ = step("\n\n\n", "5")
    assert "Not written yet" in capsys.readouterr().out and "You predicted" not in shown
    shown, _ = step("\n\n\n\n")
    assert "loss 5.0" in capsys.readouterr().out and shown.count("You predicted: 5") == 1


def test_run_again_runs_the_part(step, in_parts, capsys):
    shown, learner = step("\n\n\n\nrr", "5")
    assert capsys.readouterr().out.splitlines() == ["loss 5.0"] + 2 * ["in parts 5.0"]
    assert learner.of("98")["step"] == 1


def test_back_to_the_beginning_of_the_step(step, in_parts):
    shown, learner = step("\n\n\n\na", "5")
    assert learner.of("98")["step"] == 1
    assert shown.count("## 1. Predict") == 2
    assert step("aa")[1].of("98")["step"] == 0


def test_resume_runs_all_parts(step, in_parts, capsys):
    step("\n\n\n\n\n\n\n", "5")
    capsys.readouterr()
    shown, learner = step("")
    assert capsys.readouterr().out.splitlines() == ["loss 5.0", "in parts 5.0"]
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
    assert capsys.readouterr().out.splitlines() == ["loss 5.0", "○ 98.1 twice: Not written yet."]
    assert learner.of("98")["step"] == 2


def test_back_and_next_without_running(step, capsys):
    shown, learner = step("nnaq", "5")
    assert learner.of("98")["step"] == 1
    assert shown.count("## 1. Predict") == 2
    assert capsys.readouterr().out == ""


def test_variables(step):
    shown, _ = step("\n\n\nv", "5")
    assert "w = 2 float32  mean 1.5 ± 0.5" in shown
    assert "loss = a scalar float32  5" in shown


def test_variables_on_one_line_each(step, tmp_path):
    step("")
    own = tmp_path / "mine" / "98_small.py"
    own.write_text(LESSON.replace("w = md", "import numpy as np\nx, y, z = np.float32(0.5), np.float64(2), 'a\\nb'\n"
                                  "nets = [md.nn.Sequential(md.nn.ReLU())]\nw = md"), "utf-8")  # fmt: skip
    lines = step("\nv")[0].splitlines()
    assert {"x = 0.5", "y = 2.0", "z = 'a\\nb'", "nets = [Sequential( (0): ReLU() )]"} <= set(lines)


def test_backward_from_several_numbers(step, tmp_path):
    step("")
    own = tmp_path / "mine" / "98_small.py"
    own.write_text(LESSON.replace("loss = (w", "squares = w * w\nloss = (w"), "utf-8")
    shown, _ = step("\n\n\nb\n\n", "5", "squares")
    assert "From the sum of its 2 numbers" in shown and "1 of 2 · sum" in shown and "2 of 2 · mul" in shown


def test_graph_and_backward(step):
    shown, _ = step("\n\n\ngb\nalq", "5", "", "loss")
    assert re.search(r"mul +2 +of", shown)
    assert [found[0] for found in re.finditer(r"^\d of 2 · \w+", shown, re.M)] == [
        "1 of 2 · sum",
        "2 of 2 · mul",
        "1 of 2 · sum",
        "1 of 2 · sum",
    ]
    assert "x → mul" in shown


def test_gradients_of_images_are_shown_as_pictures(step, tmp_path):
    step("")
    own = tmp_path / "mine" / "98_small.py"
    images = "loss = (w[:, None, None] * md.ones(2, 4, 5)).exp().sum()"
    own.write_text(LESSON.replace("loss = (w * w).sum()", images), "utf-8")
    shown, _ = step("\n\n\nb\npq", "5", "loss")
    menus = [line for line in shown.splitlines() if line.startswith("Enter on")]
    assert ["p pictures" in menu for menu in menus] == [True, True, True]
    assert re.search(r"comes in: 2×4×5 float32 .*\nfacets \(4, 11, 3\)\nto x: 2×4×5", shown)


def test_graph_of_nothing_and_of_an_unknown_name(step):
    assert "No tensor here knows how it was computed." in step("g")[0]
    shown, _ = step("\n\n\nb", "5", "w")
    assert "w is none of loss" in shown


def test_hints_rise_and_are_kept(step):
    shown, learner = step("nnhhh", "5")
    assert [f"98.1 Hint {i} of 3: {text}" in shown for i, text in ((1, "one"), (2, "two"), (3, "three"))] == [True] * 3
    assert learner.of("98")["hints"] == {"98.1": 3}


def test_hints_only_where_there_is_an_exercise(step):
    shown, _ = step("nn", "5")
    menus = [line for line in shown.splitlines() if line.startswith("Enter ")]
    assert ["h hint" in menu for menu in menus] == [False, False, True]


def test_what_to_do_with_an_exercise_is_said_until_it_passes(step, tmp_path):
    shown, _ = step("\n\n\n\n\n", "5")
    assert shown.count("e opens it in your editor, r runs it again, h gives a hint") == 1
    own = tmp_path / "mine" / "98_small.py"
    own.write_text(LESSON.replace("raise NotImplementedError", "return x + x"), "utf-8")
    assert "e opens it" not in step("\n")[0]


def test_hints_wait_for_the_exercise(step, tmp_path):
    step("")
    own = tmp_path / "mine" / "98_small.py"
    own.write_text(LESSON.replace("# ## 2. Make: twice\n", "# ## 2. Make: twice\n\n# %%\nx = 1\n"), "utf-8")
    shown, _ = step("nnnh", "5")
    menus = [line for line in shown.splitlines() if line.startswith("Enter ")]
    assert ["h hint" in menu for menu in menus] == [False, False, False, True, True]
    assert "98.1 Hint 1 of 3: one" in shown


def test_solution_asks_first(step):
    shown, _ = step("nns", "5", "")
    assert "return 2 * x" not in shown
    shown, _ = step("s", "y")
    assert "return 2 * x" in shown


def test_an_edit_is_read_anew_and_can_pass(step, monkeypatch, tmp_path, capsys):
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys; p = sys.argv[-1]; t = open(p, encoding='utf-8').read()\n"
        "open(p, 'w', encoding='utf-8').write(t.replace('raise NotImplementedError', 'return x + x'))"
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {editor}")
    shown, learner = step("\nnne\ns", "5")
    assert "✓ 98.1 twice: Passed, 1 call." in capsys.readouterr().out
    assert learner.of("98")["exercises"] == {"98.1": "passed"}
    assert "return 2 * x" in shown  # unasked, once it has passed


def test_at_the_end_what_is_left_is_said_and_come_back_to(step, tmp_path):
    shown, learner = step("\n\n" + "\n\n" + "\n\n" + "\n", "5")
    assert shown.index("That was the lesson.") < shown.index("Left to write: 98.1.")
    shown, learner = step("")
    assert "Running steps 1 to 1 again" not in shown and "Running step 1 again" in shown
    assert "You stand at step 2 of 3" in shown
    assert (learner.of("98")["step"], learner.of("98")["farthest"]) == (3, 3)
    own = tmp_path / "mine" / "98_small.py"
    own.write_text(LESSON.replace("raise NotImplementedError", "return x + x"), "utf-8")
    shown, learner = step("\n\n\n")
    assert "Left to write" not in shown and learner.of("98")["exercises"] == {"98.1": "passed"}
    shown, _ = step("a")
    assert "Running steps 1 to 2 again" in shown
    assert (learner.of("98")["step"], learner.of("98")["farthest"]) == (2, 3)


def test_no_editor(step, monkeypatch):
    monkeypatch.setenv("VISUAL", "no-such-editor")
    assert "No editor no-such-editor; the environment variable EDITOR names one." in step("e")[0]


def test_an_error_shows_the_lessons_own_line(step, tmp_path):
    step("")
    own = tmp_path / "mine" / "98_small.py"
    own.write_text(LESSON.replace("loss = (w * w).sum()", "loss = w @ md.ones(3)"), "utf-8")
    shown, learner = step("\nn\n", "5")
    assert 'File "' in shown and "line 14, in <module>" in shown
    assert "matmul" in shown
    assert learner.of("98")["step"] == 1


def test_ctrl_c_stops_a_cell_and_keeps_the_place(step, tmp_path):
    step("")
    own = tmp_path / "mine" / "98_small.py"
    own.write_text(LESSON.replace("loss = (w * w).sum()", "raise KeyboardInterrupt"), "utf-8")
    shown, learner = step("\nn\n", "5")
    assert "stopped; r runs it again" in shown
    assert learner.of("98")["step"] == 1


def test_what_was_broken_since_begins_anew(step, tmp_path):
    step("\n\n\n\n", "5")
    own = tmp_path / "mine" / "98_small.py"
    own.write_text(LESSON.replace("loss = (w * w).sum()", "loss = w @ md.ones(3)"), "utf-8")
    shown, _ = step("")
    assert "You stand at step 0" in shown


# --- the screen -------------------------------------------------------------------------------------------------------


def test_keys_of_a_pipe(monkeypatch, capsys):
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("x\nN\n\n"))
    screen = Screen()
    assert [screen.key("?", ["n", "\n", "q"]) for _ in range(3)] == ["n", "\n", "q"]


def test_keys_of_a_terminal(monkeypatch):
    parent, child = pty.openpty()
    tty.setcbreak(child)
    with os.fdopen(child) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        pressed = []
        for typed in (b"N", b"\n", b"\x1b[A", b"\x1b[B", b"\x1b", "é".encode(), b"b", b"\x04"):
            os.write(parent, typed)
            pressed.append(one_key())
    os.close(parent)
    assert pressed == ["n", "\n", "", "", "", "é", "b", "q"]


def test_a_picture_without_colour_is_made_of_shades(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "22")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    picture = tmp_path / "black.png"
    Image.new("L", (20, 20), 0).save(picture)
    Screen().picture(picture)
    assert "▀" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    Screen().picture(picture)
    assert capsys.readouterr().out.splitlines() == 10 * [20 * "@"]


def test_a_picture_in_characters(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "22")
    image = Image.new("L", (20, 20), 255)
    image.paste(0, (0, 0, 10, 20))
    image.save(tmp_path / "half.png")
    Screen().picture(tmp_path / "half.png")
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 10
    assert all(row[:9] == "@" * 9 and row[12:].strip() == "" for row in rows)


def test_facets_are_as_wide_as_can_be_looked_at(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "42")
    monkeypatch.setenv("NO_COLOR", "1")
    pixels = np.full((4, 5, 3), 255, np.uint8)
    pixels[:, :2] = 0
    Screen().facets(pixels)
    assert capsys.readouterr().out.splitlines() == 8 * ["@" * 8 + " " * 12]
    for wide, letters in ((30, 30), (80, 40)):
        Screen().facets(np.zeros((4, wide, 3), np.uint8))
        assert capsys.readouterr().out.splitlines() == 2 * ["@" * letters]


# --- in a terminal ----------------------------------------------------------------------------------------------------


class Terminal:
    """A process in a pseudo-terminal: `wait` for a text, `press` keys."""

    def __init__(self, folder, *arguments, size=(24, 80), **environment):
        parent, child = pty.openpty()
        os.set_blocking(parent, False)
        environment = os.environ | {"LINES": str(size[0]), "COLUMNS": str(size[1]), "TERM": "xterm"} | environment
        environment |= {"MINIDL_PROFILE": "ci", "MPLBACKEND": "Agg", "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-m", "minidl", "learn", *arguments]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=child, stdout=child, stderr=child, start_new_session=True
        )
        os.close(child)
        self.end, self.text, self.seen = parent, "", 0

    def wait(self, text, seconds=60):
        until = time.monotonic() + seconds
        while text not in self.text[self.seen :]:
            assert time.monotonic() < until, f"{text!r} did not come: {self.text[self.seen :]}"
            if select.select([self.end], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.end, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        self.seen = self.text.index(text, self.seen) + len(text)

    def press(self, keys):
        os.write(self.end, keys.encode())


@pytest.mark.deep
@pytest.mark.parametrize(
    "size, environment",
    [((24, 80), {}), ((60, 200), {"NO_COLOR": "1"}), ((24, 80), {"PYTHONIOENCODING": "ascii"})],
    ids=["small", "large without colour", "without Unicode"],
)
def test_in_a_terminal(tmp_path, size, environment):
    terminal = Terminal(tmp_path, "01", size=size, **environment)
    terminal.wait("a back")
    terminal.press("\n")
    terminal.wait("Enter next")
    terminal.press("\n")
    terminal.wait("Your prediction")
    terminal.press("three\n")
    terminal.wait("Enter run")
    terminal.press("\n")
    terminal.wait("You predicted: three")
    terminal.wait("quit")
    terminal.press("\n")
    terminal.wait("Your prediction")
    terminal.press("a valley\n")
    terminal.wait("Enter run")
    terminal.press("\n")
    terminal.wait("Enter next")
    terminal.press("\n")
    terminal.wait("solution")
    terminal.press("h")
    terminal.wait("Hint 1 of 3")
    terminal.wait("quit")
    terminal.press("s")
    terminal.wait("Show the solution of 01.1?")
    terminal.press("y\n")
    terminal.wait("return")
    terminal.wait("quit")
    terminal.press("q")
    terminal.wait("You stand at step 2 of")
    assert terminal.process.wait(30) == 0
    assert bool(re.search(r"\x1b\[(\d+;)*[349][0-7]", terminal.text)) != ("NO_COLOR" in environment)
    again = Terminal(tmp_path, "01", size=size, **environment)
    again.wait("Running step 1 again")
    again.wait("Enter run")
    again.process.send_signal(signal.SIGKILL)
    again.process.wait(30)
    third = Terminal(tmp_path, size=size, **environment)
    third.wait("q quit")
    third.press("\n")
    third.wait("q quit")
    third.press("q")
    assert third.process.wait(30) == 0
    state = json.loads((tmp_path / "my-lessons" / "progress.json").read_text("utf-8"))["01"]
    assert state["predictions"] == {"1": "three", "2": "a valley"}
