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
    in_rows, expanded = np.ones(x.shape, x.dtype), np.broadcast_to(x[:, :, :1], x.shape)
    assert value_and_gradient(name, x, in_rows)[1].strides == x.strides
    assert value_and_gradient(name, expanded, x)[1].strides == x.strides


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


@pytest.mark.parametrize("function", [
    lambda b: b - 1, lambda b: 1 - b, lambda b: md.ones(2) - b, lambda b: b - b, md.abs, md.floor, md.ceil, md.trunc,
    md.round, md.neg, md.relu, md.argmax, md.argmin, md.median, lambda b: b.topk(1), lambda b: b.kthvalue(1),
    lambda b: b @ b,
])  # fmt: skip
def test_what_is_not_defined_for_bools(function):
    with pytest.raises(TypeError, match=r"^\w+: not defined for bool; \.to\(md\.int64\) counts, and ~ inverts a mask"):
        function(md.tensor([True, False]))


def test_what_is_defined_for_bools():
    b = md.tensor([True, False])
    assert b.max(0) == (md.tensor(True), md.tensor(0)) and b.min(0).indices == 1 and b.sign().tolist() == [True, False]


@pytest.mark.parametrize("dtype", [md.int8, md.uint8, md.int64])
def test_differences_of_integers_are_not_taken_modulo(dtype):
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    x, y = md.tensor([low, low, low + 1], dtype=dtype), md.tensor([high, low + 1, low], dtype=dtype)
    assert md.isclose(x, y, rtol=0, atol=1).tolist() == [False, True, True] or dtype == md.int64
    assert not md.allclose(x, y, rtol=0, atol=1)


@pytest.mark.parametrize("function", [
    lambda x: x.prod(), lambda x: x.prod(0), lambda x: x.cumprod(0), lambda x: x.max(0)[0], lambda x: x.cummin(0)[0],
    lambda x: x.median(0)[0], lambda x: x.kthvalue(1)[0], lambda x: x.nan_to_num(),
])  # fmt: skip
@pytest.mark.parametrize("x", [md.tensor(2.0), md.tensor([2]), md.tensor([[2.0]])], ids=str)
def test_a_result_shares_no_memory_with_its_argument(function, x):
    assert not np.shares_memory(function(x).array, x.array)


def test_whether_all_or_any_of_bytes_are_set_is_a_byte():
    x = md.tensor([[0, 200], [0, 0]], dtype=md.uint8)
    assert x.any().dtype == x.all(1).dtype == md.uint8
    assert x.any(1).tolist() == [1, 0] and x.all().item() == 0 and (x + 1).all(0).tolist() == [1, 1]
