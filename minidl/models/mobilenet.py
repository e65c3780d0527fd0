"""MobileNets: depthwise convolutions, then 1×1 ones.

Version 1: Howard et al. (2017), arXiv:1704.04861. Version 2: Sandler et al. (2018), "MobileNetV2: inverted residuals
and linear bottlenecks", under torchvision's names. Keras's forms pad as TensorFlow does.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from minidl.engine.core import Tensor
from minidl.models.blocks import Conv2dNormActivation, Layer, conv2d_same, start_as_he
from minidl.models.registry import register_model
from minidl.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, Linear, Module, ReLU6, Sequential


def divisible(channels: float, divisor: int = 8) -> int:
    """The multiple of `divisor` that is nearest to a number of channels, but not less than nine tenths of it."""
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * channels else nearest


class InvertedResidual(Module):
    """Few channels to many by 1×1, depthwise 3×3, and back to few without activation; added where sizes agree."""

    def __init__(self, inp: int, oup: int, stride: int, expand_ratio: int, norm: Layer, conv: Layer) -> None:
        hidden = inp * expand_ratio
        block = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=ReLU6, conv_layer=conv)
        expand = [block(inp, hidden, kernel_size=1)] if expand_ratio != 1 else []
        depthwise = block(hidden, hidden, stride=stride, groups=hidden)
        self.conv = Sequential(*expand, depthwise, Conv2d(hidden, oup, 1, bias=False), norm(oup))
        self.use_res_connect = stride == 1 and inp == oup

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class MobileNetV2(Module):
    """Inverted residuals (table 2): (N, 3, H, W) to scores (N, num_classes).

    Parameters
    ----------
    num_classes : the number of scores
    width_mult : the width of all layers, as a share of the paper's
    round_nearest : widths are multiples of it
    norm_layer : what makes a norm of so many channels; `BatchNorm2d`
    dropout : the share of the features that is dropped
    conv_layer : what makes the convolutions of more than one pixel and the expanding ones; `Conv2d`
    """

    BLOCKS = (  # expansion, channels, how many, stride of the first
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)
    )  # fmt: skip

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        round_nearest: int = 8,
        *,
        norm_layer: Layer = BatchNorm2d,
        dropout: float = 0.2,
        conv_layer: Layer = Conv2d,
    ) -> None:
        block = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=ReLU6, conv_layer=conv_layer)
        channels = divisible(32 * width_mult, round_nearest)
        last = divisible(1280 * max(1.0, width_mult), round_nearest)
        features: list[Module] = [block(3, channels, stride=2)]
        for expansion, width, count, stride in self.BLOCKS:
            width = divisible(width * width_mult, round_nearest)
            for i in range(count):
                stride = stride if i == 0 else 1
                features.append(InvertedResidual(channels, width, stride, expansion, norm_layer, conv_layer))
                channels = width
        self.features = Sequential(*features, block(channels, last, kernel_size=1))
        self.classifier = Sequential(Dropout(dropout), Linear(last, num_classes))
        start_as_he(self, dense=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


@register_model(3, 224, 224)
def mobilenet_v2(**options: Any) -> MobileNetV2:
    """MobileNetV2: 3,504,872 parameters."""
    return MobileNetV2(**options)


@register_model(3, 224, 224)
def mobilenet_v2_keras(**options: Any) -> MobileNetV2:
    """MobileNetV2 as Keras has it, with TensorFlow's padding: 3,504,872 parameters, and 34,112 statistics."""
    keras = dict(norm_layer=partial(BatchNorm2d, eps=1e-3, momentum=0.001), conv_layer=conv2d_same, dropout=0.0)
    return MobileNetV2(**{**keras, **options})


class MobileNetV1(Module):
    """Thirteen depthwise convolutions, a 1×1 one after each (table 1): (N, 3, H, W) to scores (N, num_classes).

    Parameters
    ----------
    num_classes : the number of scores
    width_mult : the width of all layers, as a share of the paper's
    norm_layer : what makes a norm of so many channels; `BatchNorm2d`
    dropout : the share of the features that is dropped
    conv_layer : what makes the convolutions of more than one pixel; `Conv2d`
    """

    BLOCKS = (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1)

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        *,
        norm_layer: Layer = BatchNorm2d,
        dropout: float = 0.001,
        conv_layer: Layer = Conv2d,
    ) -> None:
        block = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=ReLU6, conv_layer=conv_layer)
        channels = int(32 * width_mult)
        features: list[Module] = [block(3, channels, stride=2)]
        for width, stride in self.BLOCKS:
            width = int(width * width_mult)
            depthwise = block(channels, channels, stride=stride, groups=channels)
            features.append(Sequential(depthwise, block(channels, width, kernel_size=1)))
            channels = width
        self.features = Sequential(*features)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.classifier = Sequential(Dropout(dropout), Linear(channels, num_classes))
        start_as_he(self, dense=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


@register_model(3, 224, 224)
def mobilenet_v1(**options: Any) -> MobileNetV1:
    """MobileNetV1: 4,231,976 parameters."""
    return MobileNetV1(**options)


@register_model(3, 224, 224)
def mobilenet_v1_keras(**options: Any) -> MobileNetV1:
    """MobileNetV1 as Keras has it, with TensorFlow's padding: 4,231,976 parameters, and 21,888 statistics."""
    keras = dict(norm_layer=partial(BatchNorm2d, eps=1e-3, momentum=0.01), conv_layer=conv2d_same)
    return MobileNetV1(**{**keras, **options})
