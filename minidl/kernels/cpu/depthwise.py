"""Depthwise convolution, with bias, pooling and relu: the ops themselves, on chunks of images side by side.

Their `einsum` adds products up in one pass, and holds no other thread up: a multiplication and an addition for each
element of the window took twice as long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.memory import empty
from minidl.backend.threads import parallel
from minidl.kernels.cpu.layout import channels_first, chunks, column_sums, lines, repeated, rows, suits, summed
from minidl.kernels.cpu.pool import flat, pooled, scatter, serves
from minidl.ops.blocks import convolve
from minidl.ops.conv import conv, conv_w, conv_x, is_depthwise
from minidl.ops.elementwise import keep
from minidl.ops.window import Window


class Depthwise:
    """`convolve` where each channel is convolved alone."""

    @staticmethod
    def when(x: Any, weight: Any, bias: Any, *, groups: int, pool: Any, **options: Any) -> bool:
        """NumPy arrays of one dtype, float32 or float64, not empty; depthwise; a pooling that is served."""
        served = suits(x, weight, bias) and (pool is None or serves(pool))
        return served and is_depthwise(groups, x.shape[1], len(weight))

    @staticmethod
    def forward(x, weight, bias, *, pool, relu, **geometry):  # noqa: D102
        def work(images):
            y, chosen = conv(x[images], weight, **geometry).transpose(0, 2, 3, 1), None
            if pool is not None:
                y, chosen = pooled(y, pool)
            if bias is not None:
                line = lines(y)
                line += repeated(bias, y)
            z[images] = y.clip(0, np.inf) if relu else y
            return images, chosen

        window = Window(weight.shape[2:], geometry["stride"], geometry["padding"], geometry["dilation"])
        places = window.positions(*x.shape[2:])
        z = empty((len(x), *(places if pool is None else pool.positions(*places)), len(weight)), x.dtype)
        parts = parallel(work, chunks(x))
        return channels_first(z), (places, parts, z if relu else None)

    @staticmethod
    def backward(g, saved, needs, x, weight, bias, *, pool, relu, **geometry):  # noqa: D102
        places, parts, z = saved
        g, dx = g.transpose(0, 2, 3, 1), empty((len(x), *x.shape[2:], x.shape[1]), x.dtype) if 0 in needs else None

        def work(part):
            images, chosen = part
            dy = g[images]
            if relu:
                dy = keep(dy, z[images] > 0)
            db = column_sums(rows(dy)) if 2 in needs else None
            if pool is not None:
                dz, dy = np.ascontiguousarray(dy), empty((len(dy), *places, len(weight)), x.dtype)
                scatter(dz, dz, False, chosen, flat(pool), dy)
            dy = channels_first(dy)
            dw = conv_w(x[images], dy, size=weight.shape[2:], **geometry) if 1 in needs else None
            if dx is not None:
                channels_first(dx)[images] = conv_x(dy, weight, size=x.shape[2:], **geometry)
            return dw, db

        dw, db = zip(*parallel(work, parts), strict=True)
        return (
            None if dx is None else channels_first(dx),
            summed(dw) if 1 in needs else None,
            summed(db) if 2 in needs else None,
        )


convolve.kernels.append(Depthwise)
