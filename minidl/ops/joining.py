"""Padding, joining and splitting."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from minidl.backend import dims
from minidl.engine.composed import named
from minidl.engine.op import op
from minidl.engine.require import require_arrays
from minidl.ops.indexing import along
from minidl.ops.shape import axis, reshape, unsqueeze


@named
def split(tensor: Any, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    """Consecutive pieces along `dim`, as views: all of one size but the last, which may be smaller, or of given sizes.

    Raises
    ------
    ValueError
        For sizes that do not add up to the dimension's.
    """
    require_arrays("split", tensor)
    given, n = split_size_or_sections, (*tensor.shape, 0)[axis(dim, tensor.ndim)]
    if isinstance(given, (int, np.integer)) and given >= 0:
        given = [min(given, n - start) for start in range(0, n, max(given, 1))] or [0]
    if not isinstance(given, (tuple, list)) or not tensor.ndim or min(given, default=0) < 0 or sum(given) != n:
        raise ValueError(f"{split_size_or_sections} does not divide dim {dim} of {dims(tensor.shape)}")
    i = axis(dim, tensor.ndim)
    return tuple(along(tensor, i, slice(end - k, end)) for k, end in zip(given, accumulate(given), strict=True))


@named
def chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """At most so many pieces along `dim`, of one size but the last, which may be smaller: views.

    Raises
    ------
    ValueError
        For less than one.
    """
    require_arrays("chunk", input)
    if not isinstance(chunks, (int, np.integer)) or chunks < 1:
        raise ValueError(f"chunks must be a positive integer, got {chunks!r}")
    n = (*input.shape, 0)[axis(dim, input.ndim)]
    return split(input, -(-n // chunks) if n else [0] * chunks, dim)


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
    if min([n + min(a, 0) + min(b, 0) for n, a, b in zip(x.shape, before, after, strict=True)], default=0) < 0:
        raise ValueError(f"pad: {widths} crops more than there is of {dims(x.shape)}")
    z = xp.empty_like(x, shape=size)  # channels last, if x is
    z[...] = value
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
    return along(g, dim, slice(start, start + shapes[i][dim]))


concatenate.vjp(xs=_piece)


def require_sequence(tensors: Any) -> None:
    """Raise TypeError unless it is a tuple or a list: a tensor would be taken apart."""
    if not isinstance(tensors, (tuple, list)):
        raise TypeError(f"expected a sequence of tensors, got {type(tensors).__name__}")


@named
def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors joined along an existing dimension, in which alone their sizes may differ; empty vectors fit anywhere."""
    require_sequence(tensors)
    require_arrays("cat", *tensors)
    if not tensors or not all(t.ndim for t in tensors):
        raise ValueError(f"expected tensors with dimensions, got {[dims(t.shape) for t in tensors]}")
    first = next((t for t in tensors if t.shape != (0,)), tensors[0])
    i = axis(dim, first.ndim)
    nothing = (*first.shape[:i], 0, *first.shape[i + 1 :])
    tensors = [reshape(t, nothing) if t.shape == (0,) else t for t in tensors]
    for t in tensors:
        if t.shape[:i] + t.shape[i + 1 :] != first.shape[:i] + first.shape[i + 1 :] or t.ndim != first.ndim:
            raise ValueError(f"{dims(first.shape)} and {dims(t.shape)} differ in more than dimension {i}")
    return concatenate(*tensors, dim=i)


@named
def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    """Tensors of one shape joined along a new dimension."""
    require_sequence(tensors)
    require_arrays("stack", *tensors)
    shapes = dict.fromkeys(dims(t.shape) for t in tensors)
    if len(shapes) != 1:
        raise ValueError(f"expected tensors of one shape, got {' and '.join(shapes) or 'none'}")
    i = axis(dim, tensors[0].ndim + 1)
    return cat([unsqueeze(t, i) for t in tensors], i)


@named
def hstack(tensors: Sequence[Any]) -> Any:
    """Tensors joined side by side: along dimension 1, vectors and numbers along 0."""
    require_sequence(tensors)
    require_arrays("hstack", *tensors)
    rows = [reshape(t, t.shape or (1,)) for t in tensors]
    return cat(rows, 0 if rows and rows[0].ndim == 1 else 1)


@named
def vstack(tensors: Sequence[Any]) -> Any:
    """Tensors joined one below the other: along dimension 0, vectors and numbers as rows."""
    require_sequence(tensors)
    require_arrays("vstack", *tensors)
    return cat([reshape(t, (1,) * (2 - t.ndim) + t.shape) for t in tensors], 0)


@named
def dstack(tensors: Sequence[Any]) -> Any:
    """Tensors joined one behind the other: along dimension 2; matrices as (N, M, 1), vectors as (1, N, 1)."""
    require_sequence(tensors)
    require_arrays("dstack", *tensors)
    deep = [t if t.ndim > 2 else unsqueeze(reshape(t, (1,) * (2 - t.ndim) + t.shape), 2) for t in tensors]
    return cat(deep, 2)
