"""EfficientNet: inverted residuals with squeeze and excitation, scaled in width, depth and resolution at once.

Tan & Le (2019), "EfficientNet: rethinking model scaling for convolutional neural networks", under torchvision's names.
Keras's form pads as TensorFlow does. Lite (2020) has neither squeeze and excitation nor swish.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from minidl import functional as F
from minidl.engine.core import Tensor
from minidl.models.blocks import Conv2dNormActivation, Layer, SqueezeExcitation, conv2d_same, start_as_he
from minidl.models.mobilenet import divisible
from minidl.models.registry import register_model
from minidl.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, Linear, Module, ReLU6, Sequential, SiLU, init
from minidl.ops.create import ones

STAGES = (  # table 1: expansion, kernel, stride, channels, layers
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)  # fmt: skip


class StochasticDepth(Module):
    """In training each image of a batch is 0 with probability `p`, and the others are scaled (Huang et al. 2016)."""

    def __init__(self, p: float) -> None:
        self.p = p

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or not self.p:
            return input
        kept = ones(input.shape[0], 1, 1, 1, dtype=input.dtype, device=input.device)
        return input * F.dropout(kept, self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class MBConv(Module):
    """1×1 convolution to more channels, a depthwise one, squeeze and excitation, and 1×1 to few without activation."""

    def __init__(
        self,
        channels: int,
        width: int,
        expansion: int,
        kernel: int,
        stride: int,
        drop: float,
        block: Layer,
        activation: Layer,
        squeeze: bool,
    ) -> None:
        hidden = divisible(channels * expansion)
        layers: list[Module] = []
        if hidden != channels:
            layers.append(block(channels, hidden, 1, activation_layer=activation))
        layers.append(block(hidden, hidden, kernel, stride, groups=hidden, activation_layer=activation))
        if squeeze:
            layers.append(SqueezeExcitation(hidden, max(1, channels // 4), activation))
        layers.append(block(hidden, width, 1, activation_layer=None))
        self.block = Sequential(*layers)
        self.stochastic_depth = StochasticDepth(drop)
        self.use_res_connect = stride == 1 and channels == width

    def forward(self, input: Tensor) -> Tensor:
        z = self.block(input)
        return input + self.stochastic_depth(z) if self.use_res_connect else z


class EfficientNet(Module):
    """Seven stages of `MBConv`: (N, 3, H, W) to scores (N, num_classes).

    Parameters
    ----------
    width_mult, depth_mult : channels and layers, as multiples of B0's
    dropout : the share of the features that is dropped
    stochastic_depth_prob : with which the last block is passed over; less for those before
    num_classes : the number of scores
    norm_layer : what makes a norm of so many channels; `BatchNorm2d`
    conv_layer : what makes convolutions; `Conv2d`
    activation_layer : `SiLU`
    squeeze : whether blocks have squeeze and excitation
    """

    def __init__(
        self,
        width_mult: float = 1.0,
        depth_mult: float = 1.0,
        dropout: float = 0.2,
        stochastic_depth_prob: float = 0.2,
        num_classes: int = 1000,
        *,
        norm_layer: Layer = BatchNorm2d,
        conv_layer: Layer = Conv2d,
        activation_layer: Layer = SiLU,
        squeeze: bool = True,
    ) -> None:
        block = partial(Conv2dNormActivation, norm_layer=norm_layer, conv_layer=conv_layer)
        channels = divisible(32 * width_mult)
        features: list[Module] = [block(3, channels, stride=2, activation_layer=activation_layer)]
        depths = [math.ceil(layers * depth_mult) for *_, layers in STAGES]
        done = 0
        for (expansion, kernel, stride, width, _), depth in zip(STAGES, depths, strict=True):
            stage = []
            width = divisible(width * width_mult)
            for i in range(depth):
                drop = stochastic_depth_prob * done / sum(depths)
                size = (expansion, kernel, stride if i == 0 else 1)
                stage.append(MBConv(channels, width, *size, drop, block, activation_layer, squeeze))
                channels, done = width, done + 1
            features.append(Sequential(*stage))
        last = divisible(1280 * width_mult)
        self.features = Sequential(*features, block(channels, last, 1, activation_layer=activation_layer))
        self.avgpool = AdaptiveAvgPool2d(1)
        self.classifier = Sequential(Dropout(dropout), Linear(last, num_classes))
        start_as_he(self)
        bound = 1 / math.sqrt(num_classes)
        init.uniform_(self.classifier[1].weight, -bound, bound)
        init.zeros_(self.classifier[1].bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


KERAS = dict(norm_layer=partial(BatchNorm2d, eps=1e-3, momentum=0.01), conv_layer=conv2d_same)


@register_model(3, 224, 224)
def efficientnet_b0(**options: Any) -> EfficientNet:
    """EfficientNet-B0: 5,288,548 parameters."""
    return EfficientNet(1.0, 1.0, **{"dropout": 0.2, **options})


@register_model(3, 240, 240)
def efficientnet_b1(**options: Any) -> EfficientNet:
    """EfficientNet-B1: 7,794,184 parameters."""
    return EfficientNet(1.0, 1.1, **{"dropout": 0.2, **options})


@register_model(3, 288, 288)
def efficientnet_b2(**options: Any) -> EfficientNet:
    """EfficientNet-B2: 9,109,994 parameters."""
    return EfficientNet(1.1, 1.2, **{"dropout": 0.3, **options})


@register_model(3, 224, 224)
def efficientnet_b0_keras(**options: Any) -> EfficientNet:
    """EfficientNet-B0 as Keras has it: 5,288,548 parameters, and 42,016 statistics of batches."""
    return EfficientNet(1.0, 1.0, **{"dropout": 0.2, **KERAS, **options})


@register_model(3, 240, 240)
def efficientnet_b1_keras(**options: Any) -> EfficientNet:
    """EfficientNet-B1 as Keras has it: 7,794,184 parameters, and 62,048 statistics of batches."""
    return EfficientNet(1.0, 1.1, **{"dropout": 0.2, **KERAS, **options})


@register_model(3, 260, 260)
def efficientnet_b2_keras(**options: Any) -> EfficientNet:
    """EfficientNet-B2 as Keras has it: 9,109,994 parameters, and 67,568 statistics of batches."""
    return EfficientNet(1.1, 1.2, **{"dropout": 0.3, **KERAS, **options})


@register_model(3, 224, 224)
def efficientnet_lite0(**options: Any) -> EfficientNet:
    """EfficientNet-Lite0, with TensorFlow's padding as its weights want it: 4,652,008 parameters."""
    return EfficientNet(1.0, 1.0, **{"dropout": 0.2, "activation_layer": ReLU6, "squeeze": False, **KERAS, **options})
