"""Functions of a window that slides over images: convolution and pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims
from minidl.core import Tensor
from minidl.dtypes import require_float
from minidl.op import require_tensors, same_dtype
from minidl.ops import pool, shape
from minidl.ops.conv import conv
from minidl.ops.norm import along_channels
from minidl.ops.window import Window

Pair = int | tuple[int, int]


def pair(value: Any, name: str, least: int = 1) -> tuple[int, int]:
    """One size for both dimensions, or two: (height, width).

    Raises
    ------
    ValueError
        For anything but one or two integers, each of at least `least`.
    """
    both = (value, value) if isinstance(value, (int, np.integer)) else value
    if not isinstance(both, (tuple, list)) or len(both) != 2 or not all(isinstance(n, (int, np.integer)) for n in both):
        raise ValueError(f"{name}: expected an int or a pair of ints, got {value!r}")
    if min(both) < least:
        raise ValueError(f"{name}: must be at least {least}, got {value!r}")
    return int(both[0]), int(both[1])


def _batched(name: str, input: Tensor) -> tuple[Tensor, bool]:
    """The input as (N, C, H, W), and whether it came without N."""
    require_tensors(name, input)
    if input.ndim not in (3, 4):
        raise ValueError(f"{name}: expected an input (N, C, H, W) or (C, H, W), got {dims(input.shape)}")
    return (shape.unsqueeze(input, 0), True) if input.ndim == 3 else (input, False)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair | str = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlate images with weights, what deep learning calls convolution.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    weight : (O, C / groups, KH, KW)
    bias : (O,), optional
    stride, dilation : int or pair, at least 1
    padding : int or pair of zeros on each side; "valid" (none) or "same" (H×W kept; stride 1 only)
    groups : number of blocks of channels that are convolved apart; divides C and O

    Returns
    -------
    Tensor (N, O, OH, OW), OH = ⌊(H + 2·padding − dilation·(KH − 1) − 1) / stride⌋ + 1

    Raises
    ------
    ValueError
        For ranks, channels or sizes that do not fit.
    """
    require_tensors("conv2d", input, weight, bias)
    same_dtype("conv2d", input, weight, bias)
    x, unbatched = _batched("conv2d", input)
    if weight.ndim != 4:
        raise ValueError(f"conv2d: expected a weight (O, C/groups, KH, KW), got {dims(weight.shape)}")
    if not isinstance(groups, int) or groups < 1 or weight.shape[0] % groups:
        raise ValueError(
            f"conv2d: groups must be at least 1 and divide the {weight.shape[0]} output channels, got {groups}"
        )
    channels = x.shape[1]
    if channels != weight.shape[1] * groups:
        raise ValueError(
            f"conv2d: input has {channels} channel{'s' * (channels != 1)}, weight expects {weight.shape[1] * groups} "
            f"(weight {dims(weight.shape)}, groups={groups})"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(
            f"conv2d: bias is {dims(bias.shape)}, expected {weight.shape[0]} (weight {dims(weight.shape)})"
        )
    window = Window(weight.shape[2:], pair(stride, "conv2d: stride"), dilation=pair(dilation, "conv2d: dilation"))
    window = window._replace(padding=_padding(padding, window))
    _check_fits("conv2d", x, window)
    z = conv(x, weight, stride=window.stride, padding=window.padding, dilation=window.dilation, groups=groups)
    z = z if bias is None else z + along_channels(bias, 4)
    return shape.squeeze(z, 0) if unbatched else z


def _padding(padding: Pair | str, window: Window) -> Any:
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        if window.stride != (1, 1):
            raise ValueError(f"conv2d: padding='same' needs stride 1, got {window.stride}")
        return tuple(((e - 1) // 2, e // 2) for e in window.extent())
    if isinstance(padding, str):
        raise ValueError(f"conv2d: padding must be a number, a pair, 'same' or 'valid', got {padding!r}")
    h, w = pair(padding, "conv2d: padding", least=0)
    return (h, h), (w, w)


def _check_fits(name: str, x: Tensor, window: Window) -> None:
    if min(window.size) < 1 or min(window.positions(*x.shape[2:])) < 1 or 0 in x.shape[1:]:
        raise ValueError(
            f"{name}: a window of {dims(window.extent())} does not fit into an input of {dims(x.shape[2:])} "
            f"with padding {window.padding} (input {dims(x.shape)})"
        )


def _check_inside(name: str, x: Tensor, window: Window) -> None:
    """Refuse a window of which no element is in the image: dilation can step over all of a small one."""
    for axis, places in enumerate(window.positions(*x.shape[2:])):
        first = np.arange(places)[:, None] * window.stride[axis] - window.padding[axis][0]
        seen = first + np.arange(window.size[axis]) * window.dilation[axis]
        if not ((seen >= 0) & (seen < x.shape[2 + axis])).any(1).all():
            raise ValueError(f"{name}: a window lies wholly in the padding (input {dims(x.shape)}, {window})")


def _pooling(
    name: str, x: Tensor, kernel_size: Pair, stride: Pair | None, padding: Pair, dilation: Pair, ceil_mode: bool
) -> Window:
    """The window of a pooling, with room at the far side for the last one that `ceil_mode` lets in."""
    size = pair(kernel_size, f"{name}: kernel_size")
    steps = size if stride is None else pair(stride, f"{name}: stride")
    margins = pair(padding, f"{name}: padding", least=0)
    if any(p > k // 2 for p, k in zip(margins, size, strict=True)):
        raise ValueError(f"{name}: padding must be at most half of kernel_size {size}, got {padding!r}")
    window = Window(size, steps, dilation=pair(dilation, f"{name}: dilation"))
    around = []
    for n, p, s, e in zip(x.shape[2:], margins, steps, window.extent(), strict=True):
        last = -(-(n + 2 * p - e) // s)
        last -= last * s >= n + p  # a window must start inside the image or its near padding
        around.append((p, max(p, last * s + e - n - p) if ceil_mode else p))
    window = window._replace(padding=(around[0], around[1]))
    _check_fits(name, x, window)
    return window


def max_pool2d(
    input: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The maximum of each window; ties give the gradient to the first element.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    kernel_size, stride, padding, dilation : int or pair; stride is kernel_size unless given, padding at most half of it
    ceil_mode : let a last window run over the edge, if it starts inside

    Raises
    ------
    ValueError
        For sizes that do not fit.
    """
    x, unbatched = _batched("max_pool2d", input)
    if x.dtype.kind == "b":
        raise TypeError("max_pool2d: not defined for bool; convert with .to(md.float32)")
    window = _pooling("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
    _check_inside("max_pool2d", x, window)
    z = pool.window_take(x, pool.window_argmax(x, window=window), window=window)
    return shape.squeeze(z, 0) if unbatched else z


def avg_pool2d(
    input: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    kernel_size, stride, padding, ceil_mode : as in `max_pool2d`
    count_include_pad : count the zeros of the padding
    divisor_override : divide by this instead

    Raises
    ------
    ValueError
        For sizes that do not fit.
    """
    x, unbatched = _batched("avg_pool2d", input)
    require_float("avg_pool2d", x.dtype)
    window = _pooling("avg_pool2d", x, kernel_size, stride, padding, 1, ceil_mode)
    if divisor_override is not None and divisor_override < 1:
        raise ValueError(f"avg_pool2d: divisor_override must be at least 1, got {divisor_override}")
    counted = backend.namespace(x.data).ones((1, 1, *x.shape[2:]), x.dtype)
    around = window
    if count_include_pad:  # count the padding asked for, but not the room that ceil_mode adds
        h, w = pair(padding, "avg_pool2d: padding", least=0)
        counted = shape.pad(counted, (w, w, h, h), 1.0)
        (_, bottom), (_, right) = window.padding
        around = window._replace(padding=((0, bottom - h), (0, right - w)))
    weights = 1 / (divisor_override or pool.window_sum(counted, window=around))
    z = pool.window_sum(x, window=window) * weights
    return shape.squeeze(z, 0) if unbatched else z
