"""What a lesson, a notebook and the stepper ask about exercises: check, hint, solution."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Any

from minidl.learn import course
from minidl.learn.exercise import Exercise
from minidl.learn.judge import Verdict, judge

SIGNS = {"passed": "✓", "stub": "○", "failed": "✗"}
verdicts: dict[str, Verdict] = {}  # of this process, the newest of each exercise
hints_given: dict[str, int] = {}


class Told(str):
    """Text that a prompt and a notebook show as it is, not as a literal."""

    def __repr__(self) -> str:
        return str(self)


class Source(Told):
    """Python that a notebook shows in colour."""

    def _repr_markdown_(self) -> str:
        return f"```python\n{self}\n```"


def exercises(lesson: str) -> dict[str, Exercise]:
    """The exercises of a lesson by their numbers; none where it has no file of them."""
    found = sorted((course.folder() / "exercises").glob(f"{lesson}_*.py"))
    declared = [value for path in found for value in vars(loaded(path)).values() if isinstance(value, Exercise)]
    return {exercise.number: exercise for exercise in declared}


def loaded(path: Path) -> Any:
    """The module of a file, whose name can't be imported as it begins with digits."""
    spec = importlib.util.spec_from_file_location(f"exercises_{path.stem}", path)
    module = sys.modules[f"exercises_{path.stem}"] = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def exercise(number: str) -> Exercise:
    """The exercise of a number, such as "05.1".

    Raises
    ------
    ValueError
        If there is none.
    """
    lesson = str(number).partition(".")[0].zfill(2)
    known = exercises(lesson)
    if number not in known:
        raise ValueError(f"no exercise {number!r}; lesson {lesson} has {', '.join(known) or 'none'}")
    return known[number]


def check(number: str, candidate: Any) -> None:
    """Judge what you wrote for an exercise, and print what came of it.

    Parameters
    ----------
    number : str
        Such as "05.1".
    candidate : your function or class
    """
    asked = exercise(number)
    if getattr(candidate, "__module__", None) == asked.answer.__module__:
        verdict = Verdict(number, "failed", "That is the course's own; write yours.")
    else:
        verdict = judge(asked, candidate)
    verdicts[number] = verdict
    print(folded(f"{SIGNS[verdict.state]} {number} {asked.title}: {verdict.text}"))


def folded(text: str) -> str:
    """Lines no longer than the terminal is wide, broken between words; as they are where there is none."""
    if not sys.stdout.isatty():
        return text
    width = shutil.get_terminal_size().columns
    told: dict[str, Any] = dict(break_long_words=False, break_on_hyphens=False)
    return "\n".join(textwrap.fill(line, width, **told) for line in text.splitlines())


def hint(number: str) -> Told:
    """The next hint to an exercise; after the third, the third again."""
    hints = exercise(number).hints
    hints_given[number] = given = min(hints_given.get(number, 0) + 1, len(hints))
    return Told(f"Hint {given} of {len(hints)}: {hints[given - 1]}")


def solution(number: str) -> Source:
    """The source of a solution to an exercise."""
    return Source(exercise(number).source)


def as_json() -> str:
    """The newest verdicts of this process, on one line."""
    return json.dumps({number: {"state": v.state, "text": v.text} for number, v in verdicts.items()})
