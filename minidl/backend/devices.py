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

_default_device = "cpu"


def device_of(array: Array) -> str:
    """``"cpu"`` or ``"cuda:N"``."""
    return f"cuda:{array.device.id}" if on_gpu(array) else "cpu"


def device_name(device: str | int) -> str:
    """The whole name of a device, ``"cpu"`` or ``"cuda:N"``; ``"cuda"`` is the first GPU, and a number is that of one.

    Raises
    ------
    ValueError
        For any other name.
    """
    name = f"cuda:{device}" if type(device) is int else device
    name = "cuda:0" if name == "cuda" else name
    if not isinstance(name, str) or not re.fullmatch("cpu|cuda:(0|[1-9][0-9]*)", name):
        raise ValueError(f"device: expected 'cpu', 'cuda' or 'cuda:N', got {device!r}")
    return name


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


def get_default_device() -> str:
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
