"""Options that PyTorch has, or had, and minidl refuses: the error says what to give instead."""

import inspect

import pytest

import minidl as md
import minidl.functional as F
from minidl import nn


def having(space, name):
    """The public callables of a module that have an argument of that name."""
    found = {key: value for key, value in vars(space).items() if callable(value) and not key.startswith("_")}
    return [value for key, value in found.items() if name in inspect.signature(value).parameters]


@pytest.mark.parametrize("old, meant", [
    ({"size_average": True}, "mean"), ({"size_average": False}, "sum"), ({"reduce": False}, "none"),
    ({"size_average": False, "reduce": False}, "none"), ({"reduce": True}, "mean"),
])  # fmt: skip
def test_size_average_and_reduce_name_reduction(old, meant):
    losses, layers = having(F, "size_average"), having(nn, "size_average")
    assert len(losses) == 13 and len(layers) == 13
    for loss in losses:
        needed = [p for p in inspect.signature(loss).parameters.values() if p.default is p.empty]
        with pytest.raises(TypeError, match=f"{loss.__name__}: size_average and reduce .* give reduction='{meant}'"):
            loss(*[md.ones(2, 3)] * len(needed), **old)
    for layer in layers:
        with pytest.raises(TypeError, match=f"{layer.__name__}: size_average and reduce .* give reduction='{meant}'"):
            layer(**old)


def test_interpolate():
    with pytest.raises(ValueError, match="interpolate: antialias=True is an option of .*'bicubic', not of 'nearest'"):
        F.interpolate(md.ones(1, 1, 4, 4), scale_factor=0.5, antialias=True)
    with pytest.raises(ValueError, match="interpolate: mode 'nearest' does not take .* 1×1×2×2×2; volumes .* are out"):
        F.interpolate(md.ones(1, 1, 2, 2, 2), scale_factor=2)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_softmax_asks_for_its_dim(name):
    layer = {"softmax": nn.Softmax, "log_softmax": nn.LogSoftmax, "softmin": nn.Softmin}[name]()
    for call in (lambda: getattr(F, name)(md.ones(2, 3)), lambda: layer(md.ones(2, 3))):
        with pytest.raises(TypeError, match="which dim. dim=1 is that of the classes"):
            call()
