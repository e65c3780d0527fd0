"""Max pooling in one pass, maxima and places at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.memory import empty
from minidl.backend.threads import parallel
from minidl.kernels.cpu.layout import channels_first, channels_last, chunks, suits
from minidl.ops.blocks import max_pool
from minidl.ops.elementwise import keep
from minidl.ops.pool import first_inside, window_argmax
from minidl.ops.window import Window


def pooled(image: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of each window of images (N, H, W, C), and which element of the window it is."""
    n, *size, c = image.shape
    first = first_inside(np, window, size)
    places = window.positions(*size)
    z, chosen = (empty((n, *places, c), dtype) for dtype in (image.dtype, first.dtype))

    def work(part: slice) -> None:
        x = channels_first(image[part])
        taps = window.taps(window.padded(np, x, -np.inf), places)
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
    n, h, w, c = image.shape
    _, oh, ow, _ = g.shape
    padded = any(map(any, window.padding))
    around = window.canvas(np, n, (h, w), c, image.dtype) if padded else image
    for k, seen in enumerate(window.taps(around, (oh, ow))):
        seen += keep(g, chosen == k)
    if padded:
        image += window.inside(around, (h, w))


class MaxPool:
    """`max_pool` in one pass, and one back."""

    @staticmethod
    def when(x: Any, *, window: Window) -> bool:
        """A NumPy array of float32 or float64, not empty."""
        return suits(x)

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
