"""Elementwise functions, with broadcasting; the derivative of each stands below it."""

from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims, transfer
from minidl.backend.dtypes import SCALARS, number, result_type
from minidl.engine.composed import named
from minidl.engine.op import elementwise
from minidl.engine.require import require_arrays


@elementwise(promotes=True, wraps=True)
def add(xp, x, y):
    """x + y."""
    return x + y


@elementwise(promotes=True, wraps=True, bools=False)
def sub(xp, x, y):
    """x − y."""
    return x - y


@elementwise(promotes=True, wraps=True)
def mul(xp, x, y):
    """x · y."""
    return x * y


@elementwise(promotes=True, floats=True)
def div(xp, x, y):
    """x / y."""
    return x / y


@elementwise(bools=False)
def neg(xp, x):
    """−x."""
    return -x


add.vjp(x=lambda g: g, y=lambda g: g)
sub.vjp(x=lambda g: g, y=lambda g: -g)
mul.vjp(x=lambda g, y: g * y, y=lambda g, x: g * x)
div.vjp(x=lambda g, y: g / y, y=lambda g, x, y: -g * (x / y / y))
neg.vjp(x=lambda g: -g)


@elementwise
def keep(xp, x, mask):
    """x where mask, else 0: also where x is infinite, when x · mask would be NaN."""
    if x.dtype.kind == "c":  # in checks by the complex step
        return x * mask
    return (x.view(f"i{x.dtype.itemsize}") * mask).view(x.dtype)


@elementwise(promotes=True)
def where(xp, condition, x, y):
    """x where condition, else y."""
    if condition.dtype.kind != "b":
        raise TypeError(f"where: condition must be of bools, got {condition.dtype}")
    arrays = xp is np and isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
    if not arrays or x.dtype != y.dtype or x.dtype.kind != "f":
        return xp.where(condition, x, y)
    bits = f"i{x.dtype.itemsize}"  # no branches, which conditions without a pattern make four times as slow
    a, b = x.view(bits), y.view(bits)
    return (b ^ ((a ^ b) & -condition.astype(bits))).view(x.dtype)


keep.vjp(x=lambda g, mask: keep(g, mask))
where.vjp(x=lambda g, condition: keep(g, condition), y=lambda g, condition: keep(g, ~condition))


@elementwise(floats=True)
def exp(xp, x):
    """eˣ."""
    return xp.exp(x)


@elementwise(floats=True)
def log(xp, x):
    """ln x; −inf at 0, NaN below."""
    return xp.log(x)


@elementwise(floats=True)
def sqrt(xp, x):
    """√x; NaN below 0."""
    return xp.sqrt(x)


@elementwise(floats=True)
def tanh(xp, x):
    """tanh x."""
    return xp.tanh(x)


@elementwise(floats=True)
def sigmoid(xp, x):
    """1 / (1 + e⁻ˣ)."""
    return 1 / (1 + xp.exp(-x))


@elementwise(floats=True)
def root(xp, x):
    """√x, with the gradient 0 at 0: for lengths and deviations, which have a minimum there."""
    return xp.sqrt(x)


exp.vjp(x=lambda g, z: g * z)
log.vjp(x=lambda g, x: g / x)
sqrt.vjp(x=lambda g, z: g / (2 * z))
root.vjp(x=lambda g, z: keep(g, z != 0) / (2 * where(z != 0, z, 1.0)))
tanh.vjp(x=lambda g, z: g * (1 - z * z))
sigmoid.vjp(x=lambda g, z: g * (z * (1 - z)))


@elementwise(promotes=True)
def pow(xp, x, n):
    """x to the power n."""
    if x.dtype.kind in "iu":
        transfer.require_range(n, 0, np.inf, _negative_power)
    cube = xp.ndim(n) == 0 and not backend.on_gpu(n) and n == 3
    return x * x * x if cube else x**n  # for which NumPy takes 300 times as long


def _negative_power(low, high):
    return ValueError("pow: integers to negative integer powers are not integers; convert with .to(md.float32)")


pow.vjp(
    x=lambda g, x, n: where(n == 0, 0.0, g * (n * x ** where(n == 0, 1.0, n - 1))),
    n=lambda g, z, x, n: where((x == 0) * (n >= 0), 0.0, g * (z * log(x))),
)


def _flat(g):
    return keep(g, g < g)  # 0, also where g is infinite or NaN


@elementwise
def sign(xp, x):
    """−1, 0 or 1, and 0 for NaN; gradient 0."""
    if x.dtype.kind == "b":
        return x.copy()
    return (x > 0).astype(x.dtype) - (x < 0)


@elementwise(bools=False)
def floor(xp, x):
    """The largest integer that is not above x; gradient 0."""
    return xp.floor(x)


@elementwise(bools=False)
def ceil(xp, x):
    """The smallest integer that is not below x; gradient 0."""
    return xp.ceil(x)


@elementwise(bools=False)
def trunc(xp, x):
    """x without its fraction; gradient 0."""
    return xp.trunc(x)


@elementwise(bools=False)
def round(xp, x, *, decimals=0):
    """x rounded to so many decimals, halves to the even neighbour; gradient 0."""
    return xp.round(x, decimals)


sign.vjp(x=_flat)
floor.vjp(x=_flat)
ceil.vjp(x=_flat)
trunc.vjp(x=_flat)
round.vjp(x=_flat)


@elementwise(bools=False)
def abs(xp, x):
    """|x|; gradient 0 at 0."""
    return xp.abs(x)


@elementwise(bools=False)
def relu(xp, x):
    """max(x, 0); gradient 0 at 0."""
    return xp.maximum(x, x.dtype.type(0))


@elementwise
def hardtanh(xp, x, min_val=-1.0, max_val=1.0):
    """x limited to [min_val, max_val]; on a bound the gradient is 0, unlike that of `clip`."""
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val {min_val} is greater than max_val {max_val}")
    if x.dtype.kind == "b" or (x.dtype.kind == "u" and min_val < 0):
        raise TypeError(f"hardtanh: not defined for {x.dtype} between {min_val} and {max_val}")
    return xp.clip(x, x.dtype.type(min_val), x.dtype.type(max_val))


abs.vjp(x=lambda g, x: g * sign(x))
relu.vjp(x=lambda g, z: keep(g, z != 0))  # and where it is NaN
hardtanh.vjp(x=lambda g, x, min_val, max_val: keep(g, (x > min_val) * (x < max_val)))


@elementwise(promotes=True)
def maximum(xp, x, y):
    """The larger of x and y; at a tie each gets half of the gradient."""
    return xp.maximum(x, y)


@elementwise(promotes=True)
def minimum(xp, x, y):
    """The smaller of x and y; at a tie each gets half of the gradient."""
    return xp.minimum(x, y)


def _unless(loses, ties, g):
    return keep(where(ties, g * 0.5, g), ~loses)


maximum.vjp(x=lambda g, x, y: _unless(x < y, x == y, g), y=lambda g, x, y: _unless(y < x, x == y, g))
minimum.vjp(x=lambda g, x, y: _unless(x > y, x == y, g), y=lambda g, x, y: _unless(y > x, x == y, g))


@elementwise
def limit(xp, x, *, min, max):
    """x limited to [min, max], numbers of which one may be None; the gradient passes on the bounds too."""
    bounds = tuple(bound for bound in (min, max) if bound is not None)
    x = x.astype(result_type((x, *bounds)), copy=False)
    return xp.clip(x, *_in_room(min, max, x.dtype))


def _in_room(low, high, dtype):
    """Bounds; a lower one below all integers of a dtype, or an upper one above, as the outermost: CuPy refuses it."""
    if dtype.kind not in "iu":
        return low, high
    room = np.iinfo(dtype)
    return None if low is None else max(low, room.min), None if high is None else min(high, room.max)


def _within(x, min, max):
    above = True if min is None else x >= min
    return above if max is None else above * (x <= max)


limit.vjp(x=lambda g, x, min, max: keep(g, _within(x, min, max)))


@named
def clip(input: Any, min: Any = None, max: Any = None) -> Any:
    """The input limited to [min, max], numbers or tensors (PyTorch's ``clamp``); on a bound the input has the gradient.

    Raises
    ------
    ValueError
        Without any bound.
    """
    bounds = [bound for bound in (min, max) if bound is not None]
    if not bounds:
        raise ValueError("at least one of min and max must be given")
    require_arrays("clip", input)
    require_arrays("clip", *bounds, scalars=True)
    if all([isinstance(bound, SCALARS) for bound in bounds]):
        return limit(input, min=min, max=max)
    above = input if min is None else where((input < min) | (min != min), min, input)  # a bound that is NaN counts
    return above if max is None else where((above > max) | (max != max), max, above)


@named
def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """The input with `value`, one number, wherever the bools of `mask` are true; they broadcast.

    Raises
    ------
    TypeError, ValueError
        For a mask that is not of bools, and a value that is not one number, or that the input's dtype can't hold.
    """
    require_arrays("masked_fill", input, mask)
    require_arrays("masked_fill", value, scalars=True)
    if mask.dtype.kind != "b":
        raise TypeError(f"mask must be of bools, got {mask.dtype}")
    if not isinstance(value, SCALARS) and value.shape:
        raise ValueError(f"value must be one number, got {dims(value.shape)}")
    if isinstance(value, SCALARS) or result_type((input, value)) != input.dtype:
        value = number("masked_fill", value if isinstance(value, SCALARS) else value.item(), input.dtype)
    return where(mask, value, input)
