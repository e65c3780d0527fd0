"""Networks that the page can draw: those of the house, and small ones with options of layers off their defaults."""

import numpy as np

import minidl as md
from minidl import nn

ACTIVATIONS = (
    nn.ReLU(), nn.ReLU6(), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.SELU(), nn.SiLU(), nn.GELU(), nn.GELU("tanh"),
    nn.Softplus(2.0, 1.5), nn.Hardtanh(-0.5, 0.3), nn.Tanh(), nn.Sigmoid(),
)  # fmt: skip


def activations():
    """Each activation between dense layers."""
    dense = [[nn.Linear(12, 12), activation] for activation in ACTIVATIONS]
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 12), *sum(dense, []), nn.Linear(12, 10))


def geometry():
    """Convolutions and poolings of many a shape, batch norms, and what does nothing in evaluation."""
    return nn.Sequential(
        nn.Conv2d(1, 4, (5, 3), stride=(2, 1), padding=(1, 2), bias=False), nn.BatchNorm2d(4), nn.ReLU(),
        nn.MaxPool2d(3, stride=(1, 2), padding=1), nn.Conv2d(4, 8, 3, padding="same", dilation=2, groups=2),
        nn.BatchNorm2d(8, affine=False), nn.AvgPool2d((2, 3), stride=1, padding=1), nn.Dropout2d(0.5), nn.Identity(),
        nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False), nn.MaxPool2d(2, ceil_mode=True),
        nn.AdaptiveAvgPool2d((3, 2)), nn.Conv2d(8, 8, 1, groups=8), nn.AdaptiveMaxPool2d(2), nn.Flatten(),
        nn.BatchNorm1d(32), nn.Linear(32, 10, bias=False),
    )  # fmt: skip


class Functional(nn.Module):
    """It flattens by functions, and calls one module twice."""

    def __init__(self):
        self.first, self.relu, self.second = nn.Linear(784, 20), nn.ReLU(), nn.Linear(20, 10)

    def forward(self, x):
        return self.relu(self.second(self.relu(self.first(x.reshape(len(x), -1).flatten(1)))))


BUILDERS = {
    "simplenet": md.models.simplenet,
    "lenet5": md.models.lenet5,
    "keras_convnet": md.models.keras_convnet,
    "fc64": md.models.fc64,
    "activations": activations,
    "geometry": geometry,
    "functional": Functional,
}


def built(name):
    """A network with statistics that it has met."""
    md.manual_seed(1)
    network = BUILDERS[name]()
    rng = np.random.default_rng(2)
    for path, buffer in network.named_buffers():
        if path.endswith(("mean", "var")):
            with md.no_grad():
                buffer.copy_(md.tensor(rng.uniform(0.5, 2, buffer.shape).astype(np.float32)))
    return network.eval()
