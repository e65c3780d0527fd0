"""Taking elements at places, and putting them there: each is the derivative of the other."""

import math
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims, transfer
from minidl.backend.dtypes import float32, int32, int64, wide
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.op import op
from minidl.engine.require import require_arrays, same_device, same_dtype
from minidl.ops.shape import axis, reshape
from minidl.ops.subscript import is_mask, located, raw_index, require_places, within


@op(views=True)
def getitem(xp, x, *, index):
    """x[index], for a `raw_index`: integers, slices and None give views, arrays of integers or bools copies."""
    try:
        view, picks = located(x, index)
        if xp is np and len(picks) == 1 and view.flags.c_contiguous and _counts(picks[0]):
            return np.asarray(view.take(picks[0], 0))  # five times as fast as brackets
        return xp.asarray(view[picks]) if picks else view
    except IndexError as error:
        require_places("getitem", x.shape, index)
        said = str(error).replace("numpy.newaxis (`None`)", "None").replace("axis", "dim").replace("array", "tensor")
        raise IndexError(f"{said}; the tensor is {dims(x.shape)}") from None


def _counts(pick: Any) -> bool:
    """Whether a part of an index is an array of integers."""
    return backend.is_array(pick) and not is_mask(pick)


@op
def unindex(xp, x, *, index, size):
    """Zeros of `size` with x added at `index`: the adjoint of `getitem`."""
    z = xp.zeros(size, wide(x.dtype))
    view, picks = located(z, index)
    whole = all([isinstance(part, slice) and part == slice(None) for part in picks[:-1]])
    if not any(map(_counts, picks)):
        view[picks] = x  # no place is named twice
    elif xp is np and x.size and whole and picks[-1].ndim == 1:
        view[...] = _added(x, picks[-1], view.shape, len(picks) - 1)
    else:
        xp.add.at(view, picks, x.astype(z.dtype, copy=False))
    return z.astype(x.dtype, copy=False)


def _added(x, index, size, dim):
    """Zeros of `size` with the slices of x along `dim` added at `index`: a sparse matrix times x."""
    from scipy.sparse import csr_matrix  # of which `import minidl` would notice the milliseconds

    rows, k = np.moveaxis(x.astype(np.result_type(x, float32), copy=False), dim, 0), len(index)
    ones = (np.ones(k, rows.dtype), (index % size[dim], np.arange(k)))
    z = csr_matrix(ones, (size[dim], k)) @ rows.reshape(k, x.size // k)
    return np.moveaxis(z.reshape(size[dim], *rows.shape[1:]), 0, dim)


getitem.vjp(x=lambda g, shape, index: unindex(g, index, shape))
unindex.vjp(x=lambda g, index: getitem(g, index))


def subscripted(x: Any, index: Any) -> Any:
    """x[index], for all that `raw_index` takes."""
    return getitem(x, within("getitem", x, raw_index(index)))


def along(x: Any, dim: int, index: Any) -> Any:
    """What `index`, one slice or array, takes along one dimension."""
    return getitem(x, (slice(None),) * dim + (index,))


@op
def take_along(xp, x, index, *, dim):
    """The elements of x that the integer array `index`, of as many dimensions, names along `dim`."""
    return x[_places(xp, index, dim)]


@op
def put_along(xp, x, index, *, dim, size):
    """Zeros of `size` with x added at `index` along `dim`: the adjoint of `take_along`."""
    z = xp.zeros(math.prod(size), wide(x.dtype))
    if x.size:
        places = tuple(xp.broadcast_arrays(*_places(xp, index, dim)))
        places = xp.ravel_multi_index(places, size, "wrap").ravel()  # "raise" would wait for a GPU
        xp.add.at(z, places, x.ravel().astype(z.dtype, copy=False))
    return z.astype(x.dtype, copy=False).reshape(size)


def _places(xp, index, dim):
    places = list(xp.meshgrid(*map(xp.arange, index.shape), indexing="ij", sparse=True))
    return (*places[:dim], index, *places[dim + 1 :])


take_along.vjp(x=lambda g, index, dim, shape: put_along(g, index, dim, shape))
put_along.vjp(x=lambda g, index, dim: take_along(g, index, dim))


@named
def gather(input: Any, dim: int, index: Any) -> Any:
    """z[i][j][k] = input[index[i][j][k]][j][k] for dim 0, and so on: of the shape of `index`.

    Raises
    ------
    ValueError, TypeError, IndexError
        Unless `index` is of integers in range, of as many dimensions as the input, and no larger in any other.
    """
    x, at, i = indexed("gather", input, dim, index)
    _check_room(at.shape, x.shape, i)
    return reshape(take_along(x, at, dim=i), index.shape)


@named
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """The input with src[i][j][k] added at [index[i][j][k]][j][k] for dim 0, and so on: the adjoint of `gather`.

    Raises
    ------
    ValueError, TypeError, IndexError
        As `gather`; and if `src` is smaller than `index`, or of another dtype than the input.
    """
    x, at, i = indexed("scatter_add", input, dim, index)
    require_arrays("scatter_add", src)
    same_device("scatter_add", input, src)
    same_dtype("scatter_add", input, src)
    source = reshape(src, src.shape or (1,))
    _check_room(at.shape, x.shape, i)
    _check_room(at.shape, source.shape, None)
    added = put_along(getitem(source, tuple(map(slice, at.shape))), at, dim=i, size=x.shape)
    return input + reshape(added, input.shape)


@named
def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices of the input along `dim` that an integer vector `index` names.

    Raises
    ------
    ValueError, TypeError, IndexError
        Unless `index` is a vector of integers in range.
    """
    x, at, i = indexed("index_select", input, dim, index)
    if at.ndim != 1:
        raise ValueError(f"index must be a vector, got {dims(at.shape)}")
    return reshape(along(x, i, *raw_index(at)), input.shape and (*x.shape[:i], at.shape[0], *x.shape[i + 1 :]))


def indexed(name: str, input: Any, dim: int, index: Any) -> tuple[Any, Any, int]:
    """Input and index with at least one dimension, and the dimension that is indexed; the index is checked."""
    require_arrays(name, input, index)
    same_device(name, input, index)
    i, x, at = axis(dim, input.ndim), reshape(input, input.shape or (1,)), reshape(index, index.shape or (1,))
    if index.dtype not in (int64, int32):
        raise TypeError(f"index must be of int64 or int32, got {index.dtype}; convert with .to(md.int64)")
    shape = dims(input.shape)
    transfer.require_range(
        index.array if isinstance(index, Tensor) else index,
        0,
        x.shape[i] - 1,
        lambda low, high: IndexError(f"{name}: index from {low} to {high} is out of range for dim {dim} of {shape}"),
    )
    return x, at, i


def _check_room(inner: tuple[int, ...], outer: tuple[int, ...], free: int | None) -> None:
    """Refuse an index that is larger than what it indexes, but along the `free` dimension."""
    if len(inner) != len(outer) or any(n > m for j, (n, m) in enumerate(zip(inner, outer, strict=True)) if j != free):
        raise ValueError(f"index {dims(inner)} is larger than {dims(outer)}, or has other dimensions")
