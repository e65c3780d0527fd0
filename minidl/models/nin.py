"""Network in network: 1×1 convolutions after each other, and a mean for each class in the place of dense layers."""

from __future__ import annotations

from minidl.models.registry import register_model
from minidl.nn import AdaptiveAvgPool2d, AvgPool2d, Conv2d, Dropout, Flatten, MaxPool2d, Module, ReLU, Sequential


def mlpconv(channels: int, width: int, kernel_size: int, hidden: int, out_channels: int) -> list[Module]:
    """A convolution that keeps the size, then two of 1×1: a perceptron that slides over the image (section 3.1)."""
    return [
        Conv2d(channels, width, kernel_size, padding=kernel_size // 2), ReLU(),
        Conv2d(width, hidden, 1), ReLU(), Conv2d(hidden, out_channels, 1), ReLU(),
    ]  # fmt: skip


@register_model(3, 32, 32)
def nin(num_classes: int = 10, dropout: float = 0.5) -> Sequential:
    """Network in network for (N, 3, 32, 32): 966,986 parameters. Lin et al. (2014), arXiv:1312.4400, for CIFAR-10."""
    return Sequential(
        *mlpconv(3, 192, 5, 160, 96), MaxPool2d(3, 2, padding=1), Dropout(dropout),  # → 16×16
        *mlpconv(96, 192, 5, 192, 192), AvgPool2d(3, 2, padding=1), Dropout(dropout),  # → 8×8
        *mlpconv(192, 192, 3, 192, num_classes), AdaptiveAvgPool2d((1, 1)), Flatten(),
    )  # fmt: skip
