"""Sums that are as exact as pairwise ones over any dimension; in float16, as exact as float32's."""

import math
from functools import partial

import numpy as np
import pytest

import minidl as md
from minidl import functional as F
from minidl.backend.sums import total
from minidl.engine.op import sum_to
from minidl.kernels.cpu.layout import column_sums, summed
from minidl.kernels.cpu.norm import sums

RNG = np.random.default_rng(0)


def uniform(*shape, dtype="f4"):
    """Numbers of one sign, whose rounding errors add up."""
    return RNG.uniform(0.1, 1, shape).astype(dtype)


# --- total ------------------------------------------------------------------------------------------------------------

LAYOUTS = {
    "rows": (lambda: uniform(60_000, 3), (0,)),
    "one column": (lambda: uniform(60_000, 1), (0,)),
    "wide rows": (lambda: uniform(1000, 300), (0,)),
    "channels last": (lambda: uniform(20, 30, 30, 5), (0, 1, 2)),
    "channels first": (lambda: uniform(3000, 3, 4, 4), (0, 2, 3)),
    "channels last, as N×C×H×W": (lambda: uniform(20, 30, 30, 5).transpose(0, 3, 1, 2), (0, 2, 3)),
    "a dimension between": (lambda: uniform(5, 3000, 7), (1,)),
    "two apart": (lambda: uniform(9000, 2, 3), (0, 2)),
    "transposed": (lambda: uniform(7, 20_000).T, (0,)),
    "transposed, the other way": (lambda: uniform(7, 20_000).T, (1,)),
    "with gaps": (lambda: uniform(9000, 10)[:, ::3], (0,)),
    "all of it, with gaps": (lambda: uniform(40_000, 3)[:, :2], (0, 1)),
    "backward": (lambda: uniform(20_000, 3)[::-1], (0,)),
    "broadcast": (lambda: np.broadcast_to(uniform(3), (60_000, 3)), (0,)),
    "one number": (lambda: np.broadcast_to(np.float32(0.1), (60_000, 3)), (0,)),
    "a prime": (lambda: uniform(30_011, 2), (0,)),
}


@pytest.mark.parametrize("case", LAYOUTS)
def test_total(case):
    make, axes = LAYOUTS[case]
    x = make()
    for keepdims in (False, True):
        z, exact = total(np, x, axes, keepdims=keepdims), x.sum(axes, np.float64, keepdims=keepdims)
        assert (z.dtype, z.shape) == (np.float32, exact.shape)
        assert np.abs(z / exact - 1).max() < 4e-6  # NumPy's: up to 1e-3


@pytest.mark.parametrize("n", [0, 1, 127, 128, 129, 255, 256, 257, 384, 16_384, 16_385, 40_000])
def test_total_counts_each_term_once(n):
    for shape, axes in (
        ((n,), (0,)),
        ((n, 3), (0,)),
        ((2, n, 3), (1,)),
        ((2, n, 3), (0, 1)),
        ((n, 2000 // (n + 1)), (0,)),
    ):
        x = RNG.integers(-9, 9, shape).astype(np.float64)
        assert np.array_equal(total(np, x, axes), x.astype(int).sum(axes))
    assert total(np, np.ones((n, 2), "i4"), (0,), np.int64).tolist() == [n, n]


@pytest.mark.parametrize("n", [129, 255, 128 * 3 + 127])
def test_a_total_in_another_dtype_is_in_it_throughout(n):
    z = total(np, np.full((n, 3), 1000, np.float16), (0,), np.float32)  # which float16 can't hold
    assert z.dtype == np.float32 and z.tolist() == [1000 * n] * 3


def test_total_of_what_is_not_finite():
    x = np.ones((1000, 4), np.float32)
    x[500, :3] = np.inf, np.nan, -np.inf
    assert np.array_equal(total(np, x, (0,)), [np.inf, np.nan, -np.inf, 1000], equal_nan=True)


# --- in functions -----------------------------------------------------------------------------------------------------

IMAGES = uniform(100, 24, 24, 3)  # 57,600 numbers of each channel, one by one 2e-5 off
OVER = (0, 1, 2)
WIDE = IMAGES.astype("f8")
REDUCTIONS = {
    "sum": (lambda x: x.sum(OVER), WIDE.sum(OVER)),
    "mean": (lambda x: x.mean(OVER), WIDE.mean(OVER)),
    "var": (lambda x: x.var(OVER), WIDE.var(OVER, ddof=1)),
    "std": (lambda x: x.std(OVER), WIDE.std(OVER, ddof=1)),
    "norm": (lambda x: x.norm(2, OVER), np.sqrt((WIDE**2).sum(OVER))),
    "norm 3": (lambda x: x.norm(3, OVER), np.cbrt((WIDE**3).sum(OVER))),
    "logsumexp": (lambda x: x.logsumexp(dim=OVER).exp(), np.exp(WIDE).sum(OVER)),
    "sum_to": (lambda x: sum_to(x, size=(3,)), WIDE.sum(OVER)),
    "softmax": (lambda x: 1 / x.reshape(-1, 3).softmax(0)[0], np.exp(WIDE - WIDE[0, 0, 0]).sum(OVER)),
    "log_softmax": (lambda x: (-x.reshape(-1, 3).log_softmax(0)[0]).exp(), np.exp(WIDE - WIDE[0, 0, 0]).sum(OVER)),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name):
    function, exact = REDUCTIONS[name]
    z = function(md.tensor(IMAGES)).numpy()
    assert np.abs(z / exact - 1).max() < 3e-6


def test_a_mean_of_many_ones():
    assert md.tensor(np.broadcast_to(np.float32(1), (20_000_000, 2))).mean(0).numpy().tolist() == [1, 1]


def test_gradients_of_biases():
    x, g = uniform(40, 16, 20, 20) - 0.5, uniform(40, 16, 20, 20)
    exact = g.astype("f8").sum((0, 2, 3))
    for fused in (True, False):
        bias = md.zeros(16, requires_grad=True)
        with md.no_fusion() if not fused else md.enable_grad():
            F.conv2d(md.tensor(x), md.zeros(16, 16, 3, 3), bias, padding=1).backward(md.tensor(g))
        assert np.abs(bias.grad.numpy() / exact - 1).max() < 2e-6
    bias = md.zeros(3, requires_grad=True)
    rows = uniform(60_000, 3)
    (md.zeros(60_000, 3) + bias).backward(md.tensor(rows))
    assert np.abs(bias.grad.numpy() / rows.sum(0, np.float64) - 1).max() < 2e-6


def test_sums_of_kernels():
    g, x = uniform(60_000, 3), uniform(60_000, 3)
    assert np.abs(column_sums(g) / g.sum(0, np.float64) - 1).max() < 2e-6
    exact = np.array([g.sum(0, np.float64), (g.astype("f8") * x).sum(0)])
    found = np.empty((2, 3))
    sums(g, g, x, np.zeros(3, np.float32), False, *found)
    assert np.abs(found / exact - 1).max() < 2e-6
    parts = list(uniform(7, 2))
    total = np.sum(parts, 0)
    assert np.allclose(summed(parts), total) and summed(parts[:1]) is parts[0]


# --- normalisation ----------------------------------------------------------------------------------------------------

NORMS = {
    "layer_norm": lambda x: F.layer_norm(x, (x.shape[1],)),
    "group_norm": lambda x: F.group_norm(x[:, :, None], 1).reshape(x.shape),
    "instance_norm": lambda x: F.instance_norm(x[None])[0],
    "batch_norm": lambda x: F.batch_norm(x.T, None, None, training=True).T,
    "std": lambda x: (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True, correction=0),
}
for _name in ("instance_norm", "batch_norm"):
    NORMS[f"{_name}, its reference"] = md.no_fusion()(NORMS[_name])


@pytest.mark.parametrize("n", [10, 100, 1000, 4097])
@pytest.mark.parametrize("name", [name for name in NORMS if name != "std"])
def test_a_large_constant_has_no_deviation(name, n):
    for value in (1e4 + 0.1, 1e5 / 3, 1e6 / 7, 1e6 + 0.3):
        z = NORMS[name](md.tensor(np.full((3, n), value, np.float32)))
        assert np.abs(z.numpy()).max() < 1e-4, value
        assert md.tensor(np.full((n, 3), value, np.float32)).std(0).numpy().tolist() == [0, 0, 0]


@pytest.mark.parametrize("mean, tol", [(0, 3e-6), (1e4, 1e-5), (1e6, 1e-5)])
@pytest.mark.parametrize("name", [name for name in NORMS if name != "std"])
def test_a_large_mean_costs_no_digits(name, mean, tol):
    """Those of PyTorch's are 1e-3 off where the mean is 10,000 deviations."""
    x = (mean + RNG.standard_normal((4, 999))).astype("f4")
    exact = x.astype("f8") - x.mean(1, np.float64, keepdims=True)
    exact /= np.sqrt((exact**2).mean(1, keepdims=True) + 1e-5)
    assert np.abs(NORMS[name](md.tensor(x)).numpy() - exact).max() < tol


# --- float16 ----------------------------------------------------------------------------------------------------------
# A sum of ones that is kept in float16 stops at 2,048.

N = 5000


def ones(*shape, **options):
    return md.ones(*shape, dtype=md.float16, **options)


def zeros(*shape):
    return np.zeros(shape, np.int64)


def gradient(function, *shape):
    x = ones(*shape, requires_grad=True)
    function(x).sum().backward()
    return x.grad


HALVES = {
    "avg_pool2d": lambda: F.avg_pool2d(ones(1, 1, 300, 300), 300),
    "avg_pool2d, as sums": lambda: F.avg_pool2d(ones(1, 1, 50, 100), (50, 100), divisor_override=1) / N,
    "avg_pool1d": lambda: F.avg_pool1d(ones(1, 1, N), N),
    "adaptive_avg_pool2d": lambda: F.adaptive_avg_pool2d(ones(1, 1, 300, 300), 1),
    "local_response_norm": lambda: F.local_response_norm(ones(1, 4 * N, 1), 2 * N, 1.0, 1.0, 0.0)[0, 2 * N],
    "scatter_add": lambda: md.scatter_add(ones(1) * 0, 0, md.tensor(zeros(N)), ones(N)) / N,
    "index_add": lambda: md.index_add(ones(1) * 0, 0, md.tensor(zeros(N)), ones(N)) / N,
    "gather": lambda: gradient(lambda x: md.gather(x, 0, md.tensor(zeros(N))), 1) / N,
    "index_select": lambda: gradient(lambda x: md.index_select(x, 0, md.tensor(zeros(N))), 1) / N,
    "an index": lambda: gradient(lambda x: x[zeros(N)], 1, 2)[0] / N,
    "two indices": lambda: gradient(lambda x: x[zeros(N), zeros(N)], 1, 1)[0] / N,
    "embedding": lambda: gradient(lambda x: F.embedding(md.tensor(zeros(N)), x), 1, 2)[0] / N,
    "expand": lambda: gradient(lambda x: x.expand(N, 2), 1, 2)[0] / N,
    "a bias": lambda: gradient(lambda x: ones(N, 2) + x, 2) / N,
    "cumsum": lambda: ones(N).cumsum(dim=0)[-1:] / N,
    "logsumexp": lambda: (ones(N, 2) * 0).logsumexp(dim=0) / math.log(N),
    "softmax": lambda: (ones(N, 2) * 0).softmax(0)[0] * N,
    "linear": lambda: F.linear(ones(1, N), ones(1, N)) / N,
    "conv2d": lambda: F.conv2d(ones(1, 50, 10, 10), ones(1, 50, 10, 10)).flatten() / N,
    "depthwise": lambda: F.conv2d(ones(1, 2, 50, 100), ones(2, 1, 50, 100), groups=2).flatten() / N,
    "conv2d, images": lambda: gradient(partial(F.conv2d, weight=ones(1, 1, 50, 100)), 1, 1, 99, 199)[..., 49, 99] / N,
    "conv2d, by its weight": lambda: gradient(lambda w: F.conv2d(ones(N, 1, 2, 2), w), 1, 1, 2, 2).flatten() / N,
    "depthwise, by its weight": lambda: gradient(lambda w: F.conv2d(ones(N, 2, 2, 2), w, groups=2), 2, 1, 2, 2) / N,
    "fold": lambda: F.fold(ones(1, 4900, 4900), (139, 139), 70)[0, 0, 69, 69] / 4900,
    "mse_loss": lambda: F.mse_loss(ones(N, 20), ones(N, 20) * 0),
    "cross_entropy": lambda: F.cross_entropy(ones(N, 20), md.tensor(zeros(N))) / math.log(20),
    "batch_norm": lambda: F.batch_norm(ones(N, 2).cumsum(dim=1), None, None, training=True) + 1,
}  # fmt: skip


@pytest.mark.parametrize("name", HALVES)
def test_halves_are_added_up_in_single(name):
    z = HALVES[name]()
    assert z.dtype == md.float16
    assert np.abs(z.detach().numpy().astype("f4") - 1).max() < 2e-3
