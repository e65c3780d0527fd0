"""Break each exercise's solution, one place at a time: ``python tests/exercises.py`` shows that no check lets one pass.

A table of lessons: exercises, faults planted in their solutions, and those that passed all the same.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

import numpy as np
from mutants.syntax import faults, recoded

from minidl.learn import checks, course
from minidl.learn.exercise import Exercise
from minidl.learn.judge import judge


def functions(solution: Any) -> list[Any]:
    """The functions that a solution consists of."""
    return [f for f in vars(solution).values() if inspect.isfunction(f)] if inspect.isclass(solution) else [solution]


def broken(exercise: Exercise) -> Iterator[tuple[FunctionType, str, CodeType]]:
    """Each fault of the solution: the function that has it, the change in words, and its code."""
    for function in functions(exercise.answer):
        for _, change, code in faults(function, "", set(inspect.signature(function).parameters)):
            yield function, change, code


def planted(exercise: Exercise) -> Iterator[tuple[str, bool]]:
    """Each fault of the solution, in words, and whether the check has noticed it."""
    for function, change, code in broken(exercise):
        with recoded(function, code):
            yield change, judge(exercise, exercise.answer).state != "passed"


def main() -> int:
    """Plant all faults; 0 where each was noticed."""
    print("lesson  exercises  faults  unnoticed")
    np.seterr(all="ignore")  # broken formulas divide by 0
    all_faults, unnoticed = 0, []
    for script in course.scripts():
        exercises = checks.exercises(script.number)
        found = [(number, *fault) for number, exercise in exercises.items() for fault in planted(exercise)]
        missed = [f"{number}: {change}" for number, change, noticed in found if not noticed]
        print(f"{script.number:8}{len(exercises):9}{len(found):8}{len(missed):11}", flush=True)
        all_faults, unnoticed = all_faults + len(found), unnoticed + missed
    print(f"{all_faults - len(unnoticed)} of {all_faults} faults are noticed", *unnoticed, sep="\n")
    return int(bool(unnoticed))


if __name__ == "__main__":
    sys.exit(main())
