"""What several families of networks are made of, under torchvision's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl import functional as F
from minidl.engine.core import Tensor
from minidl.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Linear, Module, ReLU, Sequential, Sigmoid, init

Layer = Callable[..., Module]  # what makes a layer, as its class does


class Conv2dNormActivation(Sequential):
    """A convolution, batch norm and an activation; the padding keeps the size, but for the stride."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        groups: int = 1,
        norm_layer: Layer = BatchNorm2d,
        activation_layer: Layer | None = ReLU,
        conv_layer: Layer = Conv2d,
    ) -> None:
        padding = (kernel_size - 1) // 2
        conv = conv_layer(in_channels, out_channels, kernel_size, stride, padding, groups=groups, bias=False)
        activation = [] if activation_layer is None else [activation_layer()]
        super().__init__(conv, norm_layer(out_channels), *activation)


class Conv2dSame(Conv2d):
    """A convolution of ⌈size / stride⌉ windows that are centred, as TensorFlow pads: the odd one goes to the far side.

    Its own `padding` stays without effect. `conv2d_same` makes one where padding of both sides alike is not the same.
    """

    def forward(self, input: Tensor) -> Tensor:
        padded = pad_same(input, self.kernel_size, self.stride)
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def conv2d_same(
    in_channels: int, out_channels: int, kernel_size: int, stride: int, padding: int, **options: Any
) -> Conv2d:
    """A convolution that pads as TensorFlow does, of a kernel whose size is odd and a `padding` that is its half."""
    layer = Conv2d if stride == 1 else Conv2dSame
    return layer(in_channels, out_channels, kernel_size, stride, padding, **options)


def pad_same(input: Tensor, kernel: tuple[int, int], stride: tuple[int, int], value: float = 0.0) -> Tensor:
    """Images (N, C, H, W) with `value` around them, so that windows without padding are as many as TensorFlow's."""
    sides: list[int] = []
    for n, k, s in zip(reversed(input.shape[2:]), reversed(kernel), reversed(stride), strict=True):
        lacking = max((-(-n // s) - 1) * s + k - n, 0)
        sides += [lacking // 2, lacking - lacking // 2]
    return F.pad(input, sides, value=value) if any(sides) else input


class SqueezeExcitation(Module):
    """Each channel times a share that is computed from the means of all (Hu et al. 2018)."""

    def __init__(
        self, input_channels: int, squeeze_channels: int, activation: Layer = ReLU, scale_activation: Layer = Sigmoid
    ) -> None:
        self.avgpool = AdaptiveAvgPool2d(1)
        self.fc1 = Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = Conv2d(squeeze_channels, input_channels, 1)
        self.activation = activation()
        self.scale_activation = scale_activation()

    def forward(self, input: Tensor) -> Tensor:
        squeezed = self.activation(self.fc1(self.avgpool(input)))
        return input * self.scale_activation(self.fc2(squeezed))


def start_as_he(network: Module, dense: float | None = None) -> None:
    """Draw the weights of convolutions normal with variance 2 / fan_out (He et al. 2015); their biases are 0.

    With `dense`, weights of dense layers are normal with this standard deviation, and their biases 0.
    """
    for layer in network.modules():
        if isinstance(layer, Conv2d):
            init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(layer, Linear) and dense is not None:
            init.normal_(layer.weight, 0, dense)
        else:
            continue
        if layer.bias is not None:
            init.zeros_(layer.bias)
