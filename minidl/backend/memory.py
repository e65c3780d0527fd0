"""Memory for large arrays, used again as soon as the last array on it is gone.

A fresh large array costs more than the work in it: the system clears each of its pages when it is first touched. The
blocks here are kept instead, as CuPy's pool keeps those of a GPU. None is used again while any view of it is left.
"""

from __future__ import annotations

import bisect
import math
from typing import Any

import numpy as np

from minidl.backend.forks import Lock

SMALLEST = 1 << 16  # bytes: smaller arrays are left to NumPy
SPARE = 1.25  # times the most that was in use at once may be held: with less, steps of training find too little


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """``numpy.empty(shape, dtype)``, on memory that is kept for the next such array."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    return np.ndarray(shape, dtype, buffer=blocks.take(size)) if size >= SMALLEST else np.empty(shape, dtype)


def empty_cache() -> None:
    """Give the memory that no array uses back to the system."""
    with blocks.lock:
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
    """Free memory, in order of size."""

    def __init__(self) -> None:
        self.free: list[Memory] = []
        self.used = self.held = self.most = 0  # bytes: in arrays, with those that are free, and the most in arrays
        self.lock = Lock()  # reentrant: a thread that holds it may be interrupted by the collector, and give

    def take(self, size: int) -> Lease:
        """A lease of at least `size` bytes, and less than twice as many."""
        with self.lock:
            memory = self.fitting(size)
            if memory is None:
                while self.free and self.held + size > SPARE * max(self.most, self.used + size):
                    self.held -= len(self.free.pop())
                memory = Memory(size, np.uint8)
                self.held += size
            number = len(memory)
            self.used += number  # without a call in between, where the collector might give
            self.most = max(self.most, self.used)
            return memory.view(Lease)

    def fitting(self, size: int) -> Memory | None:
        """The smallest free memory of at least `size` bytes, and less than twice as many: it is free no more."""
        best = bisect.bisect_left(self.free, size, key=len)
        memory = self.free.pop(best) if best < len(self.free) else None
        if memory is None or size <= len(memory) < 2 * size:  # known of what is out: the place may be another's by now
            return memory
        bisect.insort_left(self.free, memory, key=len)
        return None

    def give(self, memory: Memory) -> None:
        """Keep what no array uses any more."""
        number = len(memory)
        with self.lock:
            self.used -= number
            bisect.insort_left(self.free, memory, key=len)  # the first to be used again: it may still be in cache


blocks = Blocks()
