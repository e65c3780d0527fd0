"""Networks for (N, 3, 224, 224) and the 1,000 classes of ImageNet: of layers and ``+`` alone, as in `sequential`."""

from __future__ import annotations

from typing import Any

from benchmarks.networks.sequential import residual


def resnet50(nn: Any) -> Any:
    """ResNet-50 of He et al. (2016), with the stride in the 3×3 convolution: 25,557,032 parameters."""
    Residual = residual(nn)

    def conv(channels: int, width: int, kernel: int, stride: int = 1) -> list[Any]:
        padding = kernel // 2
        layer = nn.Conv2d(channels, width, kernel, stride=stride, padding=padding, bias=False)
        return [layer, nn.BatchNorm2d(width)]

    def bottleneck(channels: int, width: int, stride: int) -> Any:
        body = nn.Sequential(
            *conv(channels, width, 1), nn.ReLU(), *conv(width, width, 3, stride), nn.ReLU(), *conv(width, 4 * width, 1)
        )
        skip = nn.Sequential(*conv(channels, 4 * width, 1, stride)) if channels != 4 * width else nn.Sequential()
        return Residual(body, skip, nn.ReLU())

    layers, channels = [*conv(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for width, blocks, stride in (64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2):
        for i in range(blocks):
            layers.append(bottleneck(channels, width, 1 if i else stride))
            channels = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))


def vgg16(nn: Any) -> Any:
    """VGG-16 of Simonyan & Zisserman (2015), configuration D: 138,357,544 parameters."""
    layers, channels = [], 3
    for width, convolutions in (64, 2), (128, 2), (256, 3), (512, 3), (512, 3):
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout(),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 1000),
    )  # fmt: skip


def mobilenet_v2(nn: Any) -> Any:
    """MobileNetV2 of Sandler et al. (2018): 3,504,872 parameters."""
    Residual = residual(nn)

    def inverted(channels: int, width: int, stride: int, expansion: int) -> Any:
        hidden = expansion * channels
        expand = [nn.Conv2d(channels, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6()]
        body = nn.Sequential(
            *(expand if expansion > 1 else []),
            nn.Conv2d(hidden, hidden, 3, stride=stride, padding=1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden), nn.ReLU6(), nn.Conv2d(hidden, width, 1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip
        return Residual(body, nn.Sequential(), nn.Sequential()) if stride == 1 and channels == width else body

    layers = [nn.Conv2d(3, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU6()]
    channels = 32
    for expansion, width, blocks, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
    ):  # fmt: skip
        for i in range(blocks):
            layers.append(inverted(channels, width, 1 if i else stride, expansion))
            channels = width
    layers += [nn.Conv2d(320, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU6()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(1280, 1000))
