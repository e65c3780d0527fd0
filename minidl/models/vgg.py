"""VGG: stacks of 3×3 convolutions between poolings.

Simonyan & Zisserman (2015), "Very deep convolutional networks for large-scale image recognition", under torchvision's
names.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from minidl.backend.modes import bare_parameters
from minidl.engine.core import Tensor
from minidl.models.blocks import start_as_he
from minidl.models.registry import register_model
from minidl.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, Module, ReLU, Sequential


def stages(channels: int, widths: Sequence[Sequence[int]], batch_norm: bool, bias: bool = True) -> Sequential:
    """For each list of widths its 3×3 convolutions, each with relu (and batch norm before it), then 2×2 pooling."""
    layers: list[Module] = []
    for stage in widths:
        for width in stage:
            layers += [Conv2d(channels, width, 3, padding=1, bias=bias)]
            layers += [BatchNorm2d(width), ReLU()] if batch_norm else [ReLU()]
            channels = width
        layers.append(MaxPool2d(2))
    return Sequential(*layers)


class VGG(Module):
    """Convolutional `features` of 512 channels, then three dense layers: (N, C, H, W) to scores (N, num_classes).

    Parameters
    ----------
    features : Sequential
    num_classes : the number of scores
    init_weights : draw the weights as VGG's were: of convolutions after He et al., of dense layers with σ = 0.01
    dropout : the share that is dropped after each hidden dense layer
    """

    def __init__(
        self, features: Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:
        self.features = features
        self.avgpool = AdaptiveAvgPool2d((7, 7))
        with bare_parameters() if init_weights else nullcontext():  # which are drawn below, once
            self.classifier = Sequential(
                Linear(512 * 7 * 7, 4096), ReLU(), Dropout(dropout),
                Linear(4096, 4096), ReLU(), Dropout(dropout), Linear(4096, num_classes),
            )  # fmt: skip
        if init_weights:
            start_as_he(self, dense=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


CONFIGURATIONS = {  # table 1 of the paper: the widths of convolutions, stage by stage
    "A": [[64], [128], [256] * 2, [512] * 2, [512] * 2],
    "B": [[64] * 2, [128] * 2, [256] * 2, [512] * 2, [512] * 2],
    "D": [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3],
    "E": [[64] * 2, [128] * 2, [256] * 4, [512] * 4, [512] * 4],
}


@register_model(3, 224, 224)
def vgg11(**options: Any) -> VGG:
    """VGG-11, configuration A: 132,863,336 parameters."""
    return VGG(stages(3, CONFIGURATIONS["A"], batch_norm=False), **options)


@register_model(3, 224, 224)
def vgg11_bn(**options: Any) -> VGG:
    """VGG-11 with batch norm: 132,868,840 parameters."""
    return VGG(stages(3, CONFIGURATIONS["A"], batch_norm=True), **options)


@register_model(3, 224, 224)
def vgg13(**options: Any) -> VGG:
    """VGG-13, configuration B: 133,047,848 parameters."""
    return VGG(stages(3, CONFIGURATIONS["B"], batch_norm=False), **options)


@register_model(3, 224, 224)
def vgg13_bn(**options: Any) -> VGG:
    """VGG-13 with batch norm: 133,053,736 parameters."""
    return VGG(stages(3, CONFIGURATIONS["B"], batch_norm=True), **options)


@register_model(3, 224, 224)
def vgg16(**options: Any) -> VGG:
    """VGG-16, configuration D: 138,357,544 parameters, 14,714,688 of them in `features`."""
    return VGG(stages(3, CONFIGURATIONS["D"], batch_norm=False), **options)


@register_model(3, 224, 224)
def vgg16_bn(**options: Any) -> VGG:
    """VGG-16 with batch norm: 138,365,992 parameters."""
    return VGG(stages(3, CONFIGURATIONS["D"], batch_norm=True), **options)


@register_model(3, 224, 224)
def vgg19(**options: Any) -> VGG:
    """VGG-19, configuration E: 143,667,240 parameters."""
    return VGG(stages(3, CONFIGURATIONS["E"], batch_norm=False), **options)


@register_model(3, 224, 224)
def vgg19_bn(**options: Any) -> VGG:
    """VGG-19 with batch norm: 143,678,248 parameters."""
    return VGG(stages(3, CONFIGURATIONS["E"], batch_norm=True), **options)


class VGGStyle(Module):
    """Convolutional `features`, then a dense `classifier` on them, flattened: (N, C, H, W) to (N, classes)."""

    def __init__(self, features: Module, classifier: Module) -> None:
        self.features = features
        self.classifier = classifier
        start_as_he(self)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


@register_model(3, 32, 32)
def vgg_style(in_channels: int = 3, size: int = 32, num_classes: int = 10, dropout: float = 0.3) -> VGGStyle:
    """A small VGG for images of size×size: pairs of 32, 64 and 128 channels with batch norm, and two dense layers."""
    features = stages(in_channels, [[32] * 2, [64] * 2, [128] * 2], batch_norm=True, bias=False)
    flat = 128 * (size // 8) ** 2
    classifier = Sequential(Dropout(dropout), Linear(flat, 256), ReLU(), Dropout(dropout), Linear(256, num_classes))
    return VGGStyle(features, classifier)
