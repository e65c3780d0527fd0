"""Convolution, as three ops that are each other's derivatives.

T(x, w, g) = Σ g[n,o,y,x'] · x[n,c,y·s+i·d,…] · w[o,c,i,j] is linear in the image x, the weight w and the output
gradient g. Its partial derivatives by g, x and w are `conv`, `conv_x` and `conv_w`; each one's derivatives are the
other two, so every order is at hand. The columns (im2col) are those of Chellapilla, Puri & Simard (2006), "High
performance convolutional neural networks for document processing".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minidl.backend import Array
from minidl.op import op
from minidl.ops.window import Window

CHUNK = 1 << 22  # bytes of columns worked on at a time: they stay in cache, and large temporaries cost page faults


def columns(xp: Any, x: Array, window: Window, groups: int) -> Iterator[tuple[slice, Array]]:
    """im2col: for one chunk of images after the other, what the window sees of them.

    Yields the chunk and its columns, (groups, chunk·OH·OW, KH·KW·C/groups). They are overwritten by the next.
    """
    n, c, h, w = x.shape
    oh, ow = window.positions(h, w)
    (kh, kw), (sh, sw), (dh, dw) = window.size, window.stride, window.dilation
    image = window.padded(xp, x)
    for chunk in chunks(n, oh * ow * kh * kw * c * x.dtype.itemsize):
        part = image[chunk]
        m = part.shape[0]
        sn, sy, sx, sc = part.strides
        seen = xp.lib.stride_tricks.as_strided(
            part,
            (groups, m, oh, ow, kh, kw, c // groups),
            (sc * (c // groups), sn, sy * sh, sx * sw, sy * dh, sx * dw, sc),
        )
        yield chunk, seen.reshape(groups, m * oh * ow, kh * kw * (c // groups))


def chunks(n: int, each: int) -> Iterator[slice]:
    """Slices of range(n), of so many images that their columns, `each` bytes an image, fill `CHUNK`."""
    step = max(1, CHUNK // max(each, 1))
    return (slice(start, min(start + step, n)) for start in range(0, n, step))


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


@op
def conv(xp, x, w, *, stride, padding, dilation, groups):
    """Images x (N, C, H, W) seen through weights w (O, C/groups, KH, KW): (N, O, OH, OW)."""
    window = Window(w.shape[2:], stride, padding, dilation)
    oh, ow = window.positions(*x.shape[2:])
    weights = matrices(w, groups).transpose(0, 2, 1)
    z = xp.empty((groups, x.shape[0] * oh * ow, w.shape[0] // groups), x.dtype)
    for chunk, seen in columns(xp, x, window, groups):
        xp.matmul(seen, weights, out=z[:, chunk.start * oh * ow : chunk.stop * oh * ow])
    return images(z, x.shape[0], oh, ow)


@op
def conv_x(xp, g, w, *, size, stride, padding, dilation, groups):
    """The derivative of `conv` by its images, of `size` (H, W): each output gradient put back where its window saw."""
    window = Window(w.shape[2:], stride, padding, dilation)
    (kh, kw), (n, _, oh, ow) = window.size, g.shape
    c = w.shape[1] * groups
    image = window.canvas(xp, n, size, c, g.dtype)
    g, weights = rows(g, groups), matrices(w, groups)
    for chunk in chunks(n, oh * ow * kh * kw * c * g.dtype.itemsize):
        m = chunk.stop - chunk.start
        seen = xp.matmul(g[:, chunk.start * oh * ow : chunk.stop * oh * ow], weights)
        seen = seen.reshape(groups, m, oh, ow, kh * kw, c // groups).transpose(4, 1, 2, 3, 0, 5)
        for tap, part in zip(window.taps(image[chunk], oh, ow), seen.reshape(kh * kw, m, oh, ow, c), strict=True):
            tap += part
    return window.inside(image, size).transpose(0, 3, 1, 2)


@op
def conv_w(xp, x, g, *, size, stride, padding, dilation, groups):
    """The derivative of `conv` by its weights, of `size` (KH, KW): output gradients times what the window saw."""
    window = Window(size, stride, padding, dilation)
    _, o, oh, ow = g.shape
    g = rows(g, groups).transpose(0, 2, 1)
    z = xp.zeros((groups, o // groups, size[0] * size[1] * (x.shape[1] // groups)), x.dtype)
    for chunk, seen in columns(xp, x, window, groups):
        z += xp.matmul(g[:, :, chunk.start * oh * ow : chunk.stop * oh * ow], seen)
    return xp.ascontiguousarray(z.reshape(o, *size, x.shape[1] // groups).transpose(0, 3, 1, 2))


conv.vjp(
    x=lambda g, w, shape, **k: conv_x(g, w, size=shape[2:], **k),
    w=lambda g, x, shape, **k: conv_w(x, g, size=shape[2:], **k),
)
conv_x.vjp(
    g=lambda h, w, size, **k: conv(h, w, **k),
    w=lambda h, g, shape, size, **k: conv_w(h, g, size=shape[2:], **k),
)
conv_w.vjp(
    x=lambda h, g, shape, size, **k: conv_x(g, h, size=shape[2:], **k),
    g=lambda h, x, size, **k: conv(x, h, **k),
)
