"""LeNet-5, and its like for MNIST."""

from __future__ import annotations

from minidl.models.registry import register_model
from minidl.nn import AvgPool2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential, Tanh


@register_model(1, 28, 28)
def lenet5(num_classes: int = 10) -> Sequential:
    """LeNet-5 for (N, 1, 28, 28): 61,706 parameters.

    LeCun et al. (1998), "Gradient-based learning applied to document recognition", as it is taught now: every channel
    of the second convolution sees all of the first, means have no weights, and the output is a dense layer.
    """
    return Sequential(
        Conv2d(1, 6, 5, padding=2), Tanh(), AvgPool2d(2),  # → 14×14
        Conv2d(6, 16, 5), Tanh(), AvgPool2d(2), Flatten(),  # → 5×5
        Linear(16 * 5 * 5, 120), Tanh(), Linear(120, 84), Tanh(), Linear(84, num_classes),
    )  # fmt: skip


@register_model(1, 28, 28)
def keras_convnet(num_classes: int = 10, dropout: float = 0.5) -> Sequential:
    """The convolutional network of Keras' example for MNIST (N, 1, 28, 28): 34,826 parameters."""
    return Sequential(
        Conv2d(1, 32, 3), ReLU(), MaxPool2d(2),  # → 13×13
        Conv2d(32, 64, 3), ReLU(), MaxPool2d(2),  # → 5×5
        Flatten(), Dropout(dropout), Linear(64 * 5 * 5, num_classes),
    )  # fmt: skip


@register_model(1, 28, 28)
def small_convnet(num_classes: int = 10, pooling: bool = True, hidden: int = 64) -> Sequential:
    """Three convolutions and two dense layers for (N, 1, 28, 28): 93,322 parameters, 55,744 of them in convolutions.

    Chollet (2018), "Deep Learning with Python", section 5.1. Without `pooling` 22×22×64 numbers are left in the place
    of 3×3×64, and the first dense layer, of 512 outputs, say, has 15,859,712 weights.
    """
    pools = [MaxPool2d(2)] if pooling else []
    side = 3 if pooling else 22
    return Sequential(
        Conv2d(1, 32, 3), ReLU(), *pools, Conv2d(32, 64, 3), ReLU(), *pools, Conv2d(64, 64, 3), ReLU(),
        Flatten(), Linear(64 * side * side, hidden), ReLU(), Linear(hidden, num_classes),
    )  # fmt: skip
