"""Reductions: sums, means and extremes over dimensions."""

from typing import Any, NamedTuple

import numpy as np

from minidl.backend import dims
from minidl.dtypes import float16, float32, require_float
from minidl.op import cast, expand, op, require_arrays
from minidl.ops.elementwise import keep, root
from minidl.ops.shape import axes, axis, reshape, squeeze, take_along


def kept(shape, dim):
    """`shape` with 1 in the reduced dimensions, where a reduced array broadcasts against the whole."""
    reduced = axes(dim, len(shape))
    return tuple(1 if i in reduced else n for i, n in enumerate(shape))


def back(y, shape, dim):
    """A reduced array, or its gradient, spread over the shape that it was reduced from."""
    return expand(reshape(y, kept(shape, dim)), shape)


@op
def sum(xp, x, dim=None, keepdim=False):
    """The sum over `dim`: an int, a tuple, or None for all. Integers and bools sum to int64."""
    dtype = x.dtype if x.dtype.kind in "fc" else np.dtype(np.int64)
    wide = float32 if dtype == float16 else dtype  # halves lose count at 2,048
    return x.sum(axes(dim, x.ndim), dtype=wide, keepdims=keepdim).astype(dtype, copy=False)


sum.vjp(x=lambda g, shape, dim: back(g, shape, dim))


def mean(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The mean over `dim` (int, tuple, or None for all) of floating-point x."""
    require_arrays("mean", x)
    require_float("mean", x.dtype)
    if x.dtype == float16:  # whose sums overflow
        return cast(mean(cast(x, float32), dim, keepdim), float16)
    return sum(x, dim, keepdim) / float(count(x.shape, dim))


def count(shape: tuple[int, ...], dim: Any) -> int:
    """How many elements go into one element of a reduction over `dim`."""
    return int(np.prod([shape[i] for i in axes(dim, len(shape))], dtype=np.int64))


def var(x: Any, dim: Any = None, unbiased: bool | None = None, *, correction: float = 1, keepdim: bool = False) -> Any:
    """The variance over `dim`, Σ(x − mean)² / (n − correction), divided by 0 where n ≤ correction.

    `unbiased` says the same in an older way: True is a correction of 1, False of 0.
    """
    require_arrays("var", x)
    require_float("var", x.dtype)
    if x.dtype == float16:
        return cast(var(cast(x, float32), dim, unbiased, correction=correction, keepdim=keepdim), float16)
    correction = correction if unbiased is None else int(unbiased)
    centred = x - mean(x, dim, keepdim=True)
    freedom = count(x.shape, dim) - correction
    return sum(centred * centred, dim, keepdim) / float(freedom if freedom > 0 else 0)


def std(x: Any, dim: Any = None, unbiased: bool | None = None, *, correction: float = 1, keepdim: bool = False) -> Any:
    """The standard deviation over `dim`: the root of `var`; the gradient of a constant is 0."""
    return root(var(x, dim, unbiased, correction=correction, keepdim=keepdim))


@op
def amax(xp, x, dim=None, keepdim=False):
    """The maximum over `dim`; the gradient is shared evenly between tied elements."""
    _refuse_nothing("amax", x.shape, dim)
    return x.max(axes(dim, x.ndim), keepdims=keepdim)


@op
def amin(xp, x, dim=None, keepdim=False):
    """The minimum over `dim`; the gradient is shared evenly between tied elements."""
    _refuse_nothing("amin", x.shape, dim)
    return x.min(axes(dim, x.ndim), keepdims=keepdim)


def _refuse_nothing(name, shape, dim):
    if 0 in [shape[i] for i in axes(dim, len(shape))]:
        raise ValueError(f"{name}: {dims(shape)} has no elements to choose from in dim {dim}")


def _shared(g, x, z, shape, dim):
    ties = x == back(z, shape, dim)
    return keep(back(g, shape, dim), ties) / back(sum(ties, dim), shape, dim)


amax.vjp(x=_shared)
amin.vjp(x=_shared)


@op
def argmax(xp, x, dim=None, keepdim=False):
    """The index of the first maximum along `dim`, or in the flattened array. No gradient."""
    _refuse_nothing("argmax", x.shape, dim)
    return x.argmax(None if dim is None or not x.ndim else axis(dim, x.ndim), keepdims=keepdim)


@op
def argmin(xp, x, dim=None, keepdim=False):
    """The index of the first minimum along `dim`, or in the flattened array. No gradient."""
    _refuse_nothing("argmin", x.shape, dim)
    return x.argmin(None if dim is None or not x.ndim else axis(dim, x.ndim), keepdims=keepdim)


class Extreme(NamedTuple):
    """What `max` and `min` along a dimension give."""

    values: Any
    indices: Any


def max(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The largest element (ties share the gradient), or along one `dim` its ``(values, indices)`` (the first wins)."""
    return amax(x) if dim is None else _chosen(x, argmax(x, dim, keepdim=True), dim, keepdim)


def min(x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest element (ties share the gradient), or along one `dim` its ``(values, indices)`` (the first wins)."""
    return amin(x) if dim is None else _chosen(x, argmin(x, dim, keepdim=True), dim, keepdim)


def _chosen(x, index, dim, keepdim):
    if not x.ndim:
        return Extreme(x, index)
    values = take_along(x, index, axis(dim, x.ndim))
    return Extreme(values, index) if keepdim else Extreme(squeeze(values, dim), squeeze(index, dim))
