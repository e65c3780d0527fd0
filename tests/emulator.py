"""What tests ask of the emulator of a GPU, where one is loaded (``pytest -p emulated_gpu``)."""

import contextlib
import ctypes
import fcntl
import functools
import hashlib
import itertools
import sys
import weakref
from collections.abc import Iterator
from typing import Any

FENCE = 512  # bytes on both sides of an array
BLANK = 0xFF  # a byte of NaN in any precision
POSTS = itertools.cycle(range(0x41, 0x50))  # the bytes of fences; of numbers about 10: what is copied or added to shows


def loaded() -> Any:
    """The emulator's driver, which counts what it is asked for; None without the emulator."""
    return sys.modules.get("fakecuda")


def build_once() -> None:
    """Of several processes that need the same kernel one builds it, and the others wait."""
    from cupy.cuda import compiler

    build = compiler._compile_with_cache_cuda
    if hasattr(build, "__wrapped__"):
        return

    @functools.wraps(build)
    def locked(source, options, *args, **kwargs):
        name = hashlib.sha1(repr((source, options)).encode()).hexdigest()
        with open(loaded().CACHE / f"{name}.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            return build(source, options, *args, **kwargs)

    compiler._compile_with_cache_cuda = locked


class Fenced:
    """Memory for an array, with a fence on both sides; it tells `broken` where something was written into a fence."""

    def __init__(self, block: Any, size: int, broken: list[str]) -> None:
        self.block, self.size, self.broken = block, size, broken
        self.fence = bytes([next(POSTS)]) * FENCE
        self.sides = {"before": block.ptr, "behind": block.ptr + FENCE + size}
        for start in self.sides.values():
            ctypes.memmove(start, self.fence, FENCE)
        ctypes.memset(block.ptr + FENCE, BLANK, size)

    def look(self) -> None:
        """See whether the fences stand."""
        for side, start in self.sides.items():
            if ctypes.string_at(start, FENCE) != self.fence:
                self.broken.append(f"{side} an array of {self.size} bytes")

    __del__ = look


@contextlib.contextmanager
def fenced() -> Iterator[None]:
    """New arrays are full of NaN, and nothing may be written beside them."""
    import cupy

    pool = cupy.get_default_memory_pool()
    broken: list[str] = []
    living = weakref.WeakSet[Fenced]()

    def allocate(size: int) -> Any:
        memory = Fenced(pool.malloc(size + 2 * FENCE), size, broken)
        living.add(memory)
        owned = cupy.cuda.UnownedMemory(memory.block.ptr + FENCE, size, memory, cupy.cuda.Device().id)
        return cupy.cuda.MemoryPointer(owned, 0)

    with cupy.cuda.using_allocator(allocate):
        yield
    for memory in living:
        memory.look()
    assert not broken, f"written {broken[0]}"
