"""Xception: residual blocks of depthwise separable convolutions.

Chollet (2017), "Xception: deep learning with depthwise separable convolutions", under timm's names; Keras's form pads
as TensorFlow does where it takes maxima.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from minidl import functional as F
from minidl.engine.core import Tensor
from minidl.models.blocks import Layer, pad_same, start_as_he
from minidl.models.registry import register_model
from minidl.nn import BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, Module, ReLU, Sequential
from minidl.nn.containers import in_turn


class SeparableConv2d(Module):
    """A depthwise 3×3 convolution, then a 1×1 one."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        self.conv1 = Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels, bias=False)
        self.pointwise = Conv2d(in_channels, out_channels, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.conv1(x))


PaddedMaxPool2d = partial(MaxPool2d, padding=1)


class MaxPoolSame2d(MaxPool2d):
    """The maxima of ⌈size / stride⌉ windows that are centred, as TensorFlow pads."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        window, stride = (self.kernel_size,) * 2, (self.stride,) * 2
        return F.max_pool2d(pad_same(x, window, stride, -math.inf), window, stride)


class Block(Module):
    """Separable convolutions, each after relu, then maxima with `strides`; beside them a 1×1 convolution, or nothing.

    Parameters
    ----------
    widths : of the input, and after each convolution
    strides : 1 or 2
    start_with_relu : whether the first convolution has one before it
    norm : what makes a norm of so many channels
    pool : what makes the layer of maxima
    """

    def __init__(self, widths: list[int], strides: int, start_with_relu: bool, norm: Layer, pool: Layer) -> None:
        self.skip: Module | None = None
        if widths[0] != widths[-1] or strides != 1:
            self.skip = Conv2d(widths[0], widths[-1], 1, strides, bias=False)
            self.skipbn = norm(widths[-1])
        layers: list[Module] = []
        for channels, width in zip(widths[:-1], widths[1:], strict=True):
            layers += [ReLU(), SeparableConv2d(channels, width), norm(width)]
        maxima = [pool(3, strides)] if strides != 1 else []
        self.rep = Sequential(*(layers if start_with_relu else layers[1:]), *maxima)

    def forward(self, x: Tensor) -> Tensor:
        return self.rep(x) + (x if self.skip is None else in_turn(x, self.skip, self.skipbn))


class Xception(Module):
    """Entry flow, eight blocks of the middle flow, exit flow (figure 5): (N, 3, H, W) to scores (N, num_classes).

    Parameters
    ----------
    num_classes : the number of scores
    drop_rate : the share of the features that is dropped
    norm_layer : what makes a norm of so many channels; `BatchNorm2d`
    pool_layer : what makes layers of maxima, of a window and a stride; by default `MaxPool2d` with padding 1
    """

    def __init__(
        self,
        num_classes: int = 1000,
        drop_rate: float = 0.0,
        *,
        norm_layer: Layer = BatchNorm2d,
        pool_layer: Layer = PaddedMaxPool2d,
    ) -> None:
        self.conv1 = Conv2d(3, 32, 3, stride=2, bias=False)
        self.bn1 = norm_layer(32)
        self.act1 = ReLU()
        self.conv2 = Conv2d(32, 64, 3, bias=False)
        self.bn2 = norm_layer(64)
        self.act2 = ReLU()
        flow = [([64, 128, 128], 2), ([128, 256, 256], 2), ([256, 728, 728], 2)]
        flow += [([728] * 4, 1)] * 8 + [([728, 728, 1024], 2)]
        for i, (widths, strides) in enumerate(flow, 1):
            self.add_module(f"block{i}", Block(widths, strides, i > 1, norm_layer, pool_layer))
        self.conv3 = SeparableConv2d(1024, 1536)
        self.bn3 = norm_layer(1536)
        self.act3 = ReLU()
        self.conv4 = SeparableConv2d(1536, 2048)
        self.bn4 = norm_layer(2048)
        self.act4 = ReLU()
        self.drop = Dropout(drop_rate)
        self.fc = Linear(2048, num_classes)
        start_as_he(self)

    def forward(self, x: Tensor) -> Tensor:
        x = in_turn(x, self.conv1, self.bn1, self.act1, self.conv2, self.bn2, self.act2)
        x = in_turn(x, *[getattr(self, f"block{i}") for i in range(1, 13)])
        x = in_turn(x, self.conv3, self.bn3, self.act3, self.conv4, self.bn4, self.act4)
        return self.fc(self.drop(x.mean((2, 3))))


@register_model(3, 299, 299)
def xception(**options: Any) -> Xception:
    """Xception: 22,855,952 parameters."""
    return Xception(**options)


@register_model(3, 299, 299)
def xception_keras(**options: Any) -> Xception:
    """Xception as Keras has it: 22,855,952 parameters, and 54,528 statistics."""
    keras = dict(norm_layer=partial(BatchNorm2d, eps=0.001, momentum=0.01), pool_layer=MaxPoolSame2d)
    return Xception(**{**keras, **options})
