"""Convolution, its transpose, and the columns that it can be computed with."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend import dims
from minidl.core import Tensor
from minidl.functional.windows import Pair, Single, as_given, as_images, check_fits, pair
from minidl.op import require_tensors, same_dtype
from minidl.ops import pool
from minidl.ops.conv import conv, conv_x
from minidl.ops.norm import along_channels
from minidl.ops.shape import pad, squeeze, unsqueeze
from minidl.ops.window import Window


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Single = 1,
    padding: Single | str = 0,
    dilation: Single = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d` of signals, (N, C, L) or (C, L), with a weight (O, C / groups, K): (N, O, OL)."""
    return _convolve("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


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
    return _convolve("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def _convolve(
    name: str,
    spatial: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
) -> Tensor:
    require_tensors(name, input, weight, bias)
    x = as_images(name, input, spatial)
    w = _weights(name, spatial, input, weight, bias, groups, input_axis=1)
    window = _window(name, spatial, w, stride, dilation)
    window = window._replace(padding=_padding(name, padding, window, spatial))
    check_fits(name, input, window, x, spatial)
    z = conv(x, w, stride=window.stride, padding=window.padding, dilation=window.dilation, groups=groups)
    return as_given(z if bias is None else z + along_channels(bias, 4), input, spatial)


def _window(name: str, spatial: int, w: Tensor, stride: Any, dilation: Any) -> Window:
    return Window(
        w.shape[2:],
        pair(stride, f"{name}: stride", spatial=spatial),
        dilation=pair(dilation, f"{name}: dilation", spatial=spatial),
    )


def _weights(
    name: str, spatial: int, input: Tensor, weight: Tensor, bias: Tensor | None, groups: int, input_axis: int
) -> Tensor:
    """The weight with a KH, after a check that all fits: its dimension `input_axis` belongs to the input's channels."""
    same_dtype(name, input, weight, bias)
    form, axes = dims(weight.shape), ("(O, C/groups, {})", "(C, O/groups, {})")[1 - input_axis]
    if weight.ndim != spatial + 2:
        raise ValueError(f"{name}: expected a weight {axes.format(('K', 'KH, KW')[spatial - 1])}, got {form}")
    whole = "output" if input_axis else "input"
    if not isinstance(groups, (int, np.integer)) or isinstance(groups, bool) or groups < 1 or weight.shape[0] % groups:
        raise ValueError(
            f"{name}: groups must be at least 1 and divide the {weight.shape[0]} {whole} channels, got {groups}"
        )
    sizes = weight.shape[0], weight.shape[1] * groups
    channels, expected, outputs = input.shape[-spatial - 1], sizes[input_axis], sizes[1 - input_axis]
    if channels != expected:
        raise ValueError(
            f"{name}: input has {channels} channel{'s' * (channels != 1)}, weight expects {expected} "
            f"(weight {form}, groups={groups})"
        )
    if bias is not None and bias.shape != (outputs,):
        raise ValueError(f"{name}: bias is {dims(bias.shape)}, expected {outputs} (weight {form}, groups={groups})")
    return weight if spatial == 2 else unsqueeze(weight, 2)


def _padding(name: str, padding: Any, window: Window, spatial: int) -> Any:
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        if window.stride != (1, 1):
            raise ValueError(f"{name}: padding='same' needs stride 1, got {window.stride[-spatial:]}")
        return tuple(((e - 1) // 2, e // 2) for e in window.extent())
    if isinstance(padding, str):
        raise ValueError(f"{name}: padding must be a number, a pair, 'same' or 'valid', got {padding!r}")
    h, w = pair(padding, f"{name}: padding", 0, spatial)
    return (h, h), (w, w)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Single = 1,
    padding: Single = 0,
    output_padding: Single = 0,
    groups: int = 1,
    dilation: Single = 1,
) -> Tensor:
    """`conv_transpose2d` of signals, (N, C, L) or (C, L), with a weight (C, O / groups, K): (N, O, OL)."""
    options = (stride, padding, output_padding, groups, dilation)
    return _convolve_transposed("conv_transpose1d", 1, input, weight, bias, *options)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    output_padding: Pair = 0,
    groups: int = 1,
    dilation: Pair = 1,
) -> Tensor:
    """Transposed convolution: what the gradient of `conv2d` does to go from an output back to an image.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    weight : (C, O / groups, KH, KW)
    bias : (O,), optional
    stride, dilation, groups : those of the convolution
    padding : of the convolution; so much is cut off on each side here
    output_padding : rows and columns added at the far side, fewer than stride or dilation

    Returns
    -------
    Tensor (N, O, OH, OW), OH = (H − 1)·stride − 2·padding + dilation·(KH − 1) + output_padding + 1

    Raises
    ------
    ValueError
        For ranks, channels or sizes that do not fit.
    """
    options = (stride, padding, output_padding, groups, dilation)
    return _convolve_transposed("conv_transpose2d", 2, input, weight, bias, *options)


def _convolve_transposed(
    name: str,
    spatial: int,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    require_tensors(name, input, weight, bias)
    x = as_images(name, input, spatial)
    w = _weights(name, spatial, input, weight, bias, groups, input_axis=0)
    window = _window(name, spatial, w, stride, dilation)
    margins = pair(padding, f"{name}: padding", 0, spatial)
    extra = pair(output_padding, f"{name}: output_padding", 0, spatial)
    if any(q >= max(s, d) for q, s, d in zip(extra, window.stride, window.dilation, strict=True)):
        raise ValueError(f"{name}: output_padding must be smaller than stride or dilation, got {output_padding!r}")
    size, around, beyond = [], [], []
    for n, s, e, p, q in zip(x.shape[2:], window.stride, window.extent(), margins, extra, strict=True):
        reach = (n - 1) * s + e  # of all windows: near and far are cut off, and what lies beyond them is 0
        near, far = min(p, reach), max(p - q, 0)
        around.append((near, far))
        size.append(reach - near - far)
        beyond.append(reach - 2 * p + q - size[-1])
    outer = tuple(n + b for n, b in zip(size, beyond, strict=True))
    if min(outer) < 1 or min(window.size) < 1 or 0 in x.shape[1:] + w.shape[:2]:
        raise ValueError(f"{name}: nothing is left: {dims(input.shape)} would become {dims(outer[-spatial:])}")
    options = dict(stride=window.stride, padding=tuple(around), dilation=window.dilation, groups=groups)
    z = conv_x(x, w, size=tuple(size), **options)
    z = pad(z, (0, beyond[1], 0, beyond[0])) if any(beyond) else z
    return as_given(z if bias is None else z + along_channels(bias, 4), input, spatial)


def unfold(input: Tensor, kernel_size: Pair, dilation: Pair = 1, padding: Pair = 0, stride: Pair = 1) -> Tensor:
    """What a sliding window sees, one column for each of its L places (im2col).

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W)
    kernel_size, dilation, padding, stride : int or pair, as in `conv2d`

    Returns
    -------
    Tensor (N, C·KH·KW, L)

    Raises
    ------
    ValueError
        For sizes that do not fit.
    """
    x = as_images("unfold", input)
    window = _sliding("unfold", kernel_size, dilation, padding, stride)
    check_fits("unfold", input, window, x)
    columns = pool.im2col(x, window=window)
    return columns if input.ndim == 4 else squeeze(columns, 0)


def fold(
    input: Tensor, output_size: Pair, kernel_size: Pair, dilation: Pair = 1, padding: Pair = 0, stride: Pair = 1
) -> Tensor:
    """Images of `output_size` with each column added where its window lies: the adjoint of `unfold`, not its inverse.

    Parameters
    ----------
    input : (N, C·KH·KW, L) or (C·KH·KW, L)
    output_size : int or pair, the images' height and width
    kernel_size, dilation, padding, stride : int or pair, as in `unfold`

    Returns
    -------
    Tensor (N, C, H, W)

    Raises
    ------
    ValueError
        For sizes that do not fit.
    """
    require_tensors("fold", input)
    size, window = pair(output_size, "fold: output_size"), _sliding("fold", kernel_size, dilation, padding, stride)
    places, k = window.positions(*size), math.prod(window.size)
    if input.ndim not in (2, 3) or input.shape[-2] % k or not input.shape[-2] or min(places) < 1:
        raise ValueError(f"fold: expected an input (N, C·{k}, L) or (C·{k}, L), got {dims(input.shape)}")
    if input.shape[-1] != math.prod(places):
        raise ValueError(
            f"fold: input {dims(input.shape)} has {input.shape[-1]} columns, but a window of {dims(window.extent())} "
            f"has {dims(places)} places in {dims(size)}"
        )
    z = pool.col2im(input if input.ndim == 3 else unsqueeze(input, 0), window=window, size=size)
    return z if input.ndim == 3 else squeeze(z, 0)


def _sliding(name: str, kernel_size: Pair, dilation: Pair, padding: Pair, stride: Pair) -> Window:
    h, w = pair(padding, f"{name}: padding", 0)
    return Window(
        pair(kernel_size, f"{name}: kernel_size"),
        pair(stride, f"{name}: stride"),
        ((h, h), (w, w)),
        pair(dilation, f"{name}: dilation"),
    )
