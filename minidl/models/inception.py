"""Inception: convolutions of several sizes side by side.

Szegedy et al. (2016), "Rethinking the Inception architecture for computer vision", as torchvision has Inception-v3.
Keras's form has no auxiliary classifier, no scales in norms, and means that leave the padding out.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from minidl import functional as F
from minidl.engine.core import Tensor
from minidl.models.blocks import Layer
from minidl.models.registry import register_model
from minidl.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, Module, init
from minidl.nn.containers import in_turn
from minidl.nn.functions import ReLU
from minidl.ops.joining import cat


class InceptionOutputs(NamedTuple):
    """In training: the scores, and those of the auxiliary classifier."""

    logits: Tensor
    aux_logits: Tensor


class BasicConv2d(Module):
    """A convolution without bias, batch norm and relu."""

    def __init__(self, in_channels: int, out_channels: int, norm: Layer | None = None, **options: Any) -> None:
        self.conv = Conv2d(in_channels, out_channels, bias=False, **options)
        self.bn = BatchNorm2d(out_channels, eps=0.001) if norm is None else norm(out_channels)
        self.relu = ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return in_turn(x, self.conv, self.bn, self.relu)


class ShiftNorm2d(BatchNorm2d):
    """Batch norm that learns a bias alone."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__(num_features, eps, momentum)
        self.weight = None


class InceptionA(Module):
    """1×1, 5×5, two of 3×3, and a mean (figure 5): to 224 + pool_features channels."""

    def __init__(self, in_channels: int, pool_features: int, conv: Layer, mean: Any) -> None:
        self.branch1x1 = conv(in_channels, 64, kernel_size=1)
        self.branch5x5_1 = conv(in_channels, 48, kernel_size=1)
        self.branch5x5_2 = conv(48, 64, kernel_size=5, padding=2)
        self.branch3x3dbl_1 = conv(in_channels, 64, kernel_size=1)
        self.branch3x3dbl_2 = conv(64, 96, kernel_size=3, padding=1)
        self.branch3x3dbl_3 = conv(96, 96, kernel_size=3, padding=1)
        self.branch_pool = conv(in_channels, pool_features, kernel_size=1)
        self.mean = mean

    def forward(self, x: Tensor) -> Tensor:
        five = in_turn(x, self.branch5x5_1, self.branch5x5_2)
        three = in_turn(x, self.branch3x3dbl_1, self.branch3x3dbl_2, self.branch3x3dbl_3)
        return cat([self.branch1x1(x), five, three, self.branch_pool(self.mean(x))], 1)


class InceptionB(Module):
    """3×3, two of 3×3, and a maximum, each with stride 2: to 480 + in_channels channels."""

    def __init__(self, in_channels: int, conv: Layer) -> None:
        self.branch3x3 = conv(in_channels, 384, kernel_size=3, stride=2)
        self.branch3x3dbl_1 = conv(in_channels, 64, kernel_size=1)
        self.branch3x3dbl_2 = conv(64, 96, kernel_size=3, padding=1)
        self.branch3x3dbl_3 = conv(96, 96, kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = in_turn(x, self.branch3x3dbl_1, self.branch3x3dbl_2, self.branch3x3dbl_3)
        return cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class InceptionC(Module):
    """1×1, 7×7, two of 7×7, each as 1×7 and 7×1, and a mean (figure 6): to 768 channels."""

    def __init__(self, in_channels: int, channels_7x7: int, conv: Layer, mean: Any) -> None:
        wide = dict(kernel_size=(1, 7), padding=(0, 3))
        tall = dict(kernel_size=(7, 1), padding=(3, 0))
        self.branch1x1 = conv(in_channels, 192, kernel_size=1)
        self.branch7x7_1 = conv(in_channels, channels_7x7, kernel_size=1)
        self.branch7x7_2 = conv(channels_7x7, channels_7x7, **wide)
        self.branch7x7_3 = conv(channels_7x7, 192, **tall)
        self.branch7x7dbl_1 = conv(in_channels, channels_7x7, kernel_size=1)
        self.branch7x7dbl_2 = conv(channels_7x7, channels_7x7, **tall)
        self.branch7x7dbl_3 = conv(channels_7x7, channels_7x7, **wide)
        self.branch7x7dbl_4 = conv(channels_7x7, channels_7x7, **tall)
        self.branch7x7dbl_5 = conv(channels_7x7, 192, **wide)
        self.branch_pool = conv(in_channels, 192, kernel_size=1)
        self.mean = mean

    def forward(self, x: Tensor) -> Tensor:
        seven = in_turn(x, self.branch7x7_1, self.branch7x7_2, self.branch7x7_3)
        double = in_turn(x, self.branch7x7dbl_1, self.branch7x7dbl_2, self.branch7x7dbl_3)
        double = in_turn(double, self.branch7x7dbl_4, self.branch7x7dbl_5)
        return cat([self.branch1x1(x), seven, double, self.branch_pool(self.mean(x))], 1)


class InceptionD(Module):
    """3×3, 7×7 and 3×3, and a maximum, each with stride 2: to 512 + in_channels channels."""

    def __init__(self, in_channels: int, conv: Layer) -> None:
        self.branch3x3_1 = conv(in_channels, 192, kernel_size=1)
        self.branch3x3_2 = conv(192, 320, kernel_size=3, stride=2)
        self.branch7x7x3_1 = conv(in_channels, 192, kernel_size=1)
        self.branch7x7x3_2 = conv(192, 192, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7x3_3 = conv(192, 192, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7x3_4 = conv(192, 192, kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = in_turn(x, self.branch3x3_1, self.branch3x3_2)
        seven = in_turn(x, self.branch7x7x3_1, self.branch7x7x3_2, self.branch7x7x3_3, self.branch7x7x3_4)
        return cat([three, seven, F.max_pool2d(x, 3, 2)], 1)


class InceptionE(Module):
    """1×1, 1×3 beside 3×1, the same after 3×3, and a mean (figure 7): to 2,048 channels."""

    def __init__(self, in_channels: int, conv: Layer, mean: Any) -> None:
        wide = dict(kernel_size=(1, 3), padding=(0, 1))
        tall = dict(kernel_size=(3, 1), padding=(1, 0))
        self.branch1x1 = conv(in_channels, 320, kernel_size=1)
        self.branch3x3_1 = conv(in_channels, 384, kernel_size=1)
        self.branch3x3_2a = conv(384, 384, **wide)
        self.branch3x3_2b = conv(384, 384, **tall)
        self.branch3x3dbl_1 = conv(in_channels, 448, kernel_size=1)
        self.branch3x3dbl_2 = conv(448, 384, kernel_size=3, padding=1)
        self.branch3x3dbl_3a = conv(384, 384, **wide)
        self.branch3x3dbl_3b = conv(384, 384, **tall)
        self.branch_pool = conv(in_channels, 192, kernel_size=1)
        self.mean = mean

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = in_turn(x, self.branch3x3dbl_1, self.branch3x3dbl_2)
        sides = [self.branch3x3_2a(three), self.branch3x3_2b(three)]
        sides += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)]
        return cat([self.branch1x1(x), *sides, self.branch_pool(self.mean(x))], 1)


class InceptionAux(Module):
    """A classifier on features of the middle, which lets gradients in: (N, C, 17, 17) to scores (N, num_classes)."""

    def __init__(self, in_channels: int, num_classes: int, conv: Layer) -> None:
        self.conv0 = conv(in_channels, 128, kernel_size=1)
        self.conv1 = conv(128, 768, kernel_size=5)
        self.fc = Linear(768, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = in_turn(F.avg_pool2d(x, 5, 3), self.conv0, self.conv1)
        return self.fc(x.mean((2, 3)))


class Inception3(Module):
    """Inception-v3: (N, 3, H, W) to scores (N, num_classes); in training, with `aux_logits`, to `InceptionOutputs`.

    Parameters
    ----------
    num_classes : the number of scores
    aux_logits : whether there is an auxiliary classifier; then images have 299×299 pixels, else 75×75 at least
    dropout : the share of the features that is dropped
    norm_layer : what makes a norm of so many channels; `BatchNorm2d` with eps=0.001
    count_include_pad : whether the means of 3×3 pixels count the zeros around the image
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        dropout: float = 0.5,
        *,
        norm_layer: Layer | None = None,
        count_include_pad: bool = True,
    ) -> None:
        conv = partial(BasicConv2d, norm=norm_layer)
        mean = partial(F.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=count_include_pad)
        self.aux_logits = aux_logits
        self.Conv2d_1a_3x3 = conv(3, 32, kernel_size=3, stride=2)
        self.Conv2d_2a_3x3 = conv(32, 32, kernel_size=3)
        self.Conv2d_2b_3x3 = conv(32, 64, kernel_size=3, padding=1)
        self.maxpool1 = MaxPool2d(3, 2)
        self.Conv2d_3b_1x1 = conv(64, 80, kernel_size=1)
        self.Conv2d_4a_3x3 = conv(80, 192, kernel_size=3)
        self.maxpool2 = MaxPool2d(3, 2)
        self.Mixed_5b = InceptionA(192, 32, conv, mean)
        self.Mixed_5c = InceptionA(256, 64, conv, mean)
        self.Mixed_5d = InceptionA(288, 64, conv, mean)
        self.Mixed_6a = InceptionB(288, conv)
        self.Mixed_6b = InceptionC(768, 128, conv, mean)
        self.Mixed_6c = InceptionC(768, 160, conv, mean)
        self.Mixed_6d = InceptionC(768, 160, conv, mean)
        self.Mixed_6e = InceptionC(768, 192, conv, mean)
        if aux_logits:
            self.AuxLogits = InceptionAux(768, num_classes, conv)
        self.Mixed_7a = InceptionD(768, conv)
        self.Mixed_7b = InceptionE(1280, conv, mean)
        self.Mixed_7c = InceptionE(2048, conv, mean)
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.dropout = Dropout(dropout)
        self.fc = Linear(2048, num_classes)
        for layer in self.modules():
            if isinstance(layer, (Conv2d, Linear)):
                init.trunc_normal_(layer.weight, 0, 0.1)
        if aux_logits:
            init.trunc_normal_(self.AuxLogits.conv1.conv.weight, 0, 0.01)
            init.trunc_normal_(self.AuxLogits.fc.weight, 0, 0.001)

    def forward(self, x: Tensor) -> Tensor | InceptionOutputs:
        x = in_turn(x, self.Conv2d_1a_3x3, self.Conv2d_2a_3x3, self.Conv2d_2b_3x3, self.maxpool1)
        x = in_turn(x, self.Conv2d_3b_1x1, self.Conv2d_4a_3x3, self.maxpool2)
        x = in_turn(x, self.Mixed_5b, self.Mixed_5c, self.Mixed_5d, self.Mixed_6a)
        x = in_turn(x, self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e)
        aux = self.AuxLogits(x) if self.aux_logits and self.training else None
        x = in_turn(x, self.Mixed_7a, self.Mixed_7b, self.Mixed_7c)
        scores = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return scores if aux is None else InceptionOutputs(scores, aux)


@register_model(3, 299, 299)
def inception_v3(**options: Any) -> Inception3:
    """Inception-v3: 27,161,264 parameters, 23,834,568 of them without the auxiliary classifier."""
    return Inception3(**options)


@register_model(3, 299, 299)
def inception_v3_keras(**options: Any) -> Inception3:
    """Inception-v3 as Keras has it: 23,817,352 parameters, and 34,432 statistics."""
    norm = partial(ShiftNorm2d, eps=0.001, momentum=0.01)
    keras = dict(aux_logits=False, norm_layer=norm, count_include_pad=False, dropout=0.0)
    return Inception3(**{**keras, **options})
