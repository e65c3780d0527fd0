"""Residual networks: blocks that add to what comes in.

He et al. (2016), "Deep residual learning for image recognition", in torchvision's form: the stride of a bottleneck is
in its 3×3 convolution. Keras's has it in the first 1×1 convolution, as the paper does, and biases in convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from minidl.engine.core import Tensor
from minidl.models.blocks import Layer, start_as_he
from minidl.models.registry import register_model
from minidl.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Linear, MaxPool2d, Module, ReLU, Sequential, init
from minidl.nn.containers import in_turn


class BasicBlock(Module):
    """Two 3×3 convolutions, (N, inplanes, H, W) to (N, planes, H/stride, W/stride), added to the input (figure 2)."""

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int, downsample: Module | None, norm: Layer) -> None:
        self.conv1 = Conv2d(inplanes, planes, 3, stride, padding=1, bias=False)
        self.bn1 = norm(planes)
        self.relu = ReLU()
        self.conv2 = Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = norm(planes)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        z = in_turn(x, self.conv1, self.bn1, self.relu)
        z = in_turn(z, self.conv2, self.bn2)
        return self.relu(z + identity)


class Bottleneck(Module):
    """1×1, 3×3 and 1×1 convolutions, (N, inplanes, H, W) to (N, 4 · planes, H/stride, W/stride) (figure 5)."""

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int,
        downsample: Module | None,
        norm: Layer,
        groups: int = 1,
        base_width: int = 64,
        bias: bool = False,
        stride_first: bool = False,
    ) -> None:
        width = planes * base_width // 64 * groups
        strides = (stride, 1) if stride_first else (1, stride)
        self.conv1 = Conv2d(inplanes, width, 1, strides[0], bias=bias)
        self.bn1 = norm(width)
        self.conv2 = Conv2d(width, width, 3, strides[1], padding=1, groups=groups, bias=bias)
        self.bn2 = norm(width)
        self.conv3 = Conv2d(width, 4 * planes, 1, bias=bias)
        self.bn3 = norm(4 * planes)
        self.relu = ReLU()
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        z = in_turn(x, self.conv1, self.bn1, self.relu)
        z = in_turn(z, self.conv2, self.bn2, self.relu)
        z = in_turn(z, self.conv3, self.bn3)
        return self.relu(z + identity)


class ResNet(Module):
    """Residual stages of 64, 128, 256 and 512 planes: (N, 3, H, W) to scores (N, num_classes).

    Parameters
    ----------
    block : `BasicBlock` or `Bottleneck`
    layers : how many blocks each of the four stages has
    num_classes : the number of scores
    zero_init_residual : let the last norm of each block start with 0, and so the block as the identity
    groups, width_per_group : of a bottleneck's 3×3 convolution (ResNeXt, wide networks)
    norm_layer : what makes a norm of so many channels; `BatchNorm2d`
    bias, stride_first : biases in convolutions, and the stride in a bottleneck's first one: Keras's form
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        *,
        norm_layer: Layer = BatchNorm2d,
        bias: bool = False,
        stride_first: bool = False,
    ) -> None:
        kind: dict[str, Any] = dict(groups=groups, base_width=width_per_group, bias=bias, stride_first=stride_first)
        if block is BasicBlock:
            if (groups, width_per_group, bias, stride_first) != (1, 64, False, False):
                raise ValueError(
                    f"ResNet: groups={groups}, width_per_group={width_per_group}, bias={bias} and "
                    f"stride_first={stride_first} are of Bottleneck alone, not of BasicBlock"
                )
            kind = {}
        self.conv1 = Conv2d(3, 64, 7, stride=2, padding=3, bias=bias)
        self.bn1 = norm_layer(64)
        self.relu = ReLU()
        self.maxpool = MaxPool2d(3, stride=2, padding=1)
        channels = 64
        for stage, blocks in enumerate(layers, 1):
            planes = 32 * 2**stage
            made: list[Module] = []
            for i in range(blocks):
                stride = 2 if stage > 1 and i == 0 else 1
                downsample = None
                if stride > 1 or channels != planes * block.expansion:
                    conv = Conv2d(channels, planes * block.expansion, 1, stride, bias=bias)
                    downsample = Sequential(conv, norm_layer(planes * block.expansion))
                made.append(block(channels, planes, stride, downsample, norm_layer, **kind))
                channels = planes * block.expansion
            self.add_module(f"layer{stage}", Sequential(*made))
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(channels, num_classes)
        start_as_he(self)
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, (BasicBlock, Bottleneck)):
                    init.zeros_(module.bn3.weight if isinstance(module, Bottleneck) else module.bn2.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = in_turn(x, self.conv1, self.bn1, self.relu, self.maxpool)
        x = in_turn(x, self.layer1, self.layer2, self.layer3, self.layer4)
        return self.fc(self.avgpool(x).flatten(1))


@register_model(3, 224, 224)
def resnet18(**options: Any) -> ResNet:
    """ResNet-18: 11,689,512 parameters."""
    return ResNet(BasicBlock, [2, 2, 2, 2], **options)


@register_model(3, 224, 224)
def resnet34(**options: Any) -> ResNet:
    """ResNet-34: 21,797,672 parameters."""
    return ResNet(BasicBlock, [3, 4, 6, 3], **options)


@register_model(3, 224, 224)
def resnet50(**options: Any) -> ResNet:
    """ResNet-50: 25,557,032 parameters."""
    return ResNet(Bottleneck, [3, 4, 6, 3], **options)


@register_model(3, 224, 224)
def resnet101(**options: Any) -> ResNet:
    """ResNet-101: 44,549,160 parameters."""
    return ResNet(Bottleneck, [3, 4, 23, 3], **options)


@register_model(3, 224, 224)
def resnet152(**options: Any) -> ResNet:
    """ResNet-152: 60,192,808 parameters."""
    return ResNet(Bottleneck, [3, 8, 36, 3], **options)


@register_model(3, 224, 224)
def resnet50_keras(**options: Any) -> ResNet:
    """ResNet-50 as Keras has it: 25,583,592 parameters, and 53,120 statistics."""
    keras = dict(norm_layer=partial(BatchNorm2d, eps=1.001e-5, momentum=0.01), bias=True, stride_first=True)
    return ResNet(Bottleneck, [3, 4, 6, 3], **{**keras, **options})
