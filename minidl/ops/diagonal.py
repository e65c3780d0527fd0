"""Diagonals, and the triangles on both sides of them."""

from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.op import clone, op
from minidl.engine.require import require_arrays
from minidl.ops.elementwise import keep
from minidl.ops.reduce import sum
from minidl.ops.shape import axis


@op(views=True)
def diagonal(xp, x, offset=0, dim1=0, dim2=1):
    """The elements of x whose index along `dim2` is by `offset` greater than that along `dim1`, last; a view."""
    if x.ndim < 2 or axis(dim1, x.ndim) == axis(dim2, x.ndim):
        raise ValueError(f"{dims(x.shape)} has no diagonal along dims {dim1} and {dim2}")
    z = x.diagonal(offset, axis(dim1, x.ndim), axis(dim2, x.ndim))
    if xp is np and x.flags.writeable:
        z.flags.writeable = True  # which NumPy gives for reading only
    return z


@op
def on_diagonal(xp, x, *, offset, dim1, dim2, size):
    """Zeros of `size` with x on a diagonal: the adjoint of `diagonal`."""
    z = xp.zeros(size, x.dtype)
    rows = xp.arange(x.shape[-1])
    xp.moveaxis(z, (dim1, dim2), (-2, -1))[..., rows + max(-offset, 0), rows + max(offset, 0)] = x
    return z


diagonal.vjp(x=lambda g, shape, offset, dim1, dim2: on_diagonal(g, offset, dim1, dim2, shape))
on_diagonal.vjp(x=lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2))


@named
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Matrices, in dimensions `dim1` and `dim2`, of zeros with the vectors of the last dimension as diagonals."""
    require_arrays("diag_embed", input)
    i, j = axis(dim1, input.ndim + 1), axis(dim2, input.ndim + 1)
    if not input.ndim or i == j:
        raise ValueError(f"{dims(input.shape)} can't be put on a diagonal along dims {dim1} and {dim2}")
    n = input.shape[-1] + abs(offset)
    size = list(input.shape[:-1])
    for d in sorted((i, j)):
        size.insert(d, n)
    return on_diagonal(input, offset=offset, dim1=i, dim2=j, size=tuple(size))


def _taken(x, offset):
    return diagonal(x, offset)


@named
def diag(input: Any, diagonal: int = 0) -> Any:
    """The diagonal of a matrix, `diagonal` places above the main one; of a vector, the matrix that has it there."""
    require_arrays("diag", input)
    if input.ndim not in (1, 2):
        raise ValueError(f"expected a vector or a matrix, got {dims(input.shape)}")
    return diag_embed(input, diagonal) if input.ndim == 1 else clone(_taken(input, diagonal))


@named
def trace(input: Any) -> Any:
    """The sum of the diagonal of a matrix."""
    require_arrays("trace", input)
    if input.ndim != 2:
        raise ValueError(f"expected a matrix, got {dims(input.shape)}")
    return sum(diagonal(input))


@named
def tril(input: Any, diagonal: int = 0) -> Any:
    """The lower triangles of matrices, up to a diagonal that lies `diagonal` places above the main one; 0 elsewhere."""
    return _triangle("tril", input, diagonal, lambda row, column: column <= row + diagonal)


@named
def triu(input: Any, diagonal: int = 0) -> Any:
    """The upper triangles of matrices, from a diagonal that lies `diagonal` places above the main one; 0 elsewhere."""
    return _triangle("triu", input, diagonal, lambda row, column: column >= row + diagonal)


def _triangle(name, input, diagonal, belongs):
    require_arrays(name, input)
    if input.ndim < 2:
        raise ValueError(f"expected a matrix, or a batch of them, got {dims(input.shape)}")
    if not isinstance(diagonal, (int, np.integer)) or isinstance(diagonal, bool):
        raise TypeError(f"diagonal must be an integer, got {diagonal!r}")
    array = input.array if isinstance(input, Tensor) else input
    with backend.current(array):
        xp = backend.namespace(array)
        rows, columns = input.shape[-2:]
        mask = belongs(xp.arange(rows)[:, None], xp.arange(columns))
        return keep(input, Tensor(xp.broadcast_to(mask, input.shape)))
