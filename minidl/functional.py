"""Functions of networks, what users call ``F``: PyTorch's names, arguments, defaults and semantics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Generator, dims
from minidl.core import Tensor
from minidl.dtypes import require_float
from minidl.modes import no_grad
from minidl.op import same_device, same_dtype
from minidl.ops import elementwise, linalg, loss, pool, reduce, shape
from minidl.ops.conv import conv
from minidl.ops.create import ones_like
from minidl.ops.elementwise import relu as relu
from minidl.ops.loss import log_softmax as log_softmax
from minidl.ops.loss import softmax as softmax
from minidl.ops.norm import along_channels, normalize_channels
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


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input (…, in) times weightᵀ (out, in), plus bias (out): (…, out).

    Raises
    ------
    ValueError
        If the last size of the input is not the weight's.
    """
    same_device("linear", input, weight, bias)
    same_dtype("linear", input, weight, bias)
    if weight.ndim != 2 or not input.ndim or input.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: input is {dims(input.shape)}, but its last size must be the second of weight {dims(weight.shape)}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(
            f"linear: bias is {dims(bias.shape)}, expected {weight.shape[0]} as weight {dims(weight.shape)} has"
        )
    z = linalg.matmul(input, shape.transpose(weight, 0, 1))
    return z if bias is None else z + bias


def pad(input: Tensor, pad: tuple[int, ...], mode: str = "constant", value: float = 0.0) -> Tensor:
    """Put `value` around a tensor.

    Parameters
    ----------
    input : Tensor
    pad : (left, right, top, bottom, …): sizes before and after, from the last dimension on; negative ones crop
    mode : "constant", the only one there is

    Raises
    ------
    ValueError
        For another mode, and for sizes that do not fit.
    """
    if mode != "constant":
        raise ValueError(f"pad: mode must be 'constant', got {mode!r}")
    return shape.pad(input, widths=tuple(pad), value=value)


# --- windows ----------------------------------------------------------------------------------------------------------


def _batched(name: str, input: Tensor) -> tuple[Tensor, bool]:
    """The input as (N, C, H, W), and whether it came without N."""
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
    same_device("conv2d", input, weight, bias)
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
    window = _pooling("max_pool2d", x, kernel_size, stride, padding, dilation, ceil_mode)
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
    require_float("avg_pool2d", input.dtype)
    x, unbatched = _batched("avg_pool2d", input)
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


# --- normalisation and dropout ----------------------------------------------------------------------------------------


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of input (N, C, …), by its own statistics in training, by the running ones otherwise.

    In training, the running statistics (C,) are updated in place: running + momentum · (batch − running), with the
    unbiased variance. Ioffe & Szegedy (2015), "Batch normalization".

    Raises
    ------
    ValueError
        For an input without channels, vectors that are not (C,), or one value per channel in training.
    """
    same_device("batch_norm", input, running_mean, running_var, weight, bias)
    require_float("batch_norm", input.dtype)
    if input.ndim < 2:
        raise ValueError(f"batch_norm: expected an input (N, C, …), got {dims(input.shape)}")
    channels = input.shape[1]
    vectors = dict(running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    for name, vector in vectors.items():
        if vector is not None and vector.shape != (channels,):
            raise ValueError(
                f"batch_norm: {name} is {dims(vector.shape)}, the input {dims(input.shape)} has {channels} channels"
            )
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: without running statistics it works in training only")
        scale = 1 / elementwise.sqrt(running_var + eps)
        scale = scale if weight is None else scale * weight
        z = (input - along_channels(running_mean, input.ndim)) * along_channels(scale, input.ndim)
        return z if bias is None else z + along_channels(bias, input.ndim)
    count = math.prod(input.shape) // max(channels, 1)
    if count < 2:
        raise ValueError(
            f"batch_norm: expected more than 1 value per channel in training, got an input {dims(input.shape)}"
        )
    z, mean, var = normalize_channels(input, weight, bias, eps=eps)
    for running, batch in ((running_mean, mean), (running_var, var * (count / (count - 1)))):
        if running is not None:
            with no_grad():
                running.copy_(running * (1 - momentum) + batch * momentum)
    return z


def dropout(input: Tensor, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Tensor:
    """Zero each element with probability `p` and scale the others by 1/(1 − p), so that the mean is kept.

    Srivastava et al. (2014), "Dropout". The mask is drawn from `generator`, by default the global stream.

    Raises
    ------
    ValueError
        If p is not in [0, 1].
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is a probability, expected 0 ≤ p ≤ 1, got {p}")
    require_float("dropout", input.dtype)
    if not training or p == 0:
        return input
    drawn = (generator or backend.default_generator).numpy.random(input.shape, np.float32)
    mask = (drawn >= p).astype(input.dtype) * (1 / (1 - p) if p < 1 else 0)
    return input * Tensor(backend.move(mask, input.device))


# --- losses -----------------------------------------------------------------------------------------------------------


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross-entropy of unnormalised class scores against class labels or class probabilities.

    Parameters
    ----------
    input : (C,), (N, C) or (N, C, d1, …), floating
    target : integer labels in [0, C), of the input's shape without C; or probabilities, of the input's shape
    weight : (C,), optional, a factor for each class
    ignore_index : a label whose elements count for nothing (labels only)
    reduction : "mean" (over the elements' weights), "sum" or "none"
    label_smoothing : in [0, 1], the share of the target that is spread evenly over all classes

    Raises
    ------
    ValueError
        For shapes that do not fit, labels out of range, or an unknown reduction.
    """
    same_device("cross_entropy", input, target, weight)
    require_float("cross_entropy", input.dtype)
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"cross_entropy: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be in [0, 1], got {label_smoothing}")
    if not input.ndim:
        raise ValueError("cross_entropy: expected an input (C,), (N, C) or (N, C, …), got a scalar")
    over = min(1, input.ndim - 1)  # the dimension of the classes
    if weight is not None and weight.shape != (input.shape[over],):
        raise ValueError(
            f"cross_entropy: weight is {dims(weight.shape)}, expected one for each of {input.shape[over]} classes"
        )
    losses = -loss.log_softmax(input, over)
    by_class = losses if weight is None else losses * shape.reshape(weight, (-1, *(1,) * (input.ndim - over - 1)))
    if target.dtype.kind == "f":
        each, weights = _against_probabilities(by_class, target, over, label_smoothing)
    else:
        each, weights = _against_labels(losses, by_class, target, weight, over, ignore_index, label_smoothing)
    if reduction == "none":
        return each
    return each.sum() if reduction == "sum" else each.sum() / weights.sum()


def _against_probabilities(by_class: Tensor, target: Tensor, over: int, smoothing: float) -> tuple[Tensor, Tensor]:
    """The loss of each element, and its weight in the mean."""
    if target.shape != by_class.shape:
        raise ValueError(
            f"cross_entropy: target probabilities are {dims(target.shape)}, the input is {dims(by_class.shape)}; "
            "class labels must be integers"
        )
    if smoothing:
        target = target * (1 - smoothing) + smoothing / by_class.shape[over]
    each = reduce.sum(by_class * target, over)
    return each, ones_like(each)


def _against_labels(
    losses: Tensor,
    by_class: Tensor,
    target: Tensor,
    weight: Tensor | None,
    over: int,
    ignore_index: int,
    smoothing: float,
) -> tuple[Tensor, Tensor]:
    """The loss of each element, and its weight in the mean."""
    classes, expected = losses.shape[over], losses.shape[:over] + losses.shape[over + 1 :]
    if target.dtype.kind not in "iu" or target.shape != expected:
        raise ValueError(
            f"cross_entropy: target is {target.dtype} {dims(target.shape)}, expected integer labels {dims(expected)} "
            f"(input {dims(losses.shape)})"
        )
    counted = elementwise.ne(target, ignore_index)
    outside = target[counted * ((target < 0) + (target >= classes))]
    if outside.data.size:
        raise ValueError(
            f"cross_entropy: label {outside[0].item()} is out of range for {classes} classes "
            f"(input {dims(losses.shape)})"
        )
    labels = elementwise.where(counted, target, 0)
    weights = counted.to(losses.dtype) if weight is None else weight.detach()[labels] * counted
    each = shape.squeeze(shape.take_along(losses, shape.unsqueeze(labels, over), over), over) * weights
    if smoothing:
        each = each * (1 - smoothing) + reduce.sum(by_class, over) * (smoothing / classes)
    return elementwise.where(counted, each, 0.0), weights
