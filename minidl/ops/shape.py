"""Other shapes, and another order of dimensions, for the same elements."""

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.backend import dims
from minidl.engine.composed import named
from minidl.engine.op import clone, expand, op


def axes(dim: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """The dimensions that `dim` names, counted from 0; None, or an empty sequence, is all of them.

    Raises
    ------
    IndexError
        For a dimension that is out of range.
    ValueError
        For one that is named twice.
    """
    if hasattr(dim, "shape"):
        raise TypeError(f"dim must be an integer or a tuple of them, got {type(dim).__name__}")
    if dim is None or dim in ((), []):
        return tuple(range(ndim))
    named = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    if not all(isinstance(d, (int, np.integer)) and not isinstance(d, bool) for d in named):
        raise TypeError(f"dim must be an integer or a tuple of them, got {dim!r}")
    limit = max(ndim, 1)  # a 0-d tensor may be reduced over dim 0 or -1
    for d in named:
        if not -limit <= d < limit:
            raise IndexError(f"dim {d} is out of range for {ndim} dimensions")
    counted = tuple(int(d) % limit for d in named)
    if len(set(counted)) < len(counted):
        raise ValueError(f"dim {dim} names a dimension twice")
    return counted if ndim else ()


def axis(dim: int, ndim: int) -> int:
    """The one dimension that `dim` names, counted from 0; 0 for a 0-d tensor. TypeError unless it is an integer."""
    if not isinstance(dim, (int, np.integer)) or isinstance(dim, bool):
        raise TypeError(f"expected one dim, an integer, got {dim!r}")
    return (*axes(dim, ndim), 0)[0]


def sizes(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence: ``(2, 3)`` and ``((2, 3),)``."""
    given = shape[0] if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)) else shape
    return tuple(operator.index(n) for n in given)


@op(views=True)
def reshape(xp, x, *, size):
    """x in another shape, elements in row-major order; one size may be -1. A view where that is possible."""
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"reshape: expected a sequence of sizes, got {size!r}")
    wanted = tuple(size)
    if wanted.count(-1) == 1 and (known := -math.prod(wanted)):
        wanted = tuple(x.size // known if n == -1 else n for n in wanted)
    if min(wanted, default=0) < 0 or math.prod(wanted) != x.size:
        raise ValueError(f"reshape: {dims(x.shape)} has {x.size} elements and does not fit {size}")
    return x.reshape(wanted)


@op(views=True)
def permute(xp, x, *, order):
    """x with its dimensions in another order; a view."""
    if not isinstance(order, (tuple, list)) or len(order) != x.ndim:
        raise ValueError(f"permute: {order} does not name each dimension of {dims(x.shape)} once")
    return x.transpose(axes(order, x.ndim))


@op
def flip(xp, x, *, dims):
    """x with its elements in reverse order along `dims`; a copy."""
    if dims is None:
        raise TypeError("flip: expected dims, an integer or a tuple of them, got None")
    return xp.flip(x, axes(dims, x.ndim) if dims not in ((), []) else ()).copy()


reshape.vjp(x=lambda g, shape: reshape(g, shape))
permute.vjp(x=lambda g, shape, order: permute(g, tuple(np.argsort(axes(order, len(shape))).tolist())))
flip.vjp(x=lambda g, dims: flip(g, dims))


@named
def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """x with two dimensions swapped; a view."""
    i, j = axis(dim0, input.ndim), axis(dim1, input.ndim)
    order = list(range(input.ndim))
    if order:
        order[i], order[j] = j, i
    return permute(input, tuple(order))


@named
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """The input with the dimensions from `start_dim` to `end_dim`, inclusive, made one; itself if that is one."""
    i, j = axis(start_dim, input.ndim), axis(end_dim, input.ndim)
    if i > j:
        raise ValueError(f"start_dim {start_dim} comes after end_dim {end_dim}")
    if i == j and input.ndim:
        return input
    return reshape(input, (*input.shape[:i], math.prod(input.shape[i : j + 1]), *input.shape[j + 1 :]))


@named
def unsqueeze(input: Any, dim: int) -> Any:
    """x with a new dimension of size 1 at `dim`."""
    i = axis(dim, input.ndim + 1)
    return reshape(input, (*input.shape[:i], 1, *input.shape[i:]))


@named
def squeeze(input: Any, dim: int | Sequence[int] | None = None) -> Any:
    """x without its dimensions of size 1, or without those among `dim`."""
    named = axes(dim, input.ndim) if dim not in ((), []) else ()
    return reshape(input, tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in named))


@op
def row_major(xp, x):
    """x copied into row-major order."""
    return x.copy(order="C")


row_major.vjp(x=lambda g: g)


@named
def tile(input: Any, dims: Sequence[int]) -> Any:
    """x repeated so often along each dimension; `dims` and the shape are aligned at the last one."""
    times = (1,) * (input.ndim - len(dims)) + tuple(dims)
    shape = (1,) * (len(times) - input.ndim) + input.shape
    if min(times, default=0) < 0:
        raise ValueError(f"dims must not be negative, got {tuple(dims)}")
    if math.prod(times) == 1:
        return clone(reshape(input, shape))
    spread = expand(reshape(input, [m for n in shape for m in (1, n)]), [m for pair in zip(times, shape) for m in pair])  # noqa: B905
    return reshape(row_major(spread), [t * n for t, n in zip(times, shape, strict=True)])
