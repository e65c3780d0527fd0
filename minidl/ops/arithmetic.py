"""Arithmetic as it is called by name: with weights, rounded quotients, and in several steps at once."""

import math
from typing import Any

import numpy as np

from minidl.backend.dtypes import SCALARS, float64, result_type
from minidl.engine.composed import named
from minidl.engine.op import cast, clone
from minidl.engine.require import require_arrays
from minidl.ops import elementwise
from minidl.ops.compare import isfinite, isnan
from minidl.ops.division import floor_divide, trunc_divide
from minidl.ops.elementwise import clip, sqrt, trunc, where
from minidl.ops.reduce import all as every


def _weighted(other: Any, alpha: float, *beside: Any) -> Any:
    """alpha · other; integers take an integer weight."""
    if not isinstance(alpha, SCALARS):
        raise TypeError(f"alpha must be a number, got {type(alpha).__name__}")
    require_arrays("alpha · other", other, scalars=True)
    if isinstance(alpha, (float, np.floating)) and result_type((other, *beside)).kind != "f":
        raise TypeError(f"alpha must be an integer beside integers, got {alpha}")
    return other if alpha == 1 else other * alpha


@named
def add(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """input + alpha · other."""
    require_arrays("add", input, scalars=True)
    return elementwise.add(input, _weighted(other, alpha, input))


@named
def sub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """input − alpha · other."""
    require_arrays("sub", input, scalars=True)
    return elementwise.sub(input, _weighted(other, alpha, input))


@named
def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """input / other; with a `rounding_mode`, "floor" or "trunc", rounded down or towards 0."""
    if rounding_mode not in (None, "floor", "trunc"):
        raise ValueError(f"rounding_mode must be None, 'floor' or 'trunc', got {rounding_mode!r}")
    return {None: elementwise.div, "floor": floor_divide, "trunc": trunc_divide}[rounding_mode](input, other)


@named
def reciprocal(input: Any) -> Any:
    """1 / input."""
    require_arrays("reciprocal", input)
    return elementwise.div(1, input)


@named
def rsqrt(input: Any) -> Any:
    """1 / √input."""
    require_arrays("rsqrt", input)
    return elementwise.div(1, sqrt(input))


@named
def square(input: Any) -> Any:
    """input²."""
    require_arrays("square", input)
    return elementwise.pow(input, 2)


@named
def frac(input: Any) -> Any:
    """The fraction of each number, with its sign."""
    require_arrays("frac", input)
    return input - trunc(input)


@named
def lerp(input: Any, end: Any, weight: Any) -> Any:
    """input + weight · (end − input): a point on the way from the input to `end`."""
    require_arrays("lerp", input, end)
    require_arrays("lerp", weight, scalars=True)
    near = abs(weight) < 0.5  # from the nearer end, so that each is met exactly
    if isinstance(near, (bool, np.bool_)):
        return input + weight * (end - input) if near else end - (end - input) * (1 - weight)
    return where(near, input + weight * (end - input), end - (end - input) * (1 - weight))


@named
def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """input + value · tensor1 · tensor2."""
    require_arrays("addcmul", input, tensor1, tensor2)
    return add(input, tensor1 * tensor2, alpha=value)


@named
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """input + value · tensor1 / tensor2."""
    require_arrays("addcdiv", input, tensor1, tensor2)
    return add(input, elementwise.div(tensor1, tensor2), alpha=value)


@named
def clamp_min(input: Any, min: Any) -> Any:
    """The input, or `min` where that is larger."""
    return clip(input, min=min)


@named
def clamp_max(input: Any, max: Any) -> Any:
    """The input, or `max` where that is smaller."""
    return clip(input, max=max)


@named
def nan_to_num(input: Any, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Any:
    """The input with numbers in place of NaN (0), ∞ and −∞: by default the largest and least of its dtype."""
    require_arrays("nan_to_num", input)
    if input.dtype.kind != "f":
        return clone(input)
    limits = np.finfo(input.dtype)
    x = where(isnan(input), 0.0 if nan is None else nan, input)
    x = where(input == math.inf, float(limits.max) if posinf is None else posinf, x)
    return where(input == -math.inf, float(limits.min) if neginf is None else neginf, x)


# --- equal or nearly so -----------------------------------------------------------------------------------------------


@named
def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Whether |input − other| ≤ atol + rtol · |other|, elementwise; `equal_nan`: two NaN count as equal."""
    require_arrays("isclose", input, other)
    if input.dtype != other.dtype:
        raise TypeError(f"expected one dtype, got {input.dtype} and {other.dtype}; convert with .to(dtype)")
    if rtol < 0 or atol < 0:
        raise ValueError(f"rtol and atol must not be negative, got {rtol} and {atol}")
    same = input == other
    if input.dtype.kind == "b":
        return same
    if input.dtype.kind != "f":  # differences of integers may be out of their range
        input, other = cast(input, float64), cast(other, float64)
    near = abs(input - other) <= atol + rtol * abs(other)
    close = same | (near & isfinite(input) & isfinite(other))
    return close | (isnan(input) & isnan(other)) if equal_nan else close


@named
def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close, as `isclose` tells."""
    return bool(every(isclose(input, other, rtol, atol, equal_nan)))


@named
def equal(input: Any, other: Any) -> bool:
    """Whether both have one shape, and the same elements."""
    require_arrays("equal", input, other)
    return input.shape == other.shape and bool(every(input == other))
