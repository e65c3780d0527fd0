"""Residual networks for small images: three stages of 16, 32 and 64 channels, and skips without parameters.

He et al. (2016), "Deep residual learning for image recognition", section 4.2; keys as in
github.com/akamaster/pytorch_resnet_cifar10.
"""

from __future__ import annotations

from minidl import functional as F
from minidl.engine.core import Tensor
from minidl.models.registry import register_model
from minidl.nn import BatchNorm2d, Conv2d, Linear, Module, ReLU, Sequential, init
from minidl.nn.containers import in_turn


class CifarBlock(Module):
    """Two 3×3 convolutions, added to the input: where these halve its size, to every other pixel of it.

    The new channels are half before and half after those of the input, and 0 (option A).
    """

    def __init__(self, channels: int, width: int, stride: int) -> None:
        self.conv1 = Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(width)
        self.relu = ReLU()
        self.conv2 = Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(width)
        self.stride = stride
        self.added = (width - channels) // 2

    def forward(self, x: Tensor) -> Tensor:
        identity = x[:, :, :: self.stride, :: self.stride] if self.stride > 1 else x
        if self.added:
            identity = F.pad(identity, (0, 0, 0, 0, self.added, self.added))
        z = in_turn(x, self.conv1, self.bn1, self.relu)
        z = in_turn(z, self.conv2, self.bn2)
        return self.relu(z + identity)


class CifarResNet(Module):
    """A convolution, three stages of `blocks` blocks each, and a dense layer: (N, 3, H, W) to (N, num_classes).

    It has 6 · `blocks` + 2 layers.
    """

    def __init__(self, blocks: int, num_classes: int = 10) -> None:
        self.conv1 = Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = BatchNorm2d(16)
        self.relu = ReLU()
        channels = 16
        for stage, width in enumerate((16, 32, 64), 1):
            made = []
            for _ in range(blocks):
                made.append(CifarBlock(channels, width, width // channels))
                channels = width
            self.add_module(f"layer{stage}", Sequential(*made))
        self.linear = Linear(64, num_classes)
        for layer in self.modules():
            if isinstance(layer, (Conv2d, Linear)):
                init.kaiming_normal_(layer.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = in_turn(x, self.conv1, self.bn1, self.relu)
        x = in_turn(x, self.layer1, self.layer2, self.layer3)
        return self.linear(x.mean((2, 3)))


@register_model(3, 32, 32)
def resnet20(num_classes: int = 10) -> CifarResNet:
    """ResNet-20 for CIFAR-10: 269,722 parameters."""
    return CifarResNet(3, num_classes)


@register_model(3, 32, 32)
def resnet32(num_classes: int = 10) -> CifarResNet:
    """ResNet-32 for CIFAR-10: 464,154 parameters."""
    return CifarResNet(5, num_classes)


@register_model(3, 32, 32)
def resnet44(num_classes: int = 10) -> CifarResNet:
    """ResNet-44 for CIFAR-10: 658,586 parameters."""
    return CifarResNet(7, num_classes)


@register_model(3, 32, 32)
def resnet56(num_classes: int = 10) -> CifarResNet:
    """ResNet-56 for CIFAR-10: 853,018 parameters."""
    return CifarResNet(9, num_classes)


@register_model(3, 32, 32)
def resnet110(num_classes: int = 10) -> CifarResNet:
    """ResNet-110 for CIFAR-10: 1,727,962 parameters."""
    return CifarResNet(18, num_classes)
