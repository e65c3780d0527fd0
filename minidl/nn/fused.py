"""Runs of layers that one composite serves; `Sequential` finds them."""

import math
from typing import Any

import numpy as np

from minidl.backend import current
from minidl.backend.dtypes import float16
from minidl.backend.modes import mode
from minidl.engine.core import Tensor
from minidl.engine.fusion import fuses
from minidl.functional.convolution import convolved
from minidl.functional.normalisation import as_affine, batch_normalised
from minidl.functional.windows import pair
from minidl.nn.convolution import Conv2d
from minidl.nn.functions import MaxPool2d, ReLU
from minidl.nn.module import Module
from minidl.nn.normalisation import BatchNorm2d
from minidl.ops.window import Window

FEW = 1 << 19  # weights, over which a pass takes no longer than the call of a norm
PLAIN = (0, (0, 0), [0, 0]), (1, (1, 1), [1, 1])  # padding and dilation of a pooling that has none


def activation(layers: tuple[Any, ...]) -> dict[str, Any] | None:
    """Relu and max pooling, in either order, as options of a composite; None for a pooling that pads or gives more."""
    options: dict[str, Any] = {"pool": None, "relu": False}
    for layer in layers:
        if isinstance(layer, ReLU):
            options["relu"] = True
        elif layer.padding not in PLAIN[0] or layer.dilation not in PLAIN[1] or layer.ceil_mode or layer.return_indices:
            return None
        else:
            options["pool"] = Window(pair(layer.kernel_size, "kernel_size"), pair(layer.stride, "stride"))
    return options


@fuses(Conv2d, ReLU)
@fuses(Conv2d, MaxPool2d)
@fuses(Conv2d, ReLU, MaxPool2d)
@fuses(Conv2d, MaxPool2d, ReLU)
def conv_activation(input: Tensor, conv: Conv2d, *layers: Module) -> Tensor | None:
    """A convolution, then relu or pooling or both."""
    options = activation(layers)
    if options is None or conv.padding_mode != "zeros":
        return None
    geometry = (conv.stride, conv.padding, conv.dilation, conv.groups)
    return convolved(2, input, conv.weight, conv.bias, *geometry, **options)


@fuses(Conv2d, BatchNorm2d)
@fuses(Conv2d, BatchNorm2d, ReLU)
@fuses(Conv2d, BatchNorm2d, ReLU, MaxPool2d)
@fuses(Conv2d, BatchNorm2d, MaxPool2d, ReLU)
def conv_folded_norm(input: Tensor, conv: Conv2d, norm: BatchNorm2d, *layers: Module) -> Tensor | None:
    """In evaluation a batch norm after a convolution is one of other weights and another bias.

    Not where there are far more weights than results, as in the last layers for a single image: these are then scaled.
    """
    options = activation(layers)
    if norm.by_batch() or options is None or conv.padding_mode != "zeros":
        return None
    if getattr(input, "ndim", 0) != 4 or conv.weight.dtype == float16:  # in which what is folded may overflow
        return None
    places = len(input) * math.prod(n // s for n, s in zip(input.shape[2:], conv.stride, strict=True))
    if conv.weight.numel() - places * conv.out_channels > FEW:
        return None
    tensors = [conv.weight, norm.running_mean, norm.running_var, norm.weight, norm.bias, conv.bias]
    like = {(t.dtype, t.device, t.shape) for t in tensors[1:] if t is not None}
    if like != {(conv.weight.dtype, conv.weight.device, conv.weight.shape[:1])}:
        return None
    weight, bias = (folded if mode.recording else folded_arrays)(norm.eps, *tensors)
    return convolved(2, input, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups, **options)


def folded(eps, weight, mean, var, gamma, beta, bias):
    """Weights (O, C, KH, KW) and the bias of a convolution, with the norm (O,) after it: tensors or arrays."""
    scale, shift = as_affine(mean, var, gamma, beta, eps)
    return weight * scale.reshape(-1, 1, 1, 1), shift if bias is None else shift + bias * scale


@np.errstate(all="ignore")
def folded_arrays(eps, *tensors):
    """The same without a graph: ten calls of ops on vectors of channels take longer than a small convolution."""
    arrays = [None if t is None else t.array for t in tensors]
    with current(arrays[0]):
        return [Tensor(a) for a in folded(eps, *arrays)]


@fuses(BatchNorm2d, ReLU)
@fuses(BatchNorm2d, ReLU, MaxPool2d)
@fuses(BatchNorm2d, MaxPool2d, ReLU)
def norm_activation(input: Tensor, norm: BatchNorm2d, *layers: Module) -> Tensor | None:
    """A batch norm in training, then relu and perhaps pooling."""
    options = activation(layers)
    if not norm.by_batch() or options is None:
        return None
    norm.check(input)
    lacking = options["pool"] is not None and min(options["pool"].positions(*input.shape[2:])) < 1
    if lacking or input.numel() == norm.num_features:
        return None  # which one of the layers refuses: before the batch is counted
    running = (norm.running_mean, norm.running_var)
    return batch_normalised(input, *running, norm.weight, norm.bias, norm.counted(), norm.eps, **options)
