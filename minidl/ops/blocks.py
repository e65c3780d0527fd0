"""Runs of operations that networks go through again and again: what kernels may serve in one go."""

from typing import Any

from minidl.backend.dtypes import float16, float32
from minidl.engine.core import Tensor
from minidl.engine.fusion import composite
from minidl.engine.op import cast
from minidl.ops import elementwise
from minidl.ops.conv import conv
from minidl.ops.norm import along_channels, standardize
from minidl.ops.pool import window_argmax, window_take
from minidl.ops.reduce import mean


def raw(a: Any) -> Any:
    """The array of a Tensor, or the array that it is."""
    return a.array if isinstance(a, Tensor) else a


@composite
def max_pool(x, *, window):
    """The largest element of each window of images x (N, C, H, W). Also gives its place in the window, a raw array."""
    chosen = window_argmax(x, window=window)
    return window_take(x, chosen, window=window), raw(chosen)


def activated(z, pool, relu):
    """Relu, if asked for, then the largest element of each window of `pool`, if there is one: the two commute."""
    z = elementwise.relu(z) if relu else z
    return z if pool is None else max_pool(z, window=pool)[0]


@composite
def convolve(x, weight, bias, *, stride, padding, dilation, groups, pool=None, relu=False):
    """`conv` of images x (N, C, H, W), plus a bias (O,) for each channel, or None; then `activated`."""
    z = conv(x, weight, stride=stride, padding=padding, dilation=dilation, groups=groups)
    z = z if bias is None else z + along_channels(bias, 4)
    return activated(z, pool, relu)


@composite
def normalize_channels(x, weight, bias, *, eps, pool=None, relu=False):
    """x (N, C, …) with each channel's mean taken off and divided by √(variance + eps), times weight, plus bias.

    Weight and bias (C,) may be None; the result is `activated`. Also gives the mean and the biased variance (C,), as
    raw arrays. Ioffe & Szegedy (2015), "Batch normalization", algorithm 1.
    """
    if x.dtype == float16:  # whose sums overflow
        single = [a if a is None else cast(a, float32) for a in (x, weight, bias)]
        z, m, v = normalize_channels(*single, eps=eps, pool=pool, relu=relu)
        return cast(z, float16), m, v
    over = (0, *range(2, x.ndim))
    z, v = standardize(x, over, eps)
    z = z if weight is None else z * along_channels(weight, x.ndim)
    z = z if bias is None else z + along_channels(bias, x.ndim)
    return activated(z, pool, relu), raw(mean(x, over)), raw(v).reshape(x.shape[1])


@composite
def normalize_rows(x, weight, bias, *, eps):
    """x (…, K) with the mean of each row taken off and divided by √(variance + eps), times weight, plus bias.

    Weight and bias are of the last dimensions of x, or None. Ba, Kiros & Hinton (2016), "Layer normalization", eq. 3.
    """
    z, _ = standardize(x, -1, eps)
    z = z if weight is None else z * weight
    return z if bias is None else z + bias
