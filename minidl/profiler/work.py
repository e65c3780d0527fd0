"""The work of an op: operations on numbers, and bytes that must move at least."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from minidl import backend
from minidl.engine.writes import owner_of
from minidl.ops.window import Window


def convolution(x: Any, w: Any, *_: Any, stride: Any, padding: Any, dilation: Any, **options: Any) -> int:
    """A multiplication and an addition for each weight at each place: of the direct form, whichever is computed."""
    rows, columns = Window(w.shape[2:], stride, padding, dilation).positions(*x.shape[2:])
    return 2 * x.shape[0] * rows * columns * w.size


PRODUCTS: dict[str, Callable[..., int]] = {
    "convolve": convolution,
    "conv": convolution,
    "conv_x": lambda g, w, **options: 2 * g.shape[0] * g.shape[2] * g.shape[3] * w.size,
    "conv_w": lambda x, g, size, **options: 2 * g.size * x.shape[1] // options["groups"] * size[0] * size[1],
    "linear": lambda x, w: 2 * x.size * w.shape[0],
    "matrix_product": lambda x, y: 2 * x.size * y.shape[-1] * most(y.shape[:-2], x.shape[:-2]),
}


def most(shape: Sequence[int], other: Sequence[int]) -> int:
    """How often what has `other` for its leading dimensions is repeated to match `shape`."""
    times = 1
    for i in range(1, len(shape) + 1):
        if i > len(other) or other[-i] == 1:
            times *= shape[-i]
    return times


def arrays_in(values: Iterable[Any]) -> list[Any]:
    """The arrays among some values."""
    return [value for value in values if backend.is_array(value)]


def made(arrays: Sequence[Any], results: Iterable[Any]) -> list[Any]:
    """The results that lie in memory of their own: no view of an array that was given."""
    owners = {id(owner_of(a)) for a in arrays}
    return [z for z in arrays_in(results) if id(owner_of(z)) not in owners]


def elements(arrays: Sequence[Any], results: Sequence[Any]) -> int:
    """The operations of an op that multiplies no matrices: for each result one an element of the largest array."""
    largest = max((a.size for a in arrays), default=0)
    return sum(max(largest, z.size) for z in results)


def traffic(arrays: Sequence[Any], results: Sequence[Any]) -> int:
    """The bytes of arrays that are read and of results that are written; nothing where there are none."""
    return sum(a.nbytes for a in [*arrays, *results]) if results else 0
