"""Convolution, as three ops that are each other's derivatives.

T(x, w, g) = Σ g[n,o,y,x'] · x[n,c,y·s+i·d,…] · w[o,c,i,j] is linear in the image x, the weight w and the output
gradient g. Its partial derivatives by g, x and w are `conv`, `conv_x` and `conv_w`; each one's derivatives are the
other two, so every order is at hand. The columns (im2col) are those of Chellapilla, Puri & Simard (2006), "High
performance convolutional neural networks for document processing".
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.backend import Array
from minidl.backend.dtypes import summed_wide
from minidl.engine.op import op
from minidl.ops.linalg import product
from minidl.ops.window import Window

CHUNK = 1 << 22  # bytes of columns worked on at a time: they stay in cache, and large temporaries cost page faults


def chunks(n: int, each: int, room: int) -> Iterator[slice]:
    """Slices of range(n), of so many images that their columns, `each` bytes an image, fill `room` bytes."""
    step = max(1, room // max(each, 1))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


def views(xp: Any, image: Array, window: Window, places: tuple[int, int]) -> Iterator[tuple[slice, Array]]:
    """One chunk of N×H×W×C images after the other, with what the window sees of it, (chunk, OH, OW, KH, KW, C)."""
    each = math.prod((*places, *window.size, image.shape[3])) * image.dtype.itemsize
    return ((chunk, window.seen(xp, image[chunk], places)) for chunk in chunks(image.shape[0], each, CHUNK))


def columns(xp: Any, x: Array, window: Window, groups: int) -> Iterator[tuple[slice, Array]]:
    """im2col: one chunk of images after the other, with its columns, (groups, chunk·OH·OW, KH·KW·C/groups)."""
    for chunk, seen in views(xp, window.padded(xp, x), window, window.positions(*x.shape[2:])):
        m, oh, ow, kh, kw, c = seen.shape
        seen = seen.reshape(m, oh, ow, kh, kw, groups, c // groups).transpose(5, 0, 1, 2, 3, 4, 6)
        yield chunk, seen.reshape(groups, m * oh * ow, kh * kw * (c // groups))


def matrices(w: Array, groups: int) -> Array:
    """A weight (O, C/groups, KH, KW) as one matrix a group, (groups, O/groups, KH·KW·C/groups)."""
    o, c, kh, kw = w.shape
    return w.transpose(0, 2, 3, 1).reshape(groups, o // groups, kh * kw * c)


def rows(g: Array, groups: int) -> Array:
    """An output gradient (N, O, OH, OW) as (groups, N·OH·OW, O/groups)."""
    n, o, oh, ow = g.shape
    return g.transpose(0, 2, 3, 1).reshape(n * oh * ow, groups, o // groups).transpose(1, 0, 2)


def images(rows: Array, n: int, oh: int, ow: int) -> Array:
    """The inverse of `rows`: (groups, N·OH·OW, O/groups) as (N, O, OH, OW), channels last in memory."""
    groups, _, o = rows.shape
    return rows.transpose(1, 0, 2).reshape(n, oh, ow, groups * o).transpose(0, 3, 1, 2)


# --- depthwise --------------------------------------------------------------------------------------------------------
# With one channel in a group, a matrix product has next to nothing to add up: columns are multiplied and added line by
# line instead. Where the window moves by 1 and channels are last in memory, a line is a view.


def is_depthwise(groups: int, channels: int, outputs: int) -> bool:
    """Whether each channel is convolved alone, for a few outputs: with many, matrix products are faster."""
    return 1 < groups == channels and outputs <= 8 * channels


def lines(xp: Any, image: Array, window: Window, places: tuple[int, int]) -> Iterator[tuple[slice, Array]]:
    """One chunk of N×H×W×C images after the other, with its lines of columns, (chunk, OH, KH, KW, OW·C)."""
    for chunk, seen in views(xp, image, window, places):
        m, oh, ow, kh, kw, c = seen.shape
        yield chunk, seen.transpose(0, 1, 3, 4, 2, 5).reshape(m, oh, kh, kw, ow * c)


def repeated(xp: Any, image: Array, times: int) -> Array:
    """N×H×W×C images with each channel as often as it has outputs, channels last in memory."""
    return xp.ascontiguousarray(image) if times == 1 else xp.repeat(image, times, 3)


def depthwise(xp: Any, image: Array, w: Array, window: Window, places: tuple[int, int]) -> Array:
    """Each channel of N×H×W×O images seen through a weight of its own, w (O, 1, KH, KW): (N, O, OH, OW)."""
    (n, _, _, o), (oh, ow) = image.shape, places
    line = xp.repeat(w.transpose(2, 3, 1, 0), ow, 2).reshape(*window.size, ow * o)
    z = xp.empty((n, oh, ow * o), image.dtype)
    for chunk, seen in lines(xp, image, window, places):
        z[chunk] = xp.einsum("nyklx,klx->nyx", seen, line)
    return z.reshape(n, oh, ow, o).transpose(0, 3, 1, 2)


def depthwise_x(xp: Any, g: Array, w: Array, window: Window, size: tuple[int, int]) -> Array:
    """The derivative of `depthwise` by its images: g, set apart by the stride, seen through the weight turned round."""
    (n, o, oh, ow), (sh, sw), (eh, ew) = g.shape, window.stride, window.extent()
    outer = size[0] + eh - 1, size[1] + ew - 1
    apart = window.canvas(xp, n, outer, o, g.dtype)
    apart[:, eh - 1 :: sh, ew - 1 :: sw][:, :oh, :ow] = g.transpose(0, 2, 3, 1)
    turned = Window(window.size, dilation=window.dilation)
    return depthwise(xp, window.inside(apart, outer), w[:, :, ::-1, ::-1], turned, size)


def depthwise_w(xp: Any, image: Array, g: Array, window: Window) -> Array:
    """The derivative of `depthwise` by its weights."""
    n, o, oh, ow = g.shape
    g = xp.ascontiguousarray(g.transpose(0, 2, 3, 1)).reshape(n, oh, ow * o)
    z = xp.zeros((*window.size, ow * o), g.dtype)
    for chunk, seen in lines(xp, image, window, (oh, ow)):
        for i, j in np.ndindex(window.size):  # sums of one line stay in cache
            z[i, j] += xp.einsum("nyx,nyx->x", seen[:, :, i, j], g[chunk])
    return z.reshape(*window.size, ow, o).sum(2).transpose(2, 0, 1)[:, None]


# --- the three --------------------------------------------------------------------------------------------------------


@op
@summed_wide
def conv(xp, x, w, *, stride, padding, dilation, groups):
    """Images x (N, C, H, W) seen through weights w (O, C/groups, KH, KW): (N, O, OH, OW)."""
    window = Window(w.shape[2:], stride, padding, dilation)
    (n, c, *_), o, (oh, ow) = x.shape, w.shape[0], window.positions(*x.shape[2:])
    if is_depthwise(groups, c, o):
        return depthwise(xp, repeated(xp, window.padded(xp, x), o // c), w, window, (oh, ow))
    weights = matrices(w, groups).transpose(0, 2, 1)
    z = xp.empty((groups, n * oh * ow, o // groups), x.dtype)
    for chunk, seen in columns(xp, x, window, groups):
        product(xp, seen, weights, z[:, chunk.start * oh * ow : chunk.stop * oh * ow])
    return images(z, n, oh, ow)


@op
@summed_wide
def conv_x(xp, g, w, *, size, stride, padding, dilation, groups):
    """The derivative of `conv` by its images, of `size` (H, W): each output gradient put back where its window saw."""
    window = Window(w.shape[2:], stride, padding, dilation)
    (kh, kw), (n, o, oh, ow) = window.size, g.shape
    c = w.shape[1] * groups
    if is_depthwise(groups, c, o):
        z = depthwise_x(xp, g, w, window, size)
        return z if o == c else z.reshape(n, c, o // c, *size).sum(2)
    g, weights = rows(g, groups), matrices(w, groups)
    if window == Window((1, 1)):  # pointwise: a window sees its own place
        return images(product(xp, g, weights), n, oh, ow)
    image = window.canvas(xp, n, size, c, g.dtype)
    for chunk in chunks(n, oh * ow * kh * kw * c * g.dtype.itemsize, CHUNK):
        m = chunk.stop - chunk.start
        seen = product(xp, g[:, chunk.start * oh * ow : chunk.stop * oh * ow], weights)
        seen = seen.reshape(groups, m, oh, ow, kh * kw, c // groups).transpose(4, 1, 2, 3, 0, 5)
        for tap, part in zip(window.taps(image[chunk], (oh, ow)), seen.reshape(kh * kw, m, oh, ow, c), strict=True):
            tap += part
    return window.inside(image, size).transpose(0, 3, 1, 2)


@op
@summed_wide
def conv_w(xp, x, g, *, size, stride, padding, dilation, groups):
    """The derivative of `conv` by its weights, of `size` (KH, KW): output gradients times what the window saw."""
    window = Window(size, stride, padding, dilation)
    (_, o, oh, ow), c = g.shape, x.shape[1]
    if is_depthwise(groups, c, o):
        return depthwise_w(xp, repeated(xp, window.padded(xp, x), o // c), g, window)
    g = rows(g, groups).transpose(0, 2, 1)
    z = xp.zeros((groups, o // groups, size[0] * size[1] * (c // groups)), x.dtype)
    for chunk, seen in columns(xp, x, window, groups):
        z += product(xp, g[:, :, chunk.start * oh * ow : chunk.stop * oh * ow], seen)
    return xp.ascontiguousarray(z.reshape(o, *size, c // groups).transpose(0, 3, 1, 2))


conv.vjp(
    x=lambda g, w, shape, **k: conv_x(g, w, size=shape[2:], **k),
    w=lambda g, x, shape, **k: conv_w(x, g, size=shape[2:], **k),
)
conv_x.vjp(
    g=lambda h, w, size, **k: conv(h, w, **k), w=lambda h, g, shape, size, **k: conv_w(h, g, size=shape[2:], **k)
)
conv_w.vjp(
    x=lambda h, g, shape, size, **k: conv_x(g, h, size=shape[2:], **k), g=lambda h, x, size, **k: conv(x, h, **k)
)
