"""The small networks of `functional` as lists of layers, with the same parameters in the same order.

What they call is layers and ``+`` alone, so that libraries whose arrays have other methods can build them, too.
"""

from __future__ import annotations

from typing import Any


def mlp(nn: Any) -> Any:
    """A perceptron with two hidden layers of 256."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)
    )


def lenet5(nn: Any) -> Any:
    """LeNet-5."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


def simplenet(nn: Any) -> Any:
    """SimpLeNet: relu after pooling, as in `minidl.models.SimpLeNet`."""
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(),
        nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, 10),
    )  # fmt: skip


def keras_convnet(nn: Any) -> Any:
    """The convolutional network of the examples of Keras and PyTorch for MNIST."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10),
    )  # fmt: skip


def vgg_style(nn: Any, side: int = 32) -> Any:
    """Pairs of 32, 64 and 128 channels: `minidl.models.vgg_style` without dropout."""
    layers, channels = [], 3
    for width in 32, 64, 128:
        for inputs in channels, width:
            layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers.append(nn.MaxPool2d(2))
        channels = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * side**2, 256), nn.ReLU(), nn.Linear(256, 10))


def residual(nn: Any) -> Any:
    """The class of blocks whose input is added to what their layers give."""

    class Residual(nn.Module):
        def __init__(self, body: Any, skip: Any, after: Any) -> None:
            super().__init__()
            self.body, self.skip, self.after = body, skip, after

        def forward(self, x: Any) -> Any:
            return self.after(self.body(x) + self.skip(x))

    return Residual


def resnet20(nn: Any) -> Any:
    """ResNet-20."""
    Residual = residual(nn)

    def block(channels: int, width: int, stride: int) -> Any:
        body = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
        )  # fmt: skip
        skip = nn.Sequential()
        if stride > 1:
            skip = nn.Sequential(nn.Conv2d(channels, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width))
        return Residual(body, skip, nn.ReLU())

    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
        block(16, 16, 1), block(16, 16, 1), block(16, 16, 1),
        block(16, 32, 2), block(32, 32, 1), block(32, 32, 1),
        block(32, 64, 2), block(64, 64, 1), block(64, 64, 1),
        nn.AvgPool2d(8), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


def mobilenet_style(nn: Any) -> Any:
    """After MobileNet."""
    layers = [nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU()]
    channels = 32
    for width, stride in (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2):
        layers += [
            nn.Conv2d(channels, channels, 3, stride=stride, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(),
        ]  # fmt: skip
        channels = width
    return nn.Sequential(*layers, nn.AvgPool2d(4), nn.Flatten(), nn.Linear(512, 10))


def discriminator(nn: Any) -> Any:
    """DCGAN's discriminator."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 4, stride=2, padding=1, bias=False), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2),
        nn.Conv2d(128, 256, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(256), nn.LeakyReLU(0.2),
        nn.Conv2d(256, 1, 4, bias=False), nn.Flatten(),
    )  # fmt: skip


def generator(nn: Any) -> Any:
    """DCGAN's generator."""
    return nn.Sequential(
        nn.ConvTranspose2d(100, 256, 4, bias=False), nn.BatchNorm2d(256), nn.ReLU(),
        nn.ConvTranspose2d(256, 128, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(128), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 3, 4, stride=2, padding=1, bias=False), nn.Tanh(),
    )  # fmt: skip
