"""Activations by a kernel on CuPy arrays."""

import numpy as np
import pytest
from composites import bits, compare, each_dtype, each_memory, launches, near, run
from devices import on_device

import minidl as md
from minidl.backend.transfer import fetched
from minidl.engine.core import Tensor
from minidl.functional import activations
from minidl.kernels.cuda import elementwise

pytestmark = pytest.mark.gpu
RNG = np.random.default_rng(0)


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
    np.testing.assert_allclose(fetched(z), expected[0], 1e-12)
    np.testing.assert_allclose(fetched(dx), expected[1], 1e-12)


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
    near(dx, fetched(kernel.backward(on_device(np.ones(x.shape), "channels last"), None, {0}, x, **options)[0]), 0)


@each_activation
def test_second_order_of_activation(case):
    function, options = case
    compare(function, (RNG.standard_normal((4, 5)),), "float64", second=True, **options)


def test_the_same_bits_each_time():
    x = on_device(RNG.standard_normal((2, 33, 17, 16)), "channels last", "float32")
    assert bits(run(activations.silu, x)) == bits(run(activations.silu, x))


def test_launches():
    x = on_device(RNG.standard_normal((2, 33, 17)), dtype="float32")
    forward, backward = launches(elementwise.Activation("SILU"), x)
    assert forward == backward == {"launch": 1}
