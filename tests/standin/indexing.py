"""Indices as CuPy takes them: out of range they are taken modulo the size, without a word; no place may win another.

All of it on NumPy's arrays: the values of the device arrays.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from standin.arrays import Undefined

TWICE = "an index names a place twice, for different values: which of them stays is not defined"


def is_sequence(part: Any) -> bool:
    return isinstance(part, (list, tuple, np.ndarray))


def consumed(part: Any) -> int:
    """How many dimensions a part of an index stands for, if it is not ``...``."""
    if part is None or part is ... or isinstance(part, (bool, np.bool_)):
        return 0
    return np.ndim(part) if is_sequence(part) and np.asarray(part).dtype == bool else 1


def wrapped(index: tuple[Any, ...], shape: tuple[int, ...]) -> tuple[Any, ...]:
    """An index with the integers in its arrays modulo the sizes that they count to."""
    parts, dim, others = [], 0, len(shape) - sum(map(consumed, index))
    for part in index:
        if is_sequence(part) and np.size(part) and np.asarray(part).dtype.kind in "iu" and dim < len(shape):
            part = np.asarray(part) % shape[dim]
        parts.append(part)
        dim += others if part is ... else consumed(part)
    return tuple(parts)


def take(values: np.ndarray, index: tuple[Any, ...]) -> np.ndarray:
    return values[wrapped(index, values.shape)]


def put(values: np.ndarray, index: tuple[Any, ...], new: Any) -> None:
    """``values[index] = new``; Undefined where a place is named twice, for different values."""
    index, new = wrapped(index, values.shape), np.array(new).astype(values.dtype)  # it may be a part of `values`
    values[index] = new
    require_written(values[index], new)


def take_along_axis(values: np.ndarray, indices: np.ndarray, axis: int | None = None) -> np.ndarray:
    return np.take_along_axis(values, indices % size_along(values, axis), axis)


def put_along_axis(values: np.ndarray, indices: np.ndarray, new: Any, axis: int | None) -> None:
    """NumPy's; Undefined where a place is named twice, for different values."""
    indices = indices % size_along(values, axis)
    np.put_along_axis(values, indices, new, axis)
    require_written(np.take_along_axis(values, indices, axis), np.asarray(new).astype(values.dtype))


def size_along(values: np.ndarray, axis: int | None) -> int:
    return values.size if axis is None else values.shape[axis]


def update_at(at: Callable[..., None]) -> Callable[..., None]:
    """A ufunc's ``at``, to which a place that is named twice is no harm."""

    def update(values: np.ndarray, index: Any, new: Any) -> None:
        at(values, wrapped(index if isinstance(index, tuple) else (index,), values.shape), new)

    return update


def require_written(written: np.ndarray, new: np.ndarray) -> None:
    """Raise Undefined unless the places that were written to have the values that they should have."""
    if not np.array_equal(written, np.broadcast_to(new, written.shape), equal_nan=written.dtype.kind in "fc"):
        raise Undefined(TWICE)
