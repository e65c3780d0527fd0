"""Arrays: NumPy's on the CPU, CuPy's on a GPU, and the namespace that works on them."""

from __future__ import annotations

import contextlib
import functools
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from minidl.backend.dtypes import SUPPORTED
from minidl.backend.modes import mode

Array = Any  # a numpy.ndarray or a cupy.ndarray


def dims(shape: tuple[int, ...]) -> str:
    """A shape as error messages show it: ``20×3×5×5``."""
    return "×".join(map(str, shape)) if shape else "a scalar"


def cupy() -> ModuleType:
    """CuPy, imported when a cuda device is first asked for.

    Raises
    ------
    RuntimeError
        If CuPy is not installed, with the command that installs it, or can't be loaded.
    """
    try:
        import cupy
    except ModuleNotFoundError as error:
        raise RuntimeError(
            "cuda: CuPy is not installed; pip install 'minidl[cuda13]' (or 'minidl[cuda12]'), to match the driver"
        ) from error
    except ImportError as error:
        raise RuntimeError(f"cuda: CuPy is installed but can't be loaded ({error})") from error
    return cupy


def on_gpu(value: Any) -> bool:
    """Whether it is an array of CuPy's."""
    return type(value) is not np.ndarray and type(value).__module__.partition(".")[0] == "cupy"


def namespace(*arguments: Any) -> ModuleType:
    """The module whose functions work on these arrays: ``numpy``, or ``cupy`` as soon as one of them is CuPy's."""
    for argument in arguments:
        if on_gpu(argument):
            return cupy()
    return np


def special(xp: ModuleType) -> ModuleType:
    """SciPy's special functions for the arrays of a namespace; imported when first asked for."""
    return importlib.import_module("scipy.special" if xp is np else "cupyx.scipy.special")


class by_device:
    """A function of raw arrays, which its ``cuda`` replaces where the first is CuPy's, if a kernel has set that."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.cuda: Callable[..., Any] | None = None
        functools.update_wrapper(self, function)

    def __call__(self, array: Array, *args: Any, **options: Any) -> Any:
        if not on_gpu(array):
            return self.function(array, *args, **options)
        with array.device:
            return (self.cuda if self.cuda and mode.fused else self.function)(array, *args, **options)


def in_memory_order(function: Callable[..., Array], *arrays: Any) -> Array:
    """An elementwise `function` of CuPy's arrays, its result in the memory order of the first that has one of its own.

    CuPy's elementwise functions give C order always: channels last would be lost. So they see permuted views.
    """
    ndim = max(map(np.ndim, arrays))
    whole = [a for a in arrays if on_gpu(a) and a.ndim == ndim and not a.flags.c_contiguous]
    if not whole:
        return function(*arrays)
    order = sorted(range(ndim), key=lambda i: -whole[0].strides[i])
    views = [a.reshape((1,) * (ndim - a.ndim) + a.shape).transpose(order) if np.ndim(a) else a for a in arrays]
    return function(*views).transpose(sorted(range(ndim), key=order.__getitem__))


def is_array(value: Any) -> bool:
    """Whether `value` is an array of one of the backends."""
    return isinstance(value, np.ndarray) or on_gpu(value)


def current(array: Array) -> Any:
    """Where an array is, as the current device in a ``with`` statement."""
    return array.device if on_gpu(array) else contextlib.nullcontext()


def full_like(array: Array, value: float, dtype: Any = None) -> Array:
    """An array of one value, in the shape and the memory order of another, beside it."""
    with current(array):
        return namespace(array).full_like(array, value, dtype=dtype)


def plain(name: str, array: Array) -> Array:
    """An array as tensors hold it: of NumPy's own class or CuPy's, on the same memory.

    Raises
    ------
    TypeError
        In the name of a function, for a masked array, another byte order, and a dtype that tensors can't have.
    """
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(f"{name}: a masked array has values that don't count; fill them by .filled(value)")
    if array.dtype.char not in SUPPORTED:
        said = "; convert it by .astype(np.float64)" if array.dtype.kind == "f" else ""
        raise TypeError(f"{name}: expected a bool, integer or floating dtype, got {array.dtype}{said}")
    if not array.dtype.isnative:
        raise TypeError(f"{name}: {array.dtype.str} is not this machine's byte order; md.tensor(array) converts it")
    return array if type(array) is np.ndarray or on_gpu(array) else np.asarray(array)
