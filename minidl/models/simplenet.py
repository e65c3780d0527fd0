"""SimpLeNet: LeNet, simplified."""

from __future__ import annotations

from minidl.engine.core import Tensor
from minidl.models.registry import register_model
from minidl.nn import Conv2d, Linear, MaxPool2d, Module, ReLU, Sequential


class SimpLeNet(Module):
    """Two convolutions and two dense layers: (N, 1, 28, 28) to scores (N, num_classes); 233,196 parameters.

    After LeCun et al. (1998), "Gradient-based learning applied to document recognition", with maximum pooling and relu.
    Relu comes after pooling, where there is a quarter of the data: the two commute.
    """

    def __init__(self, num_classes: int = 10) -> None:
        self.features = Sequential(
            Conv2d(1, 20, 5),  # 28×28 → 24×24
            MaxPool2d(2),  # → 12×12
            ReLU(),
            Conv2d(20, 50, 5),  # → 8×8
            MaxPool2d(2),  # → 4×4
            ReLU(),
        )
        self.classifier = Sequential(Linear(50 * 4 * 4, 256), ReLU(), Linear(256, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


@register_model(1, 28, 28)
def simplenet(num_classes: int = 10) -> SimpLeNet:
    """`SimpLeNet`."""
    return SimpLeNet(num_classes)
