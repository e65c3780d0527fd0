"""The table of a network's layers."""

import pytest

import minidl as md
from minidl import nn
from minidl.models import SimpLeNet
from minidl.nn.utils import skip_init

SUMMARY = """\
layer            output shape  parameters  statistics  multiply-adds
────────────────────────────────────────────────────────────────────
0 (Conv2d)       N×4×6×6               40           0          1,296
1 (BatchNorm2d)  N×4×6×6                8           8              0
2 (MaxPool2d)    N×4×3×3                0           0              0
3 (Flatten)      N×36                   0           0              0
4 (Linear)       N×1000            37,000           0         36,000
────────────────────────────────────────────────────────────────────
parameters: 37,056 = 37,048 learned + 8 statistics; 40 of them frozen
multiply-adds: 37,296 for one input
memory: 148.2 kB of parameters and statistics, 5.4 kB of outputs of layers"""


def test_summary():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 1000)
    )
    model[0].requires_grad_(False)
    model[1].eval()
    before = {name: tensor.tolist() for name, tensor in model.state_dict().items()}
    assert nn.summary(model, (1, 6, 6)) == SUMMARY
    assert [m.training for m in model] == [True, False, True, True, True]
    assert {name: tensor.tolist() for name, tensor in model.state_dict().items()} == before
    assert not any(m._registered_hooks for m in model.modules())


def test_summary_of_a_layer_that_gives_several_shows_the_first():
    class Parts(nn.Module):
        def forward(self, x):
            return x, x[:, :1]

    assert nn.summary(Parts(), (4, 3)).splitlines()[2].split() == ["(Parts)", "N×4×3", "0", "0"]


def test_summary_of_a_model_in_double_precision_and_of_one_that_fails():
    assert "parameters: 233,196" in nn.summary(SimpLeNet().to(md.float64), (1, 28, 28))
    model = SimpLeNet()
    with pytest.raises(ValueError, match="features.0: Conv2d"):
        nn.summary(model, (3, 28, 28))
    assert not any(m._registered_hooks for m in model.modules()) and model.training


class Branches(nn.Module):
    """A layer that is called twice, a sum, a concatenation of many, a product of matrices, parameters of its own."""

    def __init__(self):
        self.first, self.relu, self.second = nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3)
        self.scale = nn.Parameter(md.ones(3))
        self.last = nn.Linear(15, 2, bias=False)

    def forward(self, x):
        y = self.relu(self.first(x))
        z = self.relu(self.second(y) + x)
        w = self.second(z)
        return self.last(md.cat([x, y, z, w, w @ md.ones(3, 3) * self.scale], 1))


BRANCHES = """\
layer            output shape  parameters  multiply-adds  connected to
───────────────────────────────────────────────────────────────────────────────────
first (Linear)   N×3                   12              9  input
relu (ReLU)      N×3                    0              0  first
second (Linear)  N×3                   12              9  relu
relu_1 (ReLU)    N×3                    0              0  second, input
second_1 (Linear)  N×3                  0              9  relu_1
last (Linear)    N×2                   30             30  input, …, second_1 (4)
"""


def test_branches():
    """Where inputs come from, by way of functions; a layer that is called anew counts once."""
    lines = nn.summary(Branches(), (3,)).splitlines()
    assert [line.split() for line in lines[2:-4]] == [line.split() for line in BRANCHES.splitlines()[2:]] + [
        ["(Branches)", "N×2", "3", "9", "input"]
    ]
    assert lines[-3:] == [
        "parameters: 57", "multiply-adds: 66 for one input",
        "memory: 228 B of parameters and statistics, 68 B of outputs of layers",
    ]  # fmt: skip


def test_layers_that_change_nothing_and_that_look():
    """What a layer passes on, or shows in another shape, takes no memory of its own."""
    lines = nn.summary(nn.Sequential(nn.Linear(4, 4), nn.Dropout(), nn.Unflatten(1, (2, 2))), (4,)).splitlines()
    assert "connected to" not in lines[0] and lines[-1].endswith(", 16 B of outputs of layers")


def test_summary_within_a_profile():
    """What watches already is left in its place."""
    with md.profiler.profile() as seen:
        nn.summary(nn.Linear(2, 2), (2,))
        md.ones(2) + 1
    assert [event.name for event in seen.events()] == ["add"]


@pytest.mark.deep
@pytest.mark.parametrize("name, published", [  # in units of 10⁹, for 224×224 pixels, as torchvision has them
    ("resnet18", 1.814), ("resnet50", 4.089), ("vgg16", 15.47), ("mobilenet_v2", 0.301), ("squeezenet1_1", 0.349),
    ("densenet121", 2.834), ("efficientnet_b0", 0.386), ("alexnet", 0.714), ("googlenet", 1.498),
])  # fmt: skip
def test_multiply_adds_as_published(name, published):
    network = skip_init(md.models.get_model, name)
    line = nn.summary(network, (3, 224, 224)).splitlines()[-2]
    assert round(int(line.split()[1].replace(",", "")) / 1e9, 3) == pytest.approx(published, abs=0.006)
