"""Pooling over windows of an image: the largest element, and the sum, each with its adjoint."""

import numpy as np

from minidl.op import op
from minidl.ops.elementwise import keep


@op
def window_argmax(xp, x, *, window):
    """Which element of each window, counted row by row, is its first maximum (NaN counts as largest). No gradient."""
    if x.dtype.kind == "f":
        image = window.padded(xp, xp.maximum(x, np.finfo(x.dtype).min), -np.inf)  # padding is less than -inf inside
    else:
        image = window.padded(xp, x, np.iinfo(x.dtype).min)
    taps = window.taps(image, *window.positions(*x.shape[2:]))
    best = next(taps).copy()
    chosen = xp.zeros(best.shape, np.min_scalar_type(window.size[0] * window.size[1]))
    for k, seen in enumerate(taps, start=1):
        larger = (seen > best) | (seen != seen)
        chosen = xp.maximum(chosen, larger * chosen.dtype.type(k))
        best = xp.maximum(best, seen)
    return chosen.transpose(0, 3, 1, 2)


@op
def window_take(xp, x, chosen, *, window):
    """The element of each window that `chosen` counts to."""
    chosen = chosen.transpose(0, 2, 3, 1)
    image = window.padded(xp, x)
    taps = window.taps(image, *chosen.shape[1:3])
    z = keep(next(taps), chosen == 0)
    for k, seen in enumerate(taps, start=1):
        z += keep(seen, chosen == k)
    return z.transpose(0, 3, 1, 2)


@op
def window_put(xp, g, chosen, *, window, size):
    """Images of `size` (H, W) with g added where `chosen` counts to: the adjoint of `window_take`."""
    g, chosen = g.transpose(0, 2, 3, 1), chosen.transpose(0, 2, 3, 1)
    n, oh, ow, c = g.shape
    image = window.canvas(xp, n, size, c, g.dtype)
    for k, seen in enumerate(window.taps(image, oh, ow)):
        seen += keep(g, chosen == k)
    return window.inside(image, size).transpose(0, 3, 1, 2)


window_take.vjp(x=lambda g, chosen, window, shape: window_put(g, chosen, window=window, size=shape[2:]))
window_put.vjp(g=lambda h, chosen, window: window_take(h, chosen, window=window))


@op
def window_sum(xp, x, *, window):
    """The sum of each window."""
    image = window.padded(xp, x)
    taps = window.taps(image, *window.positions(*x.shape[2:]))
    z = next(taps).copy()
    for seen in taps:
        z += seen
    return z.transpose(0, 3, 1, 2)


@op
def window_spread(xp, g, *, window, size):
    """Images of `size` (H, W) with g added to every element of its window: the adjoint of `window_sum`."""
    g = g.transpose(0, 2, 3, 1)
    n, oh, ow, c = g.shape
    image = window.canvas(xp, n, size, c, g.dtype)
    for seen in window.taps(image, oh, ow):
        seen += g
    return window.inside(image, size).transpose(0, 3, 1, 2)


window_sum.vjp(x=lambda g, window, shape: window_spread(g, window=window, size=shape[2:]))
window_spread.vjp(g=lambda h, window: window_sum(h, window=window))
