"""Sums over any dimensions that are as exact as NumPy's over the fastest one.

Along that one NumPy adds pairwise; along the others one by one, and a million float32 numbers lose three digits. Here
those are added in blocks, and blocks of blocks: Higham (1993), "The accuracy of floating point summation".
"""

import math
from typing import Any

import numpy as np

from minidl.backend.arrays import Array

BLOCK = 128  # terms that are added one by one
LINE = 2048  # elements that are added side by side, where a row is shorter: several times as fast


def total(xp: Any, x: Array, axes: tuple[int, ...], dtype: Any = None, keepdims: bool = False) -> Array:
    """Σ x over `axes`, counted from 0, in `dtype`: ``x.sum``, without its loss of digits."""
    if xp is np and x.size > BLOCK and x.dtype.kind in "fc" and not (len(axes) == x.ndim and x.flags.c_contiguous):
        order = fastest_first(x)
        while one_by_one(x, axes, order) > BLOCK:
            slowest = next(i for i in reversed(order) if i in axes and x.shape[i] > 1)
            x = along(x, slowest, dtype)
    return x.sum(axes, dtype=dtype, keepdims=keepdims)


def fastest_first(x: np.ndarray) -> list[int]:
    """The dimensions, as memory is read; those that are broadcast last."""
    return sorted(range(x.ndim), key=lambda i: abs(x.strides[i]) or math.inf)


def one_by_one(x: np.ndarray, axes: tuple[int, ...], order: list[int]) -> int:
    """How many terms NumPy would add one by one: all but those along the fastest dimension, and what continues it."""
    terms = math.prod([x.shape[i] for i in axes])
    if terms <= BLOCK:
        return terms
    next_stride = 0
    for i in order:
        if x.shape[i] > 1:
            stride = abs(x.strides[i])
            if i not in axes or not stride or next_stride not in (0, stride):
                break
            terms, next_stride = terms // x.shape[i], stride * x.shape[i]
    return terms


def along(x: np.ndarray, i: int, dtype: Any) -> np.ndarray:
    """Σ x along one dimension, which stays with size 1."""
    before, n, after = x.shape[:i], x.shape[i], x.shape[i + 1 :]
    if n <= BLOCK:
        return x.sum(i, dtype=dtype, keepdims=True)
    order = fastest_first(x)
    row = math.prod([x.shape[j] for j in order[: order.index(i)]])
    k = max(1, min(LINE // row, n // BLOCK))
    m = n // (BLOCK * k)
    head, tail = np.split(x, [m * BLOCK * k], i)
    blocks = head.reshape(*before, m, BLOCK, k, *after).sum(i + 1, dtype)
    z = along(blocks.reshape(*before, m * k, *after), i, dtype)
    return z + along(tail, i, dtype) if tail.size else z
