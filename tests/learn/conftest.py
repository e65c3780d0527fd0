"""What the stepper is tried on: a small lesson with an exercise, and keys that are pressed beforehand."""

import pytest

from minidl.learn import checks, course
from minidl.learn.learner import Learner
from minidl.learn.screen import Screen
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

    def picture(self, path):
        self.shown.append(f"picture {path.name}")

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


@pytest.fixture
def changed(lesson, tmp_path):
    """Write something else into the learner's copy of the lesson, in place of some of it."""

    def change(old, new):
        own = Learner(tmp_path / "mine").copy(lesson).path
        text = own.read_text("utf-8")
        assert old in text
        own.write_text(text.replace(old, new, 1), "utf-8")

    return change
