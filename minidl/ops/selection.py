"""Elements chosen by a mask, by their values, or by their places; how often values occur."""

import math
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims, transfer
from minidl.backend.dtypes import float32, float64, int64
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.op import expand
from minidl.engine.require import broadcast_shapes, require_tensors
from minidl.ops import elementwise
from minidl.ops.indexing import gather, getitem
from minidl.ops.shape import axis, reshape


def _on(x: Tensor, function: Any) -> Any:
    """``function(xp, array)`` of a tensor's array, on its device."""
    with backend.current(x.array):
        return function(backend.namespace(x.array), x.array)


@named
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """Where the elements are not zero: one row of indices for each, or with `as_tuple` a vector for each dimension."""
    require_tensors("nonzero", input)
    if as_tuple:
        found = _on(input, lambda xp, a: xp.nonzero(a.reshape(a.shape or (1,))))
        return tuple(Tensor(index) for index in found)
    found = _on(input, lambda xp, a: xp.argwhere(a.reshape(a.shape or (1,))).reshape(-1, max(a.ndim, 1)))
    return Tensor(found[:, : input.ndim])


@named
def argwhere(input: Tensor) -> Tensor:
    """Where the elements are not zero: one row of indices for each."""
    return nonzero(input)


@named
def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """The input where the condition, of bools, holds, and `other` elsewhere; alone, where it is not zero, as indices.

    The indices are a vector for each dimension, as those of ``nonzero(as_tuple=True)``.
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    return elementwise.where(condition, input, other)


@named
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the bools of `mask` are true, as a vector; input and mask broadcast."""
    require_tensors("masked_select", input, mask)
    if mask.dtype.kind != "b":
        raise TypeError(f"mask must be of bools, got {mask.dtype}")
    size = broadcast_shapes(input.shape, mask.shape)
    flat = (math.prod(size),)
    chosen = nonzero(reshape(expand(mask, size), flat), as_tuple=True)[0]
    return getitem(reshape(expand(input, size), flat), index=(chosen.array,))


@named
def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at the places `index` of the flattened input, in the shape of the index."""
    require_tensors("take", input, index)
    if index.dtype.kind not in "iu":
        raise TypeError(f"index must be of integers, got {index.dtype}")
    n = math.prod(input.shape)
    transfer.require_range(
        index.array,
        -n,
        n - 1,
        lambda low, high: IndexError(f"take: index from {low} to {high} is out of range for {n} elements"),
    )
    return getitem(reshape(input, (n,)), index=(index.array.astype(int64),))


@named
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """`gather` of an input and indices that broadcast in the other dimensions; flattened where no `dim` is given."""
    require_tensors("take_along_dim", input, indices)
    if dim is None:
        return gather(reshape(input, (math.prod(input.shape),)), 0, reshape(indices, (math.prod(indices.shape),)))
    i = axis(dim, input.ndim)
    if input.ndim != indices.ndim:
        raise ValueError(f"expected indices of {input.ndim} dimensions, got {dims(indices.shape)}")
    others = [broadcast_shapes(x.shape[:i] + (1,) + x.shape[i + 1 :]) for x in (input, indices)]
    size = broadcast_shapes(*others)
    x = expand(input, size[:i] + input.shape[i : i + 1] + size[i + 1 :])
    return gather(x, i, expand(indices, size[:i] + indices.shape[i : i + 1] + size[i + 1 :]))


# --- values and how often they occur ----------------------------------------------------------------------------------


@named
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different values, in order.

    Parameters
    ----------
    return_inverse : bool
        Give too, in the shape of the input, which of the values each element is.
    return_counts : bool
        Give too how often each occurs.
    """
    require_tensors("unique", input)
    if dim is not None:
        raise ValueError(f"dim is not supported: the slices along a dimension are not compared; got dim={dim!r}")
    values, inverse, counts = _on(input, lambda xp, a: xp.unique(a, False, True, True))
    inverse = inverse.reshape(input.shape).astype(int64, copy=False)
    wanted = [Tensor(values)]
    wanted += [Tensor(inverse)] if return_inverse else []
    wanted += [Tensor(counts.astype(int64, copy=False))] if return_counts else []
    return wanted[0] if len(wanted) == 1 else tuple(wanted)


@named
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each number from 0 on occurs in a vector of integers, or the sum of the `weights` where it does."""
    require_tensors("bincount", input, weights)
    if input.dtype.kind not in "iu" or input.ndim != 1:
        raise ValueError(f"expected a vector of integers, none negative, got {input.dtype} of {dims(input.shape)}")
    if weights is not None and weights.shape != input.shape:
        raise ValueError(f"weights are {dims(weights.shape)}, expected {dims(input.shape)}")
    if not isinstance(minlength, int) or minlength < 0:
        raise ValueError(f"minlength must be an integer, not negative, got {minlength!r}")
    if input.array.size and bool((input.array < 0).any()):
        raise ValueError("expected a vector of integers, none negative; one is")
    heavy = None if weights is None else weights.array
    if heavy is not None and heavy.dtype != float32:
        heavy = heavy.astype(float64)
    found = _on(input, lambda xp, a: xp.bincount(a.astype(int64), heavy, minlength))
    return Tensor(found.astype(int64 if heavy is None else heavy.dtype, copy=False))


@named
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many elements fall into each of so many bins of one width between `min` and `max`, by default the extremes.

    What lies outside is not counted; what lies on the upper bound is in the last bin.
    """
    require_tensors("histc", input)
    if not isinstance(bins, int) or bins < 1:
        raise ValueError(f"bins must be a positive integer, got {bins!r}")
    if input.dtype.kind != "f":
        raise TypeError(f"needs a floating dtype, got {input.dtype}; convert with .to(md.float32)")
    if min > max:
        raise ValueError(f"min {min} is greater than max {max}")
    values = transfer.move(input.array, "cpu").ravel()
    low, high = (min, max) if min < max or not values.size else (values.min(), values.max())
    low, high = (low - 1, high + 1) if low == high else (low, high)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"the range from {low} to {high} is not finite")
    counts, _ = np.histogram(values, bins, (float(low), float(high)))
    return Tensor(transfer.move(counts.astype(input.dtype), input.device))
