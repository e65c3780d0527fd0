"""Depthwise convolution, with bias, pooling and relu: each channel alone, as loops along the rows of images.

Images and results are N×H×W×C, of as many channels as there are results. Weights are KH×KW×(W·C), repeated along a row
of results, so that all pixels of a row are worked on at once where the window moves by 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.memory import empty
from minidl.backend.threads import parallel
from minidl.kernels import loops
from minidl.kernels.cpu.conv import active, unchoose
from minidl.kernels.cpu.layout import channels_first, channels_last, chunks, column_sums, rows, suits, summed
from minidl.kernels.cpu.pool import PLACES, flat, pooled, scatter, serves
from minidl.kernels.loops import loop
from minidl.ops.blocks import convolve
from minidl.ops.conv import is_depthwise
from minidl.ops.window import Window


@loop("UniTuple(int64, 3)(int64, int64, int64, int64)")
def seen(start, step, width, places):
    """The first place whose pixel, ``start + step * place``, is inside, the end of such, and how many lie in a row."""
    first, last = max(0, -(start // step)), min(places, (width - start + step - 1) // step)
    return first, last, max(1, last - first) if step == 1 else 1


@loop("void(T[:, :, :, ::1], T[:, :, ::1], UniTuple(int64, 8), T[:, :, :, ::1], boolean)")
def add(x, weight, window, z, back):
    """What the weights make of images x is added to results z; or `back`, what they make of z to x."""
    kh, kw, sh, sw, top, left, dh, dw = window
    n, h, w, c = x.shape
    _, down, across, _ = z.shape
    for image in range(n):
        for oy in range(down):
            results = z[image, oy].reshape(across * c)
            for i in range(kh):
                y = oy * sh - top + i * dh
                if y < 0 or y >= h:
                    continue
                row = x[image, y].reshape(w * c)
                for j in range(kw):
                    start = j * dw - left
                    first, last, run = seen(start, sw, w, across)
                    for ox in range(first, last, run):
                        column = start + sw * ox
                        a, b = row[column * c : (column + run) * c], results[ox * c : (ox + run) * c]
                        v = weight[i, j, ox * c : (ox + run) * c]
                        if back:
                            for k in range(len(v)):
                                a[k] += v[k] * b[k]
                        else:
                            for k in range(len(v)):
                                b[k] += v[k] * a[k]


@loop("void(T[:, :, :, ::1], T[:, :, :, ::1], UniTuple(int64, 8), float64[:, :, ::1])")
def correlate(x, g, window, total):
    """The gradient of the weights, by images x and the gradient g of the results, is added to a total in double."""
    kh, kw, sh, sw, top, left, dh, dw = window
    n, h, w, c = x.shape
    _, down, across, _ = g.shape
    of_one = np.empty(total.shape, x.dtype)
    for image in range(n):
        of_one[:] = 0
        for oy in range(down):
            results = g[image, oy].reshape(across * c)
            for i in range(kh):
                y = oy * sh - top + i * dh
                if y < 0 or y >= h:
                    continue
                row = x[image, y].reshape(w * c)
                for j in range(kw):
                    start = j * dw - left
                    first, last, run = seen(start, sw, w, across)
                    for ox in range(first, last, run):
                        column = start + sw * ox
                        a, b = row[column * c : (column + run) * c], results[ox * c : (ox + run) * c]
                        v = of_one[i, j, ox * c : (ox + run) * c]
                        for k in range(len(v)):
                            v[k] += a[k] * b[k]
        for i in range(kh):
            for j in range(kw):
                for k in range(across * c):
                    total[i, j, k] += of_one[i, j, k]


class Prepared:
    """How it is done: the window, sizes before and after pooling, and images and weights as loops take them."""

    def __init__(self, x, weight, stride, padding, dilation, groups, pool) -> None:
        window = Window(weight.shape[2:], stride, padding, dilation)
        self.window, self.places = flat(window), window.positions(*x.shape[2:])
        self.size = self.places if pool is None else pool.positions(*self.places)
        self.images = channels_last(x)
        if len(weight) > groups:
            self.images = self.images.repeat(len(weight) // groups, -1)
        self.weight = np.tile(weight[:, 0].transpose(1, 2, 0), self.places[1])


class Depthwise:
    """`convolve` where each channel is convolved alone."""

    @staticmethod
    def when(x: Any, weight: Any, bias: Any, *, groups: int, pool: Any, **options: Any) -> bool:
        """NumPy arrays of one dtype, float32 or float64, not empty; depthwise; a pooling that is served."""
        served = suits(x, weight, bias) and (loops.serve() if pool is None else serves(pool))
        return served and is_depthwise(groups, x.shape[1], len(weight))

    @staticmethod
    def forward(x, weight, bias, *, pool, relu, **geometry):  # noqa: D102
        how = Prepared(x, weight, pool=pool, **geometry)
        z = empty((len(x), *how.size, len(weight)), x.dtype)

        def work(part):
            images, chosen = how.images[part], None
            y = z[part] if pool is None else empty((len(images), *how.places, len(weight)), x.dtype)
            y[...] = 0 if bias is None else bias
            add(images, how.weight, how.window, y, False)
            if relu:
                np.maximum(y, 0, out=y)
            if pool is not None:
                z[part], chosen = pooled(y, pool)
                if relu:
                    unchoose(rows(z[part]), rows(chosen), PLACES)
            return chosen

        chosen = parallel(work, chunks(how.images))
        return channels_first(z), (z if relu and pool is None else None, chosen)

    @staticmethod
    def backward(g, saved, needs, x, weight, bias, *, pool, relu, **geometry):  # noqa: D102
        how, g, (z, chosen) = Prepared(x, weight, pool=pool, **geometry), channels_last(g), saved
        dx: Any = empty(how.images.shape, x.dtype) if 0 in needs else None
        slices = chunks(how.images)
        parts = zip(slices, chosen or [None] * len(slices), strict=True)

        def work(done):
            part, chosen = done
            images, dy, dw, db = how.images[part], g[part], None, None
            if pool is not None:
                dy = empty((len(images), *how.places, len(weight)), g.dtype)
                scatter(g[part], chosen, flat(pool), dy)
            elif relu:
                dy = empty(dy.shape, g.dtype)
                active(rows(g[part]), rows(z[part]), rows(dy))
            if 2 in needs:
                db = column_sums(rows(dy))
            if 1 in needs:
                dw = np.zeros(how.weight.shape)
                correlate(images, dy, how.window, dw)
            if dx is not None:
                dx[part] = 0
                add(dx[part], how.weight, how.window, dy, True)
            return dw, db

        dw, db = zip(*parallel(work, parts), strict=True)
        if dx is not None:
            dx = dx.reshape(*dx.shape[:3], x.shape[1], -1).sum(-1) if len(weight) > x.shape[1] else dx
        if 1 in needs:
            kernel = weight.shape[2:]
            total = summed(dw).reshape(*kernel, -1, len(weight)).sum(2).transpose(2, 0, 1)[:, None].astype(x.dtype)
        return (
            None if dx is None else channels_first(dx),
            total if 1 in needs else None,
            summed(db) if 2 in needs else None,
        )


convolve.kernels.append(Depthwise)
