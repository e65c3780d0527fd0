"""DenseNet: each layer sees the outputs of all before it.

Huang et al. (2017), "Densely connected convolutional networks", DenseNet-BC, under torchvision's names.
"""

from __future__ import annotations

from typing import Any

from minidl import functional as F
from minidl.engine.core import Tensor
from minidl.models.blocks import Layer
from minidl.models.registry import register_model
from minidl.nn import AvgPool2d, BatchNorm2d, Conv2d, Linear, MaxPool2d, Module, ModuleDict, ReLU, Sequential, init
from minidl.nn.containers import in_turn
from minidl.ops.joining import cat


class DenseLayer(Module):
    """A 1×1 convolution to bn_size · growth_rate channels, and a 3×3 one to growth_rate new ones, each after a norm."""

    def __init__(self, channels: int, growth_rate: int, bn_size: int, drop_rate: float, norm: Layer) -> None:
        self.norm1 = norm(channels)
        self.relu1 = ReLU()
        self.conv1 = Conv2d(channels, bn_size * growth_rate, 1, bias=False)
        self.norm2 = norm(bn_size * growth_rate)
        self.relu2 = ReLU()
        self.conv2 = Conv2d(bn_size * growth_rate, growth_rate, 3, padding=1, bias=False)
        self.drop_rate = drop_rate

    def forward(self, x: Tensor) -> Tensor:
        z = in_turn(x, self.norm1, self.relu1, self.conv1, self.norm2, self.relu2, self.conv2)
        return F.dropout(z, self.drop_rate, self.training) if self.drop_rate else z


class DenseBlock(ModuleDict):
    """Dense layers: what each gives is put beside its input."""

    def __init__(
        self, num_layers: int, channels: int, bn_size: int, growth_rate: int, drop_rate: float, norm: Layer
    ) -> None:
        super().__init__()
        for i in range(num_layers):
            layer = DenseLayer(channels + i * growth_rate, growth_rate, bn_size, drop_rate, norm)
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.values():
            x = cat([x, layer(x)], 1)
        return x


class DenseNet(Module):
    """Dense blocks, between which channels and sizes are halved: (N, 3, H, W) to scores (N, num_classes).

    Parameters
    ----------
    growth_rate : the new channels of each layer, k in the paper
    block_config : how many layers each block has
    num_init_features : the channels of the first convolution
    bn_size : the channels between the two convolutions of a layer, over growth_rate
    drop_rate : the share of a layer's new numbers that is dropped
    num_classes : the number of scores
    norm_layer : what makes a norm of so many channels; `BatchNorm2d`
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: tuple[int, ...] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0.0,
        num_classes: int = 1000,
        *,
        norm_layer: Layer = BatchNorm2d,
    ) -> None:
        channels = num_init_features
        layers: dict[str, Module] = {
            "conv0": Conv2d(3, channels, 7, stride=2, padding=3, bias=False),
            "norm0": norm_layer(channels),
            "relu0": ReLU(),
            "pool0": MaxPool2d(3, stride=2, padding=1),
        }
        for i, count in enumerate(block_config, 1):
            layers[f"denseblock{i}"] = DenseBlock(count, channels, bn_size, growth_rate, drop_rate, norm_layer)
            channels += count * growth_rate
            if i < len(block_config):
                conv = Conv2d(channels, channels // 2, 1, bias=False)
                layers[f"transition{i}"] = Sequential(
                    {"norm": norm_layer(channels), "relu": ReLU(), "conv": conv, "pool": AvgPool2d(2, 2)}
                )
                channels //= 2
        layers["norm5"] = norm_layer(channels)
        self.features = Sequential(layers)
        self.classifier = Linear(channels, num_classes)
        for layer in self.modules():
            if isinstance(layer, Conv2d):
                init.kaiming_normal_(layer.weight)
        init.zeros_(self.classifier.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(F.relu(self.features(x)).mean((2, 3)))


@register_model(3, 224, 224)
def densenet121(**options: Any) -> DenseNet:
    """DenseNet-121: 7,978,856 parameters."""
    return DenseNet(32, (6, 12, 24, 16), 64, **options)
