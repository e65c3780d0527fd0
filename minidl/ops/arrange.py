"""Elements in other places and as often as wanted: copies, unlike the views of `shape` and `views`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims, transfer
from minidl.backend.dtypes import int64
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.require import require_arrays
from minidl.ops.indexing import along, index_select
from minidl.ops.joining import cat
from minidl.ops.shape import axes, axis, flip, reshape, tile, transpose


def wholes(name: str, values: Any) -> tuple[int, ...]:
    """One integer, or a sequence of them, as a tuple; TypeError in the name of the argument for what is none."""
    given = values if isinstance(values, (tuple, list)) else (values,)
    if not all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in given):
        raise TypeError(f"{name} must be an integer or a tuple of them, got {values!r}")
    return tuple(int(n) for n in given)


@named
def repeat(input: Any, sizes: Sequence[int]) -> Any:
    """The input repeated so often along each dimension; further `sizes` come first, as new dimensions."""
    if len(sizes) < input.ndim:
        raise ValueError(f"needs a number for each dimension of {dims(input.shape)}, got {tuple(sizes)}")
    return tile(input, wholes("sizes", tuple(sizes)))


@named
def repeat_interleave(input: Any, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Any:
    """Each element, or each slice along `dim`, repeated so often before the next one comes.

    Parameters
    ----------
    repeats : int, or Tensor of integers
        How often each; a vector has a number for each slice.
    dim : int, optional
        By default the input is flattened.
    """
    require_arrays("repeat_interleave", input)
    x = reshape(input, (int(np.prod(input.shape)),)) if dim is None else input
    if not x.ndim:
        raise IndexError(f"dim {dim} is out of range for a 0-d tensor")
    i = axis(0 if dim is None else dim, x.ndim)
    n = x.shape[i]
    times = transfer.move(repeats.array, "cpu") if isinstance(repeats, Tensor) else np.array(wholes("repeats", repeats))
    if times.dtype.kind not in "iu" or times.ndim > 1 or times.size not in (1, n) or (times < 0).any():
        raise ValueError(f"repeats must be an integer, or {n} of them, none negative; got {repeats}")
    places = np.repeat(np.arange(n), np.broadcast_to(times.reshape(-1), n))
    if output_size not in (None, places.size):
        raise ValueError(f"output_size is {output_size}, but the repeats add up to {places.size}")
    with backend.current(x.array):
        return index_select(x, i, Tensor(backend.namespace(x.array).asarray(places, dtype=int64)))


@named
def roll(input: Any, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Any:
    """The input with its elements moved on by `shifts` along `dims`, around the end; flattened where none are given."""
    moves = wholes("shifts", shifts)
    if dims in (None, (), []):
        if len(moves) != 1:
            raise ValueError(f"without dims one shift is expected, got {shifts}")
        flat = reshape(input, (int(np.prod(input.shape)),))
        return reshape(roll(flat, moves, 0), input.shape)
    named_dims = wholes("dims", dims)
    if len(moves) != len(named_dims):
        raise ValueError(f"shifts {shifts} and dims {dims} must be as many")
    for shift, d in zip(moves, named_dims, strict=True):
        i = axis(d, input.ndim)
        if not input.ndim:
            raise IndexError(f"dim {d} is out of range for a 0-d tensor")
        if input.shape[i]:
            start = -shift % input.shape[i]
            input = cat([along(input, i, slice(start, None)), along(input, i, slice(0, start))], i)
    return input


@named
def rot90(input: Any, k: int = 1, dims: Sequence[int] = (0, 1)) -> Any:
    """The input turned k times by 90° in the plane of two `dims`, from the first towards the second."""
    (k,), plane = wholes("k", k), axes(wholes("dims", tuple(dims)), input.ndim)
    if len(plane) != 2 or input.ndim < 2:
        raise ValueError(f"dims must be two dimensions of {input.ndim}, got {dims}")
    turned = transpose(input, *plane) if k % 2 else input
    mirrored = {0: (), 1: plane[:1], 2: plane, 3: plane[1:]}[k % 4]
    return flip(turned, mirrored)


@named
def fliplr(input: Any) -> Any:
    """The input mirrored left to right: along dimension 1."""
    if input.ndim < 2:
        raise ValueError(f"needs two dimensions, got {dims(input.shape)}")
    return flip(input, (1,))


@named
def flipud(input: Any) -> Any:
    """The input mirrored upside down: along dimension 0."""
    if not input.ndim:
        raise ValueError("needs a dimension, got a 0-d tensor")
    return flip(input, (0,))
