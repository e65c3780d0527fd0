"""NASNet-A: cells that were found by a search, each fed by the two before it.

Zoph et al. (2018), "Learning transferable architectures for scalable image recognition", figure 4, as Keras has it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from minidl import functional as F
from minidl.engine.core import Tensor
from minidl.models.blocks import Conv2dSame, Layer, pad_same, start_as_he
from minidl.models.registry import register_model
from minidl.nn import BatchNorm2d, Conv2d, Linear, Module, ReLU, Sequential
from minidl.nn.containers import in_turn
from minidl.ops.joining import cat


def separable(channels: int, filters: int, kernel: int, norm: Layer, stride: int = 1) -> Sequential:
    """Twice relu, a depthwise convolution, a 1×1 one and a norm; the first with a stride."""
    layers: list[Module] = []
    for inputs, step in ((channels, stride), (filters, 1)):
        depthwise = Conv2dSame(inputs, inputs, kernel, step, groups=inputs, bias=False)
        layers += [ReLU(), depthwise, Conv2d(inputs, filters, 1, bias=False), norm(filters)]
    return Sequential(*layers)


def projection(channels: int, filters: int, norm: Layer) -> Sequential:
    """Relu, a 1×1 convolution and a norm."""
    return Sequential(ReLU(), Conv2d(channels, filters, 1, bias=False), norm(filters))


class Halving(Module):
    """Relu; every other pixel, and those between, each by a 1×1 convolution to half of the filters; a norm."""

    def __init__(self, channels: int, filters: int, norm: Layer) -> None:
        self.relu = ReLU()
        self.conv1 = Conv2d(channels, filters // 2, 1, bias=False)
        self.conv2 = Conv2d(channels, filters // 2, 1, bias=False)
        self.bn = norm(filters)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(x)
        between = F.pad(x, (0, 1, 0, 1))[:, :, 1::2, 1::2]
        return self.bn(cat([self.conv1(x[:, :, ::2, ::2]), self.conv2(between)], 1))


def mean(x: Tensor) -> Tensor:
    """The mean of 3×3 pixels around each, of as many as there are at the edges."""
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


class NormalCell(Module):
    """Of x and what came before it, five sums of pairs beside the latter: to 6 · filters channels of the same size."""

    def __init__(self, channels: int, adjust: Module, filters: int, norm: Layer) -> None:
        self.adjust = adjust
        self.conv = projection(channels, filters, norm)
        self.left1 = separable(filters, filters, 5, norm)
        self.right1 = separable(filters, filters, 3, norm)
        self.left2 = separable(filters, filters, 5, norm)
        self.right2 = separable(filters, filters, 3, norm)
        self.left5 = separable(filters, filters, 3, norm)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        h, p = self.conv(x), self.adjust(before)
        first = self.left1(h) + self.right1(p)
        second = self.left2(p) + self.right2(p)
        return cat([p, first, second, mean(h) + p, mean(p) + mean(p), self.left5(h) + h], 1)


class ReductionCell(Module):
    """Of x and what came before it, four sums of pairs: to 4 · filters channels of half the size."""

    def __init__(self, channels: int, adjust: Module, before: int, filters: int, norm: Layer) -> None:
        self.adjust = adjust
        self.conv = projection(channels, filters, norm)
        self.left1 = separable(filters, filters, 5, norm, 2)
        self.right1 = separable(before, filters, 7, norm, 2)
        self.right2 = separable(before, filters, 7, norm, 2)
        self.right3 = separable(before, filters, 5, norm, 2)
        self.left4 = separable(filters, filters, 3, norm)

    def forward(self, x: Tensor, before: Tensor) -> Tensor:
        h, p = self.conv(x), self.adjust(before)
        padded = pad_same(h, (3, 3), (2, 2))
        largest = F.max_pool2d(padded, 3, 2)
        first = self.left1(h) + self.right1(p)
        second = largest + self.right2(p)
        third = F.avg_pool2d(padded, 3, 2) + self.right3(p)
        return cat([second, third, mean(first) + second, self.left4(first) + largest], 1)


class NASNet(Module):
    """Two reductions, then `num_blocks` normal cells three times, with a reduction between: (N, 3, H, W) to scores.

    Parameters
    ----------
    penultimate_filters : the channels of the last cell, 24 times those of each part of the first normal one
    num_blocks : how many normal cells follow one another
    stem_block_filters : the channels of the first convolution
    num_classes : the number of scores
    norm_layer : what makes a norm of so many channels; `BatchNorm2d`

    Raises
    ------
    ValueError
        For penultimate_filters that are not a multiple of 96.
    """

    def __init__(
        self,
        penultimate_filters: int = 1056,
        num_blocks: int = 4,
        stem_block_filters: int = 32,
        num_classes: int = 1000,
        *,
        norm_layer: Layer = BatchNorm2d,
    ) -> None:
        if penultimate_filters < 96 or penultimate_filters % 96:
            raise ValueError(f"NASNet: penultimate_filters must be a multiple of 96, got {penultimate_filters}")
        filters = penultimate_filters // 24
        self.stem_conv = Conv2d(3, stem_block_filters, 3, stride=2, bias=False)
        self.stem_bn = norm_layer(stem_block_filters)
        cells: list[Module] = []
        x = before = stem_block_filters
        larger = False  # whether what came before x is larger than x

        def cell(reduces: bool, width: int) -> None:
            nonlocal x, before, larger
            kind = Halving if larger else projection
            alone = not cells or (before == width and not larger)
            adjust = Sequential() if alone else kind(before, width, norm_layer)
            if reduces:
                cells.append(ReductionCell(x, adjust, before if alone else width, width, norm_layer))
            else:
                cells.append(NormalCell(x, adjust, width, norm_layer))
            x, before, larger = (4 if reduces else 6) * width, x, reduces

        cell(True, filters // 4)
        cell(True, filters // 2)
        for width in (filters, 2 * filters, 4 * filters):
            if width > filters:
                cell(True, width)
            for _ in range(num_blocks):
                cell(False, width)
        self.cells = Sequential(*cells)
        self.relu = ReLU()
        self.fc = Linear(x, num_classes)
        start_as_he(self)

    def forward(self, x: Tensor) -> Tensor:
        x = before = in_turn(x, self.stem_conv, self.stem_bn)
        for cell in self.cells:
            x, before = cell(x, before), x
        return self.fc(self.relu(x).mean((2, 3)))


@register_model(3, 224, 224)
def nasnet_mobile(**options: Any) -> NASNet:
    """NASNet-A (4 @ 1056), "mobile": 5,289,978 parameters, and 36,738 statistics."""
    return NASNet(1056, 4, 32, **{"norm_layer": partial(BatchNorm2d, eps=0.001, momentum=0.0003), **options})
