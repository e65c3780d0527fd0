"""Kernels on CuPy arrays that sum over rows or go by element: sums, batch norm, cross-entropy, activations.

What they give is held against the ops that they stand for, in float64 on NumPy arrays.
"""

import contextlib

import numpy as np
import pytest
from devices import counted, on_device, pattern

import minidl as md
from minidl import functional as F
from minidl import nn
from minidl.core import Tensor
from minidl.functional import activations
from minidl.functional.normalisation import move_running
from minidl.kernels.cuda import elementwise, loss, norm, reduce
from minidl.modes import no_fusion
from minidl.op import sum_to
from minidl.ops.blocks import normalize_channels
from minidl.ops.loss import softmax_cross_entropy
from minidl.ops.window import Window

pytestmark = pytest.mark.gpu
RNG = np.random.default_rng()

TOLERANCE = {"float16": 2e-3, "float32": 1e-5, "float64": 1e-10}
MATRICES = [(1, 1), (31, 3), (32, 32), (33, 33), (257, 10), (512, 1), (513, 33), (2049, 64), (20011, 5), (1, 1000)]
each_dtype = pytest.mark.parametrize("dtype", TOLERANCE)
each_memory = pytest.mark.parametrize("memory", ["channels first", "channels last", "apart"])


def near(z, expected, tol):
    """Equal but for `tol` of the largest element, or of 1."""
    z = np.asarray(md.backend.fetched(z) if md.backend.on_gpu(z) else z, np.float64)
    size = np.abs(expected[np.isfinite(expected)]).max(initial=1)
    np.testing.assert_allclose(z, expected, 0, tol * size)


def run(composite, x, *others, fused=True, second=False, v=None, **options):
    """What a composite gives, its auxiliary arrays, and its gradients, times v; then, if asked for, the second ones."""
    arguments = [None if a is None else Tensor(a, requires_grad=a.dtype.kind == "f") for a in (x, *others)]
    with contextlib.nullcontext() if fused else no_fusion():
        z = composite(*arguments, **options)
        z, *auxiliary = z if isinstance(z, tuple) else (z,)
        if fused:
            assert "kernel" in z.node.kept
        wanted = [a for a in arguments if a is not None and a.requires_grad]
        v = Tensor(pattern(z.data) if v is None else v, requires_grad=second)
        ds = md.grad(z, wanted, v, create_graph=second)
        if second:
            ds = [*ds, *md.grad(sum((d * d).sum() for d in ds), [*wanted, v], materialize_grads=True)]
    return [z.data, *auxiliary, *[d.data for d in ds]]


def compare(composite, arrays, dtype, memory="channels first", **options):
    """A kernel on the GPU beside the ops on the CPU; `arrays` are of numbers that every dtype holds."""
    device = [
        None
        if a is None
        else on_device(a, memory if i == 0 else "channels first", dtype if a.dtype.kind == "f" else None)
        for i, a in enumerate(arrays)
    ]
    for z, expected in zip(
        run(composite, *device, **options), run(composite, *arrays, fused=False, **options), strict=True
    ):
        assert z.dtype == dtype
        near(z, expected, TOLERANCE[dtype])


def bits(results):
    """The bytes of arrays on the GPU."""
    return [md.backend.fetched(z).tobytes() for z in results]


# --- sums over rows ---------------------------------------------------------------------------------------------------


def whole(*shape):
    """Small integers, whose sums every dtype has exactly, but for one rounding at the end."""
    return RNG.integers(-2, 3, shape).astype(np.float64)


@each_dtype
@pytest.mark.parametrize("shape", [*MATRICES, (0, 3), (3, 0)])
def test_sums_of_columns(shape, dtype):
    x = whole(*shape)
    z = reduce.column_sums(on_device(x, dtype=dtype))
    assert z.dtype == dtype
    np.testing.assert_array_equal(md.backend.fetched(z), x.sum(0).astype(dtype))


def test_halves_are_summed_in_single():
    z = reduce.column_sums(on_device(np.ones((5001, 2)), dtype="float16"))
    np.testing.assert_array_equal(md.backend.fetched(z), np.float16([5000, 5000]))


@pytest.mark.parametrize("rows", [64, 520])  # by one kernel, and by two
def test_a_thread_sums_halves_in_single(rows):
    x = np.ones((rows, 40))
    x[0] = 2048  # beyond which every second integer is a half
    z = reduce.column_sums(on_device(x, dtype="float16"))
    np.testing.assert_array_equal(md.backend.fetched(z), x.sum(0).astype("float16"))


SUMS = {  # shape, size, memory, and whether rows are summed by the kernel
    "bias": ((70, 10), (10,), "channels first", True),
    "kept dimension": ((70, 10), (1, 10), "channels first", True),
    "channels": ((3, 5, 4, 6), (1, 5, 1, 1), "channels last", True),
    "channels of sequences": ((3, 5, 40), (5, 1), "channels last", True),
    "all": ((30, 5, 4, 6), (), "channels first", True),
    "batch": ((9, 4, 6), (4, 6), "channels first", True),
    "nothing": ((3, 4), (3, 4), "channels first", False),
    "rows": ((3, 4), (3, 1), "channels first", False),
    "channels first": ((3, 5, 4, 6), (1, 5, 1, 1), "channels first", False),
    "apart": ((7, 4), (4,), "apart", False),
    "empty": ((0, 4), (4,), "channels first", False),
}


@each_dtype
@pytest.mark.parametrize("case", SUMS.values(), ids=SUMS)
def test_sums_to_a_size(case, dtype, monkeypatch):
    shape, size, memory, by_kernel = case
    served, x = [], whole(*shape)
    sums = reduce.column_sums
    monkeypatch.setattr(reduce, "column_sums", lambda *given: served.append(0) or sums(*given))
    z = sum_to(Tensor(on_device(x, memory, dtype)), size=size)
    assert len(served) == by_kernel and z.dtype == dtype and z.shape == size
    assert z.data.base is None or not by_kernel
    np.testing.assert_array_equal(z.numpy(), sum_to(x, size=size).astype(dtype))


def test_sums_of_integers_go_by_the_op():
    x = np.arange(12).reshape(3, 4)
    np.testing.assert_array_equal(sum_to(Tensor(on_device(x)), size=(4,)).numpy(), x.sum(0))


# --- batch norm -------------------------------------------------------------------------------------------------------

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
    compare(normalize_channels, arrays, dtype, eps=1e-5, **options)


def test_batch_norm_of_what_is_not_finite():
    x = quarters(40, 4)
    x[3, 1], x[5, 2] = np.nan, np.inf
    z, _, _ = normalize_channels(on_device(x), None, None, eps=1e-5, relu=True)
    expected, _, _ = normalize_channels(x, None, None, eps=1e-5, relu=True)
    near(z, expected, 1e-10)
    assert np.isnan(expected).any(0).tolist() == [False, True, True, False]


def test_relu_of_infinite_gradients():
    x, g = quarters(40, 2), np.full((40, 2), np.inf)
    _, saved, *_ = norm.NormalizeChannels.forward(on_device(x), None, None, eps=1e-5, pool=None, relu=True)
    _, _, dbias = norm.NormalizeChannels.backward(
        on_device(g), saved, {1}, on_device(x), None, None, eps=1e-5, pool=None, relu=True
    )
    np.testing.assert_array_equal(md.backend.fetched(dbias), [np.inf, np.inf])


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
        near(on_gpu.data, z.data, 1e-5)
    for (name, a), b in zip(layers[0].state_dict().items(), layers[1].state_dict().values(), strict=True):
        assert b.device == "cuda:0" and a.dtype == b.dtype, name
        near(b.data, a.numpy(), 1e-5)


# --- cross-entropy ----------------------------------------------------------------------------------------------------

OPTIONS = dict(ignore_index=-100, label_smoothing=0.0, reduction="mean")


def scores(n, classes):
    return RNG.integers(-40, 41, (n, classes)) / 8, RNG.integers(0, classes, n)


def of_weight(weight, **options):
    """Cross-entropy with these options; the weights, which are raw, on the device of x."""

    def function(x, target):
        w = None if weight is None else md.backend.namespace(x.data).asarray(weight.astype(x.dtype))
        return softmax_cross_entropy(x, target, weight=w, **OPTIONS | options)

    return function


@each_dtype
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(1, 2), (5, 10), (33, 31), (3, 33), (2, 257), (2, 1000)])
def test_cross_entropy(shape, reduction, smoothing, dtype):
    x, target = scores(*shape)
    for weight in (None, RNG.integers(1, 9, shape[1]) / 4):
        compare(of_weight(weight, reduction=reduction, label_smoothing=smoothing), (x, target), dtype)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_cross_entropy_of_many_rows(reduction):
    compare(of_weight(np.array([1, 2, 0.5]), reduction=reduction), scores(530, 3), "float32")


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "int32", "int64"])
@pytest.mark.parametrize("ignored", [-100, 1])
def test_labels_of_any_dtype_and_those_to_ignore(ignored, kind):
    x, target = scores(70, 4)
    target[::3] = ignored if kind != "uint8" or ignored > 0 else 0
    options = dict(ignore_index=ignored, label_smoothing=0.25)
    for reduction in ("mean", "none"):
        compare(
            of_weight(np.array([1, 2, 0.5, 1]), reduction=reduction, **options),
            (x, target.astype(kind)),
            "float64",
            "apart",
        )


def test_labels_apart():
    x, target = scores(40, 4)
    z = of_weight(None)(Tensor(on_device(x)), Tensor(on_device(np.repeat(target, 2))[::2]))
    near(z.data, of_weight(None)(Tensor(x), Tensor(target)).numpy(), 1e-10)


@pytest.mark.parametrize("label", [4, -1, 2**31, 2**32 + 1, -(2**40)])
def test_a_label_out_of_range_makes_its_loss_nan(label):
    x, target = scores(40, 4)
    target[7] = label
    arrays = on_device(x), on_device(target)
    for weight in (None, np.ones(4)):
        z, dx = map(md.backend.fetched, run(of_weight(weight, reduction="none"), *arrays))
        assert np.isnan(z).nonzero()[0].tolist() == [7] and np.isnan(dx).any(1).nonzero()[0].tolist() == [7]
        assert all(np.isnan(of_weight(weight, reduction=r)(*map(Tensor, arrays)).item()) for r in ("mean", "sum"))


def test_scores_that_are_not_finite_or_large():
    x, target = scores(6, 40)
    x[1, 35], x[2, 35], x[3, 35], x[4] = np.nan, np.inf, -np.inf, x[4] + 1e4
    target[target == 35] = 0
    target[5] = -100
    z, dx = run(of_weight(None, reduction="none"), on_device(x), on_device(target))
    expected, along = run(of_weight(None, reduction="none"), x, target, fused=False)
    near(z, expected, 1e-10)
    near(dx, along, 1e-10)
    assert np.isnan(expected).tolist() == [False, True, True, False, False, False]


def test_all_to_be_ignored():
    x, _ = scores(4, 3)
    z, dx = run(of_weight(None), on_device(x), on_device(np.full(4, -100)))
    assert np.isnan(z.item()) and not dx.any()


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_second_order_of_cross_entropy(reduction):
    function = of_weight(np.array([1, 2, 0.5]), reduction=reduction, label_smoothing=0.25)
    compare(function, scores(5, 3), "float64", second=True)


# --- activations ------------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    "leaky_relu": (activations.leaky_relu, dict(negative_slope=0.25)),
    "elu": (activations.elu, dict(alpha=1.5)),
    "selu": (activations.selu, {}),
    "silu": (activations.silu, {}),
    "hardswish": (activations.hardswish, {}),
    "gelu": (activations.gelu_by_erf, {}),
    "gelu by tanh": (activations.gelu_by_tanh, {}),
}
each_activation = pytest.mark.parametrize("case", ACTIVATIONS.values(), ids=ACTIVATIONS)


@each_dtype
@each_memory
@each_activation
def test_activation(case, memory, dtype):
    function, options = case
    for shape in ((3, 4, 5, 6), (257, 1), (2, 0)):
        x = RNG.integers(-40, 41, shape) / 8  # with −3, 0 and 3
        if x.size:
            compare(function, (x,), dtype, memory, **options)
        else:
            assert function(Tensor(on_device(x)), **options).shape == shape


@each_activation
def test_activation_of_what_is_far_out(case):
    function, options = case
    x = np.array([-1e4, -100, -30, 30, 100, 1e4, np.nan, np.inf])
    for z, expected in zip(
        run(function, on_device(x), **options), run(function, x, fused=False, **options), strict=True
    ):
        near(z[:7], expected[:7], 1e-10)
    assert function(Tensor(on_device(x)), **options).numpy()[7] == np.inf


@each_activation
def test_activation_of_what_is_tiny(case):
    """Where eˣ − 1 has lost its digits."""
    function, options = case
    x = np.array([-1e-9, 1e-9, -1e-5, 1e-300])
    (z, dx), expected = run(function, on_device(x), **options), run(function, x, fused=False, **options)
    np.testing.assert_allclose(md.backend.fetched(z), expected[0], 1e-12)
    np.testing.assert_allclose(md.backend.fetched(dx), expected[1], 1e-12)


def test_gelu_where_next_to_nothing_is_less():
    """Where 1 + erf has lost its digits: Φ(−10) to 16 digits."""
    z = activations.gelu_by_erf(Tensor(on_device(np.array([-10.0]))))
    np.testing.assert_allclose(z.numpy(), [-10 * 7.619853024160527e-24], 1e-12)


@each_activation
def test_activation_keeps_memory_order(case):
    function, options = case
    x = on_device(RNG.standard_normal((3, 4, 5, 6)), "channels last")
    g = md.backend.cupy().ones(x.shape)
    kernel = function.kernels[-1]
    z, saved = kernel.forward(x, **options)
    (dx,) = kernel.backward(g, saved, {0}, x, **options)
    assert x.strides == z.strides == dx.strides
    near(
        dx,
        md.backend.fetched(kernel.backward(on_device(np.ones(x.shape), "channels last"), None, {0}, x, **options)[0]),
        0,
    )


@each_activation
def test_second_order_of_activation(case):
    function, options = case
    compare(function, (RNG.standard_normal((4, 5)),), "float64", second=True, **options)


# --- what all of them share -------------------------------------------------------------------------------------------


def every_kernel(x, target):
    """What a network may do with x (N, C, H, W), back and forth, the gradient of a bias, and running statistics."""
    z, mean, var, *rest = run(normalize_channels, x, x[0, :, 0, 0].copy(), x[1, :, 0, 0].copy(), eps=1e-5, relu=True)
    rows = x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])
    running = mean.copy(), var.copy()
    move_running(*running, mean, var, 0.1, 1.5)
    smooth = of_weight(np.ones(x.shape[1]), label_smoothing=0.1)
    losses = *run(of_weight(None), rows, target), *run(smooth, rows, target)
    sums = reduce.column_sums(rows), reduce.column_sums(rows[:500])
    return [z, mean, var, *rest, *running, *losses, *run(activations.silu, x), *sums]


@each_dtype
def test_the_same_bits_each_time(dtype):
    x = on_device(RNG.standard_normal((2, 33, 17, 16)), "channels last", dtype)
    target = on_device(RNG.integers(0, 33, 544))
    assert bits(every_kernel(x, target)) == bits(every_kernel(x, target))


def test_launches():
    x = on_device(RNG.standard_normal((2, 33, 17, 16)), "channels last", "float32")
    v, rows, target = x[0, :, 0, 0].copy(), x.reshape(-1, 33).copy(), on_device(RNG.integers(0, 33, 544))
    plain = dict(eps=1e-5, pool=None, relu=True)
    kinds = {
        "batch norm": (norm.NormalizeChannels, (x, v, v), plain, 3, 3),
        "with pooling": (norm.NormalizeChannels, (x, v, v), plain | dict(pool=Window((2, 2), (2, 2))), 4, 4),
        "cross-entropy": (loss.SoftmaxCrossEntropy, (rows[:500], target[:500]), OPTIONS | dict(weight=None), 2, 1),
        "of many rows": (loss.SoftmaxCrossEntropy, (rows, target), OPTIONS | dict(weight=None), 3, 1),
        "activation": (elementwise.Activation("SILU"), (x,), {}, 1, 1),
    }
    for kernel, arrays, options, there, back in kinds.values():
        for _ in range(2):  # the second time all is compiled, and memory is in the pool
            with counted() as forward:
                z, saved, *_ = kernel.forward(*arrays, **options)
            g = md.backend.cupy().ones_like(z)
            with counted() as backward:
                ds = kernel.backward(g, saved, {0, 1, 2}, *arrays, **options)
            del z, saved, ds, _, g
        assert forward == {"launch": there} and backward == {"launch": back}
    with counted() as counts:
        reduce.column_sums(rows)
    assert counts["launch"] == 2


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
