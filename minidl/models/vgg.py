"""VGG: stacks of 3×3 convolutions between poolings."""

from __future__ import annotations

from minidl.engine.core import Tensor
from minidl.nn import BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, Module, ReLU, Sequential, init


class VGG(Module):
    """Convolutional `features`, then a dense `classifier` on them, flattened: (N, C, H, W) to (N, classes)."""

    def __init__(self, features: Sequential, classifier: Sequential) -> None:
        self.features = features
        self.classifier = classifier
        for module in self.modules():
            if isinstance(module, Conv2d):
                init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    init.constant_(module.bias, 0)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


def stages(channels: int, widths: list[list[int]], batch_norm: bool) -> Sequential:
    """For each list of widths its 3×3 convolutions, each with relu (and batch norm before it), then 2×2 pooling."""
    layers: list[Module] = []
    for stage in widths:
        for width in stage:
            layers += [Conv2d(channels, width, 3, padding=1, bias=not batch_norm)]
            layers += [BatchNorm2d(width), ReLU()] if batch_norm else [ReLU()]
            channels = width
        layers.append(MaxPool2d(2))
    return Sequential(*layers)


def vgg16(num_classes: int = 1000) -> VGG:
    """VGG-16 for (N, 3, 224, 224): 138,357,544 parameters with 1,000 classes, under torchvision's names.

    Simonyan & Zisserman (2015), "Very deep convolutional networks for large-scale image recognition", configuration D.
    """
    features = stages(3, [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3], batch_norm=False)
    classifier = Sequential(
        Linear(512 * 7 * 7, 4096), ReLU(), Dropout(), Linear(4096, 4096), ReLU(), Dropout(), Linear(4096, num_classes)
    )
    return VGG(features, classifier)


def vgg_style(in_channels: int = 3, size: int = 32, num_classes: int = 10, dropout: float = 0.3) -> VGG:
    """A small VGG for images of size×size: pairs of 32, 64 and 128 channels with batch norm, and two dense layers."""
    features = stages(in_channels, [[32] * 2, [64] * 2, [128] * 2], batch_norm=True)
    flat = 128 * (size // 8) ** 2
    classifier = Sequential(Dropout(dropout), Linear(flat, 256), ReLU(), Dropout(dropout), Linear(256, num_classes))
    return VGG(features, classifier)
