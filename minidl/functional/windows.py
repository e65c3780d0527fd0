"""What the functions of a sliding window share: their arguments, and signals taken for images of height 1."""

from typing import Any

import numpy as np

from minidl.backend import dims
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.ops.shape import squeeze, unsqueeze
from minidl.ops.window import Window

Single = int | tuple[int]
Pair = int | tuple[int, int]


def is_integer(value: Any) -> bool:
    """Whether it is an integer, which a bool is not."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def pair(value: Any, name: str, least: int = 1, spatial: int = 2) -> tuple[int, int]:
    """One size for all `spatial` dimensions, or one for each, as (height, width); a signal's height is `least`.

    Raises
    ------
    ValueError
        For anything but integers, each of at least `least`.
    """
    each = value if isinstance(value, (tuple, list)) else (value,)
    if len(each) not in (1, spatial) or not all(map(is_integer, each)):
        raise ValueError(f"{name}: expected an int{' or a pair of ints' * (spatial == 2)}, got {value!r}")
    if min(each) < least:
        raise ValueError(f"{name}: must be at least {least}, got {value!r}")
    return int(each[0]) if spatial == 2 else least, int(each[-1])


def sliding(spatial, kernel_size, stride, padding, dilation):
    """The window that a function's arguments ask for, with the same padding on both sides."""
    given = dict(kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation)
    size, steps, (y, x), gaps = (
        pair(value, option, int(option != "padding"), spatial) for option, value in given.items()
    )
    return Window(size, steps, ((y, y), (x, x)), gaps)


def as_images(input: Tensor, spatial: int = 2) -> Tensor:
    """The input as (N, C, H, W): one without N as a batch of one, a signal (N, C, L) with a height of 1."""
    require_tensors("input", input)
    if input.ndim not in (spatial + 1, spatial + 2):
        expected = "(N, C, H, W) or (C, H, W)" if spatial == 2 else "(N, C, L) or (C, L)"
        raise ValueError(f"expected an input {expected}, got {dims(input.shape)}")
    if input.dtype.kind == "b":
        raise TypeError("not defined for bool; convert with .to(md.float32)")
    x = input if input.ndim == spatial + 2 else unsqueeze(input, 0)
    return x if spatial == 2 else unsqueeze(x, 2)


def as_given(z: Tensor, input: Tensor, spatial: int = 2) -> Tensor:
    """A result (N, C, H, W) with the dimensions that its input came with."""
    z = z if spatial == 2 else squeeze(z, 2)
    return z if input.ndim == spatial + 2 else squeeze(z, 0)


def check_fits(input: Tensor, x: Tensor, window: Window, spatial: int = 2) -> None:
    """Refuse a window that has no place in x, which is `input` as images."""
    if min(window.positions(*x.shape[2:])) < 1 or 0 in x.shape[1:]:
        raise ValueError(
            f"a window of {dims(window.extent()[-spatial:])} does not fit into an input of "
            f"{dims(input.shape[-spatial:])} with padding {window.padding[-spatial:]} (input {dims(input.shape)})"
        )
