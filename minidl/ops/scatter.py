"""Elements and slices put at places of a tensor: into a copy of it, through which gradients pass."""

import math
from typing import Any

from minidl import backend
from minidl.backend import dims
from minidl.backend.dtypes import SCALARS, int64
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors, same_dtype
from minidl.ops.elementwise import masked_fill, where
from minidl.ops.indexing import along, getitem, indexed, unindex
from minidl.ops.shape import reshape


@named
def scatter(input: Tensor, dim: int, index: Tensor, src: Any, *, reduce: str | None = None) -> Tensor:
    """The input with src[i][j][k] at [index[i][j][k]][j][k] for dim 0, and so on; `src` may be one number.

    Where a place is named more than once, the last element goes there (on a GPU, any of them).

    Raises
    ------
    ValueError, TypeError, IndexError
        As `gather`; and if `src` is smaller than `index`, or of another dtype than the input.
    """
    require_tensors("scatter", input, index)
    if reduce is not None:
        raise ValueError(f"reduce={reduce!r} is not supported; scatter_add adds")
    x, at, i = indexed("scatter", input, dim, index)
    number = isinstance(src, SCALARS)
    if not number:
        require_tensors("scatter", input, src)
        same_dtype("scatter", input, src)
    source = None if number else reshape(src, src.shape or (1,))
    for outer, free in ((x, i), (source, None)):
        sizes = at.shape if outer is None else outer.shape
        if len(sizes) != at.ndim or any(at.shape[d] > n for d, n in enumerate(sizes) if d != free):
            raise ValueError(f"index {dims(index.shape)} is larger than {dims(sizes)}, or has other dimensions")
    flat, places = reshape(x, (math.prod(x.shape),)), _places(x, i, at)
    if source is None:
        return reshape(masked_fill(flat, _sources(flat, 0, places) >= 0, src), input.shape)
    source = reshape(getitem(source, tuple(map(slice, at.shape))), (math.prod(at.shape),))
    return reshape(_replaced(flat, 0, places, source), input.shape)


@named
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """The input with the slices of alpha · source along `dim` added to those that the vector `index` names."""
    x, at, i, source = _slices("index_add", input, dim, index, source)
    added = unindex(source, index=(*[slice(None)] * i, at.to(int64, copy=True).array), size=x.shape)
    return reshape(x + (added if alpha == 1 else added * alpha), input.shape)


@named
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """The input with the slices of `source` along `dim` in place of those that the vector `index` names.

    Where a slice is named more than once, the last one goes there (on a GPU, any of them).
    """
    x, at, i, source = _slices("index_copy", input, dim, index, source)
    return reshape(_replaced(x, i, at, source), input.shape)


@named
def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """The input with `value`, one number, in the slices along `dim` that the vector `index` names."""
    require_tensors("index_fill", input, index)
    x, at, i = indexed("index_fill", input, dim, index)
    if at.ndim != 1:
        raise ValueError(f"index must be a vector, got {dims(at.shape)}")
    chosen = reshape(_sources(x, i, at) >= 0, (-1, *[1] * (x.ndim - i - 1)))
    return reshape(masked_fill(x, chosen, value), input.shape)


def _slices(name: str, input: Any, dim: int, index: Any, source: Any) -> tuple[Tensor, Tensor, int, Tensor]:
    """Input, index, dimension and source, once they are known to fit; with at least one dimension."""
    require_tensors(name, input, index, source)
    x, at, i = indexed(name, input, dim, index)
    same_dtype(name, input, source)
    slices = reshape(source, source.shape or (1,))
    if at.ndim != 1 or slices.shape != (*x.shape[:i], at.shape[0], *x.shape[i + 1 :]):
        raise ValueError(
            f"an index {dims(index.shape)} and a source {dims(source.shape)} do not fit "
            f"dim {dim} of {dims(input.shape)}"
        )
    return x, at, i, slices


def _replaced(x: Tensor, dim: int, places: Tensor, source: Tensor) -> Tensor:
    """x with the slices of `source` at `places` along `dim`: chosen slice by slice, as `where` does."""
    if not places.shape[0]:
        return x.clone()
    origin = _sources(x, dim, places)
    chosen = reshape(origin >= 0, (origin.shape[0], *[1] * (x.ndim - dim - 1)))
    return where(chosen, along(source, dim, (where(origin >= 0, origin, 0)).array), x)


def _sources(x: Tensor, dim: int, places: Tensor) -> Tensor:
    """For each slice of x along `dim` which of `places` names it, counted; −1 where none does."""
    with backend.current(x.array):
        xp = backend.namespace(x.array)
        origin = xp.full(x.shape[dim], -1, int64)
        origin[places.array] = xp.arange(places.shape[0])
        return Tensor(origin)


def _places(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The places in the flattened x that `index` names along `dim`."""
    with backend.current(x.array):
        xp = backend.namespace(x.array)
        steps = [math.prod(x.shape[d + 1 :]) for d in range(x.ndim)]
        along_each = list(xp.meshgrid(*map(xp.arange, index.shape), indexing="ij", sparse=True))
        along_each[dim] = index.to(int64, copy=True).array
        flat = sum(places * step for places, step in zip(along_each, steps, strict=True))
        return Tensor(xp.broadcast_to(flat, index.shape).reshape(-1))
