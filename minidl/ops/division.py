"""Division with what is left over, and the bits of integers."""

from minidl.backend import transfer
from minidl.engine.op import elementwise
from minidl.ops.elementwise import floor, keep, trunc


def _require_divisor(name, x, y):
    """Refuse bools, and the division of integers by 0: on a GPU when a value is fetched the next time."""
    if y.dtype.kind == "b":
        raise TypeError(f"{name}: not defined for bool")
    if y.dtype.kind in "iu" and x.size:
        transfer.require_range(
            (y != 0).astype("int8"), 1, 1, lambda low, high: ValueError(f"{name}: an integer is divided by 0")
        )


@elementwise(promotes=True)
def floor_divide(xp, x, y):
    """⌊x / y⌋, the quotient without its fraction, rounded down; gradient 0."""
    _require_divisor("floor_divide", x, y)
    return xp.floor_divide(x, y)


@elementwise(promotes=True)
def trunc_divide(xp, x, y):
    """x / y without its fraction, rounded towards 0; gradient 0."""
    _require_divisor("trunc_divide", x, y)
    if x.dtype.kind == "f":
        return xp.trunc(x / y)
    down, left = xp.floor_divide(x, y), xp.remainder(x, y)
    return down + ((left != 0) & ((x < 0) != (y < 0)))


@elementwise(promotes=True)
def remainder(xp, x, y):
    """x − ⌊x / y⌋ · y: what is left of x, with the sign of y."""
    _require_divisor("remainder", x, y)
    return xp.remainder(x, y)


@elementwise(promotes=True)
def fmod(xp, x, y):
    """What is left of x after division by y, rounded towards 0: with the sign of x."""
    _require_divisor("fmod", x, y)
    return xp.fmod(x, y)


def _flat(g):
    return keep(g, g < g)  # 0, also where g is infinite or NaN


floor_divide.vjp(x=_flat, y=_flat)
trunc_divide.vjp(x=_flat, y=_flat)
remainder.vjp(x=lambda g: g, y=lambda g, x, y: -g * floor(x / y))
fmod.vjp(x=lambda g: g, y=lambda g, x, y: -g * trunc(x / y))


# --- bits -------------------------------------------------------------------------------------------------------------


@elementwise(promotes=True, wraps=True)
def bitwise_and(xp, x, y):
    """The bits that are set in x and in y; of bools, whether both are true. No gradient."""
    return xp.bitwise_and(x, y)


@elementwise(promotes=True, wraps=True)
def bitwise_or(xp, x, y):
    """The bits that are set in x or in y; of bools, whether one is true. No gradient."""
    return xp.bitwise_or(x, y)


@elementwise(promotes=True, wraps=True)
def bitwise_xor(xp, x, y):
    """The bits that differ in x and y; of bools, whether they do. No gradient."""
    return xp.bitwise_xor(x, y)


@elementwise
def bitwise_not(xp, x):
    """x with each bit turned; of bools, the opposite. No gradient."""
    return xp.invert(x)


@elementwise(promotes=True, wraps=True)
def bitwise_left_shift(xp, x, y):
    """The bits of an integer moved y places up: x · 2ʸ. No gradient."""
    return _shifted("bitwise_left_shift", xp.left_shift, x, y)


@elementwise(promotes=True, wraps=True)
def bitwise_right_shift(xp, x, y):
    """The bits of an integer moved y places down: ⌊x / 2ʸ⌋. No gradient."""
    return _shifted("bitwise_right_shift", xp.right_shift, x, y)


def _shifted(name, shift, x, y):
    if x.dtype.kind == "b":
        raise TypeError(f"{name}: not defined for bool")
    return shift(x, y)
