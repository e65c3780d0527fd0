"""Which dtype a result has: one promotion function, with PyTorch's results.

NumPy's own rules differ where it hurts: float32 * float64(2) and float32 * int64 become float64 there, and stay
float32 here.
"""

from typing import Any

import numpy as np

float16, float32, float64 = np.dtype("float16"), np.dtype("float32"), np.dtype("float64")
int8, int16, int32, int64 = np.dtype("int8"), np.dtype("int16"), np.dtype("int32"), np.dtype("int64")
uint8, bool_ = np.dtype("uint8"), np.dtype("bool")

DEFAULT_FLOAT = float32
SCALARS = (bool, int, float, np.generic)
_CATEGORY = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def scalar_dtype(value: bool | int | float | np.generic) -> np.dtype:
    """The dtype of a Python or NumPy scalar that stands alone: bool, int64 or the default float."""
    if isinstance(value, (bool, np.bool_)):
        return bool_
    return int64 if isinstance(value, (int, np.integer)) else DEFAULT_FLOAT


def wide(dtype: np.dtype) -> np.dtype:
    """The dtype to sum in: float32 for float16, where a sum of ones would stop at 2,048."""
    return float32 if dtype == float16 else dtype


def require_float(name: str, dtype: np.dtype) -> None:
    """Raise TypeError, in the name of an op, unless `dtype` is floating-point (or complex, as checks use it)."""
    if dtype.kind not in "fc":
        raise TypeError(f"{name}: needs a floating dtype, got {dtype}; convert with .to(md.float32)")


def require_room(name: str, value: Any, dtype: np.dtype) -> None:
    """Raise ValueError, in the name of an op, for a number that is out of the range of `dtype`."""
    limits = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype) if dtype.kind == "f" else None
    if limits and np.isfinite(float(value)) and not float(limits.min) <= float(value) <= float(limits.max):
        raise ValueError(f"{name}: {value} is out of range for {dtype}")


def category(dtype: np.dtype) -> int:
    """Its rank among bools, integers, floating-point and complex numbers: 0 to 3."""
    return _CATEGORY[dtype.kind]


def _promote(a: np.dtype, b: np.dtype) -> np.dtype:
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
        ranks[rank] = dtype if known is None else _promote(known, dtype)
    result, *weaker = [dtype for dtype in ranks if dtype is not None]
    for dtype in weaker:
        if category(dtype) > category(result):
            result = dtype
    return result
