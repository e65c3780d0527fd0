"""Taking, putting and adding at an index, sums in the order of their sources: the same bits each time.

CuPy's ``add.at`` adds in any order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array
from minidl.engine.op import on_cuda
from minidl.kernels.cuda.source import INDEX, countable, kernel, readable
from minidl.ops.indexing import put_along, take_along, unindex
from minidl.ops.pool import place
from minidl.ops.subscript import is_pick, located


def along(name: str, x: Array, index: Array, dim: int, size: int) -> Array:
    """Launch a kernel that puts x at `index` into `size` places along `dim`, and leaves the other dimensions alone."""
    x, index, dtype = readable(x), readable(index), x.dtype
    z = backend.cupy().empty((*x.shape[:dim], size, *x.shape[dim + 1 :]), x.dtype)
    kernel("scatter", name, x.dtype).each(z.size, x, index, z, x.shape[dim], size, math.prod(x.shape[dim + 1 :]))
    return z.astype(dtype, copy=False)


@on_cuda(take_along)
def take_along_cuda(x, index, *, dim):
    """`take_along` in one launch, or two where x is larger than the index in another dimension."""
    other = (*index.shape[:dim], x.shape[dim], *index.shape[dim + 1 :])
    inside = x[tuple(map(slice, other))]
    if inside.shape != other or not countable(inside.size, index.size):
        return take_along.op.forward(backend.cupy(), x, index, dim=dim)
    inside = readable(inside)
    z, after = backend.cupy().empty(index.shape, inside.dtype), math.prod(index.shape[dim + 1 :])
    options = index.shape[dim], x.shape[dim], after
    kernel("scatter", "take_along", z.dtype).each(z.size, inside, readable(index), z, *options)
    return z.astype(x.dtype, copy=False)


@on_cuda(put_along)
def put_along_cuda(x, index, *, dim, size):
    """`put_along` in one launch, or three where `size` is larger than the index in another dimension.

    Each index is read size[dim] times.
    """
    inner = (*index.shape[:dim], size[dim], *index.shape[dim + 1 :])
    fits = x.shape == index.shape and all(n <= m for n, m in zip(inner, size, strict=True))
    if not (fits and countable(x.size, math.prod(size))):
        return put_along.op.forward(backend.cupy(), x, index, dim=dim, size=size)
    z = along("add_along", x, index, dim, size[dim])
    if inner != tuple(size):
        inside, z = z, backend.cupy().zeros(size, x.dtype)
        z[tuple(map(slice, inner))] = inside
    return z


@on_cuda(place)
def place_cuda(x, index, *, size):
    """`place` in one launch. Each index is read up to `size` times."""
    if x.shape != index.shape or not countable(x.size, math.prod(x.shape[:2]) * size):
        return place.op.forward(backend.cupy(), x, index, size=size)
    return along("set_along", x, index, 2, size)


@on_cuda(unindex)
def unindex_cuda(x, *, index, size):
    """`unindex` of integer arrays in two launches: one finds which sources share a place, the other adds them.

    The first reads up to n² places for an index that names n, and so many if no two are the same.
    """
    xp = backend.cupy()
    picks = [part for part in index if is_pick(part)]
    masks = any(isinstance(part, bool) or part.dtype == np.bool_ for part in picks)
    if not picks or masks or not countable(x.size, math.prod(size)):
        return unindex.op.forward(xp, x, index=index, size=size)
    lead, depth, places = places_of(index, size)
    if x.shape != (*size[:lead], *places.shape, *size[lead + depth :]):
        return unindex.op.forward(xp, x, index=index, size=size)
    after, n = math.prod(size[lead + depth :]), math.prod(size[lead : lead + depth])
    x, places, dtype = readable(x), readable(places), x.dtype
    start, following = xp.empty((2, places.size), np.int32)
    kernel("scatter", "link", INDEX).each(places.size, places, start, following, n)
    z = xp.zeros(size, x.dtype)
    kernel("scatter", "add_linked", x.dtype).each(x.size, x, start, following, z, places.size, n, after)
    return z.astype(dtype, copy=False)


def places_of(parts: tuple[Any, ...], size: tuple[int, ...]) -> tuple[int, int, Array]:
    """What an index with integer arrays does: how many dimensions it leaves alone first, and then the places, counted
    through, that it names in so many others; what follows is left alone again.
    """
    xp = backend.cupy()
    named = sum(part is not None and part is not ... for part in parts)
    dots = next((i for i, part in enumerate(parts) if part is ...), len(parts))
    parts = (*parts[:dots], *(slice(None),) * (len(size) - named), *parts[dots + 1 :])
    whole = [isinstance(part, slice) and part == slice(None) for part in parts]
    last = max(i for i, alone in enumerate(whole) if not alone)
    if all(whole[:last]) and parts[last].ndim == 1:
        return last, 1, xp.asarray(parts[last])
    depth = sum(part is not None for part in parts[: last + 1])
    counted = xp.arange(math.prod(size[:depth])).reshape(size[:depth])
    view, picks = located(counted, parts[: last + 1])
    return 0, depth, view[picks]
