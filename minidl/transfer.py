"""Copies between devices, and what a GPU is not waited for before one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array

MOST_UNCHECKED = 1000  # ranges
Refusal = Callable[[Any, Any], Exception]
lock = threading.Lock()
unchecked: list[tuple[Array, float, float, Refusal]] = []  # least and largest values on a GPU, and what they may be


def move(array: Array, device: str | int) -> Array:
    """The array on `device`: itself where it already is there, a copy otherwise."""
    if backend.device_name(device) == "cpu":
        return fetched(array) if backend.on_gpu(array) else array
    with backend.gpu(device):
        return backend.cupy().asarray(array)


def fetched(array: Array) -> np.ndarray:
    """The array of a GPU, on the CPU: the one place where it is waited for."""
    values = array.get()
    check_ranges()
    return values


def require_range(values: Array, low: float, high: float, refusal: Refusal) -> None:
    """Raise ``refusal(least, largest)`` unless all values are in [low, high].

    On a GPU that is found when a value is fetched from it the next time, or `MOST_UNCHECKED` are waiting: until then
    nobody waits for it.
    """
    if not values.size:
        return
    if backend.on_gpu(values):
        with values.device:
            extremes = backend.cupy().stack([values.min(), values.max()])
        with lock:
            unchecked.append((extremes, low, high, refusal))
        if len(unchecked) > MOST_UNCHECKED:
            check_ranges()
    elif not (values.min() >= low and values.max() <= high):
        raise refusal(values.min(), values.max())


def check_ranges() -> None:
    """Raise the first error that has been waiting in `require_range`: one copy from each GPU."""
    with lock:
        waiting = unchecked.copy()
        unchecked.clear()
    for device in sorted({backend.device_of(extremes) for extremes, *_ in waiting}):
        there = [one for one in waiting if backend.device_of(one[0]) == device]
        with backend.gpu(device):
            pairs = backend.cupy().stack([extremes for extremes, *_ in there]).get()
        for (least, largest), (_, low, high, refusal) in zip(pairs, there, strict=True):
            if not (least >= low and largest <= high):
                error = refusal(least, largest)
                error.args = (f"{error} (a GPU works ahead: an earlier call than the one that raises this)",)
                raise error
