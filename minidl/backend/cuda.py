"""GPUs and their memory, under PyTorch's names (``torch.cuda``); all of it through CuPy.

A device is a name or a number, by default the first GPU. Where there is none, `is_available` and `device_count` say so,
no memory is taken, nothing is seeded, and the others raise RuntimeError.
"""

from __future__ import annotations

from minidl import backend
from minidl.backend import random, transfer

__path__: list[str] = []  # so that torch.cuda.amp is looked for, and said to be absent


def is_available() -> bool:
    """Whether CuPy is installed and finds a GPU."""
    return device_count() > 0


def device_count() -> int:
    """How many GPUs CuPy finds; 0 without CuPy or a driver."""
    try:
        return backend.cupy().cuda.runtime.getDeviceCount()
    except RuntimeError:  # as CuPy's own errors are
        return 0


def current_device() -> int:
    """The number of the GPU that ``"cuda"`` stands for: the first."""
    return backend.gpu(None).id


def manual_seed(seed: int) -> None:
    """Seed the global stream, which the CPU and all GPUs draw from; nothing without a GPU."""
    if is_available():
        random.manual_seed(seed)


manual_seed_all = manual_seed


def get_device_name(device: str | int | None = None) -> str:
    """The name of a GPU, such as "NVIDIA H100"."""
    return backend.cupy().cuda.runtime.getDeviceProperties(backend.gpu(device).id)["name"].decode()


def synchronize(device: str | int | None = None) -> None:
    """Wait until a GPU has done all that it was asked for.

    Raises
    ------
    ValueError, IndexError
        For labels or indices out of range in what was waited for, which are only looked at now.
    """
    backend.gpu(device).synchronize()
    transfer.check_ranges()


def memory_allocated(device: str | int | None = None) -> int:
    """The bytes of a GPU's memory that arrays take; 0 without a GPU."""
    if not is_available():
        return 0
    with backend.gpu(device):
        return backend.cupy().get_default_memory_pool().used_bytes()


def memory_reserved(device: str | int | None = None) -> int:
    """The bytes of a GPU's memory that CuPy holds, for the arrays that are and those to come; 0 without a GPU."""
    if not is_available():
        return 0
    with backend.gpu(device):
        return backend.cupy().get_default_memory_pool().total_bytes()


def mem_get_info(device: str | int | None = None) -> tuple[int, int]:
    """The free and all bytes of a GPU's memory."""
    with backend.gpu(device):
        free, total = backend.cupy().cuda.runtime.memGetInfo()
    return free, total


def empty_cache(device: str | int | None = None) -> None:
    """Give back the memory of a GPU that is reserved, but not allocated; nothing without a GPU."""
    if not is_available():
        return
    with backend.gpu(device):
        backend.cupy().get_default_memory_pool().free_all_blocks()
