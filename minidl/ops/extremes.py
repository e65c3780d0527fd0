"""The largest and the smallest: extremes, the elements in order, and those in the middle."""

from typing import Any, NamedTuple

import numpy as np

from minidl.backend import dims, transfer
from minidl.backend.dtypes import bool_, require_float, uint8
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.op import cast, clone, expand, op
from minidl.engine.require import refuse_bools, require_arrays
from minidl.ops.arithmetic import lerp
from minidl.ops.elementwise import keep, maximum, minimum, where
from minidl.ops.indexing import along, index_select, take_along
from minidl.ops.reduce import back, sum
from minidl.ops.shape import axes, axis, reshape, squeeze, unsqueeze
from minidl.ops.views import movedim, ravel


@op
def amax(xp, x, dim=None, keepdim=False):
    """The maximum over `dim`; the gradient is shared evenly between tied elements."""
    refuse_nothing(x.shape, dim)
    return x.max(axes(dim, x.ndim), keepdims=keepdim)


@op
def amin(xp, x, dim=None, keepdim=False):
    """The minimum over `dim`; the gradient is shared evenly between tied elements."""
    refuse_nothing(x.shape, dim)
    return x.min(axes(dim, x.ndim), keepdims=keepdim)


def refuse_nothing(shape, dim):
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
def greatest(xp, x):
    """The maximum of all elements, shared as by `amax`; where it is NaN, the gradient goes to what is NaN."""
    refuse_nothing(x.shape, None)
    return x.max()


@op
def least(xp, x):
    """The minimum of all elements, shared as by `amin`; where it is NaN, the gradient goes to what is NaN."""
    refuse_nothing(x.shape, None)
    return x.min()


@op(bools=False)
def middle(xp, x):
    """The median of all elements, the lower of two; NaN if one is, or of nothing. Shared as `greatest` is."""
    if not x.size:
        return xp.full((), np.nan, x.dtype)
    ordered = xp.sort(x.ravel())
    z = ordered[(x.size - 1) // 2]
    return xp.where(ordered[-1] == ordered[-1], z, ordered[-1])  # where NaN comes last


def _to_the_chosen(g, x, z, shape):
    ties = (x == z) + (x != x)  # and NaN, which z is as soon as one is
    return keep(expand(g, shape), ties) / sum(ties)


greatest.vjp(x=_to_the_chosen)
least.vjp(x=_to_the_chosen)
middle.vjp(x=_to_the_chosen)


@op(bools=False)
def argmax(xp, x, dim=None, keepdim=False):
    """The index of the first maximum along `dim`, or in the flattened array. No gradient."""
    refuse_nothing(x.shape, dim)
    return x.argmax(_along(dim, x.ndim), keepdims=keepdim)


@op(bools=False)
def argmin(xp, x, dim=None, keepdim=False):
    """The index of the first minimum along `dim`, or in the flattened array. No gradient."""
    refuse_nothing(x.shape, dim)
    return x.argmin(_along(dim, x.ndim), keepdims=keepdim)


@op
def top_indices(xp, x, *, k, dim, largest):
    """The indices of the k largest elements along `dim`, or of the smallest, in order; the first of equals first."""
    if largest:
        return x.shape[dim] - 1 - xp.flip(xp.argsort(xp.flip(x, dim), dim, kind="stable"), dim).take(xp.arange(k), dim)
    return xp.argsort(x, dim, kind="stable").take(xp.arange(k), dim)


@op(bools=False)
def median_index(xp, x, *, dim):
    """Where the median along `dim` is, the lower of two, the first of equals; where the first NaN is, if any."""
    refuse_nothing(x.shape, dim)
    if not x.ndim:
        return xp.zeros((), np.int64)
    at = xp.argsort(x, dim, kind="stable").take(xp.arange((x.shape[dim] - 1) // 2, (x.shape[dim] + 1) // 2), dim)
    nan = x != x
    return xp.where(nan.any(dim, keepdims=True), nan.argmax(dim, keepdims=True), at)


@op
def running_index(xp, x, *, dim, largest):
    """Where the largest element so far along `dim` is, or the smallest; the last of equals, and the last NaN."""
    if not x.ndim:
        return xp.zeros((), np.int64)
    x = xp.moveaxis(x, dim, 0)
    index = xp.broadcast_to(xp.arange(len(x)).reshape(-1, *[1] * (x.ndim - 1)), x.shape)
    step = 1
    while step < len(x):  # from the best of 1, 2, 4, … elements that end here to that of twice as many
        earlier, later = x[:-step], x[step:]
        better = (later >= earlier if largest else later <= earlier) | (later != later)
        x = xp.concatenate([x[:step], xp.where(better, later, earlier)])
        index = xp.concatenate([index[:step], xp.where(better, index[step:], index[:-step])])
        step *= 2
    return xp.moveaxis(index, 0, dim)


class Extreme(NamedTuple):
    """What `max`, `min` and `topk` give along a dimension."""

    values: Any
    indices: Any


@named
def max(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The largest element (ties share the gradient), or along one `dim` its ``(values, indices)`` (the first wins).

    With another tensor, in place of `dim` or as `other`, it is `maximum`.
    """
    return _extreme(input, dim, keepdim, other, greatest, argmax, maximum)


@named
def min(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """The smallest element (ties share the gradient), or along one `dim` its ``(values, indices)`` (the first wins).

    With another tensor, in place of `dim` or as `other`, it is `minimum`.
    """
    return _extreme(input, dim, keepdim, other, least, argmin, minimum)


def _extreme(input, dim, keepdim, other, of_all, where_it_is, of_two):
    if isinstance(dim, Tensor) or other is not None:
        return of_two(input, dim if other is None else other)
    if dim is not None:
        ranked = cast(input, uint8) if input.dtype == bool_ else input
        return _chosen(input, where_it_is(ranked, dim, keepdim=True), dim, keepdim)
    if keepdim:
        raise ValueError("keepdim needs a dim")
    return of_all(input)


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
    refuse_bools("topk", [input])
    return _ordered(input, k, dim, largest)


def _ordered(input, k, dim, largest):
    i = axis(dim, input.ndim)
    if not isinstance(k, (int, np.integer)) or not 0 <= k <= (input.shape[i] if input.ndim else 1):
        raise ValueError(f"k must be between 0 and the size of dim {dim} of {dims(input.shape)}, got {k}")
    x = input if input.ndim else reshape(input, (1,))
    index = top_indices(x, k=k, dim=i, largest=largest)
    return _chosen(x, index, i, keepdim=bool(input.ndim) or k != 1)


@named
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Extreme:
    """All elements in order along `dim`: ``(values, indices)``; equals stay in their order, NaN counts as largest."""
    require_arrays("sort", input)
    return _ordered(input, (*input.shape, 1)[axis(dim, input.ndim)], dim, bool(descending))


@named
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The indices that `sort` gives."""
    return sort(input, dim, descending, stable).indices


@named
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Extreme:
    """The k-th smallest element along `dim`, from 1 on: ``(values, indices)``."""
    require_arrays("kthvalue", input)
    refuse_bools("kthvalue", [input])
    i = axis(dim, input.ndim)
    if not isinstance(k, (int, np.integer)) or not 1 <= k <= (*input.shape, 1)[i]:
        raise ValueError(f"k must be between 1 and the size of dim {dim} of {dims(input.shape)}, got {k}")
    index = argsort(input, i)
    return _chosen(input, along(index, i, slice(k - 1, k)) if input.ndim else index, i, keepdim)


@named
def median(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element, the lower one of two, or along one `dim` its ``(values, indices)``; NaN where there is one.

    The gradient of the median of all is shared by the elements that are equal to it.
    """
    require_arrays("median", input)
    if dim is None:
        return middle(input)
    i = axis(dim, input.ndim)
    return _chosen(input, median_index(input, dim=i), i, keepdim)


@named
def quantile(
    input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Any:
    """The value below which a part q of the elements lies, along `dim` or of all; NaN where there is one.

    Parameters
    ----------
    q : float, or Tensor of floats
        Between 0 and 1; of a vector there is a result for each, along a new first dimension.
    interpolation : "linear", "lower", "higher", "midpoint" or "nearest"
        What is taken where q lies between two elements.
    """
    require_arrays("quantile", input)
    require_float("quantile", input.dtype)
    parts = np.asarray(transfer.move(q.array, "cpu") if isinstance(q, Tensor) else q, np.float64)
    if parts.ndim > 1 or not ((parts >= 0) & (parts <= 1)).all():
        raise ValueError(f"q must be a number, or a vector of them, between 0 and 1; got {q}")
    if interpolation not in ("linear", "midpoint", *ROUNDED):
        raise ValueError(f"expected 'linear', 'lower', 'higher', 'midpoint' or 'nearest', got {interpolation!r}")
    refuse_nothing(input.shape, None)
    i = 0 if dim is None else axis(dim, input.ndim)
    x = ravel(input) if dim is None or not input.ndim else input
    ordered, last = sort(x, i).values, x.shape[i] - 1

    def at(places: Any) -> Any:
        return index_select(ordered, i, Tensor(transfer.move(places.astype(np.int64), x.device)))

    place = parts.reshape(-1) * last
    if interpolation in ROUNDED:
        z = at(ROUNDED[interpolation](place))
    else:
        weight = place % 1 if interpolation == "linear" else np.ceil(place % 1) / 2
        along_dim = weight.astype(x.dtype).reshape(-1, *[1] * (x.ndim - i - 1))
        z = lerp(at(np.floor(place)), at(np.ceil(place)), Tensor(transfer.move(along_dim, x.device)))
    top = along(ordered, i, slice(last, last + 1))  # where NaN comes
    z = movedim(where(top == top, z, top), i, 0)
    z = unsqueeze(z, i + 1) if keepdim else z
    z = reshape(z, z.shape[:1] + (1,) * input.ndim) if keepdim and dim is None else z
    return z if parts.ndim else squeeze(z, 0)


ROUNDED = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}


@named
def cummax(input: Any, dim: int) -> Extreme:
    """The largest element so far along `dim`, and where it is, the last of equals: ``(values, indices)``."""
    return _chosen(input, running_index(input, dim=axis(dim, input.ndim), largest=True), dim, True)


@named
def cummin(input: Any, dim: int) -> Extreme:
    """The smallest element so far along `dim`, and where it is, the last of equals: ``(values, indices)``."""
    return _chosen(input, running_index(input, dim=axis(dim, input.ndim), largest=False), dim, True)


def _chosen(x, index, dim, keepdim):
    if not x.ndim:
        return Extreme(clone(x), index)
    values = take_along(x, index, dim=axis(dim, x.ndim))
    return Extreme(values, index) if keepdim else Extreme(squeeze(values, dim), squeeze(index, dim))
