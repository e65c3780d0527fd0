"""Dtypes: which there are, what a number is in one of them, and which a result has.

Results have PyTorch's dtypes. NumPy's own rules differ where it hurts: float32 * float64(2) and float32 * int64 become
float64 there, and stay float32 here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

float16, float32, float64 = np.dtype("float16"), np.dtype("float32"), np.dtype("float64")
int8, int16, int32, int64 = np.dtype("int8"), np.dtype("int16"), np.dtype("int32"), np.dtype("int64")
uint8, bool_ = np.dtype("uint8"), np.dtype("bool")

default_float = float32
SUPPORTED = frozenset("?bBhHiIlLqQefd")  # the characters of NumPy's dtypes
SCALARS = (bool, int, float, np.generic)
_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def get_default_dtype() -> np.dtype:
    """The dtype of floating-point numbers that come without one: float32, unless `set_default_dtype` has said else."""
    return default_float


def set_default_dtype(d: Any) -> None:
    """Let Python's floats, new parameters and all that is made without a dtype be of this one.

    Raises
    ------
    TypeError
        Unless it is a floating dtype.
    """
    global default_float
    dtype = resolve("set_default_dtype", d)
    if dtype.kind != "f":
        raise TypeError(f"set_default_dtype: expected a floating dtype, got {dtype}")
    default_float = dtype


def resolve(name: str, dtype: Any) -> np.dtype:
    """The dtype that an argument names: a NumPy dtype or type, Python's float, int or bool.

    Raises
    ------
    TypeError
        In the name of a function, for one that tensors can't have.
    """
    try:
        found = None if dtype is None else np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or found.char not in SUPPORTED or not found.isnative:
        raise TypeError(f"{name}: expected a dtype such as md.float32, md.int64 or md.bool, got {dtype!r}")
    return found


def scalar_dtype(value: Any) -> np.dtype:
    """The dtype of a Python or NumPy scalar that stands alone: bool, int64 or the default float."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    return int64 if isinstance(value, (int, np.integer)) else default_float


def wide(dtype: np.dtype) -> np.dtype:
    """The dtype to sum in: float32 for float16, where a sum of ones would stop at 2,048."""
    return float32 if dtype == float16 else dtype


def summed_wide(forward: Callable[..., Any]) -> Callable[..., Any]:
    """An op's ``forward(xp, *arrays, **options)`` that adds many up: float16 is float32 meanwhile."""

    @functools.wraps(forward)
    def call(xp: Any, *arrays: Any, **options: Any) -> Any:
        if arrays[0].dtype != float16:
            return forward(xp, *arrays, **options)
        z = forward(xp, *[a.astype(float32) if a.dtype == float16 else a for a in arrays], **options)
        return z.astype(float16)

    return call


def require_float(name: str, dtype: np.dtype) -> None:
    """Raise TypeError, in the name of an op, unless `dtype` is floating-point (or complex, as checks use it)."""
    if dtype.kind not in "fc":
        raise TypeError(f"{name}: needs a floating dtype, got {dtype}; convert with .to(md.float32)")


def require_room(name: str, value: Any, dtype: np.dtype) -> None:
    """Raise ValueError, in the name of an op, for a number that is out of the range of `dtype`."""
    value = value.item() if isinstance(value, np.generic) else value  # Python compares integers and floats exactly
    if dtype.kind in "iu":
        fits = np.iinfo(dtype).min - 1 < value < np.iinfo(dtype).max + 1
    elif dtype.kind == "b":
        fits = value in (0, 1)
    else:
        fits = dtype.kind != "f" or not int(np.finfo(dtype).max) < abs(value) < math.inf
    if not fits:
        raise out_of_range(name, value, dtype)


def out_of_range(name: str, value: Any, dtype: np.dtype) -> ValueError:
    """The error for a number that a dtype can't hold."""
    said = f"an integer of {value.bit_length()} bits" if isinstance(value, int) and abs(value) >= 2**99 else value
    return ValueError(f"{name}: {said} is out of range for {dtype}")


def category(dtype: np.dtype) -> int:
    """Its rank among bools, integers, floating-point and complex numbers: 0 to 3."""
    return _CATEGORY[dtype.kind]


def number(name: str, value: Any, dtype: np.dtype) -> Any:
    """A number as an element of `dtype`: of a fraction, an integer dtype takes the whole part.

    Raises
    ------
    TypeError
        In the name of a function, for what is no real number.
    ValueError
        For a number that is out of the range of `dtype`.
    """
    if not isinstance(value, SCALARS) or isinstance(value, np.complexfloating):
        raise TypeError(f"{name}: expected a number, got {type(value).__name__}")
    if dtype.kind == "b":
        return np.bool_(value)
    require_room(name, value, dtype)
    return dtype.type(int(value) if dtype.kind in "iu" else value)


def promote(a: np.dtype, b: np.dtype) -> np.dtype:
    """The dtype that holds both; the higher of their categories (bool < integer < float) decides."""
    if category(a) != category(b):
        return a if category(a) > category(b) else b
    return np.promote_types(a, b)


def result_type(operands: tuple[Any, ...]) -> np.dtype:
    """The common dtype of arrays and scalars (PyTorch's ``torch.result_type``, for any number of operands).

    Arrays with dimensions decide. A 0-d array, and after it a scalar, counts only where its category
    (bool < integer < float) is higher than theirs.
    """
    ranks: list[np.dtype | None] = [None, None, None]  # arrays with dimensions, 0-d arrays, scalars
    for operand in operands:
        scalar = isinstance(operand, SCALARS)
        rank, dtype = (2, scalar_dtype(operand)) if scalar else (0 if operand.ndim else 1, operand.dtype)
        known = ranks[rank]
        ranks[rank] = dtype if known is None else promote(known, dtype)
    result, *weaker = [dtype for dtype in ranks if dtype is not None]
    for dtype in weaker:
        if category(dtype) > category(result):
            result = dtype
    return result
