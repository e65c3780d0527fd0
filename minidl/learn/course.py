"""The course as it stands on disk: its lessons, and each of them as steps.

A lesson is a script in cells, ``# %%`` for code and ``# %% [markdown]`` for prose. A *step* begins at each heading
``## 3. Predict: …`` and holds the cells up to the next.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import NamedTuple

CELL = re.compile(r"^# %%(?: \[(markdown)\])?.*\n", re.M)
HEADING = re.compile(r"^## (\d+)\. (.*)$", re.M)
CHECKED = re.compile(r"^check\([\"'](\d\d\.\d)[\"']", re.M)


class Cell(NamedTuple):
    """A piece of a script: prose without its comment signs, or code; `line` is where it begins, the first being 1."""

    prose: bool
    source: str
    line: int

    @property
    def exercises(self) -> list[str]:
        """The numbers of the exercises that it checks."""
        return [] if self.prose else CHECKED.findall(self.source)


class Step(NamedTuple):
    """What belongs to one numbered heading; of the number 0 what stands before the first."""

    number: int
    title: str
    cells: list[Cell]

    @property
    def asks(self) -> bool:
        """Whether it wants a prediction before it is run."""
        return self.title.lower().startswith("predict")

    @property
    def parts(self) -> list[list[Cell]]:
        """Its cells, a part to each code: what is told before it, and the code; what is told after the last is one."""
        found: list[list[Cell]] = [[]]
        for cell in self.cells:
            if found[-1] and not found[-1][-1].prose:
                found.append([])
            found[-1].append(cell)
        return found

    @property
    def answering(self) -> int:
        """The part whose run says what was to be predicted: the first with code that checks no exercise, or else 0."""
        answers = [any(not cell.prose and not cell.exercises for cell in part) for part in self.parts]
        return answers.index(True) if True in answers else 0

    @property
    def exercises(self) -> list[str]:
        """The numbers of the exercises that its code checks."""
        return [number for cell in self.cells for number in cell.exercises]


class Script(NamedTuple):
    """A lesson: its two digits, its title, the minutes that its opening promises, and where it lies."""

    number: str
    title: str
    minutes: int
    path: Path

    @property
    def steps(self) -> list[Step]:
        """Its steps, as the file is now."""
        return steps(self.path.read_text("utf-8"))


def folder() -> Path:
    """Where the lessons lie: beside the package in a checkout, else where the wheel has put them.

    Raises
    ------
    FileNotFoundError
        If this installation has none.
    """
    beside = Path(__file__).parents[2] / "lessons"
    if beside.is_dir():
        return beside
    try:
        installed = [file for file in files("minidl") or () if file.match("share/minidl/lessons/[0-9][0-9]_*.py")]
    except PackageNotFoundError:
        installed = []
    if not installed:
        raise FileNotFoundError("learn: this installation has no lessons; pip install 'minidl[lessons]' brings them")
    return Path(str(installed[0].locate())).resolve().parent


def scripts() -> list[Script]:
    """All lessons, in order."""
    return [opened(path) for path in sorted(folder().glob("[0-9][0-9]_*.py"))]


def script(number: str) -> Script:
    """The lesson of a number, such as "06" or "6".

    Raises
    ------
    ValueError
        If there is none, with those that there are.
    """
    known = {lesson.number: lesson for lesson in scripts()}
    if number.zfill(2) not in known:
        raise ValueError(f"learn: no lesson {number}; there are {', '.join(known)}")
    return known[number.zfill(2)]


def opened(path: Path) -> Script:
    """A lesson's script by its first cell: ``# 06 · Title``, and somewhere ``25 minutes``.

    Raises
    ------
    ValueError
        If it has no cell.
    """
    text = path.read_text("utf-8")
    found = cells(text) if CELL.search(text) else []
    if not found:
        again = f"minidl learn {path.name[:2]} --reset puts it aside, and begins anew"
        raise ValueError(f"learn: {path} has no cells, which begin with # %%; {again}")
    first = found[0].source
    minutes = re.search(r"(\d+)\s+minutes", first)
    return Script(path.name[:2], first.splitlines()[0].partition(" · ")[2], int(minutes[1]) if minutes else 30, path)


def cells(text: str) -> list[Cell]:
    """The cells of a script, empty ones left out."""
    starts = list(CELL.finditer(text))
    found = []
    for start, end in zip(starts, [*(s.start() for s in starts[1:]), len(text)], strict=True):
        body = text[start.end() : end]
        if body.strip():
            prose = start[1] is not None
            source = re.sub(r"^# ?", "", body, flags=re.M) if prose else body
            found.append(Cell(prose, source.strip("\n"), text.count("\n", 0, start.end()) + 1 + leading(body)))
    return found


def leading(body: str) -> int:
    """The number of blank lines that some text begins with."""
    return len(body) - len(body.lstrip("\n"))


def steps(text: str) -> list[Step]:
    """The steps of a script; what is before its first numbered heading is step 0."""
    found = [Step(0, "", [])]
    for cell in cells(text):
        heading = HEADING.search(cell.source) if cell.prose else None
        if heading is not None:
            found.append(Step(int(heading[1]), heading[2], []))
        found[-1].cells.append(cell)
    return found
