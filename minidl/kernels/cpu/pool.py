"""Max pooling: maxima and their places at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.memory import empty
from minidl.backend.threads import parallel
from minidl.kernels import loops
from minidl.kernels.cpu.layout import channels_first, channels_last, chunks, suits
from minidl.kernels.loops import loop
from minidl.ops.blocks import max_pool
from minidl.ops.window import Window

PLACES = 255  # of a window at most: one is counted in a byte, where what is none of them fits, too


@loop("void(T[:, :, :, ::1], UniTuple(int64, 8), T[:, :, :, ::1], uint8[:, :, :, ::1])")
def maxima(x, window, z, chosen):
    """The largest element in each window of images x (N, H, W, C), and which it is, counted row by row.

    NaN counts as largest, and of equals the first.
    """
    kh, kw, sh, sw, top, left, dh, dw = window
    n, h, w, channels = x.shape
    _, down, across, _ = z.shape
    for image in range(n):
        for oy in range(down):
            for ox in range(across):
                best, which, first = z[image, oy, ox], chosen[image, oy, ox], True
                for i in range(kh):
                    y = oy * sh - top + i * dh
                    for j in range(kw):
                        column = ox * sw - left + j * dw
                        if y < 0 or y >= h or column < 0 or column >= w:
                            continue
                        seen, place = x[image, y, column], np.uint8(i * kw + j)
                        for k in range(channels):
                            if first or seen[k] > best[k] or seen[k] != seen[k]:
                                best[k], which[k] = seen[k], place
                        first = False


@loop("void(T[:, :, :, ::1], uint8[:, :, :, ::1], UniTuple(int64, 8), T[:, :, :, ::1])")
def scatter(g, chosen, window, x):
    """The adjoint of `maxima`: x (N, H, W, C) becomes 0, plus g (N, OH, OW, C) at the places that are `chosen`."""
    kh, kw, sh, sw, top, left, dh, dw = window
    n, h, w, channels = x.shape
    _, down, across, _ = g.shape
    x[:] = 0
    for image in range(n):
        for oy in range(down):
            for ox in range(across):
                d, which = g[image, oy, ox], chosen[image, oy, ox]
                for i in range(kh):
                    y = oy * sh - top + i * dh
                    for j in range(kw):
                        column = ox * sw - left + j * dw
                        if y < 0 or y >= h or column < 0 or column >= w:
                            continue
                        sum, place = x[image, y, column], np.uint8(i * kw + j)
                        for k in range(channels):
                            if which[k] == place:
                                sum[k] += d[k]


def serves(window: Window) -> bool:
    """Whether loops can be called, and a byte counts the places of the window."""
    return loops.serve() and math.prod(window.size) <= PLACES


def flat(window: Window) -> tuple[int, ...]:
    """A window as loops take it: size, stride, padding before, dilation, each down and across."""
    (top, _), (left, _) = window.padding
    return (*window.size, *window.stride, top, left, *window.dilation)


def pooled(image: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of each window of images (N, H, W, C), and which element of the window it is."""
    n, *size, c = image.shape
    z, chosen = (empty((n, *window.positions(*size), c), dtype) for dtype in (image.dtype, np.uint8))
    parallel(lambda part: maxima(image[part], flat(window), z[part], chosen[part]), chunks(image))
    return z, chosen


class MaxPool:
    """`max_pool` in one pass, and one back."""

    @staticmethod
    def when(x: Any, *, window: Window) -> bool:
        """A NumPy array of float32 or float64, not empty; a window that is served."""
        return suits(x) and serves(window)

    @staticmethod
    def forward(x, *, window):  # noqa: D102
        z, chosen = pooled(channels_last(x), window)
        return channels_first(z), chosen, channels_first(chosen)

    @staticmethod
    def backward(g, saved, needs, x, *, window):  # noqa: D102
        n, c, *size = x.shape
        g, dx = channels_last(g), empty((n, *size, c), g.dtype)
        parallel(lambda part: scatter(g[part], saved[part], flat(window), dx[part]), chunks(dx))
        return (channels_first(dx),)


max_pool.kernels.append(MaxPool)
