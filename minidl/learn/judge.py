"""How an exercise is judged: what a learner wrote is tried on its calls, and what came is said in few words."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Iterator
from types import CodeType
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
            text = f"Called {named(candidate)}({shown(one)}). {difference(value, wanted, exercise)}"
            return failed(text + diagnosis(exercise, calls, values))
    return Verdict(exercise.number, "passed", f"Passed, {len(calls)} {'call' if len(calls) == 1 else 'calls'}.")


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
    """Whether two results are the same, numbers to the exercise's tolerance, or to that of float32 where they are."""
    if isinstance(value, Raised) or isinstance(other, Raised):
        both = isinstance(value, Raised) and isinstance(other, Raised)
        return both and type(value.error) is type(other.error)
    if isinstance(other, dict):
        same = isinstance(value, dict) and value.keys() == other.keys()
        return same and all(alike(value[name], due, exercise) for name, due in other.items())
    if isinstance(other, (tuple, list)):
        same = isinstance(value, (tuple, list)) and len(value) == len(other)
        return same and all(alike(a, b, exercise) for a, b in zip(value, other, strict=True))
    due = numbers(other)
    if due is None:
        return numbers(value) is None and bool(np.all(value == other))
    got = numbers(value)
    if got is None or got.shape != due.shape:
        return False
    rtol, atol = (1e-5, 1e-6) if got.dtype == np.float32 else (0.0, 0.0)
    return np.allclose(got, due, max(rtol, exercise.rtol), max(atol, exercise.atol), equal_nan=True)


def numbers(value: Any) -> np.ndarray | None:
    """A tensor, ours or PyTorch's, an array, a number or a list of them as an array; None for anything else."""
    try:
        array = value.detach().cpu().numpy() if hasattr(value, "detach") else np.asarray(value)
    except Exception:
        return None  # a list of unequal lists, or what only looks like an array
    return array if array.dtype.kind in "fiub" else None


def names(candidate: Any) -> Iterator[str]:
    """The names that a function, or the methods of a class, look up, and so do those beside it that it calls.

    What was imported under another name goes by its own, too.
    """
    pending = list(vars(candidate).values()) if inspect.isclass(candidate) else [candidate]
    seen: list[Any] = []
    while pending:
        one = pending.pop()
        one = getattr(one, "__func__", one)  # of a method
        if not inspect.isfunction(one) or one in seen:
            continue
        seen.append(one)
        for name in looked_up(one.__code__):
            yield name
            value = one.__globals__.get(name)
            if getattr(value, "__globals__", None) is one.__globals__:
                pending.append(value)
            elif callable(value):
                yield named(value)


def looked_up(code: CodeType) -> Iterator[str]:
    """The names of globals and attributes in some code, and in the functions within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from looked_up(constant)


# --- what is said -----------------------------------------------------------------------------------------------------


def named(candidate: Any) -> str:
    """The name of what a learner wrote."""
    return getattr(candidate, "__name__", type(candidate).__name__)


def described(value: Any, digits: int = 4) -> str:
    """A value in few words: the shape of an array that is not small, else all of it."""
    if isinstance(value, (Tensor, np.ndarray)):
        array = numbers(value)
        if array is None:
            return f"{dims(value.shape)} of {value.dtype}"
        if array.size > FEW:
            return dims(value.shape)
        return re.sub(r"\n\s*", " ", np.array2string(array, precision=digits, separator=", "))
    if isinstance(value, (float, np.floating)):
        return f"{value:.{digits + 2}g}"
    if isinstance(value, list):
        return f"[{', '.join(described(one, digits) for one in value)}]"
    if isinstance(value, tuple):
        return f"({', '.join(described(one, digits) for one in value)}{',' * (len(value) == 1)})"
    return getattr(value, "__name__", repr(value))


def shown(one: Call) -> str:
    """The arguments of a call in few words."""
    options = [f"{name}={described(value)}" for name, value in one.options.items()]
    return ", ".join([described(value) for value in one.arguments] + options)


def difference(value: Any, wanted: Any, exercise: Exercise) -> str:
    """What came, and what was expected."""
    if isinstance(value, Raised):
        return f"Raised {type(value.error).__name__}: {value.error}."
    if value is None:
        return f"Returned None, expected {described(wanted)}: is a return missing?"
    if isinstance(value, dict) and isinstance(wanted, dict) and value.keys() == wanted.keys():
        name = next(name for name, due in wanted.items() if not alike(value[name], due, exercise))
        return f"The {name}: {difference(value[name], wanted[name], exercise)}"
    if isinstance(wanted, (tuple, list)):
        if isinstance(value, (tuple, list)) and len(value) == len(wanted) and described(value) == described(wanted):
            pairs = zip(value, wanted, strict=True)
            number, a, b = next((i, a, b) for i, (a, b) in enumerate(pairs, 1) if not alike(a, b, exercise))
            return f"Of {len(wanted)} results, number {number}: {difference(a, b, exercise)}"
        return apart(value, wanted)
    got, due = numbers(value), numbers(wanted)
    if got is None or due is None:
        return apart(value, wanted)
    if got.shape != due.shape:
        return f"Returned the shape {dims(got.shape)}, expected {dims(due.shape)}."
    if got.size <= FEW:
        return apart(value, wanted)
    with np.errstate(invalid="ignore"):
        distances = np.abs(got.astype(float) - due)
    distances[np.isnan(distances)] = np.inf
    distances[(got == due) | (np.isnan(got) & np.isnan(due))] = 0
    place = np.unravel_index(distances.argmax(), got.shape)
    return apart(got[place], due[place], f" at [{', '.join(map(str, map(int, place)))}]")


def apart(value: Any, wanted: Any, where: str = "") -> str:
    """Two values that differ, with as many digits as it takes to see that."""
    for digits in (4, 8, 15):
        came, due = described(value, digits), described(wanted, digits)
        if came != due:
            break
    return f"Returned {came}{where}, expected {due}."
