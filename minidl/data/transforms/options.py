"""What transforms take for options, checked when they are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Number = int | float


def is_number(value: Any) -> bool:
    """Whether it is a finite real number; a bool is none."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and bool(np.isfinite(value))


def numbers(name: str, argument: str, value: Any, counts: Sequence[int] = (2,)) -> list[float]:
    """Several numbers as a list of floats; TypeError, in the name of a transform, for anything else."""
    if not isinstance(value, (tuple, list)) or len(value) not in counts or not all(map(is_number, value)):
        wanted = " or ".join(map(str, counts))
        raise TypeError(f"{name}: {argument} must be {wanted} numbers, got {value!r}")
    return [float(v) for v in value]


def interval(
    name: str, argument: str, value: Any, low: float = -np.inf, high: float = np.inf, above: float = -np.inf
) -> tuple[float, float]:
    """The least and the most that is drawn, in [low, high] and more than `above`.

    Raises
    ------
    TypeError, ValueError
        In the name of a transform, for what is no pair, is out of range, or does not rise.
    """
    least, most = numbers(name, argument, value)
    if not (low <= least <= most <= high and least > above):
        bounds = f"more than {above:g}" if above > -np.inf else f"from {low:g} to {high:g}"
        bounds = "" if (low, high, above) == (-np.inf, np.inf, -np.inf) else f", {bounds}"
        raise ValueError(f"{name}: {argument} must be the least and the most{bounds}, got {value!r}")
    return least, most


def angles(name: str, argument: str, value: Any, counts: Sequence[int] = (2,)) -> list[float]:
    """Degrees: d for (−d, d), or intervals of them in a row."""
    if is_number(value):
        if value < 0:
            raise ValueError(f"{name}: {argument} as one number must not be negative, got {value!r}")
        return [-float(value), float(value)]
    found = numbers(name, argument, value, counts)
    for pair in zip(found[::2], found[1::2], strict=True):
        interval(name, argument, pair)
    return found


def filling(name: str, fill: Any) -> Any:
    """A number, one for each channel, or None; TypeError, in the name of a transform, for anything else."""
    if fill is not None and not is_number(fill):
        numbers(name, "fill", fill, (1, 2, 3, 4))
    return fill


def center_of(name: str, center: Any) -> Any:
    """(x, y) in pixels, or None; TypeError, in the name of a transform, for anything else."""
    if center is not None:
        numbers(name, "center", center)
    return center


# --- what crops and rectangles draw -----------------------------------------------------------------------------------


def rectangles(
    stream: np.random.Generator, n: int, area: float, scale: Sequence[float], ratio: Sequence[float], tries: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Two sides of rectangles, (n, tries) each: of a share of an area, and of a first / second that are drawn."""
    areas = area * stream.uniform(scale[0], scale[1], (n, tries))
    ratios = np.exp(stream.uniform(np.log(ratio[0]), np.log(ratio[1]), (n, tries)))
    return np.rint(np.sqrt(areas * ratios)).astype(np.int64), np.rint(np.sqrt(areas / ratios)).astype(np.int64)


def first(fits: np.ndarray, *sides: np.ndarray) -> list[np.ndarray]:
    """Of each row the sides of the first try that fits, and, last, whether there is one: (n,) each."""
    at = fits.argmax(1)[:, None]
    found: list[np.ndarray] = [np.take_along_axis(side, at, 1)[:, 0] for side in sides]
    return [*found, np.asarray(fits.any(1))]
