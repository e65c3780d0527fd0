"""Layers that are made on another device than the current one compute there; modules are moved to the one named."""

import inspect
import operator

import pytest
from arguments import ROWS
from standin import standin  # noqa: F401

import minidl as md
from minidl import nn

PLACED = {row.label: row for row in ROWS if "device" in inspect.signature(row.found(md)).parameters and row.inputs}


@pytest.mark.parametrize("label", PLACED)
@pytest.mark.usefixtures("standin")
def test_a_layer_is_made_on_its_device(label):
    row = PLACED[label]
    learned = {"affine": True, "track_running_stats": True} if "InstanceNorm" in label else {}
    layer = operator.attrgetter(row.name)(md)(**row.base, **learned, device="cuda:1", dtype=md.float64)
    assert {value.device for value in layer.state_dict().values()} <= {"cuda:1"}
    assert layer(*[md.tensor(array, device="cuda:1") for array in row.inputs]).device == "cuda:1"


@pytest.mark.usefixtures("standin")
def test_a_summary_of_a_network_on_a_gpu():
    layer = nn.Linear(3, 2, device="cuda:1")
    assert nn.summary(layer, (3,)).splitlines()[2].split() == ["(Linear)", "N×2", "8", "6"]


def test_a_module_goes_to_the_gpu_that_is_named(standin):  # noqa: F811
    layer = nn.Linear(2, 2)
    for device, name in ((None, "cuda:0"), (1, "cuda:1"), ("cuda:1", "cuda:1"), ("cuda", "cuda:0"), (0, "cuda:0")):
        assert layer.cuda(device) is layer and {p.device for p in layer.parameters()} == {name}
    assert layer.cpu() is layer and layer.weight.device == "cpu"
    for wrong, said in ((2, "cuda:2: no such GPU; 2 present"), ("cpu", "expected a cuda device, got 'cpu'")):
        with pytest.raises((RuntimeError, ValueError), match=said):
            layer.cuda(wrong)
