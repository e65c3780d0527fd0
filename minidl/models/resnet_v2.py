"""Residual networks whose blocks normalise what comes in, so that nothing stands in the way of the identity.

He et al. (2016), "Identity mappings in deep residual networks", as Keras has ResNet50V2.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from minidl.engine.core import Tensor
from minidl.models.blocks import Layer, start_as_he
from minidl.models.registry import register_model
from minidl.nn import BatchNorm2d, Conv2d, Linear, MaxPool2d, Module, ReLU, Sequential, ZeroPad2d
from minidl.nn.containers import in_turn


class PreActBottleneck(Module):
    """Norm and relu before each of the 1×1, 3×3 and 1×1 convolutions, to 4 · planes channels (figure 4e).

    The skip is a 1×1 convolution of what is normalised, where channels change, or every other pixel, where sizes do.
    """

    def __init__(self, channels: int, planes: int, stride: int, norm: Layer) -> None:
        self.preact = Sequential(norm(channels), ReLU())
        self.downsample: Module | None = None
        if channels != 4 * planes:
            self.downsample = Conv2d(channels, 4 * planes, 1, stride)
        self.conv1 = Conv2d(channels, planes, 1, bias=False)
        self.bn1 = norm(planes)
        self.relu = ReLU()
        self.conv2 = Conv2d(planes, planes, 3, stride, padding=1, bias=False)
        self.bn2 = norm(planes)
        self.conv3 = Conv2d(planes, 4 * planes, 1)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        z = self.preact(x)
        identity = x[:, :, :: self.stride, :: self.stride] if self.downsample is None else self.downsample(z)
        z = in_turn(z, self.conv1, self.bn1, self.relu)
        z = in_turn(z, self.conv2, self.bn2, self.relu)
        return self.conv3(z) + identity


class ResNetV2(Module):
    """Four stages, the last block of each but the last with stride 2: (N, 3, H, W) to scores (N, num_classes).

    Parameters
    ----------
    layers : how many blocks each of the stages has
    num_classes : the number of scores
    norm_layer : what makes a norm of so many channels; `BatchNorm2d`
    """

    def __init__(self, layers: list[int], num_classes: int = 1000, *, norm_layer: Layer = BatchNorm2d) -> None:
        self.conv1 = Conv2d(3, 64, 7, stride=2, padding=3)
        self.maxpool = Sequential(ZeroPad2d(1), MaxPool2d(3, stride=2))
        channels = 64
        for stage, blocks in enumerate(layers, 1):
            made = []
            for i in range(1, blocks + 1):
                stride = 2 if i == blocks and stage < len(layers) else 1
                made.append(PreActBottleneck(channels, 32 * 2**stage, stride, norm_layer))
                channels = 128 * 2**stage
            self.add_module(f"layer{stage}", Sequential(*made))
        self.stages = len(layers)
        self.norm = Sequential(norm_layer(channels), ReLU())
        self.fc = Linear(channels, num_classes)
        start_as_he(self)

    def forward(self, x: Tensor) -> Tensor:
        x = in_turn(x, self.conv1, self.maxpool)
        x = in_turn(x, *[getattr(self, f"layer{stage}") for stage in range(1, self.stages + 1)], self.norm)
        return self.fc(x.mean((2, 3)))


@register_model(3, 224, 224)
def resnet50v2(**options: Any) -> ResNetV2:
    """ResNet50V2: 25,568,360 parameters, and 45,440 statistics."""
    return ResNetV2([3, 4, 6, 3], **{"norm_layer": partial(BatchNorm2d, eps=1.001e-5, momentum=0.01), **options})
