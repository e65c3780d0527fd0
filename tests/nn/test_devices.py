"""Layers that are made on another device than the current one have their parameters there, and compute there."""

import inspect
import operator

import pytest
from arguments import ROWS
from standin import standin  # noqa: F401

import minidl as md

PLACED = {row.label: row for row in ROWS if "device" in inspect.signature(row.found(md)).parameters and row.inputs}


@pytest.mark.parametrize("label", PLACED)
@pytest.mark.usefixtures("standin")
def test_a_layer_is_made_on_its_device(label):
    row = PLACED[label]
    learned = {"affine": True, "track_running_stats": True} if "InstanceNorm" in label else {}
    layer = operator.attrgetter(row.name)(md)(**row.base, **learned, device="cuda:1", dtype=md.float64)
    assert {value.device for value in layer.state_dict().values()} <= {"cuda:1"}
    assert layer(*[md.tensor(array, device="cuda:1") for array in row.inputs]).device == "cuda:1"
