"""The three ops of convolution on large arrays: the kernels of the composite, beside the ops' own forwards."""

import numpy as np
import pytest

import minidl as md
import minidl.functional as F
from minidl.engine.fusion import composites
from minidl.engine.op import LARGE
from minidl.kernels.cpu.conv import Columns
from minidl.kernels.cpu.depthwise import Depthwise
from minidl.kernels.cpu.winograd import Winograd
from minidl.ops.conv import conv, conv_w, conv_x
from minidl.ops.window import Window

pytestmark = pytest.mark.usefixtures("loops_serve")
PLAIN = Window((3, 3), (1, 1), ((1, 1), (1, 1)))
CASES = {  # the window, groups, channels, outputs, and the kernel that serves
    "columns": (Window((4, 4), (2, 2), ((1, 1), (1, 1))), 1, 5, 4, Columns),
    "groups, uneven": (Window((3, 2), (2, 1), ((1, 0), (0, 2)), (1, 2)), 2, 4, 6, Columns),
    "pointwise": (Window((1, 1)), 1, 3, 4, Columns),
    "depthwise": (PLAIN, 4, 4, 8, Depthwise),
    "winograd": (PLAIN, 1, 16, 16, Winograd),
}


@pytest.fixture
def served(monkeypatch):
    """The kernels that serve, in the order in which they do."""
    monkeypatch.setattr(md.backend.modes.mode, "fused", True)
    kernels, names = composites["convolve"].kernels, []
    for kernel in kernels:
        for direction in ("forward", "backward"):
            original = getattr(kernel, direction)
            note = lambda *args, of=original, by=kernel, **options: names.append(by) or of(*args, **options)  # noqa: E731
            monkeypatch.setattr(kernel, direction, staticmethod(note))
    return names


def problem(window, groups, channels, outputs, dtype, n=4, size=(9, 8)):
    """Images, weights, a gradient, and the geometry."""
    rng, places = np.random.default_rng(0), window.positions(*size)
    shapes = (n, channels, *size), (outputs, channels // groups, *window.size), (n, outputs, *places)
    geometry = dict(stride=window.stride, padding=window.padding, dilation=window.dilation, groups=groups)
    return *[rng.standard_normal(shape).astype(dtype) for shape in shapes], geometry


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("case", CASES)
def test_kernels_compute_what_the_ops_do(case, dtype, served):
    *options, kernel = CASES[case]
    x, w, g, geometry = problem(*options, dtype)
    calls = (conv, (x, w), {}), (conv_x, (g, w), {"size": x.shape[2:]}), (conv_w, (x, g), {"size": w.shape[2:]})
    for op, arrays, size in calls:
        ours = op.op.large(np, *arrays, **size, **geometry)
        theirs = op.op.forward(np, *arrays, **size, **geometry)
        assert ours.dtype == dtype and ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, *(1e-12, 1e-12) if dtype == "f8" else (1e-4, 1e-4))
    if not (kernel is Winograd and dtype == "f8"):  # which is for float32 alone
        assert served == [kernel] * 3


def test_what_no_kernel_serves_is_left_to_the_op(served):
    x, w, g, geometry = problem(*CASES["columns"][:4], "f8")
    with md.no_fusion():
        conv.op.large(np, x, w, **geometry)
    conv_w.op.large(np, x.astype("f2"), g.astype("f2"), size=w.shape[2:], **geometry)
    conv_x.op.large(np, g, w.astype("f4"), size=x.shape[2:], **geometry)
    conv_w.op.large(np, x, g.astype("f4"), size=w.shape[2:], **geometry)
    assert served == []


def test_a_transposed_convolution_and_its_gradients_are_served(served):
    x = md.rand(LARGE // 64, 1, 8, 8, dtype=md.float64, requires_grad=True)
    weight = md.rand(1, 2, 2, 2, dtype=md.float64, requires_grad=True)
    F.conv_transpose2d(x, weight, stride=2).sum().backward()
    assert served == [Columns] * 3
    np.testing.assert_allclose(x.grad.numpy(), float(weight.sum()), rtol=1e-12)
    np.testing.assert_allclose(weight.grad.numpy(), float(x.sum()), rtol=1e-12)


def test_few_elements_are_left_to_the_op(served):
    F.conv_transpose2d(md.rand(2, 1, 8, 8), md.rand(1, 2, 2, 2))
    assert served == []
