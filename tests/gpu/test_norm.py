"""Batch norm by kernels on CuPy arrays, and its running statistics."""

import numpy as np
import pytest
from composites import TOLERANCE, bits, compare, each_dtype, each_memory, launches, near, run
from devices import counted, on_device

import minidl as md
from minidl import functional as F
from minidl import nn
from minidl.backend.modes import no_fusion
from minidl.functional.normalisation import move_running
from minidl.kernels.cuda import norm, reduce
from minidl.ops.blocks import normalize_channels
from minidl.ops.window import Window

pytestmark = pytest.mark.gpu
RNG = np.random.default_rng(0)


IMAGES = {
    "images": ((4, 3, 5, 6), {}),
    "relu": ((4, 3, 5, 6), dict(relu=True)),
    "pool": ((2, 33, 6, 7), dict(pool=Window((2, 2), (2, 2)))),
    "pool and relu": ((3, 5, 7, 5), dict(pool=Window((3, 3), (2, 2), ((1, 1), (1, 0))), relu=True)),
    "vectors": ((70, 33), dict(relu=True)),
    "sequences": ((2, 65, 9), {}),
    "parts": ((3, 2, 20, 19), dict(relu=True)),
    "one channel": ((2, 1, 3, 1), {}),
}


BEGINNING = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def same_numbers():
    """Each test draws the same, whatever ran before it: some other numbers come within rounding of relu's edge."""
    RNG.bit_generator.state = BEGINNING


def quarters(*shape):
    """Numbers on a grid, so that those that differ do so in every dtype."""
    return RNG.integers(-8, 9, shape) / 4


@each_dtype
@each_memory
@pytest.mark.parametrize("case", IMAGES.values(), ids=IMAGES)
def test_batch_norm(case, memory, dtype):
    shape, options = case
    vectors = quarters(shape[1]) + 0.125, quarters(shape[1])
    compare(normalize_channels, (quarters(*shape), *vectors), dtype, memory, eps=1e-5, **options)


@each_dtype
def test_batch_norm_of_many_rows(dtype):
    """More than a part has at least, so that there are as many parts as there may be."""
    arrays = quarters(17, 2, 31, 33), quarters(2) + 0.125, quarters(2)
    assert reduce.split_rows(17 * 31 * 33)[1] > reduce.LEAST
    compare(normalize_channels, arrays, dtype, "channels last", eps=1e-5)


@each_dtype
@pytest.mark.parametrize("given", [(0, 0), (0, 1), (1, 0)])
def test_batch_norm_without_vectors(given, dtype):
    x, *vectors = quarters(5, 3, 4), quarters(3), quarters(3)
    vectors = [v if there else None for v, there in zip(vectors, given, strict=True)]
    compare(normalize_channels, (x, *vectors), dtype, eps=1e-3, relu=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mean, deviation", [(1e4, 1), (-(2**13), 2**-8)])
@pytest.mark.parametrize("case", IMAGES.values(), ids=IMAGES)
def test_large_means(case, mean, deviation, dtype):
    """In float32 nothing would be left of the variance, were squares summed before the mean is taken off."""
    shape, options = case
    arrays = quarters(*shape) * deviation + mean, quarters(shape[1]) + 0.125, quarters(shape[1])
    condition = 100 if dtype == "float64" else 1  # mean / deviation is 2 million
    compare(normalize_channels, arrays, dtype, condition=condition, eps=1e-5, **options)


def test_batch_norm_of_what_is_not_finite():
    x = quarters(40, 4)
    x[3, 1], x[5, 2] = np.nan, np.inf
    z, _, _ = normalize_channels(on_device(x), None, None, eps=1e-5, relu=True)
    with np.errstate(invalid="ignore"):
        expected, _, _ = normalize_channels(x, None, None, eps=1e-5, relu=True)
    near(z, expected, 1e-10)
    assert np.isnan(expected).any(0).tolist() == [False, True, True, False]


def test_relu_of_infinite_gradients():
    x, g = quarters(40, 2), np.full((40, 2), np.inf)
    _, saved, *_ = norm.NormalizeChannels.forward(on_device(x), None, None, eps=1e-5, pool=None, relu=True)
    _, _, dbias = norm.NormalizeChannels.backward(
        on_device(g), saved, {1}, on_device(x), None, None, eps=1e-5, pool=None, relu=True
    )
    np.testing.assert_array_equal(md.backend.transfer.fetched(dbias), [np.inf, np.inf])


def test_batch_norm_passes_the_gradient_of_nan_through_relu():
    x, options = quarters(40, 2), dict(eps=1e-5, pool=None, relu=True)
    x[3, 1] = np.nan
    z, saved, *_ = norm.NormalizeChannels.forward(on_device(x), None, None, **options)
    g, x = on_device(np.ones(x.shape)), on_device(x)
    _, _, dbias = norm.NormalizeChannels.backward(g, saved, {1}, x, None, None, **options)
    passed = (md.backend.transfer.fetched(z) != 0).sum(0)
    assert passed[0] < 40 == passed[1]
    np.testing.assert_array_equal(md.backend.transfer.fetched(dbias), passed)


@pytest.mark.parametrize("case", list(IMAGES.values())[:5], ids=list(IMAGES)[:5])
def test_second_order_of_batch_norm(case):
    shape, options = case
    arrays = RNG.standard_normal(shape), RNG.standard_normal(shape[1]), RNG.standard_normal(shape[1])
    compare(normalize_channels, arrays, "float64", "channels last", eps=1e-5, second=True, **options)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_running_statistics(dtype):
    running, batch = [quarters(70) for _ in range(2)], [quarters(70) for _ in range(2)]
    arrays = [on_device(a, dtype=dtype) for a in (*running, *batch)]
    with counted() as counts:
        move_running(*arrays, 0.25, 1.5)
    assert counts["launch"] == 1
    move_running(*running, *batch, 0.25, 1.5)
    for z, expected in zip(arrays, running, strict=False):
        near(z, expected, TOLERANCE[dtype])


def test_running_statistics_apart():
    running, batch = [quarters(5) for _ in range(2)], [quarters(5) for _ in range(2)]
    arrays = [on_device(a, "apart") for a in (*running, *batch)]
    move_running(*arrays, 0.25, 1.5)
    move_running(*running, *batch, 0.25, 1.5)
    for z, expected in zip(arrays, running, strict=False):
        near(z, expected, 1e-10)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_layers_on_both_devices(momentum):
    layers = [nn.BatchNorm2d(3, momentum=momentum).to(device) for device in ("cpu", "cuda")]
    for _ in range(2):
        x = RNG.standard_normal((4, 3, 5, 5)).astype(np.float32)
        z, on_gpu = (layer(md.tensor(x, device=device)) for layer, device in zip(layers, ("cpu", "cuda"), strict=True))
        near(on_gpu.array, z.array, 1e-5)
    for (name, a), b in zip(layers[0].state_dict().items(), layers[1].state_dict().values(), strict=True):
        assert b.device == "cuda:0" and a.dtype == b.dtype, name
        near(b.array, a.numpy(), 1e-5)


@each_dtype
def test_the_same_bits_each_time(dtype):
    x = on_device(RNG.standard_normal((2, 33, 17, 16)), "channels last", dtype)
    weight, bias = x[0, :, 0, 0].copy(), x[1, :, 0, 0].copy()

    def step():
        z, mean, var, *rest = run(normalize_channels, x, weight, bias, eps=1e-5, relu=True)
        running = mean.copy(), var.copy()
        move_running(*running, mean, var, 0.1, 1.5)
        return [z, mean, var, *rest, *running]

    assert bits(step()) == bits(step())


@pytest.mark.parametrize(("pool", "count"), [(None, 3), (Window((2, 2), (2, 2)), 4)], ids=["alone", "with pooling"])
def test_launches(pool, count):
    x = on_device(RNG.standard_normal((2, 33, 17, 16)), "channels last", "float32")
    v = x[0, :, 0, 0].copy()
    forward, backward = launches(norm.NormalizeChannels, x, v, v, eps=1e-5, pool=pool, relu=True)
    assert forward == backward == {"launch": count}


def test_a_layer_in_training_is_not_waited_for():
    layer = nn.BatchNorm2d(3).to("cuda")
    x = md.tensor(quarters(2, 3, 4, 4).astype(np.float32), device="cuda")
    layer(x)
    with counted() as counts:
        layer(x)
    assert counts["launch"] == 3 + 1 + 1 + 1  # x is copied to channels last; then the running statistics, and a count
    assert not {*counts} & {"h2d", "d2h", "sync", "copy"}
    with no_fusion():
        z = F.batch_norm(x, layer.running_mean, layer.running_var, training=True)
    assert z.shape == x.shape
