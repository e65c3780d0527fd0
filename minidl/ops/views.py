"""The same memory, looked at otherwise: parts of a tensor and other shapes of it, none of them a copy."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.op import alias, expand, op
from minidl.engine.require import broadcast_shapes as together
from minidl.engine.size import Size
from minidl.engine.views import can_be_seen_as
from minidl.engine.writes import owner_of
from minidl.ops.indexing import along
from minidl.ops.shape import axes, axis, permute, reshape, row_major, sizes, transpose


def size(x: Tensor, dim: int | None = None) -> Any:
    """The shape of x, or its size along one dimension."""
    if dim is None:
        return x.shape
    if not x.ndim:
        raise IndexError(f"size: dim {dim} is out of range, a 0-d tensor has no dimensions")
    return x.shape[axis(dim, x.ndim)]


def stride(x: Tensor, dim: int | None = None) -> Any:
    """How many elements of memory lie between neighbours along each dimension, or along one."""
    steps = tuple(step // x.array.itemsize for step in x.array.strides)
    return steps if dim is None else steps[axis(dim, x.ndim)]


def is_contiguous(x: Tensor) -> bool:
    """Whether the elements of x lie in memory in row-major order, without gaps."""
    return bool(x.array.flags.c_contiguous)


def data_ptr(x: Tensor) -> int:
    """The address of the first element: tensors that share memory can be told by it."""
    return x.array.data.ptr if backend.on_gpu(x.array) else x.array.ctypes.data


@named
def contiguous(input: Tensor) -> Tensor:
    """The input itself, if its elements lie in row-major order, else a copy in which they do."""
    return input if is_contiguous(input) else row_major(input)


@named
def view(input: Tensor, size: Sequence[int]) -> Tensor:
    """The input in another shape, on the same memory; one size may be -1.

    Images and signals lie channels-last in memory here, though they are channels-first by shape: what is a view of
    row-major memory, as PyTorch's are, may be a copy of theirs.

    Raises
    ------
    RuntimeError
        Where the elements of a view would have to be copied in row-major memory, too: `reshape` does that.
    """
    result = reshape(input, size)
    shares = owner_of(result.array) is owner_of(input.array)
    if not (shares or not input.array.size or can_be_seen_as(input, result.array.shape)):
        raise RuntimeError(
            f"{dims(input.shape)} with strides {stride(input)} can't be seen as {dims(result.shape)} without a copy; "
            "use reshape, or contiguous() before"
        )
    return result


@named
def narrow(input: Any, dim: int, start: int, length: int) -> Any:
    """`length` elements along `dim` from `start` on, which may count from the end.

    Raises
    ------
    IndexError
        For what reaches beyond the dimension.
    """
    i, n = axis(dim, input.ndim), (*input.shape, 0)[axis(dim, input.ndim)]
    for number in (start, length):
        if not isinstance(number, (int, np.integer)) or isinstance(number, bool):
            raise TypeError(f"start and length must be integers, got {start!r} and {length!r}")
    first = start + n if start < 0 else start
    if not input.ndim or length < 0 or not 0 <= first <= first + length <= n:
        raise IndexError(f"{length} from {start} on reach beyond dim {dim} of {dims(input.shape)}")
    return along(input, i, slice(first, first + length))


@named
def select(input: Any, dim: int, index: int) -> Any:
    """The slice at one `index` of `dim`, which it loses; IndexError where it has none there."""
    i = axis(dim, input.ndim)
    if not isinstance(index, (int, np.integer)) or isinstance(index, bool):
        raise TypeError(f"index must be an integer, got {index!r}")
    if not input.ndim or not -input.shape[i] <= index < input.shape[i]:
        raise IndexError(f"index {index} is out of range for dim {dim} of {dims(input.shape)}")
    return along(input, i, index)


@named
def unbind(input: Any, dim: int = 0) -> tuple[Any, ...]:
    """The slices along `dim`, which they lose, one by one."""
    i = axis(dim, input.ndim)
    if not input.ndim:
        raise ValueError("a 0-d tensor has no dim to take apart")
    return tuple(along(input, i, k) for k in range(input.shape[i]))


@op(views=True)
def windows(xp, x, *, dim, width, step):
    """x cut along `dim` into windows of `width`, one every `step`, which lie along the last dimension; a view."""
    shape = (*x.shape[:dim], (x.shape[dim] - width) // step + 1, *x.shape[dim + 1 :], width)
    strides = (*x.strides[:dim], x.strides[dim] * step, *x.strides[dim + 1 :], x.strides[dim])
    z = xp.lib.stride_tricks.as_strided(x, shape, strides)
    if xp is np and step < width:
        z.flags.writeable = False  # several of its elements are one
    return z


@op
def overlap(xp, x, *, dim, width, step, size):
    """Zeros of `size` with windows x added where they lie: the adjoint of `windows`."""
    z = xp.zeros(size, x.dtype)
    lines, parts = xp.moveaxis(z, dim, 0), xp.moveaxis(x, dim, 0)
    for k in range(width):
        lines[k::step][: len(parts)] += parts[..., k]
    return z


windows.vjp(x=lambda g, shape, dim, width, step: overlap(g, dim, width, step, shape))
overlap.vjp(x=lambda g, dim, width, step: windows(g, dim, width, step))


@named
def unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    """The input cut along `dimension` into windows of `size`, one every `step`, along a new last dimension; a view.

    Raises
    ------
    ValueError
        Where no window fits.
    """
    i = axis(dimension, input.ndim)
    if not input.ndim or not 0 <= size <= input.shape[i] or step < 1:
        raise ValueError(f"no windows of {size}, one every {step}, fit into dim {dimension} of {dims(input.shape)}")
    return windows(input, dim=i, width=size, step=step)


@named
def unflatten(input: Any, dim: int, sizes: Sequence[int]) -> Any:
    """The input with `dim` made several, of `sizes`, one of which may be -1: the inverse of `flatten`."""
    i, sizes = axis(dim, input.ndim), tuple(sizes)
    n = (*input.shape, 1)[i]
    known = math.prod(size for size in sizes if size != -1)
    if not input.ndim or not sizes or sizes.count(-1) > 1 or (known if -1 not in sizes else n - n % max(known, 1)) != n:
        raise ValueError(f"sizes {sizes} do not multiply to dim {dim} of {dims(input.shape)}")
    whole = tuple(n // max(known, 1) if size == -1 else size for size in sizes)
    return reshape(input, (*input.shape[:i], *whole, *input.shape[i + 1 :]))


@named
def movedim(input: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """The input with the dimensions `source` moved to `destination`; the others keep their order."""
    wanted = [axes(d, input.ndim) if d not in ((), []) else () for d in (source, destination)]
    if len(wanted[0]) != len(wanted[1]) or isinstance(source, int) != isinstance(destination, int):
        raise ValueError(f"source {source} and destination {destination} must name as many dimensions")
    order = [d for d in range(input.ndim) if d not in wanted[0]]
    for to, d in sorted(zip(wanted[1], wanted[0], strict=True)):
        order.insert(to, d)
    return permute(input, tuple(order))


@named
def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """The input with two dimensions swapped: `transpose`, by NumPy's name."""
    return transpose(input, axis0, axis1)


@named
def t(input: Any) -> Any:
    """A matrix transposed; a vector or a number as it is."""
    if input.ndim > 2:
        raise ValueError(f"only for matrices, this is {dims(input.shape)}; use transpose or permute")
    return transpose(input, 0, 1) if input.ndim == 2 else alias(input)


def mT(x: Any) -> Any:  # noqa: N802
    """Each matrix of a batch transposed: the last two dimensions swapped."""
    if x.ndim < 2:
        raise ValueError(f"mT: only for matrices and batches of them, this is {dims(x.shape)}")
    return transpose(x, -2, -1)


@named
def ravel(input: Any) -> Any:
    """The input as a vector, its elements in row-major order: a view where that is possible."""
    return reshape(input, (math.prod(input.shape),))


@named
def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """Tensors expanded to the shape that they broadcast to."""
    size = together(*[x.shape for x in tensors])
    return tuple(expand(x, size=size) for x in tensors)


@named
def broadcast_shapes(*shapes: Sequence[int] | int) -> Size:
    """The shape that tensors of these broadcast to; ValueError where they don't."""
    return Size(together(*[sizes((shape,)) for shape in shapes]))


@named
def broadcast_to(input: Any, size: Sequence[int]) -> Any:
    """The input repeated to `size`, without a copy: `expand`, by NumPy's name."""
    return expand(input, size=sizes((size,)))


def view_as(x: Tensor, other: Tensor) -> Tensor:
    """x viewed in the shape of `other`."""
    return view(x, other.shape)


def reshape_as(x: Tensor, other: Tensor) -> Tensor:
    """x in the shape of `other`."""
    return reshape(x, other.shape)


def expand_as(x: Tensor, other: Tensor) -> Tensor:
    """x expanded to the shape of `other`."""
    return expand(x, other.shape)
