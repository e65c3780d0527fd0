"""Pooling over windows of an image: the largest element, the sum, all elements as columns, each with its adjoint."""

import math
from itertools import repeat

import numpy as np

from minidl.backend.dtypes import summed_wide
from minidl.engine.op import op
from minidl.ops.elementwise import keep
from minidl.ops.indexing import take_along


def first_inside(xp, window, size):
    """Which element of each window, (OH, OW, 1), is the first that is not in the padding of images of `size` (H, W)."""
    i, j = ((seen >= 0).argmax(1) for seen in window.coordinates(size, xp))
    return (i[:, None] * window.size[1] + j)[:, :, None].astype(np.min_scalar_type(math.prod(window.size)))


@op
def window_argmax(xp, x, *, window):
    """Which element of each window, counted row by row, is its first maximum (NaN counts as largest). No gradient."""
    least = -np.inf if x.dtype.kind in "fc" else np.iinfo(x.dtype).min
    taps = window.taps(window.padded(xp, x, least), window.positions(*x.shape[2:]))
    best = next(taps).copy()
    chosen = xp.broadcast_to(first_inside(xp, window, x.shape[2:]), best.shape)
    for k, seen in enumerate(taps, start=1):
        larger = (seen > best) | (seen != seen)
        chosen = xp.maximum(chosen, larger * chosen.dtype.type(k))
        best = xp.maximum(best, seen)
    return chosen.transpose(0, 3, 1, 2)


@op
def window_take(xp, x, chosen, *, window):
    """The element of each window that `chosen` counts to."""
    chosen = chosen.transpose(0, 2, 3, 1)
    taps = window.taps(window.padded(xp, x), chosen.shape[1:3])
    z = keep(next(taps), chosen == 0)
    for k, seen in enumerate(taps, start=1):
        z += keep(seen, chosen == k)
    return z.transpose(0, 3, 1, 2)


@op
@summed_wide
def window_put(xp, g, chosen, *, window, size):
    """Images of `size` (H, W) with g added where `chosen` counts to: the adjoint of `window_take`."""
    g, chosen = g.transpose(0, 2, 3, 1), chosen.transpose(0, 2, 3, 1)
    return window.scattered(xp, (keep(g, chosen == k) for k in range(math.prod(window.size))), g, size)


window_take.vjp(x=lambda g, chosen, window, shape: window_put(g, chosen, window=window, size=shape[2:]))
window_put.vjp(g=lambda h, chosen, window: window_take(h, chosen, window=window))


@op
@summed_wide
def window_sum(xp, x, *, window):
    """The sum of each window."""
    taps = window.taps(window.padded(xp, x), window.positions(*x.shape[2:]))
    z = next(taps).copy()
    for seen in taps:
        z += seen
    return z.transpose(0, 3, 1, 2)


@op
@summed_wide
def window_spread(xp, g, *, window, size):
    """Images of `size` (H, W) with g added to every element of its window: the adjoint of `window_sum`."""
    g = g.transpose(0, 2, 3, 1)
    return window.scattered(xp, repeat(g, math.prod(window.size)), g, size)


window_sum.vjp(x=lambda g, window, shape: window_spread(g, window=window, size=shape[2:]))
window_spread.vjp(g=lambda h, window: window_sum(h, window=window))


@op
def im2col(xp, x, *, window):
    """What each window sees as a column: (N, C·KH·KW, OH·OW), both counted row by row."""
    seen = window.seen(xp, window.padded(xp, x), window.positions(*x.shape[2:]))
    n, oh, ow, kh, kw, c = seen.shape
    return seen.transpose(0, 5, 3, 4, 1, 2).reshape(n, c * kh * kw, oh * ow)


@op
@summed_wide
def col2im(xp, g, *, window, size):
    """Images of `size` (H, W) with each column added where its window sees: the adjoint of `im2col`."""
    n, rows, _ = g.shape
    k, (oh, ow) = math.prod(window.size), window.positions(*size)
    parts = g.reshape(n, rows // k, k, oh, ow).transpose(2, 0, 3, 4, 1)
    return window.scattered(xp, parts, parts[0], size)


im2col.vjp(x=lambda g, window, shape: col2im(g, window=window, size=shape[2:]))
col2im.vjp(g=lambda h, window: im2col(h, window=window))


@op
def place(xp, x, index, *, size):
    """Rows of `size` zeros with the rows of x (N, C, L) at `index`; where it names a place twice, the last stays."""
    z = xp.zeros((*x.shape[:2], size), x.dtype)
    xp.put_along_axis(z, index, x, 2)
    return z


place.vjp(x=lambda g, index: take_along(g, index, dim=2))
