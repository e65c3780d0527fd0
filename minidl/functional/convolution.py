"""Convolution, its transpose, and the columns that it can be computed with."""

import math

from minidl.backend import dims
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors, same_dtype
from minidl.functional.windows import Pair, Single, as_given, as_images, check_fits, is_integer, pair, sliding
from minidl.ops import pool
from minidl.ops.blocks import convolve
from minidl.ops.conv import conv_x
from minidl.ops.joining import pad
from minidl.ops.norm import along_channels
from minidl.ops.shape import squeeze, unsqueeze


@named
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
    return convolved(1, input, weight, bias, stride, padding, dilation, groups)


@named
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
    return convolved(2, input, weight, bias, stride, padding, dilation, groups)


def convolved(spatial, input, weight, bias, stride, padding, dilation, groups, pool=None, relu=False):
    """Images or signals seen through weights, plus a bias; then the maximum of each window of `pool`, and relu."""
    x, w = _operands(spatial, input, weight, bias, groups)
    window = sliding(spatial, weight.shape[2:], stride, 0 if isinstance(padding, str) else padding, dilation)
    if padding == "same":
        if window.stride != (1, 1):
            raise ValueError(f"padding='same' needs stride 1, got {stride!r}")
        window = window._replace(padding=tuple(((e - 1) // 2, e // 2) for e in window.extent()))
    elif isinstance(padding, str) and padding != "valid":
        raise ValueError(f"padding must be a number, a pair, 'same' or 'valid', got {padding!r}")
    check_fits(input, x, window, spatial)
    if pool is not None and min(pool.positions(*window.positions(*x.shape[2:]))) < 1:
        raise ValueError(f"a pooling window of {dims(pool.size)} does not fit into the result")
    geometry = dict(stride=window.stride, padding=window.padding, dilation=window.dilation, groups=groups)
    return as_given(convolve(x, w, bias, **geometry, pool=pool, relu=relu), input, spatial)


def _operands(spatial, input, weight, bias, groups, transposed=False):
    """Input and weight as those of images, once channels and ranks are known to fit."""
    require_tensors("input, weight and bias", input, weight, bias)
    same_dtype("input, weight and bias", input, weight, bias)
    x = as_images(input, spatial)
    first, second = "CO" if transposed else "OC"
    if weight.ndim != spatial + 2:
        sides = "KH, KW" if spatial == 2 else "K"
        raise ValueError(f"expected a weight ({first}, {second}/groups, {sides}), got {dims(weight.shape)}")
    if 0 in weight.shape[:2]:
        raise ValueError(f"expected a weight of at least one input and one output channel, got {dims(weight.shape)}")
    if not is_integer(groups) or groups < 1 or weight.shape[0] % groups:
        raise ValueError(f"groups must be at least 1 and divide {first} = {weight.shape[0]}, got {groups}")
    sizes = {first: weight.shape[0], second: weight.shape[1] * groups}
    shown = f"(weight {dims(weight.shape)}, groups={groups})"
    if x.shape[1] != sizes["C"]:
        channels = f"{x.shape[1]} channel{'s' * (x.shape[1] != 1)}"
        last = x.shape[-1] == sizes["C"] and spatial == 2
        order = (0, 3, 1, 2) if input.ndim == 4 else (2, 0, 1)
        hint = f"; channels come before height and width: input.permute{order}" if last else ""
        raise ValueError(f"input has {channels}, weight expects {sizes['C']} {shown}{hint}")
    if bias is not None and bias.shape != (sizes["O"],):
        raise ValueError(f"bias is {dims(bias.shape)}, expected {sizes['O']} {shown}")
    return x, weight if spatial == 2 else unsqueeze(weight, 2)


@named
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
    return _convolve_transposed(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


@named
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
    return _convolve_transposed(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def _convolve_transposed(spatial, input, weight, bias, stride, padding, output_padding, groups, dilation):
    x, w = _operands(spatial, input, weight, bias, groups, transposed=True)
    window = sliding(spatial, weight.shape[2:], stride, padding, dilation)
    extra = pair(output_padding, "output_padding", 0, spatial)
    if any(q >= max(s, d) for q, s, d in zip(extra, window.stride, window.dilation, strict=True)):
        raise ValueError(f"output_padding must be smaller than stride or dilation, got {output_padding!r}")
    around, inner, outer = [], [], []
    for n, s, e, (p, _), q in zip(x.shape[2:], window.stride, window.extent(), window.padding, extra, strict=True):
        reach = (n - 1) * s + e  # of all windows; what is asked for beyond it is 0
        around.append((min(p, reach), max(p - q, 0)))
        inner.append(reach - sum(around[-1]))
        outer.append(reach - 2 * p + q)
    if min(outer) < 1 or 0 in x.shape[2:]:
        raise ValueError(f"of an input {dims(input.shape)} nothing is left with padding={padding!r}")
    geometry = dict(stride=window.stride, padding=tuple(around), dilation=window.dilation, groups=groups)
    z = conv_x(x, w, size=tuple(inner), **geometry)
    if inner != outer:
        z = pad(z, (0, outer[1] - inner[1], 0, outer[0] - inner[0]))
    return as_given(z if bias is None else z + along_channels(bias, 4), input, spatial)


@named
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
    x = as_images(input)
    window = sliding(2, kernel_size, stride, padding, dilation)
    check_fits(input, x, window)
    columns = pool.im2col(x, window=window)
    return columns if input.ndim == 4 else squeeze(columns, 0)


@named
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
    require_tensors("input", input)
    size, window = pair(output_size, "output_size"), sliding(2, kernel_size, stride, padding, dilation)
    places, k = window.positions(*size), math.prod(window.size)
    rows, columns = input.shape[-2:] if input.ndim in (2, 3) else (0, 0)
    if not rows or rows % k or min(places) < 1 or columns != math.prod(places):
        raise ValueError(
            f"expected an input (N, C·{k}, L) or (C·{k}, L) with L = {dims(places)}, the places of a window of "
            f"{dims(window.extent())} in {dims(size)}; got {dims(input.shape)}"
        )
    z = pool.col2im(input if input.ndim == 3 else unsqueeze(input, 0), window=window, size=size)
    return z if input.ndim == 3 else squeeze(z, 0)
