"""Convolution by columns and matrix products, depthwise convolution directly, im2col and col2im.

Columns are copied by a kernel out of memory in any order. Products are of two dimensions, a group at a time: CuPy
copies transposed operands of three. Results are channels last in memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from minidl import backend
from minidl.backend import Array, dtypes
from minidl.engine.op import on_cuda
from minidl.kernels.cuda.pool import max_pool_forward, pool_backward
from minidl.kernels.cuda.reduce import column_sums, split_rows
from minidl.kernels.cuda.source import countable, kernel, suits
from minidl.kernels.cuda.window import empty_images, geometry, strides
from minidl.ops.blocks import convolve
from minidl.ops.conv import chunks, conv, conv_w, conv_x, images, is_depthwise, matrices, rows
from minidl.ops.pool import col2im, im2col
from minidl.ops.window import Window

WORKSPACE = 1 << 28  # bytes of columns at a time
POINT = Window((1, 1))


def serves(x: Any, w: Any, window: Window, size: tuple[int, int], bias: Any = None) -> bool:
    """Whether the kernels serve x, weights or gradients w, neither empty, and images of `size` (H, W)."""
    return suits(x, w, bias) and suits(w) and min(window.positions(*size)) > 0


def columns(x: Array, window: Window, places: tuple[int, int], groups: int) -> Iterator[tuple[slice, Array]]:
    """im2col: one chunk of rows after the other, with its columns, (groups, images·OH·OW, KH·KW·C/groups)."""
    n, c, *size = x.shape
    each, width = math.prod(places), math.prod(window.size) * (c // groups)
    if groups == 1 and window == POINT:  # a window sees its own place
        yield slice(0, n * each), x.transpose(0, 2, 3, 1).reshape(1, n * each, c)
        return
    shape = geometry(window, tuple(size), places)
    for chunk in chunks(n, each * width * groups * x.itemsize, WORKSPACE):
        part = x[chunk]
        seen = backend.cupy().empty((groups, len(part) * each, width), x.dtype)
        run = kernel("conv", "im2col", x.dtype)
        run.each(seen.size, part, strides(part), shape, seen, len(part), c // groups)
        yield slice(chunk.start * each, chunk.stop * each), seen


def col2im_into(seen: Array, window: Window, places: tuple[int, int], image: Array) -> None:
    """col2im, the adjoint of `columns`: into images (N, C, H, W), channels last in memory."""
    n, c, *size = image.shape
    run = kernel("conv", "col2im", image.dtype)
    run.each(image.size, seen, geometry(window, tuple(size), places), image, n, len(seen), c // len(seen))


# --- the three --------------------------------------------------------------------------------------------------------


@on_cuda(conv)
def conv_cuda(x, w, *, stride, padding, dilation, groups):
    """`conv` by columns; depthwise, by a thread for each element of the result."""
    xp, window = backend.cupy(), Window(w.shape[2:], stride, padding, dilation)
    if not serves(x, w, window, x.shape[2:]):
        return conv.op.forward(xp, x, w, stride=stride, padding=padding, dilation=dilation, groups=groups)
    (n, c, *size), o, places = x.shape, len(w), window.positions(*x.shape[2:])
    if is_depthwise(groups, c, o):
        z, shape = empty_images(n, o, places, x.dtype), geometry(window, tuple(size), places)
        run = kernel("conv", "depthwise", x.dtype)
        run.each(z.size, x, strides(x), shape, xp.ascontiguousarray(w), z, o, o // c)
        return z
    weights, z = matrices(w, groups), xp.empty((groups, n * math.prod(places), o // groups), x.dtype)
    for chunk, seen in columns(x, window, places, groups):
        for group in range(groups):
            xp.dot(seen[group], weights[group].T, out=z[group, chunk])
    return images(z, n, *places)


@on_cuda(conv_x)
def conv_x_cuda(g, w, *, size, stride, padding, dilation, groups):
    """`conv_x` by columns; depthwise, by a thread for each element of the images."""
    xp, window = backend.cupy(), Window(w.shape[2:], stride, padding, dilation)
    if not serves(g, w, window, size):
        options = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
        return conv_x.op.forward(xp, g, w, size=size, **options)
    (n, o, *places), c = g.shape, w.shape[1] * groups
    image = empty_images(n, c, size, g.dtype)
    if is_depthwise(groups, c, o):
        shape = geometry(window, tuple(size), tuple(places))
        run = kernel("conv", "depthwise_input_gradient", g.dtype)
        run.each(image.size, g, strides(g), shape, xp.ascontiguousarray(w), image, c, o // c)
        return image
    g, weights = xp.ascontiguousarray(rows(g, groups)), matrices(w, groups)
    if groups == 1 and window == POINT:
        return images(xp.dot(g[0], weights[0])[None], n, *places)
    each = math.prod(places)
    for chunk in chunks(n, each * math.prod(window.size) * c * g.itemsize, WORKSPACE):
        part = g[:, chunk.start * each : chunk.stop * each]
        seen = xp.empty((groups, part.shape[1], weights.shape[2]), g.dtype)
        for group in range(groups):
            xp.dot(part[group], weights[group], out=seen[group])
        col2im_into(seen, window, tuple(places), image[chunk])
    return image


@on_cuda(conv_w)
def conv_w_cuda(x, g, *, size, stride, padding, dilation, groups):
    """`conv_w` by columns; depthwise, by a thread for each weight and run of places. Parts are summed at the end."""
    xp, window = backend.cupy(), Window(size, stride, padding, dilation)
    if not serves(x, g, window, x.shape[2:]):
        options = dict(stride=stride, padding=padding, dilation=dilation, groups=groups)
        return conv_w.op.forward(xp, x, g, size=size, **options)
    (o, *places), c = g.shape[1:], x.shape[1]
    if is_depthwise(groups, c, o):
        return depthwise_weight_gradient(x, g, window)
    g = xp.ascontiguousarray(rows(g, groups))
    parts = []
    for chunk, seen in columns(x, window, tuple(places), groups):
        part = xp.empty((groups, o // groups, seen.shape[2]), x.dtype)
        for group in range(groups):
            xp.dot(g[group, chunk].T, seen[group], out=part[group])
        parts.append(part)
    z = parts[0] if len(parts) == 1 else column_sums(xp.stack(parts).reshape(len(parts), parts[0].size))
    return xp.ascontiguousarray(z.reshape(o, *size, c // groups).transpose(0, 3, 1, 2))


def depthwise_weight_gradient(x: Array, g: Array, window: Window) -> Array:
    """The gradient (O, 1, KH, KW) of the weights of a depthwise convolution."""
    xp = backend.cupy()
    (n, o, *places), c, (kh, kw) = g.shape, x.shape[1], window.size
    count = n * math.prod(places)
    runs, length = split_rows(count)
    parts = xp.empty((runs, kh * kw * o), dtypes.wide(x.dtype))
    shape = geometry(window, x.shape[2:], tuple(places))
    run = kernel("conv", "depthwise_weight_gradient", x.dtype)
    run.each(parts.size, x, strides(x), g, strides(g), shape, parts, o, o // c, length, count)
    z = column_sums(parts).reshape(kh, kw, o).transpose(2, 0, 1)[:, None]
    return xp.ascontiguousarray(z, x.dtype)


# --- columns as a result ----------------------------------------------------------------------------------------------


@on_cuda(im2col)
def im2col_cuda(x, *, window):
    """`im2col` out of memory in any order."""
    xp = backend.cupy()
    (n, c, *size), places = x.shape, window.positions(*x.shape[2:])
    if not (suits(x) and countable(n * c * math.prod(places) * math.prod(window.size))):
        return im2col.op.forward(xp, x, window=window)
    seen = xp.empty((n, *places, *window.size, c), x.dtype)
    shape = geometry(window, tuple(size), places)
    kernel("conv", "im2col", x.dtype).each(seen.size, x, strides(x), shape, seen, n, c)
    return seen.transpose(0, 5, 3, 4, 1, 2).reshape(n, c * math.prod(window.size), math.prod(places))


@on_cuda(col2im)
def col2im_cuda(g, *, window, size):
    """`col2im` by a thread for each element of the images."""
    xp = backend.cupy()
    if not suits(g):
        return col2im.op.forward(xp, g, window=window, size=size)
    n, places = len(g), window.positions(*size)
    c = g.shape[1] // math.prod(window.size)
    seen = g.reshape(n, c, *window.size, *places).transpose(0, 4, 5, 2, 3, 1)
    image = empty_images(n, c, size, g.dtype)
    col2im_into(xp.ascontiguousarray(seen)[None], window, places, image)
    return image


# --- with bias, pooling and relu --------------------------------------------------------------------------------------


def channels_last(x: Array) -> Array:
    """x (N, C, H, W), channels last in memory: a view where it is so already, a copy otherwise."""
    return backend.cupy().ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


class Convolve:
    """`convolve`: a convolution, then bias, pooling and relu in one pass; back, relu and pooling in one, too."""

    @staticmethod
    def when(x: Any, weight: Any, bias: Any, *, stride, padding, dilation, **options: Any) -> bool:
        """CuPy arrays of one dtype that kernels are made for, not empty."""
        return serves(x, weight, Window(weight.shape[2:], stride, padding, dilation), x.shape[2:], bias)

    @staticmethod
    def forward(x, weight, bias, *, pool, relu, **options):  # noqa: D102
        weight = channels_last(weight)  # whose `matrices` are a view, here and on the way back
        y = conv(x, weight, **options)
        bias = None if bias is None else backend.cupy().ascontiguousarray(bias)
        o, *places = y.shape[1:]
        if pool is not None:
            z, chosen = max_pool_forward(y, pool, bias, relu)
            return z, (weight, chosen, None, tuple(places))
        if bias is not None or relu:
            kernel("conv", "bias_relu", y.dtype).each(y.size, y, bias, relu, o)
        return y, (weight, None, y if relu else None, tuple(places))

    @staticmethod
    def backward(g, saved, needs, x, weight, bias, *, pool, relu, **options):  # noqa: D102
        weight, chosen, z, places = saved
        if pool is not None:
            dy = pool_backward(g, pool, places, chosen)
        elif relu:
            n, o, *size = g.shape
            dy = empty_images(n, o, size, g.dtype)
            kernel("conv", "relu_gradient", g.dtype).each(g.size, g, strides(g), z, dy, *size, o)
        else:
            dy = channels_last(g)
        return (
            conv_x(dy, weight, size=x.shape[2:], **options) if 0 in needs else None,
            conv_w(x, dy, size=weight.shape[2:], **options) if 1 in needs else None,
            column_sums(rows(dy, 1)[0]) if 2 in needs else None,
        )


convolve.kernels.append(Convolve)
