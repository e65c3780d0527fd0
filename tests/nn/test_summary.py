"""The table of a network's layers."""

import pytest

import minidl as md
from minidl import nn
from minidl.models import SimpLeNet

SUMMARY = """\
layer            output shape  parameters
─────────────────────────────────────────
0 (Conv2d)       N×4×6×6               40
1 (BatchNorm2d)  N×4×6×6                8
2 (MaxPool2d)    N×4×3×3                0
3 (Flatten)      N×36                   0
4 (Linear)       N×1000            37,000
─────────────────────────────────────────
parameters: 37,056 = 37,048 learned + 8 statistics; 40 of them frozen"""


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
    assert not any(m.registered_hooks for m in model.modules())


def test_summary_of_a_layer_that_gives_several_shows_the_first():
    class Parts(nn.Module):
        def forward(self, x):
            return x, x[:, :1]

    assert nn.summary(Parts(), (4, 3)).splitlines()[2].split() == ["(Parts)", "N×4×3", "0"]


def test_summary_of_a_model_in_double_precision_and_of_one_that_fails():
    assert "parameters: 233,196" in nn.summary(SimpLeNet().to(md.float64), (1, 28, 28))
    model = SimpLeNet()
    with pytest.raises(ValueError, match="features.0: Conv2d"):
        nn.summary(model, (3, 28, 28))
    assert not any(m.registered_hooks for m in model.modules()) and model.training
