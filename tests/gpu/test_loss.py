"""Cross-entropy by kernels on CuPy arrays."""

import numpy as np
import pytest
from composites import bits, compare, each_dtype, launches, near, run
from devices import on_device

import minidl as md
from minidl.engine.core import Tensor
from minidl.kernels.cuda import loss
from minidl.ops.loss import softmax_cross_entropy

pytestmark = pytest.mark.gpu
RNG = np.random.default_rng(0)


OPTIONS = dict(ignore_index=-100, label_smoothing=0.0, reduction="mean")


def scores(n, classes):
    return RNG.integers(-40, 41, (n, classes)) / 8, RNG.integers(0, classes, n)


def of_weight(weight, **options):
    """Cross-entropy with these options; the weights, which are raw, on the device of x."""

    def function(x, target):
        w = None if weight is None else md.backend.namespace(x.array).asarray(weight.astype(x.dtype))
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
    near(z.array, of_weight(None)(Tensor(x), Tensor(target)).numpy(), 1e-10)


@pytest.mark.parametrize("label", [4, -1, 2**31, 2**32 + 1, -(2**40)])
def test_a_label_out_of_range_makes_its_loss_nan(label):
    x, target = scores(40, 4)
    target[7] = label
    arrays = on_device(x), on_device(target)
    for weight in (None, np.ones(4)):
        z, dx = map(md.backend.transfer.fetched, run(of_weight(weight, reduction="none"), *arrays))
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


@each_dtype
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_same_bits_each_time(smoothing, dtype):
    x, target = on_device(RNG.standard_normal((544, 33)), dtype=dtype), on_device(RNG.integers(0, 33, 544))
    function = of_weight(np.ones(33) if smoothing else None, label_smoothing=smoothing)
    assert bits(run(function, x, target)) == bits(run(function, x, target))


@pytest.mark.parametrize(("rows", "count"), [(500, 2), (544, 3)])
def test_launches(rows, count):
    x, target = on_device(RNG.standard_normal((rows, 33)), dtype="float32"), on_device(RNG.integers(0, 33, rows))
    forward, backward = launches(loss.SoftmaxCrossEntropy, x, target, **OPTIONS, weight=None)
    assert forward == {"launch": count} and backward == {"launch": 1}
