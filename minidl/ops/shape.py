"""Moving elements without changing them: reshaping, permuting, indexing, padding, joining.

Each comes with its adjoint, which is again one of them: the derivative of taking is putting.
"""

import math
import operator
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from minidl import backend, transfer
from minidl.backend import dims
from minidl.core import Tensor
from minidl.dtypes import float32
from minidl.op import expand, named, op, require_arrays, same_device, same_dtype


def axes(dim: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """The dimensions that `dim` names, counted from 0; None, or an empty sequence, is all of them.

    Raises
    ------
    IndexError
        For a dimension that is out of range.
    ValueError
        For one that is named twice.
    """
    if hasattr(dim, "shape"):
        raise TypeError(f"dim must be an integer or a tuple of them, got {type(dim).__name__}")
    if dim is None or dim in ((), []):
        return tuple(range(ndim))
    named = tuple(dim) if isinstance(dim, (tuple, list)) else (dim,)
    if not all(isinstance(d, (int, np.integer)) and not isinstance(d, bool) for d in named):
        raise TypeError(f"dim must be an integer or a tuple of them, got {dim!r}")
    limit = max(ndim, 1)  # a 0-d tensor may be reduced over dim 0 or -1
    for d in named:
        if not -limit <= d < limit:
            raise IndexError(f"dim {d} is out of range for {ndim} dimensions")
    counted = tuple(int(d) % limit for d in named)
    if len(set(counted)) < len(counted):
        raise ValueError(f"dim {dim} names a dimension twice")
    return counted if ndim else ()


def axis(dim: int, ndim: int) -> int:
    """The one dimension that `dim` names, counted from 0; 0 for a 0-d tensor. TypeError unless it is an integer."""
    if not isinstance(dim, (int, np.integer)) or isinstance(dim, bool):
        raise TypeError(f"expected one dim, an integer, got {dim!r}")
    return (*axes(dim, ndim), 0)[0]


def sizes(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes given one by one or as one sequence: ``(2, 3)`` and ``((2, 3),)``."""
    given = shape[0] if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)) else shape
    return tuple(operator.index(n) for n in given)


@op
def reshape(xp, x, *, size):
    """x in another shape, elements in row-major order; one size may be -1. A view where that is possible."""
    if not isinstance(size, (tuple, list)):
        raise TypeError(f"reshape: expected a sequence of sizes, got {size!r}")
    known = math.prod(n for n in size if n != -1)
    wanted = tuple(x.size // known if n == -1 and known else n for n in size)
    if size.count(-1) > 1 or min(wanted, default=0) < 0 or math.prod(wanted) != x.size:
        raise ValueError(f"reshape: {dims(x.shape)} has {x.size} elements and does not fit {size}")
    return x.reshape(wanted)


@op
def permute(xp, x, *, order):
    """x with its dimensions in another order; a view."""
    if not isinstance(order, (tuple, list)) or len(order) != x.ndim:
        raise ValueError(f"permute: {order} does not name each dimension of {dims(x.shape)} once")
    return x.transpose(axes(order, x.ndim))


@op
def flip(xp, x, *, dims):
    """x with its elements in reverse order along `dims`; a copy."""
    if dims is None:
        raise TypeError("flip: expected dims, an integer or a tuple of them, got None")
    return xp.flip(x, axes(dims, x.ndim) if dims not in ((), []) else ()).copy()


reshape.vjp(x=lambda g, shape: reshape(g, shape))
permute.vjp(x=lambda g, shape, order: permute(g, tuple(np.argsort(axes(order, len(shape))).tolist())))
flip.vjp(x=lambda g, dims: flip(g, dims))


@named
def transpose(input: Any, dim0: int, dim1: int) -> Any:
    """x with two dimensions swapped; a view."""
    i, j = axis(dim0, input.ndim), axis(dim1, input.ndim)
    order = list(range(input.ndim))
    if order:
        order[i], order[j] = j, i
    return permute(input, tuple(order))


@named
def flatten(input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """x with the dimensions from `start_dim` to `end_dim`, inclusive, made one."""
    i, j = axis(start_dim, input.ndim), axis(end_dim, input.ndim)
    if i > j:
        raise ValueError(f"start_dim {start_dim} comes after end_dim {end_dim}")
    return reshape(input, (*input.shape[:i], math.prod(input.shape[i : j + 1]), *input.shape[j + 1 :]))


@named
def unsqueeze(input: Any, dim: int) -> Any:
    """x with a new dimension of size 1 at `dim`."""
    i = axis(dim, input.ndim + 1)
    return reshape(input, (*input.shape[:i], 1, *input.shape[i:]))


@named
def squeeze(input: Any, dim: int | Sequence[int] | None = None) -> Any:
    """x without its dimensions of size 1, or without those among `dim`."""
    named = axes(dim, input.ndim) if dim not in ((), []) else ()
    return reshape(input, tuple(n for i, n in enumerate(input.shape) if n != 1 or i not in named))


@named
def tile(input: Any, dims: Sequence[int]) -> Any:
    """x repeated so often along each dimension; `dims` and the shape are aligned at the last one."""
    times = (1,) * (input.ndim - len(dims)) + tuple(dims)
    shape = (1,) * (len(times) - input.ndim) + input.shape
    if min(times, default=0) < 0:
        raise ValueError(f"dims must not be negative, got {tuple(dims)}")
    spread = expand(reshape(input, [m for n in shape for m in (1, n)]), [m for pair in zip(times, shape) for m in pair])  # noqa: B905
    return reshape(spread, [t * n for t, n in zip(times, shape, strict=True)])


# --- indexing ---------------------------------------------------------------------------------------------------------


def raw_index(index: Any) -> Any:
    """An index with its tensors and sequences as arrays, which are copies: a node may keep them."""
    if isinstance(index, tuple):
        return tuple(raw_index(list(i) if isinstance(i, tuple) else i) for i in index)
    if isinstance(index, (list, range)):
        return np.asarray(index, dtype=None if len(index) else np.int64)
    index = index.data if isinstance(index, Tensor) else index
    with backend.current(index):
        return index.copy() if backend.is_array(index) else index


def within(name: str, x: Tensor, index: Any) -> Any:
    """An index, whose integer arrays must name places of x. NumPy refuses others itself; CuPy takes them modulo size.

    Raises
    ------
    IndexError
        On a GPU, and there when a value is fetched the next time.
    """
    if not backend.on_gpu(x.data):
        return index
    parts = index if isinstance(index, tuple) else (index,)
    spans = [_span(part) for part in parts]
    dim, shape = 0, x.shape
    for part, span in zip(parts, spans, strict=True):
        if part is ...:
            dim += len(shape) - sum(spans)
        elif backend.is_array(part) and part.dtype.kind in "iu" and dim < len(shape):
            _require_places(name, part, dim, shape)
        dim += span
    return index


def _span(part):
    """How many dimensions a part of an index stands for."""
    if part is None or part is ... or isinstance(part, (bool, np.bool_)):
        return 0
    return part.ndim if backend.is_array(part) and part.dtype == np.bool_ else 1


def _require_places(name, index, dim, shape):
    n = shape[dim]
    transfer.require_range(
        index,
        -n,
        n - 1,
        lambda low, high: IndexError(
            f"{name}: index from {low} to {high} is out of range for dim {dim} of {dims(shape)}"
        ),
    )


@op
def getitem(xp, x, *, index):
    """x[index]: integers, slices, None, ``...``, and integer or boolean arrays, as in NumPy. Slices are views."""
    parts = index if isinstance(index, tuple) else (index,)
    if not any(part is ... for part in parts):
        index = (*parts, ...)  # so that a single element is a view, too
    try:
        return x[index]
    except IndexError as error:
        said = str(error).replace("numpy.newaxis (`None`)", "None").replace("axis", "dim").replace("array", "tensor")
        raise IndexError(f"{said}; the tensor is {dims(x.shape)}") from None


@op
def unindex(xp, x, *, index, size):
    """Zeros of `size` with x added at `index`: the adjoint of `getitem`."""
    z = xp.zeros(size, x.dtype)
    parts = index if isinstance(index, tuple) else (index,)
    picks = [backend.is_array(part) and part.dtype.kind != "b" for part in parts]  # may name a place more than once
    whole = all(isinstance(part, slice) and part == slice(None) for part in parts[:-1])
    if xp is np and x.size and whole and picks[-1:] == [True] and parts[-1].ndim == 1:
        return _added(x, parts[-1], size, len(parts) - 1)
    if any(picks):
        xp.add.at(z, index, x)
    else:
        z[index] = x
    return z


def _added(x, index, size, dim):
    """Zeros of `size` with the slices of x along `dim` added at `index`: a sparse matrix times x."""
    from scipy.sparse import csr_matrix  # of which `import minidl` would notice the milliseconds

    rows, k = np.moveaxis(x.astype(np.result_type(x, float32), copy=False), dim, 0), len(index)
    ones = (np.ones(k, rows.dtype), (index % size[dim], np.arange(k)))
    z = csr_matrix(ones, (size[dim], k)) @ rows.reshape(k, x.size // k)
    return np.moveaxis(z.astype(x.dtype, copy=False).reshape(size[dim], *rows.shape[1:]), 0, dim)


getitem.vjp(x=lambda g, shape, index: unindex(g, index, shape))
unindex.vjp(x=lambda g, index: getitem(g, index))


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
    z = xp.zeros(math.prod(size), x.dtype)
    if x.size:
        places = tuple(xp.broadcast_arrays(*_places(xp, index, dim)))
        xp.add.at(z, xp.ravel_multi_index(places, size, "wrap").ravel(), x.ravel())  # "raise" would wait for a GPU
    return z.reshape(size)


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
    return reshape(along(x, i, raw_index(at)), input.shape and (*x.shape[:i], at.shape[0], *x.shape[i + 1 :]))


def indexed(name: str, input: Any, dim: int, index: Any) -> tuple[Any, Any, int]:
    """Input and index with at least one dimension, and the dimension that is indexed; the index is checked."""
    require_arrays(name, input, index)
    same_device(name, input, index)
    i, x, at = axis(dim, input.ndim), reshape(input, input.shape or (1,)), reshape(index, index.shape or (1,))
    if index.dtype.kind not in "iu":
        raise TypeError(f"index must be of integers, got {index.dtype}")
    shape = dims(input.shape)
    transfer.require_range(
        index.data if isinstance(index, Tensor) else index,
        0,
        x.shape[i] - 1,
        lambda low, high: IndexError(f"{name}: index from {low} to {high} is out of range for dim {dim} of {shape}"),
    )
    return x, at, i


def _check_room(inner: tuple[int, ...], outer: tuple[int, ...], free: int | None) -> None:
    """Refuse an index that is larger than what it indexes, but along the `free` dimension."""
    if len(inner) != len(outer) or any(n > m for j, (n, m) in enumerate(zip(inner, outer, strict=True)) if j != free):
        raise ValueError(f"index {dims(inner)} is larger than {dims(outer)}, or has other dimensions")


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


# --- padding and joining ----------------------------------------------------------------------------------------------


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
    if min(size, default=0) < 0:
        raise ValueError(f"pad: {widths} crops more than there is of {dims(x.shape)}")
    z = xp.full(size, value, x.dtype)
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
    shapes = {t.shape for t in tensors}
    if len(shapes) != 1:
        raise ValueError(f"expected tensors of one shape, got shapes {sorted(shapes)}")
    i = axis(dim, tensors[0].ndim + 1)
    return cat([unsqueeze(t, i) for t in tensors], i)
