"""AlexNet: the network that won ImageNet in 2012, in its three forms.

Krizhevsky et al. (2012), "ImageNet classification with deep convolutional neural networks"; torchvision's is of
Krizhevsky (2014), "One weird trick for parallelizing convolutional neural networks".
"""

from __future__ import annotations

from minidl.engine.core import Tensor
from minidl.models.registry import register_model
from minidl.nn import (
    AdaptiveAvgPool2d,
    Conv2d,
    Dropout,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
    init,
)


class AlexNet(Module):
    """Torchvision's form: (N, 3, H, W) to scores (N, num_classes)."""

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        self.features = Sequential(
            Conv2d(3, 64, 11, stride=4, padding=2), ReLU(), MaxPool2d(3, 2),  # 224×224 → 27×27
            Conv2d(64, 192, 5, padding=2), ReLU(), MaxPool2d(3, 2),  # → 13×13
            Conv2d(192, 384, 3, padding=1), ReLU(),
            Conv2d(384, 256, 3, padding=1), ReLU(),
            Conv2d(256, 256, 3, padding=1), ReLU(), MaxPool2d(3, 2),  # → 6×6
        )  # fmt: skip
        self.avgpool = AdaptiveAvgPool2d((6, 6))
        self.classifier = Sequential(
            Dropout(dropout), Linear(256 * 6 * 6, 4096), ReLU(),
            Dropout(dropout), Linear(4096, 4096), ReLU(), Linear(4096, num_classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class AlexNet2012(Module):
    """The form of the paper: (N, 3, 227, 227) to scores (N, num_classes), with local response norm.

    The second, fourth and fifth convolution have `groups`, one on each GPU of then.
    """

    def __init__(self, num_classes: int = 1000, groups: int = 2, dropout: float = 0.5) -> None:
        def norm() -> Module:
            return LocalResponseNorm(5, alpha=1e-4 * 5, beta=0.75, k=2.0)  # this alpha is over the size

        self.features = Sequential(
            Conv2d(3, 96, 11, stride=4), ReLU(), norm(), MaxPool2d(3, 2),  # 227×227 → 27×27
            Conv2d(96, 256, 5, padding=2, groups=groups), ReLU(), norm(), MaxPool2d(3, 2),  # → 13×13
            Conv2d(256, 384, 3, padding=1), ReLU(),
            Conv2d(384, 384, 3, padding=1, groups=groups), ReLU(),
            Conv2d(384, 256, 3, padding=1, groups=groups), ReLU(), MaxPool2d(3, 2),  # → 6×6
        )  # fmt: skip
        self.classifier = Sequential(
            Linear(256 * 6 * 6, 4096), ReLU(), Dropout(dropout),
            Linear(4096, 4096), ReLU(), Dropout(dropout), Linear(4096, num_classes),
        )  # fmt: skip
        first, second, third, fourth, fifth = (layer for layer in self.features if isinstance(layer, Conv2d))
        hidden = [layer for layer in self.classifier if isinstance(layer, Linear)]
        for layer in (first, second, third, fourth, fifth, *hidden):
            init.normal_(layer.weight, 0, 0.01)
            init.constant_(layer.get_parameter("bias"), layer in (second, fourth, fifth, *hidden[:2]))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


@register_model(3, 224, 224)
def alexnet(num_classes: int = 1000, dropout: float = 0.5) -> AlexNet:
    """Torchvision's AlexNet: 61,100,840 parameters."""
    return AlexNet(num_classes, dropout)


@register_model(3, 227, 227)
def alexnet_grouped(num_classes: int = 1000, dropout: float = 0.5) -> AlexNet2012:
    """AlexNet of two groups, as in the paper: 60,965,224 parameters."""
    return AlexNet2012(num_classes, 2, dropout)


@register_model(3, 227, 227)
def alexnet_one_tower(num_classes: int = 1000, dropout: float = 0.5) -> AlexNet2012:
    """AlexNet of the paper without groups: 62,378,344 parameters."""
    return AlexNet2012(num_classes, 1, dropout)
