"""Images in memory that is channels last, (N, …, C), and how they are worked on: chunk by chunk, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.backend.memory import empty
from minidl.backend.sums import BLOCK, total
from minidl.backend.threads import matmul, parallel

CHUNK = 1 << 19  # elements worked on at a time: with fewer, threads wait for each other more than they work
SMALL = 1 << 13  # elements that are one chunk
LINE = 1 << 15  # elements in a line at most: NumPy repeats a vector of 8192 twice as fast as one of 1024


def suits(x: Any, *others: Any) -> bool:
    """Whether these are NumPy arrays of one dtype, float32 or float64, x not empty; others may be None."""
    return (
        type(x) is np.ndarray
        and x.dtype in (np.float32, np.float64)
        and x.size > 0
        and all(type(a) is np.ndarray and a.dtype == x.dtype for a in others if a is not None)
    )


def channels_last(x: np.ndarray) -> np.ndarray:
    """x (N, C, …) as (N, …, C): a view where memory is in that order and not for reading only, a copy otherwise.

    For arrays that are for reading only, loops would be compiled anew.
    """
    image = x.transpose(0, *range(2, x.ndim), 1)
    if image.flags.c_contiguous and image.flags.writeable:
        return image
    copy = empty(image.shape, x.dtype)
    parallel(lambda part: np.copyto(copy[part], image[part]), chunks(image))
    return copy


def channels_first(image: np.ndarray) -> np.ndarray:
    """The inverse of `channels_last`: a view."""
    return image.transpose(0, image.ndim - 1, *range(1, image.ndim - 1))


def chunks(image: np.ndarray) -> list[slice]:
    """Slices of images, whatever the number of threads; two or more, but for small ones, so that BLAS uses one."""
    n = image.shape[0]
    step = n if image.size <= SMALL else max(1, min(CHUNK * n // image.size, n // 2))
    return [slice(start, start + step) for start in range(0, n, step)]


def lines(image: np.ndarray) -> np.ndarray:
    """Images as a matrix: a row is an image, or as many of its last dimensions as a line holds."""
    size = image.shape[-1]
    for n in reversed(image.shape[1:-1]):
        if size * n > LINE:
            break
        size *= n
    return image.reshape(image.size // size, size)


def rows(image: np.ndarray) -> np.ndarray:
    """Images as a matrix with a column for each channel."""
    return image.reshape(image.size // image.shape[-1], image.shape[-1])


def column_sums(matrix: np.ndarray) -> np.ndarray:
    """Σ over rows: of a few as a product with ones, which is faster than ``sum(0)``."""
    rows = len(matrix)
    return matmul(np.ones((1, rows), matrix.dtype), matrix)[0] if rows <= BLOCK else total(np, matrix, (0,))


def summed(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Σ of arrays, the results of chunks, pairwise; it is left in the first."""
    step = 1
    while step < len(parts):
        for a, b in zip(parts[:: 2 * step], parts[step :: 2 * step]):  # noqa: B905
            a += b
        step *= 2
    return parts[0]


def repeated(vector: np.ndarray, image: np.ndarray) -> np.ndarray:
    """A vector (C,) along a line of images, in their dtype."""
    return np.tile(vector.astype(image.dtype), lines(image[:1]).shape[1] // len(vector))
