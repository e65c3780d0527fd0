"""Reductions: sums, products, means and extremes over dimensions."""

import math
from typing import Any, NamedTuple

import numpy as np

from minidl.backend import dims
from minidl.backend.dtypes import int64, require_float, wide
from minidl.engine.composed import in_single, named
from minidl.engine.op import cast, expand, op
from minidl.engine.require import require_arrays
from minidl.ops.elementwise import abs, exp, keep, root, sign, where
from minidl.ops.indexing import along, take_along
from minidl.ops.joining import cat
from minidl.ops.shape import axes, axis, flip, reshape, squeeze


def kept(shape, dim):
    """`shape` with 1 in the reduced dimensions, where a reduced array broadcasts against the whole."""
    reduced = axes(dim, len(shape))
    return tuple(1 if i in reduced else n for i, n in enumerate(shape))


def back(y, shape, dim):
    """A reduced array, or its gradient, spread over the shape that it was reduced from."""
    return expand(y if y.ndim in (0, len(shape)) else reshape(y, kept(shape, dim)), shape)


def largest(xp, x, over):
    """The maxima over some dimensions, which stay with size 1; −∞ of nothing."""
    return x.max(over, keepdims=True) if x.size else xp.full(kept(x.shape, over), -np.inf, x.dtype)


# --- sums -------------------------------------------------------------------------------------------------------------


@op
def sum(xp, x, dim=None, keepdim=False, *, dtype=None):
    """The sum over `dim`: an int, a tuple, or None for all; in `dtype`, by default int64 for integers and bools."""
    dtype = xp.dtype(dtype or (x.dtype if x.dtype.kind in "fc" else int64))
    return x.sum(axes(dim, x.ndim), dtype=wide(dtype), keepdims=keepdim).astype(dtype, copy=False)


@op
def cumsum(xp, x, *, dim, dtype=None):
    """The sums of the elements up to each one along `dim`; dtypes are as in `sum`."""
    dtype = xp.dtype(dtype or (x.dtype if x.dtype.kind in "fc" else int64))
    return xp.atleast_1d(x).cumsum(axis(dim, x.ndim), dtype=wide(dtype)).astype(dtype, copy=False).reshape(x.shape)


@op(floats=True)
def logsumexp(xp, x, *, dim, keepdim=False):
    """ln Σ exp(x) over `dim`, shifted by the maximum so that nothing overflows."""
    over = axes(dim, x.ndim)
    top = largest(xp, x.real, over)
    top = xp.where(xp.isfinite(top), top, 0)
    z = xp.log(xp.exp(x - top).sum(over, keepdims=True)) + top
    return (z if keepdim else z.squeeze(over)).astype(x.dtype, copy=False)


sum.vjp(x=lambda g, shape, dim: back(g, shape, dim))
cumsum.vjp(x=lambda g, dim: flip(cumsum(flip(g, dim), dim=dim), dim))
logsumexp.vjp(x=lambda g, x, z, shape, dim: back(g, shape, dim) * exp(x - back(z, shape, dim)))


def count(shape: tuple[int, ...], dim: Any) -> int:
    """How many elements go into one element of a reduction over `dim`."""
    return math.prod(shape[i] for i in axes(dim, len(shape)))


@named
@in_single
def mean(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """The mean over `dim` (int, tuple, or None for all) of a floating-point array."""
    require_arrays("mean", input)
    require_float("mean", input.dtype)
    return sum(input, dim, keepdim) / float(count(input.shape, dim))


@named
@in_single
def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, *, correction: float | None = None, keepdim: bool = False
) -> Any:
    """The variance over `dim`, Σ(x − mean)² / (n − correction), divided by 0 where n ≤ correction.

    The correction is 1 unless given. `unbiased` says the same in an older way: True is a correction of 1, False of 0.
    """
    require_arrays("var", input)
    require_float("var", input.dtype)
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    elif unbiased is not None:
        raise ValueError("give correction or unbiased, not both")
    centred = input - mean(input, dim, keepdim=True)
    freedom = count(input.shape, dim) - correction
    return sum(centred * centred, dim, keepdim) / float(freedom if freedom > 0 else 0)


@named
@in_single
def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, *, correction: float | None = None, keepdim: bool = False
) -> Any:
    """The standard deviation over `dim`: the root of `var`; the gradient of a constant is 0."""
    return root(var(input, dim, unbiased, correction=correction, keepdim=keepdim))


@named
@in_single
def norm(input: Any, p: float | str = "fro", dim: Any = None, keepdim: bool = False) -> Any:
    """The p-norm (Σ|x|ᵖ)^(1/p) over `dim`, of all its elements as one vector; the gradient is 0 where the norm is.

    Parameters
    ----------
    p : a number, where 0 counts what is not zero, and ±inf is the largest or smallest |x|; "fro" is 2
    """
    require_arrays("norm", input)
    require_float("norm", input.dtype)
    if p == "fro" and dim not in (None, (), []) and len(axes(dim, input.ndim)) > 2:
        raise ValueError(f"'fro' is of vectors and matrices, got dim {dim}; p=2 takes any")
    p = 2 if p == "fro" else p
    if not isinstance(p, (int, float)):
        raise ValueError(f"p must be a number or 'fro', got {p!r}")
    if p < 0:
        _refuse_nothing(input.shape, dim)
    if p == 2:
        return root(sum(input * input, dim, keepdim))
    if p == 0:
        return sum(where(input != 0, 1.0, sign(input)), dim, keepdim)  # with a gradient, of 0
    if math.isinf(p):
        return amax(abs(input), dim, keepdim) if p > 0 else amin(abs(input), dim, keepdim)
    zero = input == 0  # whose powers have no derivative
    total = sum(where(zero, 0.0 if p > 0 else math.inf, abs(where(zero, 1.0, input)) ** p), dim, keepdim)
    return where(total == 0, 0.0 if p > 0 else math.inf, where(total == 0, 1.0, total) ** (1 / p))


@named
@in_single
def prod(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The product over one `dim`, or of all elements. Integers and bools multiply to int64.

    Neighbours are multiplied until one is left, so that zeros need no case of their own in any derivative.
    """
    require_arrays("prod", input)
    x = input if input.dtype.kind in "fc" else cast(input, int64)
    x = reshape(x, (count(x.shape, None),)) if dim is None or not x.ndim else x
    i = axis(0 if dim is None else dim, x.ndim)
    if not x.shape[i]:
        return sum(x, i, keepdim) + 1
    while (n := x.shape[i]) > 1:
        pairs = along(x, i, slice(0, n - 1, 2)) * along(x, i, slice(1, n, 2))
        x = cat([pairs, along(x, i, slice(n - 1, n))], i) if n % 2 else pairs
    return x if keepdim and input.ndim else squeeze(x, i)


# --- extremes ---------------------------------------------------------------------------------------------------------


@op
def amax(xp, x, dim=None, keepdim=False):
    """The maximum over `dim`; the gradient is shared evenly between tied elements."""
    _refuse_nothing(x.shape, dim)
    return x.max(axes(dim, x.ndim), keepdims=keepdim)


@op
def amin(xp, x, dim=None, keepdim=False):
    """The minimum over `dim`; the gradient is shared evenly between tied elements."""
    _refuse_nothing(x.shape, dim)
    return x.min(axes(dim, x.ndim), keepdims=keepdim)


def _refuse_nothing(shape, dim):
    if 0 in [shape[i] for i in axes(dim, len(shape))]:
        raise ValueError(f"{dims(shape)} has no elements to choose from in dim {dim}")


def _along(dim, ndim):
    """The axis that `dim` names; None for all, and for a 0-d array, in which CuPy has none."""
    i = None if dim is None else axis(dim, ndim)
    return i if ndim else None


def _shared(g, x, z, shape, dim):
    ties = x == back(z, shape, dim)
    return keep(back(g, shape, dim), ties) / back(sum(ties, dim), shape, dim)


amax.vjp(x=_shared)
amin.vjp(x=_shared)


@op
def argmax(xp, x, dim=None, keepdim=False):
    """The index of the first maximum along `dim`, or in the flattened array. No gradient."""
    _refuse_nothing(x.shape, dim)
    return x.argmax(_along(dim, x.ndim), keepdims=keepdim)


@op
def argmin(xp, x, dim=None, keepdim=False):
    """The index of the first minimum along `dim`, or in the flattened array. No gradient."""
    _refuse_nothing(x.shape, dim)
    return x.argmin(_along(dim, x.ndim), keepdims=keepdim)


@op
def top_indices(xp, x, *, k, dim, largest):
    """The indices of the k largest elements along `dim`, or of the smallest, in order; the first of equals first."""
    if largest:
        return x.shape[dim] - 1 - xp.flip(xp.argsort(xp.flip(x, dim), dim, kind="stable"), dim).take(xp.arange(k), dim)
    return xp.argsort(x, dim, kind="stable").take(xp.arange(k), dim)


@op
def all(xp, x, dim=None, keepdim=False):
    """Whether no element over `dim` is zero. No gradient."""
    return x.all(axes(dim, x.ndim), keepdims=keepdim)


@op
def any(xp, x, dim=None, keepdim=False):
    """Whether an element over `dim` is not zero. No gradient."""
    return x.any(axes(dim, x.ndim), keepdims=keepdim)


class Extreme(NamedTuple):
    """What `max`, `min` and `topk` give along a dimension."""

    values: Any
    indices: Any


@named
def max(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The largest element (ties share the gradient), or along one `dim` its ``(values, indices)`` (the first wins)."""
    return amax(input) if dim is None else _chosen(input, argmax(input, dim, keepdim=True), dim, keepdim)


@named
def min(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest element (ties share the gradient), or along one `dim` its ``(values, indices)`` (the first wins)."""
    return amin(input) if dim is None else _chosen(input, argmin(input, dim, keepdim=True), dim, keepdim)


@named
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Extreme:
    """The k largest elements along `dim`, or the smallest, in order: ``(values, indices)``; the first of equals first.

    `sorted` may be False, for which PyTorch gives them in any order.

    Raises
    ------
    ValueError
        If there are less than k.
    """
    require_arrays("topk", input)
    i = axis(dim, input.ndim)
    if not isinstance(k, (int, np.integer)) or not 0 <= k <= (input.shape[i] if input.ndim else 1):
        raise ValueError(f"k must be between 0 and the size of dim {dim} of {dims(input.shape)}, got {k}")
    x = input if input.ndim else reshape(input, (1,))
    index = top_indices(x, k=k, dim=i, largest=largest)
    return _chosen(x, index, i, keepdim=bool(input.ndim) or k != 1)


def _chosen(x, index, dim, keepdim):
    if not x.ndim:
        return Extreme(x, index)
    values = take_along(x, index, dim=axis(dim, x.ndim))
    return Extreme(values, index) if keepdim else Extreme(squeeze(values, dim), squeeze(index, dim))
