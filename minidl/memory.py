"""Memory for large arrays, used again as soon as the last array on it is gone.

A fresh large array costs more than the work in it: the system clears each of its pages when it is first touched. The
blocks here are kept instead, as CuPy's pool keeps those of a GPU. None is used again while any view of it is left.
"""

from __future__ import annotations

import math
import threading
from collections import defaultdict
from typing import Any

import numpy as np

SMALLEST = 1 << 16  # bytes: smaller arrays are left to NumPy


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """``numpy.empty(shape, dtype)``, on memory that is kept for the next such array."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    return np.ndarray(shape, dtype, buffer=blocks.take(size)) if size >= SMALLEST else np.empty(shape, dtype)


def empty_cache() -> None:
    """Give the memory that no array uses back to the system."""
    blocks.free.clear()
    blocks.held = blocks.used


class Memory(np.ndarray):
    """Bytes that are kept."""


class Lease(np.ndarray):
    """The base of an array on such bytes, and of all its views: it gives them back when the last of these goes.

    NumPy makes an owner the base of its views' views, but does not look for it past an array of another class.
    """

    def __del__(self) -> None:
        blocks.give(self.base)  # type: ignore[arg-type]


class Blocks:
    """Free memory by size. What it holds in all is never more than what was in use at once."""

    def __init__(self) -> None:
        self.free: defaultdict[int, list[Memory]] = defaultdict(list)
        self.used = self.held = self.most = 0  # bytes: in arrays, with those that are free, and the most in arrays
        self.lock = threading.RLock()  # a thread that holds it may be interrupted by the collector, and give

    def take(self, size: int) -> Lease:
        """A lease of at least `size` bytes."""
        step = 1 << max(size.bit_length() - 4, 0)  # at most an eighth is left over
        size = -(-size // step) * step
        with self.lock:
            self.used += size
            self.most = max(self.most, self.used)
            if self.free[size]:
                return self.free[size].pop().view(Lease)
            self.make_room(size)
            self.held += size
        return Memory(size, np.uint8).view(Lease)

    def make_room(self, size: int) -> None:
        """Let go of free memory, the largest pieces first, until `size` bytes more are no more than was in use."""
        for each in sorted(self.free, reverse=True):
            while self.held + size > self.most and self.free[each]:
                self.free[each].pop()
                self.held -= each

    def give(self, memory: Memory) -> None:
        """Keep what no array uses any more."""
        with self.lock:
            self.used -= memory.nbytes
            self.free[memory.nbytes].append(memory)


blocks = Blocks()
