"""Reshaping, indexing, padding, joining."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minidl.ops.indexing import getitem
from minidl.ops.shape import permute
from specs.drawing import SPECS, Case, Spec, normal, shapes


def _reshape(draw, rng):
    shape = shapes(draw)
    size = tuple(draw(st.permutations(shape)))
    if size and 0 not in size and draw(st.booleans()):  # with a 0, -1 could be anything
        at = draw(st.integers(0, len(size) - 1))
        size = size[:at] + (-1,) + size[at + 1 :]
    return Case([normal(rng, *shape)], dict(size=size))


def _permute(draw, rng):
    shape = shapes(draw)
    order = tuple(d - len(shape) * draw(st.booleans()) for d in draw(st.permutations(range(len(shape)))))
    return Case([normal(rng, *shape)], dict(order=order))


def _flip(draw, rng):
    shape = shapes(draw, least=1)
    dims = draw(st.lists(st.integers(0, len(shape) - 1), unique=True))
    return Case([normal(rng, *shape)], dict(dims=tuple(d - len(shape) * draw(st.booleans()) for d in dims)))


def _flip_oracle(x, dims):
    z = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        z[tuple(x.shape[d] - 1 - i if d in dims or d - x.ndim in dims else i for d, i in enumerate(place))] = x[place]
    return z


def _sum_to(draw, rng):
    small, big = _broadcast(draw)
    return Case([normal(rng, *big)], dict(size=small))


def _expand(draw, rng):
    small, big = _broadcast(draw)
    return Case([normal(rng, *small)], dict(size=big))


def _broadcast(draw):
    small = shapes(draw)
    big = tuple(n if n != 1 else draw(st.integers(1, 3)) for n in small)
    return small, tuple(draw(st.lists(st.integers(1, 3), max_size=2))) + big


def _sum_to_oracle(x, size):
    total = np.zeros(size)
    lead = x.ndim - len(size)
    for place in np.ndindex(x.shape):
        total[tuple(i if n > 1 else 0 for i, n in zip(place[lead:], size, strict=True))] += x[place]
    return total


def _diagonal(draw, rng):
    shape = shapes(draw, least=2)
    dims = draw(st.permutations(range(len(shape))))[:2]
    dim1, dim2 = (d - len(shape) * draw(st.booleans()) for d in dims)
    return Case([normal(rng, *shape)], dict(offset=draw(st.integers(-2, 2)), dim1=dim1, dim2=dim2))


def _diagonal_oracle(x, offset, dim1, dim2):
    x = np.moveaxis(x, (dim1, dim2), (-2, -1))
    places = [(i, i + offset) for i in range(x.shape[-2]) if 0 <= i + offset < x.shape[-1]]
    return np.stack([x[..., i, j] for i, j in places], -1) if places else np.zeros((*x.shape[:-2], 0))


def _on_diagonal(draw, rng):
    case = _diagonal(draw, rng)
    size = case.arrays[0].shape
    return Case([normal(rng, *_diagonal_oracle(np.zeros(size), **case.options).shape)], case.options | dict(size=size))


def _on_diagonal_oracle(x, size, offset, **dims):
    z = np.zeros(size)
    view = np.moveaxis(z, tuple(dims.values()), (-2, -1))
    for k in range(x.shape[-1]):
        view[..., k + max(-offset, 0), k + max(offset, 0)] = x[..., k]
    return z


def _windows(draw, rng):
    shape = shapes(draw, least=1)
    dim = draw(st.integers(0, len(shape) - 1))
    return Case(
        [normal(rng, *shape)], dict(dim=dim, width=draw(st.integers(0, shape[dim])), step=draw(st.integers(1, 3)))
    )


def _windows_oracle(x, dim, width, step):
    starts = range(0, x.shape[dim] - width + 1, step)
    return np.stack([np.moveaxis(np.take(x, range(k, k + width), dim), dim, -1) for k in starts], dim)


def _overlap(draw, rng):
    case = _windows(draw, rng)
    size = case.arrays[0].shape
    return Case([normal(rng, *_windows_oracle(np.zeros(size), **case.options).shape)], case.options | dict(size=size))


def _overlap_oracle(x, dim, width, step, size):
    z = np.zeros(size)
    for place in np.ndindex(x.shape):
        z[(*place[:dim], place[dim] * step + place[-1], *place[dim + 1 : -1])] += x[place]
    return z


SPECS["windows"] = Spec(_windows, _windows_oracle)
SPECS["overlap"] = Spec(_overlap, _overlap_oracle)
SPECS["diagonal"] = Spec(_diagonal, _diagonal_oracle)
SPECS["on_diagonal"] = Spec(_on_diagonal, _on_diagonal_oracle)
SPECS["reshape"] = Spec(_reshape, lambda x, size: np.array(list(x.flat)).reshape(size))
SPECS["permute"] = Spec(_permute, lambda x, order: np.einsum(x, list(range(x.ndim)), [o % x.ndim for o in order]))
SPECS["flip"] = Spec(_flip, _flip_oracle)
SPECS["sum_to"] = Spec(_sum_to, _sum_to_oracle)
SPECS["expand"] = Spec(_expand, lambda x, size: x + np.zeros(size))


def _index(draw, rng, shape):
    """Basic, integer or boolean; integers may name a place twice."""
    by_number = [] if 0 in shape[:2] else ["integers", "mixed", "repeated"] + ["apart"] * (len(shape) > 2)
    kind = draw(st.sampled_from(["basic", "mask", *by_number]))
    if kind == "repeated":
        return (np.array([0, 0]),)
    if kind == "basic":
        index = draw(hnp.basic_indices(shape, min_dims=0, max_dims=4, allow_newaxis=True, allow_ellipsis=True))
        return index if isinstance(index, tuple) else (index,)
    if kind == "mask":
        return (rng.random(shape[: draw(st.integers(1, len(shape)))]) < 0.5,)
    if kind == "apart":
        return 0, slice(None), rng.integers(-shape[2], shape[2], draw(st.integers(1, 4))) if shape[2] else slice(0)
    rows = rng.integers(-shape[0], shape[0], draw(st.integers(1, 4)))
    return (
        (rows,) if kind == "integers" or len(shape) < 2 else (slice(None, None, 2), rng.integers(0, shape[1], (2, 2)))
    )


def _named(values, index):
    """What an index names: an integer first, as PyTorch has it, and then the others."""
    return values[index[0]][index[1:]] if len(index) > 1 and isinstance(index[0], int) else values[index]


def _getitem(draw, rng):
    shape = shapes(draw, least=1)
    return Case([normal(rng, *shape)], dict(index=_index(draw, rng, shape)))


def _unindex(draw, rng):
    shape = shapes(draw, least=1)
    index = _index(draw, rng, shape)
    return Case([normal(rng, *_named(np.zeros(shape), index).shape)], dict(index=index, size=shape))


def _unindex_oracle(x, index, size):
    places = _named(np.arange(int(np.prod(size))).reshape(size), index)
    return np.bincount(places.ravel(), x.ravel(), int(np.prod(size))).reshape(size)


def _take_along(draw, rng):
    shape = shapes(draw, least=1)
    dim = draw(st.integers(0, len(shape) - 1))
    size = tuple(draw(st.integers(min(n, 1), 3 if n and d == dim else n)) for d, n in enumerate(shape))
    return Case([normal(rng, *shape), rng.integers(0, max(shape[dim], 1), size)], dict(dim=dim))


def _put_along(draw, rng):
    case = _take_along(draw, rng)
    x, index = case.arrays
    return Case([normal(rng, *index.shape), index], case.options | dict(size=x.shape))


def _places(index, dim):
    for place in np.ndindex(index.shape):
        yield place, place[:dim] + (index[place],) + place[dim + 1 :]


def _take_along_oracle(x, index, dim):
    z = np.zeros(index.shape)
    for to, source in _places(index, dim):
        z[to] = x[source]
    return z


def _put_along_oracle(x, index, dim, size):
    z = np.zeros(size)
    for source, to in _places(index, dim):
        z[to] += x[source]
    return z


SPECS["getitem"] = Spec(_getitem, lambda x, index: x.ravel()[_named(np.arange(x.size).reshape(x.shape), index)])
SPECS["unindex"] = Spec(_unindex, _unindex_oracle)
SPECS["take_along"] = Spec(_take_along, _take_along_oracle)
SPECS["put_along"] = Spec(_put_along, _put_along_oracle)


def _put(draw, rng):
    """Into a part, of the array itself or of a view of it, and never twice into the same place."""
    shape = shapes(draw, least=1)
    steps, view = (), np.zeros(shape)
    if draw(st.booleans()):
        order = tuple(draw(st.permutations(range(len(shape)))))
        half = (slice(None, None, draw(st.sampled_from([-1, 2]))),)
        steps = ((permute, dict(order=order)), (getitem, dict(index=half)))
        view = view.transpose(order)[half]
    index = _index(draw, rng, view.shape) if view.ndim else ...
    index = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, np.ndarray) and part.dtype != bool for part in index):
        index = (...,)
    target = view[index].shape
    value = tuple(n if draw(st.booleans()) else 1 for n in target)[draw(st.integers(0, len(target))) :]
    return Case([normal(rng, *shape), normal(rng, *value)], dict(steps=steps, index=index))


def _put_oracle(x, value, steps, index):
    places = np.arange(x.size).reshape(x.shape)
    for _, options in steps:
        places = places.transpose(options["order"]) if "order" in options else places[options["index"]]
    places = places[index]
    z = list(x.flat)
    for place, v in zip(places.flat, np.broadcast_to(value, places.shape).flat, strict=True):
        z[place] = v
    return np.array(z).reshape(x.shape)


SPECS["put"] = Spec(_put, _put_oracle)
SPECS["clear"] = Spec(
    lambda draw, rng: replace(case := _put(draw, rng), arrays=case.arrays[:1]),
    lambda x, steps, index: _put_oracle(x, np.zeros(()), steps, index),
)


def _pad(draw, rng):
    shape = shapes(draw, least=1, smallest=draw(st.sampled_from([1, 3])))
    widths = draw(
        st.lists(st.integers(-(min(shape) >= 2), 2), min_size=2, max_size=2 * len(shape)).filter(
            lambda w: len(w) % 2 == 0
        )
    )
    return Case([normal(rng, *shape)], dict(widths=tuple(widths), value=draw(st.sampled_from([0.0, 1.5]))))


def _pad_oracle(x, widths, value):
    for axis, (before, after) in zip(
        range(x.ndim - 1, -1, -1), zip(widths[::2], widths[1::2], strict=True), strict=False
    ):
        x = np.pad(
            x, [(max(before, 0), max(after, 0)) if a == axis else (0, 0) for a in range(x.ndim)], constant_values=value
        )
        x = np.take(x, range(max(-before, 0), x.shape[axis] - max(-after, 0)), axis)
    return x


def _concatenate(draw, rng):
    shape = shapes(draw, least=1)
    dim = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    return Case([normal(rng, *shape[:dim], n, *shape[dim + 1 :]) for n in sizes], dict(dim=dim))


SPECS["pad"] = Spec(_pad, _pad_oracle)
SPECS["concatenate"] = Spec(
    _concatenate, lambda *xs, dim: np.moveaxis(np.array([row for x in xs for row in np.moveaxis(x, dim, 0)]).reshape(
        sum(x.shape[dim] for x in xs), *np.moveaxis(xs[0], dim, 0).shape[1:]), 0, dim)
)  # fmt: skip
