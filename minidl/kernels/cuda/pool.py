"""Pooling: each op a kernel, and max pooling in one pass."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array
from minidl.engine.op import on_cuda
from minidl.kernels.cuda.source import kernel, suits
from minidl.kernels.cuda.window import empty_images, geometry, strides
from minidl.ops.blocks import max_pool
from minidl.ops.pool import window_argmax, window_put, window_spread, window_sum, window_take
from minidl.ops.window import Window


def max_pool_forward(
    x: Array, window: Window, bias: Array | None = None, relu: bool = False, places_only: bool = False
) -> tuple[Array | None, Array]:
    """The maximum of each window of x + bias (C,), then relu; and which element of the window it is, if relu passes."""
    n, c, *size = x.shape
    places = window.positions(*size)
    chosen = empty_images(n, c, places, np.min_scalar_type(math.prod(window.size)))
    z = None if places_only else empty_images(n, c, places, x.dtype)
    run = kernel("pool", "max_pool", x.dtype)
    shape = geometry(window, tuple(size), places)
    run.each(chosen.size, x, strides(x), shape, bias, relu, z, chosen, chosen.itemsize, c)
    return z, chosen


def pool_backward(g: Array, window: Window, size: tuple[int, int], chosen: Array | None = None) -> Array:
    """Images of `size` (H, W) with g added where each window chose, or in all of it."""
    n, c, *places = g.shape
    image = empty_images(n, c, size, g.dtype)
    which, bytes_each = (g, 0) if chosen is None else (chosen, chosen.itemsize)
    kernel("pool", "pool_backward", g.dtype).each(
        image.size, g, strides(g), geometry(window, tuple(size), tuple(places)),
        chosen, bytes_each, strides(which), image, c,
    )  # fmt: skip
    return image


def serves(x: Array, chosen: Array) -> bool:
    """Whether the kernels serve x, and `chosen` is of integers that they read."""
    return suits(x) and chosen.size > 0 and chosen.dtype.kind == "u" and chosen.itemsize <= 4


@on_cuda(window_argmax)
def window_argmax_cuda(x, *, window):
    """`window_argmax` by a thread for each window."""
    if not suits(x):
        return window_argmax.op.forward(backend.cupy(), x, window=window)
    return max_pool_forward(x, window, places_only=True)[1]


@on_cuda(window_take)
def window_take_cuda(x, chosen, *, window):
    """`window_take` by a thread for each window."""
    if not serves(x, chosen):
        return window_take.op.forward(backend.cupy(), x, chosen, window=window)
    n, c, *places = chosen.shape
    z = empty_images(n, c, places, x.dtype)
    kernel("pool", "max_pool_take", x.dtype).each(
        z.size, x, strides(x), geometry(window, x.shape[2:], tuple(places)),
        chosen, chosen.itemsize, strides(chosen), z, c,
    )  # fmt: skip
    return z


@on_cuda(window_put)
def window_put_cuda(g, chosen, *, window, size):
    """`window_put` by a thread for each element of the images."""
    if not serves(g, chosen):
        return window_put.op.forward(backend.cupy(), g, chosen, window=window, size=size)
    return pool_backward(g, window, size, chosen)


@on_cuda(window_sum)
def window_sum_cuda(x, *, window):
    """`window_sum` by a thread for each window."""
    if not suits(x):
        return window_sum.op.forward(backend.cupy(), x, window=window)
    (n, c, *size), places = x.shape, window.positions(*x.shape[2:])
    z = empty_images(n, c, places, x.dtype)
    run = kernel("pool", "sum_pool", x.dtype)
    run.each(z.size, x, strides(x), geometry(window, tuple(size), places), z, c)
    return z


@on_cuda(window_spread)
def window_spread_cuda(g, *, window, size):
    """`window_spread` by a thread for each element of the images."""
    if not suits(g):
        return window_spread.op.forward(backend.cupy(), g, window=window, size=size)
    return pool_backward(g, window, size)


class MaxPool:
    """`max_pool` in one pass, and one back."""

    @staticmethod
    def when(x: Any, *, window: Window) -> bool:
        """A CuPy array of a dtype that kernels are made for, not empty."""
        return suits(x)

    @staticmethod
    def forward(x, *, window):  # noqa: D102
        z, chosen = max_pool_forward(x, window)
        return z, chosen, chosen

    @staticmethod
    def backward(g, saved, needs, x, *, window):  # noqa: D102
        return (pool_backward(g, window, x.shape[2:], saved),)


max_pool.kernels.append(MaxPool)
