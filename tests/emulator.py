"""What tests ask of the emulator of a GPU, where one is loaded (``pytest -p emulated_gpu``)."""

import contextlib
import ctypes
import fcntl
import functools
import hashlib
import sys
from collections.abc import Iterator
from typing import Any

FENCE = 512  # bytes beside every array
FILLED = 0xFF  # of which four or eight are NaN


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
    """Memory for an array, with a fence on both sides; `broken` says where something was written into a fence."""

    broken: list[str] = []

    def __init__(self, block: Any, size: int) -> None:
        self.block, self.size = block, size
        ctypes.memset(block.ptr, FILLED, size + 2 * FENCE)

    def __del__(self) -> None:
        for side, start in ("before", 0), ("behind", FENCE + self.size):
            if ctypes.string_at(self.block.ptr + start, FENCE) != bytes([FILLED]) * FENCE:
                self.broken.append(f"{side} an array of {self.size} bytes")


@contextlib.contextmanager
def fenced() -> Iterator[None]:
    """New arrays are filled with NaN, and nothing may be written beside them."""
    import cupy

    pool = cupy.get_default_memory_pool()

    def allocate(size: int) -> Any:
        memory = Fenced(pool.malloc(size + 2 * FENCE), size)
        owned = cupy.cuda.UnownedMemory(memory.block.ptr + FENCE, size, memory, cupy.cuda.Device().id)
        return cupy.cuda.MemoryPointer(owned, 0)

    with cupy.cuda.using_allocator(allocate):
        yield
    found, Fenced.broken = Fenced.broken, []
    assert not found, f"written {found[0]}"
