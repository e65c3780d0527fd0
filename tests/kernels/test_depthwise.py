"""Depthwise convolution in several chunks: beside its reference, and what is not needed left out."""

import numpy as np
import pytest

import minidl as md
from minidl.engine.core import Tensor
from minidl.kernels.cpu import depthwise
from minidl.kernels.cpu.depthwise import Depthwise
from minidl.kernels.cpu.layout import chunks
from minidl.ops.blocks import convolve
from minidl.ops.window import Window

pytestmark = pytest.mark.usefixtures("loops_serve")
PLAIN = dict(stride=(1, 1), padding=((1, 1), (0, 2)), dilation=(1, 1), groups=6, pool=None, relu=False)
CASES = [
    {},
    dict(stride=(2, 1), relu=True),
    dict(dilation=(1, 2), pool=Window((2, 2), (2, 2))),
    dict(pool=Window((3, 2), (2, 1)), relu=True),
]


def numbers(*shape):
    return np.random.default_rng(len(shape)).standard_normal(shape)


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize("options", CASES, ids=str)
def test_chunks_side_by_side_are_the_whole(options, multiplier):
    arrays = numbers(5, 6, 18, 20), numbers(6 * multiplier, 1, 3, 3), numbers(6 * multiplier)
    assert len(chunks(arrays[0])) > 2
    results = []
    for fused in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(md.backend.modes.mode, "fused", fused)
            xs = [Tensor(a, requires_grad=True) for a in arrays]
            z = convolve(*xs, **PLAIN | options)
            assert fused == (z.node.kept.get("kernel") is Depthwise)
            results.append([z, *md.grad(z, xs, Tensor(numbers(*z.shape)))])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), 1e-11, 1e-11)


def test_what_is_not_needed_is_left_out():
    x, w, bias = numbers(2, 6, 4, 4), numbers(6, 1, 3, 3), numbers(6)
    z, saved = Depthwise.forward(x, w, bias, **PLAIN)
    np.testing.assert_allclose(convolve(x, w, bias, **PLAIN), z, 1e-11, 1e-11)
    assert z.transpose(0, 2, 3, 1).flags.c_contiguous and saved[0] is None
    with pytest.MonkeyPatch.context() as patch:
        for i, op in enumerate(("add", "correlate", "column_sums")):
            patch.setattr(depthwise, op, None)
            patch.setattr(depthwise, "empty", None)  # for dx
            needs = {0, 1, 2} - {*range(i + 1)}
            gradients = Depthwise.backward(z, saved, needs, x, w, bias, **PLAIN)
            assert {j for j, d in enumerate(gradients) if d is not None} == needs
