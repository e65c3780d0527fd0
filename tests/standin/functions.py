"""NumPy's functions as CuPy has them: their operands checked, their results on the device and in CuPy's order."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from standin import catalog, indexing, traffic
from standin.arrays import ndarray
from standin.devices import Device, memory_of

COPIES = {"einsum", "take"}  # which copy host arrays and lists
LIKE = {"empty_like", "zeros_like", "ones_like", "full_like", "result_type", "can_cast", "iscomplexobj", "isrealobj"}
LIKE |= {"ndim", "shape", "size", "isscalar"}  # which look at dtype, shape and memory order alone
ANY_DEVICE = {*LIKE, "copy"}  # what an array of another device than the current may go to
OWN_ORDER = {*LIKE, "astype", "array", "copy"}  # whose results keep the order of the operand's memory
WAITS = dict.fromkeys(("nonzero", "flatnonzero", "argwhere", "extract", "compress", "unique", "logsumexp"), 1)
WAITS |= {"bincount": 2, "unravel_index": 2}  # how often CuPy looks at values on the way
FILLS = {"full", "full_like"}
TESTS = {"array_equal", "allclose"}  # whose results NumPy gives as Python's bools
REDUCES = {"add", "multiply"}
ADDS_AT = {"add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"}


def unsupported(value: Any) -> TypeError:
    return TypeError(f"Unsupported type {type(value)}")


def refuse_filling(value: Any) -> None:
    """Raise ValueError for a host array, or a sequence, that shall be written into a device array."""
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
        raise ValueError("non-scalar numpy.ndarray cannot be used for fill")


def require_current(array: ndarray) -> None:
    """Raise ValueError for an array of a device that is not the current one."""
    if array.device != Device():
        raise ValueError(
            f"The device where the array resides ({array.device.id}) is different from the current device "
            f"({Device().id}). Peer access is unavailable between these devices."
        )


def arrays_in(*given: Any) -> Iterator[Any]:
    """The host and device arrays among arguments, and in their lists and tuples."""
    for value in given:
        if isinstance(value, (ndarray, np.ndarray)):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from arrays_in(*value)


def values_of(given: Any) -> Any:
    """An argument as NumPy takes it: device arrays, and those in lists and tuples, as their values."""
    if isinstance(given, ndarray):
        return given.values
    return type(given)(map(values_of, given)) if type(given) in (list, tuple) else given


def is_view(result: Any, operands: list[ndarray]) -> bool:
    """Whether a result is an operand's memory, looked at otherwise, for which no kernel runs."""
    return isinstance(result, np.ndarray) and any(memory_of(result) is memory_of(o.values) for o in operands)


def on_device(result: Any, operands: list[ndarray], ordered: bool) -> Any:
    """A result of NumPy's on the device: an operand itself where it is that one's, a view where it shares its memory.

    Others run in C order, unless they are `ordered` otherwise.
    """
    if isinstance(result, (tuple, list)) and not all(type(r) is int for r in result):
        return type(result)(on_device(r, operands, ordered) for r in result)
    if not isinstance(result, (np.ndarray, np.generic)):
        return result
    for operand in operands:
        if operand.values is result:
            return operand
    values = np.asarray(result)
    if not ordered and not is_view(values, operands):
        values = np.asarray(values, order="C")
    return ndarray(values)


def computed(name: str, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What `function`, of NumPy, makes of the values of arguments that are known to be allowed."""
    operands = [array for array in arrays_in(*args, *options.values()) if isinstance(array, ndarray)]
    values = {key: values_of(value) for key, value in options.items()}
    with np.errstate(all="ignore"):
        try:
            result = function(*values_of(args), **values)
        except TypeError as error:
            raise TypeError(str(error).replace("numpy", "cupy")) from None  # not of a class of NumPy's
    if name in TESTS:
        result = np.bool_(result)
    if name not in ANY_DEVICE and ("out" in options or not is_view(result, operands)):
        for array in operands:
            require_current(array)
    return on_device(result, operands, name in OWN_ORDER or options.get("order") is not None)


class Function:
    """A function or a method of CuPy's with its parameters, computed by NumPy's."""

    def __init__(self, name: str, function: Callable[..., Any], signature: str) -> None:
        self.__name__ = name
        self.function = function
        self.signature = catalog.parameters(signature)

    def __call__(self, *args: Any, **options: Any) -> Any:
        try:
            self.signature.bind(*args, **options)
        except TypeError as error:
            raise TypeError(f"{self.__name__}() {error}") from None
        self.check(*args, *options.values())
        for _ in range(WAITS.get(self.__name__, 0)):
            traffic.to_host(self.__name__)
        return computed(self.__name__, self.function, args, options)

    def check(self, *given: Any) -> None:
        """Refuse host arrays, but where they are copied, or not read; and bounds that a dtype can't hold."""
        if self.__name__ in FILLS:
            refuse_filling(given[-1])
        for bound in given[1:] if self.__name__ == "clip" else ():
            if type(bound) is int and given[0].dtype.kind in "iu":
                np.array(bound, given[0].dtype)  # OverflowError where it does not fit
        for value in given if self.__name__ in COPIES else ():
            if isinstance(value, (list, np.ndarray)):
                traffic.to_device(self.__name__)
        for array in arrays_in(*given):
            if isinstance(array, np.ndarray) and self.__name__ not in COPIES | FILLS | LIKE:
                raise unsupported(array)


OPERANDS = (ndarray, bool, int, float, complex, np.generic)


class UFunc:
    """A universal function: of device arrays and numbers alone, with a result in C order."""

    def __init__(self, function: np.ufunc) -> None:
        self.__name__ = function.__name__
        self.function = function
        self.nin, self.nout = function.nin, function.nout

    def __call__(self, *args: Any, **options: Any) -> Any:
        wrong = {key: value for key, value in options.items() if key not in ("out", "dtype", "casting")}
        if wrong:
            raise TypeError(f"Wrong arguments {wrong}")
        return self.run(self.__name__, self.function, *args, **options)

    def run(self, name: str, function: Callable[..., Any], *operands: Any, out: Any = None, **options: Any) -> Any:
        """Compute it, or one of its methods, of device arrays and numbers."""
        outs = out if isinstance(out, tuple) else (out,)
        for value in (*operands, *(o for o in outs if o is not None)):
            if not isinstance(value, OPERANDS):
                raise unsupported(value)
        return computed(name, function, operands, options if out is None else options | {"out": out})

    def reduce(self, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        if self.__name__ not in REDUCES:
            raise NotImplementedError(f"`cupy_{self.__name__}.reduce` is not supported yet")
        return self.run("reduce", self.function.reduce, array, axis=axis, dtype=dtype, out=out, keepdims=keepdims)

    def at(self, a: ndarray, indices: Any, b: Any = None) -> None:
        if self.__name__ not in ADDS_AT:
            raise NotImplementedError(f"`cupy_{self.__name__}.at` is not supported yet")
        for array in arrays_in(indices, b):
            if isinstance(array, np.ndarray):
                traffic.to_device("at")
        computed("at", indexing.update_at(self.function.at), (a, indices, b), {})
