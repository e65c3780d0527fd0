"""GoogLeNet: the first Inception.

Szegedy et al. (2015), "Going deeper with convolutions", as torchvision has it: with batch norm, and 3×3 convolutions
where the paper has 5×5.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from minidl import functional as F
from minidl.engine.core import Tensor
from minidl.models.inception import BasicConv2d
from minidl.models.registry import register_model
from minidl.nn import AdaptiveAvgPool2d, Conv2d, Dropout, Linear, MaxPool2d, Module, Sequential, init
from minidl.nn.containers import in_turn
from minidl.ops.joining import cat


class GoogLeNetOutputs(NamedTuple):
    """In training: the scores, and those of both auxiliary classifiers, the later one first."""

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class Inception(Module):
    """1×1, 3×3, 3×3 again, and a maximum, after each other's 1×1 convolutions (figure 2b)."""

    def __init__(
        self, in_channels: int, ch1x1: int, ch3x3red: int, ch3x3: int, ch5x5red: int, ch5x5: int, pool_proj: int
    ) -> None:
        self.branch1 = BasicConv2d(in_channels, ch1x1, kernel_size=1)
        self.branch2 = Sequential(
            BasicConv2d(in_channels, ch3x3red, kernel_size=1), BasicConv2d(ch3x3red, ch3x3, kernel_size=3, padding=1)
        )
        self.branch3 = Sequential(
            BasicConv2d(in_channels, ch5x5red, kernel_size=1), BasicConv2d(ch5x5red, ch5x5, kernel_size=3, padding=1)
        )
        self.branch4 = Sequential(
            MaxPool2d(3, stride=1, padding=1, ceil_mode=True), BasicConv2d(in_channels, pool_proj, kernel_size=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class InceptionAux(Module):
    """A classifier on features of the middle, which lets gradients in: (N, C, H, W) to scores (N, num_classes)."""

    def __init__(self, in_channels: int, num_classes: int, dropout: float) -> None:
        self.conv = BasicConv2d(in_channels, 128, kernel_size=1)
        self.fc1 = Linear(2048, 1024)
        self.fc2 = Linear(1024, num_classes)
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(F.adaptive_avg_pool2d(x, (4, 4))).flatten(1)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))


class GoogLeNet(Module):
    """(N, 3, H, W) to scores (N, num_classes); in training, with `aux_logits`, to `GoogLeNetOutputs`.

    Parameters
    ----------
    num_classes : the number of scores
    aux_logits : whether there are auxiliary classifiers
    dropout, dropout_aux : the shares of the features that are dropped, before the scores and in the auxiliary ones
    """

    def __init__(
        self, num_classes: int = 1000, aux_logits: bool = True, dropout: float = 0.2, dropout_aux: float = 0.7
    ) -> None:
        self.aux_logits = aux_logits
        self.conv1 = BasicConv2d(3, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = MaxPool2d(3, 2, ceil_mode=True)
        self.conv2 = BasicConv2d(64, 64, kernel_size=1)
        self.conv3 = BasicConv2d(64, 192, kernel_size=3, padding=1)
        self.maxpool2 = MaxPool2d(3, 2, ceil_mode=True)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = MaxPool2d(3, 2, ceil_mode=True)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = MaxPool2d(2, 2, ceil_mode=True)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        if aux_logits:
            self.aux1 = InceptionAux(512, num_classes, dropout_aux)
            self.aux2 = InceptionAux(528, num_classes, dropout_aux)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.dropout = Dropout(dropout)
        self.fc = Linear(1024, num_classes)
        for layer in self.modules():
            if isinstance(layer, (Conv2d, Linear)):
                init.trunc_normal_(layer.weight, 0, 0.01)

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        aux1 = aux2 = None
        x = in_turn(x, self.conv1, self.maxpool1, self.conv2, self.conv3, self.maxpool2)
        x = in_turn(x, self.inception3a, self.inception3b, self.maxpool3, self.inception4a)
        if self.aux_logits and self.training:
            aux1 = self.aux1(x)
        x = in_turn(x, self.inception4b, self.inception4c, self.inception4d)
        if self.aux_logits and self.training:
            aux2 = self.aux2(x)
        x = in_turn(x, self.inception4e, self.maxpool4, self.inception5a, self.inception5b)
        scores = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return scores if aux1 is None or aux2 is None else GoogLeNetOutputs(scores, aux2, aux1)


@register_model(3, 224, 224)
def googlenet(**options: Any) -> GoogLeNet:
    """GoogLeNet: 13,004,888 parameters, 6,624,904 of them without the auxiliary classifiers."""
    return GoogLeNet(**options)
