"""The small networks as learners write them: layers kept as attributes, and a `forward` that calls functions.

Each takes ``nn``, of minidl or of PyTorch: the source is the same, word for word. `sequential` has the same networks,
with the same parameters in the same order, as lists of layers. Where learners write ``x.view(-1, 400)`` stands
`reshape`: PyTorch refuses the view of images that lie channels last.
"""

from __future__ import annotations

from typing import Any


def mlp(nn: Any) -> Any:
    """A perceptron with two hidden layers of 256: (N, 1, 28, 28) to scores (N, 10)."""
    F = nn.functional

    class MLP(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(784, 256)
            self.fc2 = nn.Linear(256, 256)
            self.fc3 = nn.Linear(256, 10)

        def forward(self, x: Any) -> Any:
            x = x.view(-1, 784)
            x = F.relu(self.fc1(x))
            x = F.relu(self.fc2(x))
            return self.fc3(x)

    return MLP()


def lenet5(nn: Any) -> Any:
    """LeNet-5 of LeCun et al. (1998), as it is taught now: tanh, mean pooling, no table of connections."""
    F = nn.functional

    class LeNet5(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
            self.conv2 = nn.Conv2d(6, 16, 5)
            self.fc1 = nn.Linear(400, 120)
            self.fc2 = nn.Linear(120, 84)
            self.fc3 = nn.Linear(84, 10)

        def forward(self, x: Any) -> Any:
            x = F.avg_pool2d(F.tanh(self.conv1(x)), 2)
            x = F.avg_pool2d(F.tanh(self.conv2(x)), 2)
            x = x.reshape(-1, 400)
            x = F.tanh(self.fc1(x))
            x = F.tanh(self.fc2(x))
            return self.fc3(x)

    return LeNet5()


def simplenet(nn: Any) -> Any:
    """SimpLeNet: `minidl.models.SimpLeNet` with relu before pooling, where tutorials have it."""
    F = nn.functional

    class SimpLeNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(1, 20, 5)
            self.conv2 = nn.Conv2d(20, 50, 5)
            self.fc1 = nn.Linear(800, 256)
            self.fc2 = nn.Linear(256, 10)

        def forward(self, x: Any) -> Any:
            x = F.max_pool2d(F.relu(self.conv1(x)), 2)
            x = F.max_pool2d(F.relu(self.conv2(x)), 2)
            x = x.reshape(-1, 800)
            x = F.relu(self.fc1(x))
            return self.fc2(x)

    return SimpLeNet()


def keras_convnet(nn: Any) -> Any:
    """The convolutional network of the examples of Keras and PyTorch for MNIST: 32-64, pooling, dropout, 128."""
    F = nn.functional

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(1, 32, 3)
            self.conv2 = nn.Conv2d(32, 64, 3)
            self.dropout1 = nn.Dropout(0.25)
            self.dropout2 = nn.Dropout(0.5)
            self.fc1 = nn.Linear(9216, 128)
            self.fc2 = nn.Linear(128, 10)

        def forward(self, x: Any) -> Any:
            x = F.relu(self.conv1(x))
            x = F.relu(self.conv2(x))
            x = F.max_pool2d(x, 2)
            x = self.dropout1(x)
            x = x.flatten(1)
            x = F.relu(self.fc1(x))
            x = self.dropout2(x)
            return self.fc2(x)

    return Net()


def vgg_style(nn: Any) -> Any:
    """Pairs of 32, 64, 128 channels with batch norm, pooling after each, and two dense layers: for (N, 3, 32, 32)."""
    F = nn.functional

    class VGGStyle(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)
            self.conv2, self.bn2 = nn.Conv2d(32, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32)
            self.conv3, self.bn3 = nn.Conv2d(32, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)
            self.conv4, self.bn4 = nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)
            self.conv5, self.bn5 = nn.Conv2d(64, 128, 3, padding=1, bias=False), nn.BatchNorm2d(128)
            self.conv6, self.bn6 = nn.Conv2d(128, 128, 3, padding=1, bias=False), nn.BatchNorm2d(128)
            self.fc1 = nn.Linear(2048, 256)
            self.fc2 = nn.Linear(256, 10)

        def forward(self, x: Any) -> Any:
            x = F.relu(self.bn1(self.conv1(x)))
            x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
            x = F.relu(self.bn3(self.conv3(x)))
            x = F.max_pool2d(F.relu(self.bn4(self.conv4(x))), 2)
            x = F.relu(self.bn5(self.conv5(x)))
            x = F.max_pool2d(F.relu(self.bn6(self.conv6(x))), 2)
            x = x.reshape(-1, 2048)
            return self.fc2(F.relu(self.fc1(x)))

    return VGGStyle()


def resnet20(nn: Any) -> Any:
    """ResNet-20 of He et al. (2016), section 4.2, for (N, 3, 32, 32); where a skip changes size, a 1×1 convolution."""
    F = nn.functional

    class BasicBlock(nn.Module):
        def __init__(self, channels: int, width: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.downsample = None
            if stride > 1:
                self.downsample = nn.Sequential(
                    nn.Conv2d(channels, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
                )

        def forward(self, x: Any) -> Any:
            identity = x if self.downsample is None else self.downsample(x)
            out = F.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
            out += identity
            return F.relu(out)

    class ResNet20(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(16)
            self.layer1 = nn.Sequential(BasicBlock(16, 16, 1), BasicBlock(16, 16, 1), BasicBlock(16, 16, 1))
            self.layer2 = nn.Sequential(BasicBlock(16, 32, 2), BasicBlock(32, 32, 1), BasicBlock(32, 32, 1))
            self.layer3 = nn.Sequential(BasicBlock(32, 64, 2), BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
            self.fc = nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            out = F.relu(self.bn1(self.conv1(x)))
            out = self.layer3(self.layer2(self.layer1(out)))
            out = F.avg_pool2d(out, 8)
            out = out.view(out.size(0), -1)
            return self.fc(out)

    return ResNet20()


def mobilenet_style(nn: Any) -> Any:
    """After MobileNet (Howard et al., 2017), for (N, 3, 32, 32): depthwise 3×3, then 1×1, with batch norm and relu."""
    F = nn.functional

    class Separable(nn.Module):
        def __init__(self, channels: int, width: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, groups=channels, bias=False)
            self.bn1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, width, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)

        def forward(self, x: Any) -> Any:
            x = F.relu(self.bn1(self.conv1(x)))
            return F.relu(self.bn2(self.conv2(x)))

    class MobileNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 32, 3, padding=1, bias=False)
            self.bn1 = nn.BatchNorm2d(32)
            self.layers = nn.Sequential(
                Separable(32, 64, 1), Separable(64, 128, 2), Separable(128, 128, 1),
                Separable(128, 256, 2), Separable(256, 256, 1), Separable(256, 512, 2),
            )  # fmt: skip
            self.linear = nn.Linear(512, 10)

        def forward(self, x: Any) -> Any:
            out = F.relu(self.bn1(self.conv1(x)))
            out = self.layers(out)
            out = F.avg_pool2d(out, 4)
            out = out.view(out.size(0), -1)
            return self.linear(out)

    return MobileNet()


def discriminator(nn: Any) -> Any:
    """DCGAN's (Radford et al., 2016) from 64 channels: (N, 3, 32, 32) to a score (N, 1), real or not."""
    F = nn.functional

    class Discriminator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 4, stride=2, padding=1, bias=False)
            self.conv2, self.bn2 = nn.Conv2d(64, 128, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(128)
            self.conv3, self.bn3 = nn.Conv2d(128, 256, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(256)
            self.conv4 = nn.Conv2d(256, 1, 4, bias=False)

        def forward(self, x: Any) -> Any:
            x = F.leaky_relu(self.conv1(x), 0.2)
            x = F.leaky_relu(self.bn2(self.conv2(x)), 0.2)
            x = F.leaky_relu(self.bn3(self.conv3(x)), 0.2)
            return self.conv4(x).view(-1, 1)

    return Discriminator()


def generator(nn: Any) -> Any:
    """DCGAN's, down to 64 channels: noise (N, 100, 1, 1) to images (N, 3, 32, 32) between −1 and 1."""
    F = nn.functional

    class Generator(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.bn1 = nn.ConvTranspose2d(100, 256, 4, bias=False), nn.BatchNorm2d(256)
            self.conv2 = nn.ConvTranspose2d(256, 128, 4, stride=2, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(128)
            self.conv3 = nn.ConvTranspose2d(128, 64, 4, stride=2, padding=1, bias=False)
            self.bn3 = nn.BatchNorm2d(64)
            self.conv4 = nn.ConvTranspose2d(64, 3, 4, stride=2, padding=1, bias=False)

        def forward(self, x: Any) -> Any:
            x = F.relu(self.bn1(self.conv1(x)))
            x = F.relu(self.bn2(self.conv2(x)))
            x = F.relu(self.bn3(self.conv3(x)))
            return F.tanh(self.conv4(x))

    return Generator()
