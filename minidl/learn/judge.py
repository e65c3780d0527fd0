"""How an exercise is judged: what a learner wrote is tried on its calls, and what came is said in few words."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl.backend import dims
from minidl.engine.core import Tensor
from minidl.learn.exercise import Call, Exercise

FEW = 8  # elements of an array that are written out


class Verdict(NamedTuple):
    """What came of an exercise: "passed", "stub" or "failed", and what is said of it."""

    number: str
    state: str
    text: str


class Raised(NamedTuple):
    """What stands for a value where there is none."""

    error: Exception


def judge(exercise: Exercise, candidate: Any) -> Verdict:
    """Try what a learner wrote on every call of an exercise."""

    def failed(text: str) -> Verdict:
        return Verdict(exercise.number, "failed", text)

    if not callable(candidate):
        return failed(f"Expected a function or a class, got {described(candidate)}.")
    if (getattr(candidate, "__module__", None) or "").partition(".")[0] == "minidl":
        return failed(f"{named(candidate)} is the library's own; write yours.")
    used = sorted(set(exercise.forbidden) & set(names(candidate)))
    if used:
        return failed(f"It uses {', '.join(used)}, which is what it shall do itself.")
    calls = list(exercise.generate())
    if not calls:
        raise ValueError(f"exercise {exercise.number} tries nothing")
    values = [tried(exercise, candidate, one) for one in calls]
    for one, value in zip(calls, values, strict=True):
        if isinstance(value, Raised) and isinstance(value.error, NotImplementedError):
            return Verdict(exercise.number, "stub", "Not written yet.")
        wanted = exercise.oracle(*copy.deepcopy(one.arguments), **copy.deepcopy(one.options))
        if not alike(value, wanted, exercise):
            text = f"Called {named(candidate)}({shown(one)}). {difference(value, wanted)}"
            return failed(text + diagnosis(exercise, calls, values))
    return Verdict(exercise.number, "passed", f"Passed, {len(calls)} calls.")


def tried(exercise: Exercise, candidate: Any, one: Call) -> Any:
    """What comes out of a candidate, or the exception; its arguments are copies."""
    try:
        return exercise.using(candidate, *copy.deepcopy(one.arguments), **copy.deepcopy(one.options))
    except Exception as error:
        return Raised(error)


def diagnosis(exercise: Exercise, calls: list[Call], values: list[Any]) -> str:
    """The misconception that gives the same values at every call, if one is known."""
    for name, version in exercise.wrongs.items():
        theirs = (tried(exercise, version, one) for one in calls)
        if all(alike(value, other, exercise) for value, other in zip(values, theirs, strict=True)):
            return f" That is what comes out if {name}."
    return ""


def alike(value: Any, other: Any, exercise: Exercise) -> bool:
    """Whether two results are the same, numbers to the exercise's tolerance."""
    if isinstance(value, Raised) or isinstance(other, Raised):
        both = isinstance(value, Raised) and isinstance(other, Raised)
        return both and type(value.error) is type(other.error)
    if isinstance(other, (tuple, list)):
        same = isinstance(value, (tuple, list)) and len(value) == len(other)
        return same and all(alike(a, b, exercise) for a, b in zip(value, other, strict=True))
    if isinstance(other, (Tensor, np.ndarray, float, int, np.generic)):
        try:
            a, b = plain(value), plain(other)
        except (TypeError, ValueError):
            return False
        numbers = a.dtype.kind in "fiub"
        return numbers and a.shape == b.shape and np.allclose(a, b, exercise.rtol, exercise.atol, equal_nan=True)
    return bool(value == other)


def plain(value: Any) -> np.ndarray:
    """A Tensor, an array or a number as an array."""
    return value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)


def names(candidate: Any) -> Iterator[str]:
    """The names that a function, or the methods of a class, look up."""
    functions = [f for f in vars(candidate).values() if inspect.isfunction(f)] if inspect.isclass(candidate) else []
    pending = [f.__code__ for f in [*functions, candidate] if hasattr(f, "__code__")]
    while pending:
        code = pending.pop()
        yield from code.co_names
        pending.extend(constant for constant in code.co_consts if inspect.iscode(constant))


# --- what is said -----------------------------------------------------------------------------------------------------


def named(candidate: Any) -> str:
    """The name of what a learner wrote."""
    return getattr(candidate, "__name__", type(candidate).__name__)


def described(value: Any) -> str:
    """A value in few words: the shape of an array that is not small, else all of it."""
    if isinstance(value, (Tensor, np.ndarray)):
        array = plain(value)
        return dims(array.shape) if array.size > FEW else np.array2string(array, precision=4, separator=", ")
    if isinstance(value, (float, np.floating)):
        return f"{value:.6g}"
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(described, value))})"
    return getattr(value, "__name__", repr(value))


def shown(one: Call) -> str:
    """The arguments of a call in few words."""
    options = [f"{name}={described(value)}" for name, value in one.options.items()]
    return ", ".join([*map(described, one.arguments), *options])


def difference(value: Any, wanted: Any) -> str:
    """What came, and what was expected."""
    if isinstance(value, Raised):
        return f"Raised {type(value.error).__name__}: {value.error}."
    if isinstance(value, (Tensor, np.ndarray)) and isinstance(wanted, (Tensor, np.ndarray)):
        got, due = plain(value), plain(wanted)
        if got.shape != due.shape:
            return f"Returned the shape {dims(got.shape)}, expected {dims(due.shape)}."
        if got.size > FEW:
            place = np.unravel_index(np.nanargmax(np.abs(got - due)), got.shape)
            at = ", ".join(map(str, map(int, place)))
            return f"Returned {got[place]:.6g} at [{at}], expected {due[place]:.6g}."
    return f"Returned {described(value)}, expected {described(wanted)}."
