"""Tensors of what is there already: numbers, nested sequences, arrays."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dtypes, transfer
from minidl.backend.arrays import plain
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.ops.convert import to

PYTHON = {bool: dtypes.bool_, int: dtypes.int64}  # and float, in the default dtype
MOST_DIMENSIONS = 64  # of an array


@named
def tensor(data: Any, *, dtype: Any = None, device: str | int | None = None, requires_grad: bool = False) -> Tensor:
    """A new tensor with a copy of `data`: a number, a nested sequence, an array or a Tensor.

    Python's floats become the default float (float32), ints int64 and bools bool; whatever has a dtype keeps it, and a
    sequence gets the dtype that holds all that is in it. A fraction in an integer dtype loses what is behind the point.

    Raises
    ------
    TypeError, ValueError
        For what is not numbers, for ragged sequences, and for Python's numbers that the dtype can't hold.
    """
    wanted = None if dtype is None else dtypes.resolve("tensor", dtype)
    array = data.array if isinstance(data, Tensor) else data
    if backend.is_array(array):
        if array.dtype.kind not in "buif":
            plain("tensor", array)  # which refuses it
        with backend.current(array), np.errstate(all="ignore"):
            array = plain("tensor", array.astype(array.dtype.type if wanted is None else wanted))
    else:
        array = _numbers(data, wanted)
    if device is None and not backend.on_gpu(array):
        device = backend.get_default_device()
    return Tensor(array if device is None else transfer.move(array, device), requires_grad)


@named
def as_tensor(data: Any, dtype: Any = None, device: str | int | None = None) -> Tensor:
    """`data` as a tensor: a Tensor itself, an array's memory, a copy where dtype or device differ; else as `tensor`."""
    if isinstance(data, Tensor):
        return to(data, dtype=dtype, device=device)
    if not backend.is_array(data) or not data.dtype.isnative:
        return tensor(data, dtype=dtype, device=device)
    shared = Tensor(data)
    if device is None and not backend.on_gpu(data):
        device = backend.get_default_device()
    return to(shared, dtype=dtype, device=device)


@named
def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor that shares the memory of a NumPy array.

    Raises
    ------
    TypeError
        For what is no array, a masked one, one of another byte order or of a dtype that tensors can't have.
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: expected a NumPy array, got {type(ndarray).__name__}; md.tensor() makes a tensor")
    return Tensor(plain("from_numpy", ndarray))


def _numbers(data: Any, wanted: np.dtype | None) -> np.ndarray:
    """A new array of a number or a nested sequence, in the dtype that is wanted or else found in it."""
    kinds: set[Any] = set()
    _collect(data, kinds, 0)
    known = {PYTHON.get(kind, dtypes.default_float) if isinstance(kind, type) else kind for kind in kinds}
    found = functools.reduce(dtypes.promote, known) if known else dtypes.default_float
    dtype = found if wanted is None else wanted
    if any(not isinstance(kind, type) for kind in kinds):
        data = _unwrapped(data)
    exact = np.float64 if found.kind == "f" else found
    try:
        try:
            array = np.array(data, exact)
        except OverflowError:  # integers beyond 64 bits, which a float may hold
            array = np.array(data, np.float64 if dtype.kind == "f" else dtype)
    except OverflowError:
        raise ValueError(f"tensor: a number is out of range for {dtype}") from None
    except (ValueError, TypeError):
        raise ValueError("tensor: the rows of a nested sequence must be of one length") from None
    if dtype.kind in "iu" and array.size:
        for extreme in (array.min(), array.max()):
            dtypes.require_room("tensor", extreme, dtype)
    with np.errstate(all="ignore"):
        return array.astype(dtype, copy=False)


def _collect(data: Any, kinds: set[Any], depth: int) -> None:
    """Gather the types of Python's numbers and the dtypes of all else that is in a nested sequence."""
    if _nested(data):
        types = set(map(type, data))
        if types <= {bool, int, float}:
            kinds |= types
            return
        if depth == MOST_DIMENSIONS:
            raise ValueError(f"tensor: a sequence is nested deeper than {MOST_DIMENSIONS} times")
        for part in data:
            _collect(part, kinds, depth + 1)
    elif isinstance(data, (bool, int, float)) and not isinstance(data, np.generic):
        kinds.add(bool if isinstance(data, bool) else int if isinstance(data, int) else float)
    elif isinstance(data, Tensor):
        kinds.add(data.dtype)
    else:
        kinds.add(_array(data).dtype)


def _unwrapped(data: Any) -> Any:
    """A nested sequence with the numbers in place of the Tensors in it, which must have one element each."""
    if _nested(data):
        return [_unwrapped(part) for part in data]
    if isinstance(data, Tensor):
        if data.array.size != 1:
            raise ValueError(
                f"tensor: a sequence holds a tensor of {backend.dims(data.shape)}; md.stack puts tensors together"
            )
        return data.item()
    return data if type(data) in (bool, int, float) else _array(data)


def _nested(data: Any) -> bool:
    return isinstance(data, Sequence) and not isinstance(data, (str, bytes, bytearray, memoryview))


def _array(data: Any) -> np.ndarray:
    """What NumPy reads as an array of numbers; TypeError for anything else."""
    if not (hasattr(data, "__array__") or hasattr(data, "__array_interface__")) or isinstance(data, type):
        raise TypeError(f"tensor: expected numbers, got {type(data).__name__}")
    return plain("tensor", transfer.move(data, "cpu") if backend.is_array(data) else np.asarray(data))
