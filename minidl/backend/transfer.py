"""Copies between devices, and checks of ranges that wait for the next copy to the CPU."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array, by_device
from minidl.backend.forks import Lock

MOST_UNCHECKED = 1000  # ranges
Refusal = Callable[[Any, Any], Exception]
lock = Lock()
unchecked: list[tuple[Array, float, float, Refusal]] = []  # least and largest values on a GPU, and what they may be


def move(array: Array, device: str | int) -> Array:
    """The array on `device`: itself where it already is there, a copy otherwise."""
    name = backend.device_name(device)
    if name == backend.device_of(array):
        return array
    if name == "cpu":
        return fetched(array)
    with backend.gpu(name):
        if backend.on_gpu(array):  # from which CuPy copies to another GPU only what is contiguous
            return backend.in_memory_order(lambda view: view.copy(), array)
        return backend.cupy().asarray(array)


def fetched(array: Array) -> np.ndarray:
    """The array of a GPU, on the CPU: waits for the GPU."""
    values = array.get()
    check_ranges()
    return values


def staged(size: int, dtype: np.dtype, device: str) -> np.ndarray:
    """Memory of the CPU for what comes from a device and goes there: pinned, and so copied directly, for a GPU's."""
    if device == "cpu":
        return np.empty(size, dtype)
    with backend.gpu(device):
        return importlib.import_module("cupyx").empty_pinned(size, dtype)


def put(array: Array, place: Array) -> None:
    """Copy an array of any device into memory in C order, of the CPU or of a GPU."""
    as_it_is = array.dtype == place.dtype and array.flags.c_contiguous
    if as_it_is and backend.on_gpu(array) and not backend.on_gpu(place):
        array.get(out=place)
        check_ranges()
    else:
        with backend.current(place):
            place[...] = move(array, backend.device_of(place))


def require_range(values: Array, low: float, high: float, refusal: Refusal, ignore: int | None = None) -> None:
    """Raise ``refusal(least, largest)`` unless all values are in [low, high], but for integers that are `ignore`.

    On a GPU that is found when a value is fetched from it the next time, or `MOST_UNCHECKED` are waiting: until then
    nobody waits for it.
    """
    if not values.size:
        return
    if backend.on_gpu(values):
        pair = extremes(values, low, ignore)
        with lock:
            unchecked.append((pair, low, high, refusal))
        if len(unchecked) > MOST_UNCHECKED:
            check_ranges()
    elif not (values.min() >= low and values.max() <= high):
        least, largest = extremes(values, low, ignore)
        if not (least >= low and largest <= high):
            raise refusal(least, largest)


@by_device
def extremes(values: Array, low: float, ignore: int | None) -> Array:
    """The least and the largest value; integers that are `ignore` count as `low`."""
    xp = backend.namespace(values)
    if ignore is not None and not (ignore < 0 and values.dtype.kind == "u"):
        values = values.astype(np.int64, copy=False)
        values = xp.where(values == ignore, low, values)
    return xp.stack([values.min(), values.max()])


def check_ranges() -> None:
    """Raise the first error that has been waiting in `require_range`: one copy from each GPU of each dtype."""
    with lock:
        waiting = unchecked.copy()
        unchecked.clear()
    alike: dict[Any, list[int]] = {}
    for i, (pair, *_) in enumerate(waiting):
        alike.setdefault((backend.device_of(pair), pair.dtype), []).append(i)
    pairs: dict[int, np.ndarray] = {}
    for (device, _), places in alike.items():
        with backend.gpu(device):
            pairs |= zip(places, backend.cupy().stack([waiting[i][0] for i in places]).get(), strict=True)
    for i, (_, low, high, refusal) in enumerate(waiting):
        least, largest = pairs[i]
        if not (least >= low and largest <= high):
            with lock:
                unchecked[:0] = waiting[i + 1 :]
            error: Any = refusal(least, largest)
            error.args = (f"{error} (a GPU works ahead: an earlier call than the one that raises this)",)
            error.late = True
            raise error


def is_late(error: Exception) -> bool:
    """Whether it is an error of `check_ranges`, which names the call that it is of: not the one that raises it."""
    return hasattr(error, "late")
