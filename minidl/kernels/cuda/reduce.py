"""Sums over rows, in two stages: CuPy gives ``(131072, 64).sum(0)`` to two blocks."""

from __future__ import annotations

import math

from minidl import backend
from minidl.backend import Array, dtypes
from minidl.engine.op import on_cuda, sum_to
from minidl.kernels.cuda.source import BLOCK, kernel, suits

SHORT = 512  # rows that one stage sums
PARTS = 512  # that rows are cut into at most
LEAST = 32  # rows in a part


def tiles(columns: int) -> tuple[int, tuple[int, int]]:
    """How many blocks lie side by side on a matrix, and their width and height in threads."""
    width = 1
    while width < min(columns, 32):
        width *= 2
    return (columns + width - 1) // width, (width, BLOCK // width)


def split_rows(rows: int) -> tuple[int, int]:
    """How many parts rows are cut into, for the blocks of a first stage, and how many rows a part has."""
    height = max(LEAST, (rows + PARTS - 1) // PARTS)
    return (rows + height - 1) // height, height


def part_sums(matrix: Array) -> Array:
    """Sums of parts of the rows of a contiguous matrix (rows, C), a row for each part; itself where rows are few.

    Those of float16 are of float32.
    """
    rows, columns = matrix.shape
    if rows <= SHORT:
        return matrix
    across, block = tiles(columns)
    n, height = split_rows(rows)
    parts = backend.cupy().empty((n, columns), dtypes.wide(matrix.dtype))
    kernel("reduce", "part_sums", matrix.dtype)((across, n), block, matrix, parts, rows, columns, height)
    return parts


def column_sums(matrix: Array, size: tuple[int, ...] | None = None) -> Array:
    """Σ over the rows of a contiguous matrix (rows, C), float16 summed in float32; the same bits each time.

    They come in a new array (C,), or of `size`: a view of one would be copied where it is a leaf's gradient.
    """
    xp = backend.cupy()
    columns = matrix.shape[1]
    size = (columns,) if size is None else size
    if not matrix.size:
        return xp.zeros(size, matrix.dtype)
    sums = xp.empty(size, matrix.dtype)
    across, block = tiles(columns)
    parts = part_sums(matrix)
    entry = "short_sums" if parts is matrix else "whole_sums"
    kernel("reduce", entry, matrix.dtype)((across,), block, parts, sums, len(parts), columns)
    return sums


@on_cuda(sum_to)
def sum_to_cuda(x, *, size):
    """`sum_to` by `column_sums`, where in memory the dimensions that are summed come before those that stay."""
    lead = x.ndim - len(size)
    gone = [i for i in range(x.ndim) if i < lead or size[i - lead] == 1 != x.shape[i]]
    gone.sort(key=lambda i: -x.strides[i])
    stay = [i for i in range(x.ndim) if i not in gone]
    matrix = x.transpose(*gone, *stay)
    if not (gone and suits(x) and matrix.flags.c_contiguous):
        return sum_to.op.forward(backend.cupy(), x, size=size)
    rows = math.prod(x.shape[i] for i in gone)
    return column_sums(matrix.reshape(rows, x.size // rows), size)
