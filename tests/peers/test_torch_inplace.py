"""Writes in place beside PyTorch's: programs, and activations that overwrite what a layer gave; and refusals."""

import contextlib

import numpy as np
import pytest
from engine import writing
from parity import OURS, THEIRS, normal, pull, torch

import minidl as md

FIRST = {
    "Conv2d": (4, 4, 3), "BatchNorm2d": (4,), "GroupNorm": (2, 4), "LayerNorm": (6,), "InstanceNorm2d": (4,),
    "Linear": (6, 6), "MaxPool2d": (2,), "AvgPool2d": (2,), "AdaptiveAvgPool2d": (2,), "Dropout": (0.0,), "Flatten": (),
    "Sigmoid": (), "Tanh": (), "ReLU": (), "GELU": (), "SiLU": (), "LocalResponseNorm": (2,), "ReflectionPad2d": (1,),
    "Upsample": (None, 2), "ConvTranspose2d": (4, 4, 2), "Softmax": (1,), "PReLU": (), "ELU": (), "Hardswish": (),
    "Identity": (), "PixelShuffle": (2,),
}  # fmt: skip
ACTIVATIONS = {
    "ReLU": (), "ReLU6": (), "LeakyReLU": (), "ELU": (), "SELU": (), "CELU": (), "SiLU": (), "Mish": (), "Hardtanh": (),
    "Hardswish": (), "Threshold": (0.1, -1.0),
}  # fmt: skip
X = normal(3, 4, 6, 6)


def outcome(m, first, activation, training):
    """The results and gradients; None where backward refuses."""
    layer = getattr(m.nn, first)(*FIRST[first]).to(m.float64).train(training)
    for i, p in enumerate(layer.parameters()):
        p.data.copy_(m.tensor(np.cos(np.arange(p.numel()) + i).reshape(tuple(p.shape))))
    x = m.tensor(X, requires_grad=True)
    y = x * 1.5
    h = layer(y)
    z = getattr(m.nn, activation)(*ACTIVATIONS[activation], inplace=True)(h)
    assert z is h
    try:
        return [t.detach().numpy() for t in (z, y, *pull(m, [z * z + h, y], [x, *layer.parameters()], False))]
    except RuntimeError:
        return None


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("first", FIRST)
def test_after_a_layer(first, fused):
    for activation in ACTIVATIONS:
        for training in (True, False):
            with contextlib.nullcontext() if fused else md.no_fusion():
                got = outcome(OURS, first, activation, training)
            want = outcome(THEIRS, first, activation, training)
            if not fused and first == "InstanceNorm2d":
                continue  # whose reference needs its result, and says so
            assert (got is None) == (want is None), (activation, training)
            for a, b in zip(got or (), want or (), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=f"{activation} {training}")


@pytest.mark.parametrize("program", writing.PROGRAMS)
def test_programs_that_write(program):
    ours, theirs = writing.outcome(md, program), writing.outcome(torch, program)
    for a, b in zip([*ours[0], ours[1]], [*theirs[0], theirs[1]], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
