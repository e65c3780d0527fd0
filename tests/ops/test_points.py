"""Points of rules and kernels that no drawing of random numbers meets, besides those of test_hard_points.py."""

import contextlib
import itertools

import numpy as np
import pytest

import minidl as md
from minidl.engine.core import Tensor
from minidl.engine.fusion import composites
from minidl.kernels.cpu import layout, norm
from minidl.ops.blocks import convolve, max_pool, normalize_channels
from minidl.ops.elementwise import root
from minidl.ops.window import Window


def gradients(function, *values):
    """The gradients of an elementwise function, for the cotangent 2, 3, … of its result."""
    xs = [Tensor(np.array(v, np.float64), requires_grad=True) for v in values]
    z = function(*xs)
    return [g.numpy().tolist() for g in md.grad(z, xs, Tensor(np.arange(2.0, 2 + z.array.size)))]


def test_corners():
    assert gradients(md.maximum, [1, 2, 4], [1, 3, 2]) == [[1, 0, 4], [1, 3, 0]]
    assert gradients(md.minimum, [1, 2, 4], [1, 3, 2]) == [[1, 3, 0], [1, 0, 4]]
    assert gradients(root, [0, 4, 1]) == [[0, 3 / 4, 2]]
    assert gradients(md.xlogy, [1, 0, 0], [0, 0.5, -1])[0] == [-np.inf, 3 * np.log(0.5), 0]
    assert gradients(md.functional.softplus, [21, 20]) == [[2, 3 / (1 + np.exp(-20))]]


def test_extremes_of_all_give_their_gradient_to_what_is_equal_or_nan():
    for function, values, expected in (
        (md.max, [3, 1, 3], [1, 0, 1]),
        (md.min, [3, 1, 3], [0, 2, 0]),
        (md.median, [3, 1, 3, 3], [2 / 3, 0, 2 / 3, 2 / 3]),
        *[(function, [1, np.nan, 3, np.nan], [0, 1, 0, 1]) for function in (md.max, md.min, md.median)],
    ):
        x = Tensor(np.array(values, float), requires_grad=True)
        assert md.grad(function(x), [x], Tensor(np.array(2.0)))[0].numpy().tolist() == expected


def test_hardswish_beyond_its_bends():
    x = np.array([-5, -3.5, -1, 0.5, 2, 3.5, 5])
    slope = np.where(x < -3, 0, np.where(x > 3, 1, (2 * x + 3) / 6))
    for dtype in (np.float32, np.float64):
        leaf = Tensor(x.astype(dtype), requires_grad=True)
        (g,) = md.grad(md.functional.hardswish(leaf), leaf, md.ones(7, dtype=dtype))
        np.testing.assert_allclose(g.numpy(), slope, rtol=1e-6, atol=1e-7)


def test_normalisation_far_from_zero():
    """The statistics to the last digits, where the mean is 100,000 deviations off; fused or not."""
    x = np.random.default_rng(0).normal(1e6, 10, (512, 2, 4, 4)).astype(np.float32)
    mean, var = x.astype(np.float64).mean((0, 2, 3)), x.astype(np.float64).var((0, 2, 3))
    standard = np.moveaxis((np.moveaxis(x, 1, -1) - mean) / np.sqrt(var + 1e-5), -1, 1)
    for fused in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(md.backend.modes.mode, "fused", fused)
            z, *statistics = normalize_channels(Tensor(x), None, None, eps=1e-5)
        assert all(type(s) is np.ndarray and s.dtype == np.float32 for s in statistics)
        np.testing.assert_allclose(statistics[0], mean, rtol=0, atol=0.3)
        np.testing.assert_allclose(statistics[1], var, rtol=1e-3)
        np.testing.assert_allclose(z.numpy(), standard, atol=1e-5 if fused else 0.03)


def test_normalisation_of_a_batch_that_drifts():
    """The statistics of all, where those of its parts differ."""
    x = np.random.default_rng(0).normal(np.linspace(-5, 5, 512).reshape(-1, 1, 1, 1), 1, (512, 2, 4, 4))
    for dtype, tol in ((np.float64, 1e-12), (np.float32, 1e-5)):
        _, *statistics = normalize_channels(Tensor(x.astype(dtype)), None, None, eps=1e-5)
        np.testing.assert_allclose(statistics, [x.mean((0, 2, 3)), x.var((0, 2, 3))], rtol=tol, atol=tol)


def test_normalisation_by_its_reference():
    """Result, statistics and gradients, also in halves, whose squares overflow."""
    rng = np.random.default_rng(0)
    w, b, x = np.array([1.0, 2, 3]), np.array([0.5, -1, 0]), rng.normal(2, 3, (6, 3, 4))
    for dtype, size, tol in ((np.float64, 1, 1e-9), (np.float16, 1, 0.02), (np.float16, 300, 0.02)):
        arrays = [Tensor(a.astype(dtype), requires_grad=True) for a in (size * x, w, b)]
        with md.no_fusion():
            z, *statistics = normalize_channels(*arrays, eps=1e-3)
        mean, var = (size * x).mean((0, 2)), (size * x).var((0, 2))
        standard = (size * x - mean[:, None]) / np.sqrt(var + 1e-3)[:, None]
        assert z.dtype == dtype and all(np.shape(s) == (3,) for s in statistics)
        np.testing.assert_allclose(z.detach().numpy(), standard * w[:, None] + b[:, None], rtol=tol, atol=tol)
        np.testing.assert_allclose(statistics[0].astype(float), mean, rtol=tol, atol=tol)
        np.testing.assert_allclose(statistics[1].astype(float), var, rtol=tol, atol=tol)
        dw, db = md.grad(z.sum(), arrays[1:])
        np.testing.assert_allclose(dw.numpy(), standard.sum((0, 2)), atol=0.05)
        np.testing.assert_allclose(db.numpy(), [24, 24, 24])


def test_moments_of_what_is_far_from_zero():
    for mean, std in ((1e6, 1), (-1e6, 1), (100, 1), (3, 1), (0, 1)):
        x = np.random.default_rng(0).normal(mean, std, (64, 8, 8, 1)).astype(np.float32)
        m, var = norm.statistics(x)
        np.testing.assert_allclose(m, x.mean(dtype=np.float64), rtol=0, atol=1e-6)
        np.testing.assert_allclose(var, x.var(dtype=np.float64), rtol=1e-5)


def test_normalisation_and_its_gradients_far_from_zero():
    """As in double precision: the mean is exact, so that nothing is lost where it is taken off in single precision."""
    rng, results = np.random.default_rng(0), []
    around = rng.integers(-16, 16, (64, 1, 8, 8)) / 8
    around, g = np.stack([around, -around], 1).reshape(-1, 1, 8, 8), rng.standard_normal((127, 1, 8, 8))
    around = around[:-1]
    around[0, 0, 0, 0] += 4 - around.sum()  # the mean lies half-way between two numbers of single precision
    pools = (1, None), (-1, Window((2, 2), (2, 2)))
    for (mean, std), (weight, pool) in itertools.product(((1e4, 1), (-1e4, 1), (1, 2**-13)), pools):
        v = Tensor(np.full(1, weight, np.float32), requires_grad=True)
        x = Tensor((mean + std * around).astype(np.float32), requires_grad=True)
        for dtype in (np.float32, np.float64):
            with md.no_fusion() if dtype == np.float64 else contextlib.nullcontext():
                z, *_ = normalize_channels(x.to(dtype), v.to(dtype), None, eps=1e-12, pool=pool)
            cotangent = (g + around)[:, :, : z.shape[2], : z.shape[3]].astype(np.float32).astype(dtype)
            gradients = md.grad(z, (x, v), Tensor(cotangent))
            results.append([z.detach().numpy(), *(d.numpy() for d in gradients)])
        (z, dx, dv), (right, dx_right, dv_right) = results[-2:]
        np.testing.assert_allclose(z, right, rtol=0, atol=1e-5)
        np.testing.assert_allclose(dv, dv_right, rtol=0, atol=1e-3)
        np.testing.assert_allclose(dx * std, dx_right * std, rtol=0, atol=1e-4)


def test_normalisation_of_many_short_rows():
    """So many that the loops see several as one, and some that are left over."""
    rng, results = np.random.default_rng(0), []
    x, g, w = rng.normal(np.arange(16), 1, (130, 16)), rng.standard_normal((130, 16)), np.arange(1.0, 17)
    for fused in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(md.backend.modes.mode, "fused", fused)
            patch.setattr(layout, "SMALL", 1 << 20)
            leaves = Tensor(x, requires_grad=True), Tensor(w, requires_grad=True)
            z, *found = normalize_channels(*leaves, None, eps=1e-5)
            results.append([z.detach(), *found, *md.grad(z, leaves, Tensor(g))])
    for value, expected in zip(*results, strict=True):
        np.testing.assert_allclose(np.asarray(value), np.asarray(expected), rtol=0, atol=1e-11)


@pytest.mark.usefixtures("loops_serve")
def test_a_kernel_leaves_out_what_is_not_needed():
    x, v = np.random.default_rng(0).standard_normal((4, 3)), Tensor(np.ones(3), requires_grad=True)
    options = dict(eps=1e-5, pool=None, relu=False)
    kernel = norm.NormalizeChannels
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(md.backend.modes.mode, "fused", True)
        patch.setattr(composites["normalize_channels"], "kernels", [kernel])
        z, *_ = normalize_channels(Tensor(x), v, v, **options)
    assert kernel.backward(x, z.node.kept["saved"], {1, 2}, x, v.array, v.array, **options)[0] is None


@pytest.mark.usefixtures("loops_serve")
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("pool", [None, Window((1, 1))])
def test_relu_lets_the_gradient_pass_where_a_channel_is_nan(pool, fused, monkeypatch):
    """As PyTorch's does: the gradient of the bias is a number there, too."""
    monkeypatch.setattr(md.backend.modes.mode, "fused", fused)
    x = np.array([[1.0, np.nan], [3, 5], [2, 4]])[..., None, None]
    v = Tensor(np.ones(2), requires_grad=True)
    z, *_ = normalize_channels(Tensor(x), None, v, eps=1e-5, pool=pool, relu=True)
    assert md.grad(z.sum(), v)[0].tolist() == [2, 3]


def test_a_maximum_of_zero_passes_its_gradient_unless_relu_is_asked_for():
    zero, geometry = np.zeros((1, 2, 2, 2)), dict(stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1))
    for relu in (False, True):
        options = dict(pool=Window((2, 2), (2, 2)), relu=relu)
        bias, weight = Tensor(np.zeros(2), requires_grad=True), Tensor(np.zeros((2, 1, 1, 1)))
        by_channel = convolve(Tensor(zero), weight, bias, **geometry, groups=2, **options)
        normalized, *_ = normalize_channels(Tensor(zero), None, bias, eps=1e-5, **options)
        for z in (by_channel, normalized):
            (found,) = md.grad(z.sum(), bias)
            assert found.tolist() == 2 * [0 if relu else 1]


def test_max_pool_tells_the_places_of_maxima():
    """The first of equals, but for NaN, which counts as largest; as a raw array, fused or not."""
    x = np.array([[1.0, 1, 0, 2], [0, 1, np.nan, 3], [5, 6, -np.inf, -np.inf], [6, 7, -np.inf, -np.inf]])
    x = np.stack([x, 2 * x])[None]
    for image, fused in itertools.product((x, Tensor(x)), (True, False)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(md.backend.modes.mode, "fused", fused)
            z, chosen = max_pool(image, window=Window((2, 2), (2, 2)))
            around = max_pool(image[:, :1, 2:, 2:], window=Window((2, 2), (2, 2), ((1, 1), (1, 1))))[1]
        assert type(chosen) is type(around) is np.ndarray
        assert chosen.tolist() == [2 * [[[0, 2], [3, 0]]]] and around.tolist() == [[[[3, 2], [1, 0]]]]
        np.testing.assert_array_equal(np.asarray(z), [[[[1, np.nan], [7, -np.inf]], [[2, np.nan], [14, -np.inf]]]])
