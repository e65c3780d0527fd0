"""Activations that a kernel serves: layouts, chunks side by side, what is kept, and the normal distribution."""

import numpy as np
import pytest
import scipy.special

import minidl as md
from minidl import functional as F
from minidl.engine.fusion import composites
from minidl.kernels.cpu import elementwise

RNG = np.random.default_rng(0)
KERNELS = elementwise.Elementwise.__subclasses__()
NAMES = [name for name, op in composites.items() if any(kernel in KERNELS for kernel in op.kernels)]


@pytest.fixture(autouse=True)
def fused(monkeypatch):
    monkeypatch.setattr(md.backend.modes.mode, "fused", True)


def function(name):
    return getattr(F.activations, name)


def value_and_gradient(name, x, g):
    x = md.Tensor(x, requires_grad=True)
    z = function(name)(x)
    return z.array, md.grad(z, x, md.Tensor(g))[0].array


def layouts(x):
    """The same images in C order, channels last, backwards, with gaps, and as a part of a larger array."""
    yield x
    yield np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    yield np.ascontiguousarray(x[::-1])[::-1]
    yield np.repeat(x, 2, axis=3)[..., ::2]
    yield np.pad(x, 1)[1:-1, 1:-1, 1:-1, 1:-1]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_layouts_and_chunks(name, threads, monkeypatch):
    x, g = RNG.standard_normal((2, 2, 3, 4, 5))
    with md.no_fusion():
        expected = value_and_gradient(name, x, g)
    monkeypatch.setattr(elementwise, "CHUNK", 7)
    monkeypatch.setattr(md.backend.threads.blas(), "threads", threads)
    for a in layouts(x):
        for b in layouts(g):
            for got, want in zip(value_and_gradient(name, a, b), expected, strict=True):
                np.testing.assert_allclose(got, want, 1e-12, 1e-14)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1, 3, 1)])
@pytest.mark.parametrize("name", NAMES)
def test_shapes(name, shape):
    x, g = RNG.standard_normal((2, *shape))
    for got in value_and_gradient(name, np.asarray(x), np.asarray(g)):
        assert isinstance(got, np.ndarray) and got.shape == shape


@pytest.mark.parametrize("name", NAMES)
def test_order_in_memory_and_what_is_kept(name):
    x = next(a for i, a in enumerate(layouts(RNG.standard_normal((2, 3, 4, 5)).astype("f4"))) if i == 1)
    z = function(name)(md.Tensor(x, requires_grad=True))
    assert z.array.strides == x.strides and z.array.dtype == x.dtype
    kept = [a for a in z.node.kept.values() if isinstance(a, np.ndarray)]
    assert len(kept) == 1 and kept[0] is x and z.node.kept["saved"] is None


@pytest.mark.parametrize("name", NAMES)
def test_corners(name):
    x = np.array([-3.0, -0.0, 0.0, 3.0])
    options = [0.5] * (name in ("leaky_relu", "elu"))
    results = []
    for fusion in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(md.backend.modes.mode, "fused", fusion)
            t = md.Tensor(x, requires_grad=True)
            z = function(name)(t, *options)
            results.append((z.array, md.grad(z.sum(), t)[0].array))
    np.testing.assert_allclose(*results, 1e-12, 1e-14)


def test_what_no_kernel_serves():
    """Another precision, and an option that is a tensor, are left to the reference."""
    x = RNG.standard_normal(5)
    half = F.silu(md.Tensor(x.astype("f2")))
    assert half.dtype == md.float16
    slope = md.tensor(0.3, dtype=md.float64, requires_grad=True)
    F.leaky_relu(md.Tensor(x), slope).sum().backward()
    np.testing.assert_allclose(slope.grad.item(), np.minimum(x, 0).sum(), 1e-12)


def test_the_normal_distribution_in_single_precision():
    x = np.linspace(-12, 12, 100_001).astype("f4")
    found = elementwise.normal(x, np.exp(-0.5 * x * x))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, scipy.special.ndtr(x.astype("f8")), 0, 3e-7)
    assert elementwise.normal(*np.float32([[np.inf, -np.inf], [0, 0]])).tolist() == [1, 0]
