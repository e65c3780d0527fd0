"""What the array class can do: operators, methods, indexing."""

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from standin import catalog, indexing, traffic
from standin.arrays import ndarray
from standin.devices import Device
from standin.functions import Function, UFunc, computed, refuse_filling, values_of

UNARY = {"neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert}
BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
    "mod": np.remainder, "pow": np.power, "matmul": np.matmul, "and": np.bitwise_and, "or": np.bitwise_or,
    "xor": np.bitwise_xor, "lshift": np.left_shift, "rshift": np.right_shift, "divmod": np.divmod,
}  # fmt: skip
COMPARING = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip
VIEWS = ("T", "mT", "real", "imag")


# --- operators --------------------------------------------------------------------------------------------------------


def leaves_to(other: Any) -> bool:
    """Whether an operator is the other operand's to compute: a class that NumPy leaves its operators to."""
    return getattr(other, "__array_ufunc__", True) is None


def unary(function: np.ufunc) -> Callable[[Any], Any]:
    ufunc = UFunc(function)
    return lambda a: ufunc(a)


def binary(function: np.ufunc) -> Callable[[Any, Any], Any]:
    ufunc = UFunc(function)
    return lambda a, b: NotImplemented if leaves_to(b) else ufunc(a, b)


def reflected(function: np.ufunc) -> Callable[[Any, Any], Any]:
    ufunc = UFunc(function)
    return lambda a, b: NotImplemented if leaves_to(b) else ufunc(b, a)


def in_place(function: np.ufunc) -> Callable[[Any, Any], Any]:
    ufunc = UFunc(function)
    return lambda a, b: NotImplemented if leaves_to(b) else ufunc(a, b, out=a)


for name, function in BINARY.items():
    setattr(ndarray, f"__{name}__", binary(function))
    setattr(ndarray, f"__r{name}__", reflected(function))
    if name not in ("divmod", "matmul"):
        setattr(ndarray, f"__i{name}__", in_place(function))
for name, function in COMPARING.items():
    setattr(ndarray, f"__{name}__", binary(function))
for name, function in UNARY.items():
    setattr(ndarray, f"__{name}__", unary(function))


# --- indexing ---------------------------------------------------------------------------------------------------------


def index_of(index: Any) -> tuple[Any, ...]:
    """The parts of an index, for which lists and host arrays are copied to the device, and sizes of masks from it."""
    parts = index if isinstance(index, tuple) else (index,)
    for part in parts:
        if indexing.is_sequence(part) and np.ndim(part) and np.size(part):
            traffic.to_device("index")
        if np.asarray(values_of(part)).dtype == bool:
            traffic.to_host("the size of what a mask selects")
    whole = () if any(part is ... for part in parts) else (...,)  # so that a single element is a view, too
    return tuple(bounded(part) if isinstance(part, slice) else part for part in parts) + whole


def bounded(part: slice) -> slice:
    """A slice, its bounds fetched where they are on the device."""
    bounds = (part.start, part.stop, part.step)
    return slice(*[bound.item() if isinstance(bound, ndarray) else bound for bound in bounds])


def getitem(array: ndarray, index: Any) -> ndarray:
    return computed("getitem", indexing.take, (array, index_of(index)), {})


def setitem(array: ndarray, index: Any, value: Any) -> None:
    refuse_filling(value)
    computed("setitem", indexing.put, (array, index_of(index), value), {})


def fill(array: ndarray, value: Any) -> None:
    """``array[...] = value``, for which a value on the device is fetched."""
    setitem(array, ..., value.item() if isinstance(value, ndarray) else value)


def copy(array: ndarray, order: str = "C") -> ndarray:
    """A copy on the current device; of another's array CuPy copies the memory as it lies, if it is one block."""
    flags = array.flags
    block = order not in ("K", "k") or not array.size or flags.c_contiguous or flags.f_contiguous
    if array.device != Device() and not block:
        raise NotImplementedError("CuPy cannot copy non-contiguous array between devices.")
    return computed("copy", np.ndarray.copy, (array, order), {})


ndarray.fill = fill
ndarray.copy = copy
ndarray.__getitem__ = getitem
ndarray.__setitem__ = setitem


# --- methods ----------------------------------------------------------------------------------------------------------


def missing(name: str) -> Callable[..., Any]:
    def method(self: ndarray, *args: Any, **options: Any) -> Any:
        raise NotImplementedError(f"ndarray.{name}: CuPy has it, the stand-in of the tests does not")

    return method


def method(function: Function) -> Callable[..., Any]:
    return lambda self, *args, **options: function(self, *args, **options)


wrapping_take = functools.partial(np.take, mode="wrap")
for name, kind in catalog.NAMES["cupy.ndarray"].items():
    if not hasattr(ndarray, name) and kind.startswith("("):
        own = wrapping_take if name == "take" else getattr(np.ndarray, name, None)
        setattr(ndarray, name, missing(name) if own is None else method(Function(name, own, kind)))
for name in VIEWS:
    setattr(ndarray, name, property(lambda self, name=name: computed(name, operator.attrgetter(name), (self,), {})))
