"""The array class: NumPy's values on a device, and what it takes to see them from the host."""

import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from standin import traffic
from standin.devices import Device, memory_of, pools

NO_ARRAY = "Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct a NumPy array."


class Undefined(AssertionError):
    """What CuPy does here, without an error, is not defined."""


class Flags:
    """``array.flags``, as far as CuPy has them."""

    def __init__(self, values: np.ndarray, owns: bool) -> None:
        self.c_contiguous = values.flags.c_contiguous
        self.f_contiguous = values.flags.f_contiguous
        self.owndata = owns


class ndarray:
    """``cupy.ndarray``, whose `values` nothing outside of the stand-in looks at.

    Views know the array that they are of, their ``base``, and keep it, their `owner`. Operators and methods are in
    `standin.methods`.
    """

    __slots__ = ("values", "device", "base", "owner", "__weakref__")
    __array_priority__ = 100
    __hash__ = None  # type: ignore[assignment]
    owners: weakref.WeakValueDictionary[int, "ndarray"] = weakref.WeakValueDictionary()  # by the id of their memory

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        memory = memory_of(values)
        self.owner = self.base = owner = self.owners.get(id(memory))
        self.device = Device() if owner is None else owner.device
        if owner is None:
            self.owners[id(memory)] = self
            pool = pools[self.device.id]
            weakref.finalize(self, pool.give, pool.take(values.nbytes)).atexit = False

    # --- what it is ---

    ndim = property(lambda self: self.values.ndim)
    dtype = property(lambda self: self.values.dtype)
    size = property(lambda self: self.values.size)
    nbytes = property(lambda self: self.values.nbytes)
    itemsize = property(lambda self: self.values.itemsize)
    strides = property(lambda self: self.values.strides)
    shape = property(lambda self: self.values.shape)
    flags = property(lambda self: Flags(self.values, self.base is None))

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Iterator["ndarray"]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # --- to and from the host ---

    def get(self, stream: Any = None, order: str = "C", out: Any = None, blocking: bool = True) -> np.ndarray:
        traffic.to_host("get")
        if out is None:
            return np.array(self.values, order=order)
        out[...] = self.values
        return out

    def set(self, arr: np.ndarray, stream: Any = None) -> None:
        if not isinstance(arr, np.ndarray) or arr.dtype != self.dtype or arr.shape != self.shape:
            raise ValueError("set: expected a NumPy array of the same shape and dtype")
        traffic.to_device("set")
        self.values[...] = arr

    def item(self) -> Any:
        traffic.to_host("item")
        if self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        return self.values.item()

    def tolist(self) -> Any:
        traffic.to_host("tolist")
        return self.values.tolist()

    def __bool__(self) -> bool:
        traffic.to_host("bool")
        return bool(self.values)

    def __int__(self) -> int:
        traffic.to_host("int")
        return int(self.values)

    def __float__(self) -> float:
        traffic.to_host("float")
        return float(self.values)

    def __complex__(self) -> complex:
        traffic.to_host("complex")
        return complex(self.values)

    def __repr__(self) -> str:
        traffic.to_host("repr")
        return repr(self.values)

    def __str__(self) -> str:
        traffic.to_host("str")
        return str(self.values)

    def __format__(self, spec: str) -> str:
        traffic.to_host("format")
        return format(self.values, spec)

    def __array__(self, *args: Any, **options: Any) -> np.ndarray:
        raise TypeError(NO_ARRAY)


ndarray.__module__ = "cupy"  # by which minidl, and NumPy's error messages, know it
