"""SqueezeNet: AlexNet's accuracy with a fiftieth of its parameters.

Iandola et al. (2016), arXiv:1602.07360, under torchvision's names.
"""

from __future__ import annotations

from typing import Any

from minidl.engine.core import Tensor
from minidl.models.registry import register_model
from minidl.nn import AdaptiveAvgPool2d, Conv2d, Dropout, MaxPool2d, Module, ReLU, Sequential, init
from minidl.nn.containers import in_turn
from minidl.ops.joining import cat


class Fire(Module):
    """A 1×1 convolution that squeezes channels, then a 1×1 and a 3×3 one that expand them, side by side (figure 1)."""

    def __init__(self, inplanes: int, squeeze_planes: int, expand_planes: int) -> None:
        self.squeeze = Conv2d(inplanes, squeeze_planes, 1)
        self.squeeze_activation = ReLU()
        self.expand1x1 = Conv2d(squeeze_planes, expand_planes, 1)
        self.expand1x1_activation = ReLU()
        self.expand3x3 = Conv2d(squeeze_planes, expand_planes, 3, padding=1)
        self.expand3x3_activation = ReLU()

    def forward(self, x: Tensor) -> Tensor:
        x = in_turn(x, self.squeeze, self.squeeze_activation)
        small = in_turn(x, self.expand1x1, self.expand1x1_activation)
        large = in_turn(x, self.expand3x3, self.expand3x3_activation)
        return cat([small, large], 1)


class SqueezeNet(Module):
    """Fire modules between poolings, and a convolution as classifier: (N, 3, H, W) to scores (N, num_classes).

    Parameters
    ----------
    version : {"1_0", "1_1"}
        The paper's, or one that needs 2.4 times fewer operations for the same accuracy.
    num_classes : the number of scores
    dropout : the share of the features that is dropped

    Raises
    ------
    ValueError
        For another version.
    """

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        if version not in ("1_0", "1_1"):
            raise ValueError(f"SqueezeNet: version must be '1_0' or '1_1', got {version!r}")

        def pool() -> Module:
            return MaxPool2d(3, 2, ceil_mode=True)

        if version == "1_0":
            self.features = Sequential(
                Conv2d(3, 96, 7, stride=2), ReLU(), pool(),
                Fire(96, 16, 64), Fire(128, 16, 64), Fire(128, 32, 128), pool(),
                Fire(256, 32, 128), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), pool(),
                Fire(512, 64, 256),
            )  # fmt: skip
        else:
            self.features = Sequential(
                Conv2d(3, 64, 3, stride=2), ReLU(), pool(),
                Fire(64, 16, 64), Fire(128, 16, 64), pool(),
                Fire(128, 32, 128), Fire(256, 32, 128), pool(),
                Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
            )  # fmt: skip
        last = Conv2d(512, num_classes, 1)
        self.classifier = Sequential(Dropout(dropout), last, ReLU(), AdaptiveAvgPool2d((1, 1)))
        for layer in self.modules():
            if isinstance(layer, Conv2d):
                init.normal_(layer.weight, 0, 0.01) if layer is last else init.kaiming_uniform_(layer.weight)
                init.zeros_(layer.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x)).flatten(1)


@register_model(3, 224, 224)
def squeezenet1_0(**options: Any) -> SqueezeNet:
    """SqueezeNet 1.0: 1,248,424 parameters."""
    return SqueezeNet("1_0", **options)


@register_model(3, 224, 224)
def squeezenet1_1(**options: Any) -> SqueezeNet:
    """SqueezeNet 1.1: 1,235,496 parameters."""
    return SqueezeNet("1_1", **options)
