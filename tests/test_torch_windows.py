"""Convolution and pooling beside PyTorch's."""

from itertools import product

import pytest
from parity import compare, functional, normal, ties

CONVOLUTIONS = [
    options
    for options in product([1, 3, (2, 3)], [1, 2, (2, 1)], [0, 1, (1, 2), "same", "valid"], [1, (1, 2)], [1, 2, 4])
    if options[2] != "same" or options[1] == 1
]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("kernel, stride, padding, dilation, groups", CONVOLUTIONS)
def test_conv2d(kernel, stride, padding, dilation, groups):
    size = (kernel, kernel) if isinstance(kernel, int) else kernel
    batch = (2,) * (kernel != 1)  # a 1×1 convolution is tried unbatched
    x, w, b = normal(*batch, 4, 6, 7), normal(8, 4 // groups, *size), normal(8)
    f = functional("conv2d", stride=stride, padding=padding, dilation=dilation, groups=groups)
    compare(f, x, w, *[b] * (stride == 1), order=1 + (groups == 2))


@pytest.mark.parametrize("n, channels, size", [(2, 3, 9), (1, 1, 28), (0, 2, 5)])
def test_conv2d_float32(n, channels, size):
    x, w = normal(n, channels, size, size), normal(6, channels, 5, 5)
    compare(functional("conv2d"), x.astype("float32"), w.astype("float32"), tol=1e-4)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("dilation", [1, 2, (1, 3)])
@pytest.mark.parametrize("padding", [0, 1, (1, 0)])
@pytest.mark.parametrize("stride", [None, 1, (2, 3)])
@pytest.mark.parametrize("kernel", [2, 3, (2, 3)])
def test_max_pool2d(kernel, stride, padding, dilation, ceil_mode):
    f = functional("max_pool2d", kernel, stride, padding, dilation, ceil_mode)
    compare(f, (normal if ceil_mode else ties)(2, 3, 7, 8))


@pytest.mark.parametrize("count", [{"count_include_pad": True}, {"count_include_pad": False}, {"divisor_override": 3}])
@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("padding", [0, 1, (1, 0)])
@pytest.mark.parametrize("stride", [None, 1, (2, 3), 4])
@pytest.mark.parametrize("kernel", [2, 3, (2, 3)])
def test_avg_pool2d(kernel, stride, padding, ceil_mode, count):
    compare(functional("avg_pool2d", kernel, stride, padding, ceil_mode, **count), normal(2, 3, 7, 8))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [(3, 7, 8), (0, 3, 7, 8)])
@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_pooling_unbatched_and_empty(name, size, dtype):
    compare(functional(name, 2), normal(*size).astype(dtype), tol=1e-6)
