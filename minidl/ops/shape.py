"""Moving elements without changing them: reshaping, permuting, indexing, padding, joining.

Each comes with its adjoint, which is again one of them: the derivative of taking is putting.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims
from minidl.core import Tensor
from minidl.op import op, require_arrays


def axes(dim: int | Sequence[int] | None, ndim: int, name: str = "dim") -> tuple[int, ...]:
    """The dimensions that `dim` names, counted from 0; None, or an empty sequence, is all of them.

    Raises
    ------
    IndexError
        For a dimension that is out of range.
    ValueError
        For one that is named twice.
    """
    if hasattr(dim, "shape"):
        raise TypeError(f"{name}: dim must be an integer or a tuple of them, got {type(dim).__name__}")
    if dim is None or (not isinstance(dim, (int, np.integer)) and len(dim) == 0):
        return tuple(range(ndim))
    named = (dim,) if isinstance(dim, (int, np.integer)) else tuple(dim)
    limit = max(ndim, 1)  # a 0-d tensor may be reduced over dim 0 or -1
    for d in named:
        if not -limit <= d < limit:
            raise IndexError(f"{name}: dim {d} is out of range for {ndim} dimensions")
    counted = tuple(int(d) % limit for d in named)
    if len(set(counted)) < len(counted):
        raise ValueError(f"{name}: dim {dim} names a dimension twice")
    return counted if ndim else ()


def axis(dim: int, ndim: int, name: str = "dim") -> int:
    """The one dimension that `dim` names, counted from 0; 0 for a 0-d tensor. TypeError unless it is an integer."""
    if not isinstance(dim, (int, np.integer)):
        raise TypeError(f"{name}: expected one dim, an integer, got {dim!r}")
    return (*axes(dim, ndim, name), 0)[0]


def sizes(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence: ``(2, 3)`` and ``((2, 3),)``."""
    given = shape[0] if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)) else shape
    return tuple(operator.index(n) for n in given)


@op
def reshape(xp, x, *, size):
    """x in another shape, elements in row-major order; one size may be -1. A view where that is possible."""
    known = math.prod(n for n in size if n != -1)
    wanted = tuple(x.size // known if n == -1 and known else n for n in size)
    if size.count(-1) > 1 or min(wanted, default=0) < 0 or math.prod(wanted) != x.size:
        raise ValueError(f"reshape: {dims(x.shape)} has {x.size} elements and does not fit {size}")
    return x.reshape(wanted)


@op
def permute(xp, x, *, order):
    """x with its dimensions in another order; a view."""
    if len(axes(order, x.ndim)) != x.ndim:
        raise ValueError(f"permute: {order} does not name each dimension of {dims(x.shape)} once")
    return x.transpose(axes(order, x.ndim))


reshape.vjp(x=lambda g, shape: reshape(g, shape))
permute.vjp(x=lambda g, shape, order: permute(g, tuple(np.argsort(axes(order, len(shape))).tolist())))


def transpose(x: Any, dim0: int, dim1: int) -> Any:
    """x with two dimensions swapped; a view."""
    order = list(range(x.ndim))
    if order:
        i, j = axis(dim0, x.ndim, "transpose"), axis(dim1, x.ndim, "transpose")
        order[i], order[j] = j, i
    return permute(x, tuple(order))


def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """x with the dimensions from `start_dim` to `end_dim`, inclusive, made one."""
    if not x.ndim:
        return reshape(x, (1,))
    i, j = axis(start_dim, x.ndim, "flatten"), axis(end_dim, x.ndim, "flatten")
    if i > j:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    return reshape(x, (*x.shape[:i], math.prod(x.shape[i : j + 1]), *x.shape[j + 1 :]))


def unsqueeze(x: Any, dim: int) -> Any:
    """x with a new dimension of size 1 at `dim`."""
    i = axis(dim, x.ndim + 1, "unsqueeze")
    return reshape(x, (*x.shape[:i], 1, *x.shape[i:]))


def squeeze(x: Any, dim: int | Sequence[int] | None = None) -> Any:
    """x without its dimensions of size 1, or without those among `dim`."""
    named = axes(dim, x.ndim, "squeeze")
    return reshape(x, tuple(n for i, n in enumerate(x.shape) if n != 1 or i not in named))


# --- indexing ---------------------------------------------------------------------------------------------------------


def raw_index(index: Any) -> Any:
    """An index with its tensors and sequences as arrays, which are copies: a node may keep them."""
    if isinstance(index, tuple):
        return tuple(raw_index(list(i) if isinstance(i, tuple) else i) for i in index)
    if isinstance(index, (list, range)):
        return np.asarray(index, dtype=None if len(index) else np.int64)
    index = index.data if isinstance(index, Tensor) else index
    return index.copy() if backend.is_array(index) else index


@op
def getitem(xp, x, *, index):
    """x[index]: integers, slices, None, ``...``, and integer or boolean arrays, as in NumPy. Slices are views."""
    parts = index if isinstance(index, tuple) else (index,)
    if not any(part is ... for part in parts):
        index = (*parts, ...)  # so that a single element is a view, too
    try:
        return x[index]
    except IndexError as error:
        raise IndexError(f"{error}; the tensor is {dims(x.shape)}") from None


@op
def unindex(xp, x, *, index, size):
    """Zeros of `size` with x added at `index`: the adjoint of `getitem`."""
    z = xp.zeros(size, x.dtype)
    parts = index if isinstance(index, tuple) else (index,)
    if any(backend.is_array(part) and part.dtype.kind != "b" for part in parts):  # may name a place more than once
        xp.add.at(z, index, x)
    else:
        z[index] = x
    return z


getitem.vjp(x=lambda g, shape, index: unindex(g, index, shape))
unindex.vjp(x=lambda g, index: getitem(g, index))


@op
def take_along(xp, x, index, *, dim):
    """The elements of x that the integer array `index`, of as many dimensions, names along `dim`."""
    return xp.take_along_axis(x, index, dim)


@op
def put_along(xp, x, index, *, dim, size):
    """Zeros of `size` with x added at `index` along `dim`: the adjoint of `take_along`."""
    z = xp.zeros(size, x.dtype)
    places = list(xp.meshgrid(*map(xp.arange, x.shape), indexing="ij", sparse=True))
    places[dim] = index
    xp.add.at(z, tuple(places), x)
    return z


take_along.vjp(x=lambda g, index, dim, shape: put_along(g, index, dim, shape))
put_along.vjp(x=lambda g, index, dim: take_along(g, index, dim))


# --- padding and joining ----------------------------------------------------------------------------------------------


@op
def pad(xp, x, *, widths, value=0.0):
    """x with `value` around it: ``(left, right, top, bottom, …)`` from the last dimension on; negative sizes crop."""
    if len(widths) % 2 or len(widths) > 2 * x.ndim:
        raise ValueError(
            f"pad: expected an even number of sizes, at most {2 * x.ndim} for {dims(x.shape)}, got {widths}"
        )
    before = [0] * (x.ndim - len(widths) // 2) + list(widths[-2::-2])
    after = [0] * (x.ndim - len(widths) // 2) + list(widths[-1::-2])
    size = tuple(n + a + b for n, a, b in zip(x.shape, before, after, strict=True))
    if min(size, default=0) < 0:
        raise ValueError(f"pad: {widths} crops more than there is of {dims(x.shape)}")
    z = xp.full(size, value, x.dtype)
    inside = tuple(slice(max(a, 0), n - max(b, 0)) for n, a, b in zip(size, before, after, strict=True))
    source = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, a, b in zip(x.shape, before, after, strict=True))
    z[inside] = x[source]
    return z


pad.vjp(x=lambda g, widths: pad(g, tuple(-n for n in widths)))


@op(promotes=True)
def concatenate(xp, *xs, dim):
    """Arrays joined along `dim`."""
    return xp.concatenate(xs, axis=dim)


def _piece(g, i, shapes, dim):
    start = sum(shape[dim] for shape in shapes[:i])
    return getitem(g, (slice(None),) * dim + (slice(start, start + shapes[i][dim]),))


concatenate.vjp(xs=_piece)


def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors joined along an existing dimension, in which alone their sizes may differ."""
    tensors = tuple(tensors)
    require_arrays("cat", *tensors)
    if not tensors or not all(t.ndim for t in tensors):
        raise ValueError(f"cat: expected tensors with dimensions, got {[dims(t.shape) for t in tensors]}")
    first, *others = tensors
    i = axis(dim, first.ndim, "cat")
    for t in others:
        if t.shape[:i] + t.shape[i + 1 :] != first.shape[:i] + first.shape[i + 1 :] or t.ndim != first.ndim:
            raise ValueError(f"cat: {dims(first.shape)} and {dims(t.shape)} differ in more than dimension {i}")
    return concatenate(*tensors, dim=i)


def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors of one shape joined along a new dimension."""
    tensors = tuple(tensors)
    require_arrays("stack", *tensors)
    shapes = {t.shape for t in tensors}
    if len(shapes) != 1:
        raise ValueError(f"stack: expected tensors of one shape, got shapes {sorted(shapes)}")
    return cat([unsqueeze(t, dim) for t in tensors], axis(dim, tensors[0].ndim + 1, "stack"))
