"""Devices: their names, the default one, and what a GPU needs before it can be used."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from minidl.backend.arrays import Array, cupy, on_gpu


class device(str):
    """A device (``torch.device``), which is its name: ``device("cuda", 1) == device(1) == "cuda:1"``.

    Within ``with device(…):`` it is the default one.

    Parameters
    ----------
    type : str or int
        ``"cpu"``, ``"cuda"`` (the first GPU), ``"cuda:N"``, or the number of a GPU.
    index : int, optional
        The number of the GPU, where `type` is ``"cuda"``.

    Raises
    ------
    ValueError
        For any other name or number.
    """

    def __new__(cls, type: str | int, index: int | None = None) -> device:
        name: Any = f"cuda:{type}" if type.__class__ is int else type
        if index is not None:
            name = f"{name}:{index}" if index.__class__ is int else None
        if not isinstance(name, str) or not re.fullmatch("cpu|cuda(:(0|[1-9][0-9]*))?", name):
            given = repr(type) if index is None else f"{type!r} and index {index!r}"
            raise ValueError(f"device: expected 'cpu', 'cuda' or 'cuda:N', got {given}")
        return super().__new__(cls, name)

    @property
    def type(self) -> str:
        """``"cpu"`` or ``"cuda"``."""
        return str(self).partition(":")[0]

    @property
    def index(self) -> int | None:  # type: ignore[override]
        """The number of the GPU; None where the name has none."""
        number = str(self).partition(":")[2]
        return int(number) if number else None

    def __repr__(self) -> str:
        return f"device(type={self.type!r}" + (f", index={self.index})" if ":" in self else ")")

    def __enter__(self) -> device:
        _before.append(_default_device)
        set_default_device(self)
        return self

    def __exit__(self, *exception: object) -> None:
        global _default_device
        _default_device = _before.pop()


CPU = device("cpu")
cuda_device = functools.cache(functools.partial(device, "cuda"))
_default_device = CPU
_before: list[device] = []  # the defaults that come back at the ends of with statements


def device_of(array: Array) -> device:
    """Where an array is: ``"cpu"`` or ``"cuda:N"``."""
    return cuda_device(array.device.id) if on_gpu(array) else CPU


def alike(a: Array, b: Array) -> bool:
    """Whether two arrays have the same shape, dtype and device."""
    same = a.shape == b.shape and a.dtype == b.dtype and type(a) is type(b)
    return same and (type(a) is np.ndarray or device_of(a) == device_of(b))


def device_name(name: str | int) -> device:
    """The device of that name, or the GPU of that number; ``"cuda"`` is ``"cuda:0"``.

    Raises
    ------
    ValueError
        For any other name.
    """
    found = name if isinstance(name, device) else device(name)
    return cuda_device(0) if found == "cuda" else found


def gpu(device: str | int | None) -> Any:
    """A cuda device, to be current in a ``with`` statement; the first one for None.

    Raises
    ------
    ValueError
        For ``"cpu"`` and what names no device.
    RuntimeError
        Without CuPy, a driver, or a GPU of that number.
    """
    name = device_name("cuda" if device is None else device)
    if name == "cpu":
        raise ValueError(f"expected a cuda device, got {device!r}")
    index, cuda = int(name.partition(":")[2]), cupy().cuda
    try:
        count = cuda.runtime.getDeviceCount()
    except cuda.runtime.CUDARuntimeError as error:
        raise RuntimeError(f"{name}: CuPy is installed, but finds no driver or no GPU ({error})") from error
    if index >= count:
        raise RuntimeError(f"{name}: no such GPU; {count} present")
    require_libraries(index)
    return cuda.Device(index)


@functools.cache
def require_libraries(index: int) -> None:
    """Raise RuntimeError if a library of CUDA that a GPU needs is missing: the compiler, or matrix products."""
    try:
        with cupy().cuda.Device(index):
            cupy().cuda.nvrtc.getVersion()
            cupy().cuda.device.get_cublas_handle()
    except (ImportError, OSError, RuntimeError) as error:
        if type(error).__module__.startswith("cupy_backends"):  # an error of CUDA, such as that its memory is full
            raise
        raise RuntimeError(
            f"cuda: a library of CUDA is missing; pip install 'minidl[cuda13]' (or 'minidl[cuda12]') brings it: {error}"
        ) from error


def set_default_device(device: str | int) -> None:
    """Put new tensors, the parameters of new modules and the batches of loaders there (``torch.set_default_device``).

    Raises
    ------
    ValueError, RuntimeError
        For another name than ``"cpu"``, ``"cuda"`` and ``"cuda:N"``, or a GPU that can't be used.
    """
    global _default_device
    name = device_name(device)
    if name != "cpu":
        gpu(name)
    _default_device = name


def get_default_device() -> device:
    """Where new tensors are put: ``"cpu"``, unless `set_default_device` has said otherwise."""
    return _default_device


@contextlib.contextmanager
def using(device: str | int | None) -> Iterator[ModuleType]:
    """The namespace that makes arrays on `device`, by default the one of `set_default_device`."""
    device = _default_device if device is None else device
    if device_name(device) == "cpu":
        yield np
    else:
        with gpu(device):
            yield cupy()
