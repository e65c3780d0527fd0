"""Max pooling in one pass, maxima and places at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels.cpu.layout import channels_first, channels_last, chunks
from minidl.memory import empty
from minidl.ops.blocks import max_pool
from minidl.ops.elementwise import keep
from minidl.ops.pool import first_inside, window_argmax
from minidl.ops.window import Window
from minidl.threads import parallel


def pooled(image: np.ndarray, window: Window, sign: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The maxima of each window of images (N, H, W, C), times a `sign` for each channel, and which element they are."""
    n, *size, c = image.shape
    first = first_inside(window, size)
    shape = n, *window.positions(*size), c
    z, chosen = empty(shape, image.dtype), empty(shape, first.dtype)

    def work(part: slice) -> None:
        x = channels_first(image[part] if sign is None else image[part] * sign)
        taps = window.taps(window.padded(np, x, -np.inf), shape[1:3])
        best, place = z[part], chosen[part]
        best[...], place[...] = next(taps), first
        larger = np.empty(best.shape, bool)
        for k, seen in enumerate(taps, start=1):
            np.greater(seen, best, out=larger)
            np.maximum(seen, best, out=best)
            np.maximum(place, larger * place.dtype.type(k), out=place)
        if np.isnan(best).any():
            place[...] = channels_last(window_argmax(x, window=window))

    parallel(work, chunks(image))
    return z, chosen


def scatter(g: np.ndarray, chosen: np.ndarray, window: Window, image: np.ndarray) -> None:
    """Add g (N, OH, OW, C) to images (N, H, W, C) where `chosen` counts to."""
    around = window.canvas(np, len(g), image.shape[1:3], image.shape[3], image.dtype) if padded(window) else image
    for k, seen in enumerate(window.taps(around, g.shape[1:3])):
        seen += keep(g, chosen == k)
    if around is not image:
        image += window.inside(around, image.shape[1:3])


def padded(window: Window) -> bool:
    return window.padding != ((0, 0), (0, 0))


class MaxPool:
    """`max_pool` in one pass, and one back."""

    @staticmethod
    def when(x: Any, *, window: Window) -> bool:
        """A NumPy array of floats, float32 or wider, not empty."""
        return type(x) is np.ndarray and x.dtype in (np.float32, np.float64) and x.size > 0

    @staticmethod
    def forward(x, *, window):  # noqa: D102
        z, chosen = pooled(channels_last(x), window)
        return channels_first(z), chosen, channels_first(chosen)

    @staticmethod
    def backward(g, saved, needs, x, *, window):  # noqa: D102
        n, c, *size = x.shape
        g, chosen, dx = channels_last(g), saved, empty((n, *size, c), g.dtype)

        def work(part: slice) -> None:
            dx[part] = 0
            scatter(g[part], chosen[part], window, dx[part])

        parallel(work, chunks(dx))
        return (channels_first(dx),)


max_pool.kernels.append(MaxPool)
