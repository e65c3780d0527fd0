"""Two devices, one of them the current one; the memory that arrays take; and ``cupy.cuda``."""

import contextlib
from types import SimpleNamespace
from typing import Any

import numpy as np

from standin import traffic

COUNT = 2
TOTAL = 1 << 33  # bytes on each device
BLOCK = 512  # bytes: what CuPy's pool rounds sizes up to


class CUDARuntimeError(RuntimeError):
    """What CuPy raises for an error of the driver's."""

    __module__ = "cupy_backends.cuda.api.runtime"


class Device:
    """``cupy.cuda.Device``: the current one unless a number is given; current itself within a ``with``."""

    chosen = [0]

    def __init__(self, device: Any = None) -> None:
        self.id = self.chosen[-1] if device is None else int(device)

    def __enter__(self) -> "Device":
        self.check()
        self.chosen.append(self.id)
        return self

    def __exit__(self, *exception: object) -> None:
        self.chosen.pop()

    def check(self) -> None:
        """Raise CUDARuntimeError for a device that is not there."""
        if not 0 <= self.id < COUNT:
            raise CUDARuntimeError("cudaErrorInvalidDevice: invalid device ordinal")

    def use(self) -> None:
        """Make it the current one."""
        self.check()
        self.chosen[-1] = self.id

    def synchronize(self) -> None:
        traffic.wait("Device.synchronize")

    @property
    def mem_info(self) -> tuple[int, int]:
        """Bytes that are free, and all."""
        return TOTAL - pools[self.id].total_bytes(), TOTAL

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Device) and self.id == other.id

    def __hash__(self) -> int:
        return self.id

    def __int__(self) -> int:
        return self.id

    @property
    def pci_bus_id(self) -> str:
        return f"0000:0{self.id}:00.0"


class MemoryPool:
    """What the arrays of one device hold. What they leave is free, until the pool is told to let it go."""

    def __init__(self) -> None:
        self.used = self.total = 0

    def take(self, size: int) -> int:
        """Room for `size` bytes: how many it takes."""
        size = -(-size // BLOCK) * BLOCK
        self.used += size
        self.total = max(self.total, self.used)
        return size

    def give(self, size: int) -> None:
        """Take back what `take` gave."""
        self.used -= size

    def used_bytes(self) -> int:
        return self.used

    def total_bytes(self) -> int:
        return self.total

    def free_bytes(self) -> int:
        return self.total - self.used

    def free_all_blocks(self, stream: Any = None) -> None:
        self.total = self.used


pools = [MemoryPool() for _ in range(COUNT)]


def current_pool() -> MemoryPool:
    """``cupy.get_default_memory_pool()``, which counts for the current device."""
    return pools[Device().id]


class Stream(contextlib.AbstractContextManager):
    """``cupy.cuda.Stream``: there is nothing to wait for, but waiting is counted."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.ptr, self.requests, self.waited = 0, [], False

    def __exit__(self, *exception: object) -> None:
        return None

    def synchronize(self) -> None:
        traffic.wait("Stream.synchronize")

    def record(self) -> "Event":
        return Event(self.requests)

    def wait_event(self, event: "Event") -> None:
        self.waited = True


class Event:
    """``cupy.cuda.Event``: what a stream had to do when it was recorded."""

    def __init__(self, requests: list[Any]) -> None:
        self.requests = list(requests)

    @property
    def done(self) -> bool:
        return all(request.Test() for request in self.requests)


Stream.null = Stream()

runtime = SimpleNamespace(
    CUDARuntimeError=CUDARuntimeError,
    getDeviceCount=lambda: COUNT,
    getDevice=lambda: Device().id,
    setDevice=lambda device: Device(device).use(),
    deviceSynchronize=lambda: traffic.wait("deviceSynchronize"),
    memGetInfo=lambda: Device().mem_info,
    driverGetVersion=lambda: 13000,
    runtimeGetVersion=lambda: 13000,
    getDeviceProperties=lambda device: {"name": b"stand-in", "multiProcessorCount": 2, "major": 9, "minor": 0},
)
cuda = SimpleNamespace(
    Device=Device,
    device=SimpleNamespace(Device=Device, get_cublas_handle=lambda: 0),
    nvrtc=SimpleNamespace(getVersion=lambda: (13, 0)),
    MemoryPool=MemoryPool,
    Event=Event,
    Stream=Stream,
    get_current_stream=lambda: Stream.null,
    get_device_id=lambda: Device().id,
    is_available=lambda: True,
    runtime=runtime,
)


def memory_of(values: np.ndarray) -> Any:
    """The object whose memory an array is a view of: itself, where it has its own."""
    while getattr(values, "base", None) is not None:
        values = values.base
    return values
