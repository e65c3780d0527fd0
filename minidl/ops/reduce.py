"""Reductions: sums, products, means and what holds for all or any, over dimensions."""

import math
from typing import Any

import numpy as np

from minidl.backend.dtypes import int64, require_float, uint8, wide
from minidl.backend.sums import total
from minidl.engine.composed import in_single, named
from minidl.engine.op import cast, clone, expand, op
from minidl.engine.require import require_arrays
from minidl.ops.elementwise import exp, root, where
from minidl.ops.indexing import along
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
    return total(xp, x, axes(dim, x.ndim), wide(dtype), keepdim).astype(dtype, copy=False)


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
    z = xp.log(total(xp, xp.exp(x - top), over, wide(x.dtype), keepdims=True)) + top
    return (z if keepdim else z.squeeze(over)).astype(x.dtype, copy=False)


sum.vjp(x=lambda g, shape, dim: back(g, shape, dim))
cumsum.vjp(x=lambda g, dim: flip(cumsum(flip(g, dim), dim=dim), dim))
logsumexp.vjp(x=lambda g, x, z, shape, dim: back(g, shape, dim) * exp(x - back(z, shape, dim)))


def count(shape: tuple[int, ...], dim: Any) -> int:
    """How many elements go into one element of a reduction over `dim`."""
    return math.prod(shape[i] for i in axes(dim, len(shape)))


@named
def mean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over `dim` (int, tuple, or None for all) of a floating-point array, or of any as that `dtype`."""
    require_arrays("mean", input)
    x = input if dtype is None else cast(input, np.dtype(dtype))
    require_float("mean", x.dtype)
    return _mean(x, dim, keepdim)


@in_single
def _mean(x, dim, keepdim):
    return sum(x, dim, keepdim) / float(count(x.shape, dim))


@op
def centred(xp, x, *, dim=None):
    """x less its mean over `dim`.

    What rounding leaves of that is taken off too, or a constant of 33,333.33 would keep a deviation, which layer norm
    blows up. Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance", eq. 1.7.
    """
    over, n = axes(dim, x.ndim), float(count(x.shape, dim))
    z = x.astype(wide(x.dtype), copy=False)
    z = z - total(xp, z, over, keepdims=True) / n
    rest = total(xp, z, over, keepdims=True) / n
    z -= xp.where(xp.isfinite(rest), rest, 0)
    return z.astype(x.dtype, copy=False)


centred.vjp(x=lambda g, dim: centred(g, dim=dim))


@named
@in_single
def var(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Any:
    """The variance over `dim`, Σ(x − mean)² / (n − correction), divided by 0 where n ≤ correction.

    The correction is 1 unless given. `unbiased` says the same in an older way: True is a correction of 1, False of 0.
    It may stand in the place of `dim`, for the variance of all.
    """
    require_arrays("var", input)
    require_float("var", input.dtype)
    dim, unbiased = (None, dim) if isinstance(dim, bool) else (dim, unbiased)
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    elif unbiased is not None:
        raise ValueError("give correction or unbiased, not both")
    deviation = centred(input, dim=dim)
    freedom = count(input.shape, dim) - correction
    return sum(deviation * deviation, dim, keepdim) / float(freedom if freedom > 0 else 0)


@named
@in_single
def std(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> Any:
    """The standard deviation over `dim`: the root of `var`; the gradient of a constant is 0."""
    return root(var(input, dim, unbiased, keepdim, correction=correction))


@named
def var_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Any, Any]:
    """The variance and the mean over `dim`; see `var`."""
    over = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, over, keepdim)


@named
def std_mean(
    input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *, correction: float | None = None
) -> tuple[Any, Any]:
    """The standard deviation and the mean over `dim`; see `std`."""
    over = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, over, keepdim)


@named
def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum over `dim` of what is a number."""
    require_arrays("nansum", input)
    return sum(where(input == input, input, 0), dim, keepdim, dtype=dtype)


@named
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean over `dim` of what is a number."""
    require_arrays("nanmean", input)
    require_float("nanmean", input.dtype)
    return nansum(input, dim, keepdim, dtype=dtype) / sum(input == input, dim, keepdim)


@named
def prod(input: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The product over one `dim`, or of all elements, in `dtype`: by default int64 for integers and bools.

    Neighbours are multiplied until one is left, so that zeros need no case of their own in any derivative.
    """
    require_arrays("prod", input)
    return _product(_to_multiply(input, dtype), dim, keepdim)


@in_single
def _product(input, dim, keepdim):
    x = reshape(input, (count(input.shape, None),)) if dim is None or not input.ndim else input
    i = axis(0 if dim is None else dim, x.ndim)
    if not x.shape[i]:
        return sum(x, i, keepdim) + 1
    x = clone(x) if x.shape[i] == 1 else x
    while (n := x.shape[i]) > 1:
        pairs = along(x, i, slice(0, n - 1, 2)) * along(x, i, slice(1, n, 2))
        x = cat([pairs, along(x, i, slice(n - 1, n))], i) if n % 2 else pairs
    return x if keepdim and input.ndim else squeeze(x, i)


@named
def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The products of the elements up to each one along `dim`; dtypes are as in `prod`."""
    require_arrays("cumprod", input)
    x, i, step = _to_multiply(input, dtype), axis(dim, input.ndim), 1
    n = (*x.shape, 0)[i]
    x = clone(x) if n < 2 else x
    while step < n:  # from products of 1, 2, 4, … neighbours to those of twice as many
        longer = along(x, i, slice(0, n - step)) * along(x, i, slice(step, n))
        x, step = cat([along(x, i, slice(0, step)), longer], i), 2 * step
    return x


def _to_multiply(x, dtype):
    """x in the dtype that its product is given in: by default int64 for integers and bools."""
    if dtype is None:
        return x if x.dtype.kind in "fc" else cast(x, int64)
    return cast(x, np.dtype(dtype))


@named
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The differences of neighbours along `dim`, n times over; of bools, whether they differ.

    Parameters
    ----------
    prepend, append : Tensor, optional
        Joined to the input before.
    """
    require_arrays("diff", input)
    if not isinstance(n, int) or n < 0:
        raise ValueError(f"n must be an integer, not negative, got {n!r}")
    if not input.ndim:
        raise ValueError("needs a dimension, got a 0-d tensor")
    i = axis(dim, input.ndim)
    x = cat([part for part in (prepend, input, append) if part is not None], i) if n else input
    for _ in range(min(n, x.shape[i])):
        later, earlier = along(x, i, slice(1, None)), along(x, i, slice(0, max(x.shape[i] - 1, 0)))
        x = later != earlier if x.dtype.kind == "b" else later - earlier
    return x


# --- truth ------------------------------------------------------------------------------------------------------------


@op
def all(xp, x, dim=None, keepdim=False):
    """Whether no element over `dim` is zero; of uint8, which has stood for bools, as uint8. No gradient."""
    return _truth(x, x.all(axes(dim, x.ndim), keepdims=keepdim))


@op
def any(xp, x, dim=None, keepdim=False):
    """Whether an element over `dim` is not zero; of uint8, which has stood for bools, as uint8. No gradient."""
    return _truth(x, x.any(axes(dim, x.ndim), keepdims=keepdim))


def _truth(x, z):
    return z.astype(uint8) if x.dtype == uint8 else z


@named
def count_nonzero(input: Any, dim: Any = None) -> Any:
    """How many elements over `dim` are not zero. No gradient."""
    require_arrays("count_nonzero", input)
    return sum(input != 0, dim)
