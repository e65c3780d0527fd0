"""A script as steps and cells; the folder of a learner."""

import re

import pytest

from minidl.learn import course
from minidl.learn.learner import Learner, fresh

TEXT = """# %% [markdown]
# # 07 · Something
#
# About 12 minutes.

# %%
import math

# %% [markdown]
# ## 1. Predict: what?
#
# Prose.

# %%

x = 1
check("07.1", x)

# %%
# %% [markdown]
# ## 2. Run: that
"""


def test_cells_have_their_lines():
    cells = course.cells(TEXT)
    lines = TEXT.splitlines()
    assert [cell.prose for cell in cells] == [True, False, True, False, True]
    assert [lines[cell.line - 1] for cell in cells if not cell.prose] == ["import math", "x = 1"]
    assert cells[0].source == "# 07 · Something\n\nAbout 12 minutes."
    assert cells[3].source == 'x = 1\ncheck("07.1", x)'


def test_steps():
    start, first, second = course.steps(TEXT)
    assert [step.number for step in (start, first, second)] == [0, 1, 2]
    assert (first.title, first.asks, first.exercises) == ("Predict: what?", True, ["07.1"])
    assert (second.title, second.asks, second.exercises) == ("Run: that", False, [])
    assert len(start.cells) == 2


def test_parts_end_with_code():
    start, first, second = course.steps(TEXT.replace("# Prose.\n", "# Prose.\n# %% [markdown]\n# More.\n"))
    assert [len(part) for part in start.parts] == [2]
    assert [[cell.prose for cell in part] for part in first.parts] == [[True, True, False]]
    assert [cell.exercises for cell in first.parts[0]] == [[], [], ["07.1"]]
    told = course.steps(TEXT.replace("# %%\n# %% [", "# %% [markdown]\n# So it is.\n# %%\ny = 2\n# %% ["))[1]
    assert [[cell.source.splitlines()[0] for cell in part] for part in told.parts] == [
        ["## 1. Predict: what?", "x = 1"],
        ["So it is.", "y = 2"],
    ]
    assert course.Step(0, "", []).parts == [[]]


def test_which_part_answers():
    start, first, second = course.steps(TEXT)
    assert [step.answering for step in (start, first, second)] == [0, 0, 0]  # an exercise alone answers, too
    first = course.steps(TEXT.replace('", x)\n', '", x)\n\n# %%\ny = 2\n\n# %%\nz = 3\n'))[1]
    assert (len(first.parts), first.answering) == (3, 1)


def test_a_script(tmp_path):
    path = tmp_path / "07_something.py"
    path.write_text(TEXT, "utf-8")
    lesson = course.opened(path)
    assert (lesson.number, lesson.title, lesson.minutes) == ("07", "Something", 12)
    path.write_text(TEXT.replace("12 minutes", "25\n# minutes"), "utf-8")
    assert course.opened(path).minutes == 25
    path.write_text(TEXT.replace("12 minutes", "a while"), "utf-8")
    assert course.opened(path).minutes == 30


@pytest.mark.parametrize("text", ["", "x = 1\n", "# %%\n\n# %% [markdown]\n"])
def test_a_script_without_cells_is_refused(text, tmp_path):
    path = tmp_path / "07_something.py"
    path.write_text(text, "utf-8")
    with pytest.raises(
        ValueError, match="07_something.py has no cells, which begin with # %%; minidl learn 07 --reset"
    ):
        course.opened(path)


def test_every_line_of_every_lesson_is_in_one_cell():
    for lesson in course.scripts():
        lines = lesson.path.read_text("utf-8").splitlines()
        for step in lesson.steps:
            for cell in step.cells:
                shown = cell.source.splitlines()[0]
                assert lines[cell.line - 1] == (f"# {shown}" if cell.prose else shown)


def test_the_page_for_teachers_has_every_lesson():
    page = (course.folder() / "TEACHING.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d\d) (.+?) \| (\d+) \| ([^|]+) \|", page, re.M)
    opened = [(lesson, lesson.steps[0].cells[0].source.partition("you need")[2]) for lesson in course.scripts()]
    assert rows == [
        (lesson.number, lesson.title, str(lesson.minutes), ", ".join(re.findall(r"\d\d", needs)) or "-")
        for lesson, needs in opened
    ]


def test_lessons_by_number():
    assert course.script("1") == course.script("01")
    with pytest.raises(ValueError, match="learn: no lesson 77; there are 01, "):
        course.script("77")


def test_an_installation_without_lessons(monkeypatch, tmp_path):
    monkeypatch.setattr(course, "__file__", str(tmp_path / "minidl" / "learn" / "course.py"))
    monkeypatch.setattr(course, "files", lambda name: [])
    with pytest.raises(FileNotFoundError, match="learn: this installation has no lessons"):
        course.folder()


# --- a learner's folder -----------------------------------------------------------------------------------------------


@pytest.fixture
def learner(tmp_path):
    return Learner(tmp_path / "mine")


def test_progress_is_kept(learner):
    assert learner.of("06") == fresh()
    learner.keep("06", fresh() | {"step": 3})
    learner.keep("01", fresh() | {"step": 1, "predictions": {"1": "größer"}})
    assert Learner(learner.folder).of("06")["step"] == 3
    assert learner.progress()["01"]["predictions"] == {"1": "größer"}
    assert [path.name for path in learner.folder.iterdir()] == ["progress.json"]
    assert "größer" in learner.file.read_text("utf-8")
    learner.file.write_text('{"06": {"step": 2}}')  # of a version that kept less
    assert learner.of("06") == fresh() | {"step": 2}


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"01": 3}'])
def test_damaged_progress_is_refused(learner, text):
    learner.keep("06", fresh())
    learner.file.write_text(text)
    with pytest.raises(ValueError, match="progress.json is damaged; move it away to begin anew"):
        learner.of("06")


def test_a_copy_is_made_once(learner):
    original = course.script("06")
    copy = learner.copy(original)
    assert copy.path.read_bytes() == original.path.read_bytes()
    copy.path.write_text("# %% [markdown]\n# # 06 · Mine\n", "utf-8")
    assert learner.copy(original).title == "Mine"


def test_reset_keeps_a_backup(learner):
    original = course.script("06")
    assert learner.reset(original) is None
    learner.copy(original).path.write_text("# %% [markdown]\n# # 06 · Mine\n", "utf-8")
    learner.keep("06", fresh() | {"step": 3})
    backup = learner.reset(original)
    assert backup.read_text("utf-8").endswith("Mine\n")
    assert learner.of("06") == fresh()
    assert learner.copy(original).title == original.title


def test_the_environment_names_the_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MINIDL_LEARN", str(tmp_path / "elsewhere"))
    assert Learner().folder == tmp_path / "elsewhere"
    monkeypatch.delenv("MINIDL_LEARN")
    assert str(Learner().folder) == "my-lessons"
