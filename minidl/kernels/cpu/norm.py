"""Batch normalisation, with relu and max pooling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.backend.memory import empty
from minidl.backend.threads import parallel
from minidl.kernels import loops
from minidl.kernels.cpu.conv import unchoose
from minidl.kernels.cpu.layout import channels_first, channels_last, chunks, rows, suits
from minidl.kernels.cpu.pool import PLACES, flat, maxima, scatter, serves
from minidl.kernels.loops import loop
from minidl.ops.blocks import normalize_channels

BLOCK = 16  # rows whose sums are in the precision of their elements; those of blocks are in double
WIDE = 1 << 11  # elements that a row has at most, where several pixels are one: a loop over few channels is slow


@loop("void(T[:, ::1], float64[::1], float64[::1])")
def moments(x, mean, squares):
    """The mean of each column, and Σ(x − mean)²: of blocks of rows, each seen from its first row, put together.

    What that loses is at most as many times the rounding as a block has rows. Chan, Golub & LeVeque (1983),
    "Algorithms for computing the sample variance", eq. 2.1.
    """
    columns = x.shape[1]
    apart, square = np.empty(columns, x.dtype), np.empty(columns, x.dtype)
    mean[:] = 0
    squares[:] = 0
    for start in range(0, len(x), BLOCK):
        stop = min(start + BLOCK, len(x))
        n = stop - start
        apart[:] = 0
        square[:] = 0
        for i in range(start, stop):
            for k in range(columns):
                d = x[i, k] - x[start, k]
                apart[k] += d
                square[k] += d * d
        for k in range(columns):
            off = apart[k] / n
            inside = square[k] - n * off * off
            off += x[start, k] - mean[k]
            mean[k] += off * n / stop
            squares[k] += inside + off * off * n * start / stop


@loop("void(T[:, ::1], T[::1], T[::1], T[::1], boolean, T[:, ::1])")
def affine(x, centre, scale, shift, relu, z):
    """scale·(x − centre) + shift, by column, then relu if asked for."""
    zero = x.dtype.type(0)
    for i in range(len(x)):
        for k in range(x.shape[1]):
            y = scale[k] * (x[i, k] - centre[k]) + shift[k]
            z[i, k] = zero if relu and y < zero else y


@loop("void(T[:, ::1], T[:, ::1], T[:, ::1], T[::1], boolean, float64[::1], float64[::1])")
def sums(g, z, x, centre, relu, plain, product):
    """Σ g and Σ g·(x − centre) of each column; with relu, of g where z is not 0."""
    columns, zero = x.shape[1], x.dtype.type(0)
    first, second = np.empty(columns, x.dtype), np.empty(columns, x.dtype)
    plain[:] = 0
    product[:] = 0
    for start in range(0, len(x), BLOCK):
        first[:] = 0
        second[:] = 0
        for i in range(start, min(start + BLOCK, len(x))):
            for k in range(columns):
                d, y = g[i, k], z[i, k]  # loaded before the condition: a quicker loop
                d = zero if relu and y == zero else d
                first[k] += d
                second[k] += d * (x[i, k] - centre[k])
        for k in range(columns):
            plain[k] += first[k]
            product[k] += second[k]


@loop("void(T[:, ::1], T[:, ::1], T[:, ::1], T[::1], boolean, T[::1], T[::1], T[::1], T[:, ::1])")
def slope(g, z, x, centre, relu, scale, along, offset, dx):
    """scale·g + along·(x − centre) + offset, by column; with relu, of g where z is not 0."""
    zero = x.dtype.type(0)
    for i in range(len(x)):
        for k in range(x.shape[1]):
            d, y = g[i, k], z[i, k]
            d = zero if relu and y == zero else d
            dx[i, k] = scale[k] * d + along[k] * (x[i, k] - centre[k]) + offset[k]


def matrices(*images: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Images (…, C) of one size as matrices of one width: several pixels a row, and one a row of what is left over."""
    pixels = [rows(image) for image in images]
    n, channels = pixels[0].shape
    k = max(1, WIDE // channels)
    even = n - n % k
    if even:
        yield tuple(p[:even].reshape(even // k, k * channels) for p in pixels)
    if even < n:
        yield tuple(p[even:] for p in pixels)


def along_rows(matrix: np.ndarray, *vectors: np.ndarray) -> list[np.ndarray]:
    """Vectors (C,), repeated for each pixel of a row, in the dtype of the matrix."""
    return [np.tile(v.astype(matrix.dtype), matrix.shape[1] // len(v)) for v in vectors]


def statistics(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the biased variance of each channel of images (N, …, C), those of chunks put together."""

    def work(part: slice) -> list[np.ndarray]:
        found = []
        for (matrix,) in matrices(image[part]):
            both = np.empty((2, matrix.shape[1]))
            moments(matrix, *both)
            found.append(np.insert(both.reshape(2, -1, image.shape[-1]), 0, len(matrix), 0))
        return found

    n, means, squares = np.concatenate(sum(parallel(work, chunks(image)), []), 1)
    total = n[:, 0].sum()
    mean = (n * means).sum(0) / total
    return mean, (squares + n * np.square(means - mean)).sum(0) / total


class NormalizeChannels:
    """`normalize_channels` in two passes forward and two back: for the sums over a channel, and for its elements."""

    @staticmethod
    def when(x: Any, weight: Any, bias: Any, *, eps: float, pool: Any, relu: bool) -> bool:
        """NumPy arrays of one dtype, float32 or float64, not empty; a pooling that is served."""
        return suits(x, weight, bias) and (loops.serve() if pool is None else serves(pool))

    @staticmethod
    def forward(x, weight, bias, *, eps, pool, relu):  # noqa: D102
        image = channels_last(x)
        mean, var = statistics(image)
        inverse, centre = 1 / np.sqrt(var + eps), mean.astype(x.dtype)
        scale = inverse if weight is None else inverse * weight
        shift = (centre - mean) * scale + (0 if bias is None else bias)

        def normalized(images, results):
            for a, b in matrices(images, results):
                affine(a, *along_rows(a, centre, scale, shift), relu, b)

        if pool is None:
            z, chosen = empty(image.shape, x.dtype), None
            parallel(lambda part: normalized(image[part], z[part]), chunks(image))
        else:
            size = (len(x), *pool.positions(*x.shape[2:]), len(mean))
            z, chosen = empty(size, x.dtype), empty(size, np.uint8)

            def pooled(part):
                y = empty(image[part].shape, x.dtype)
                normalized(image[part], y)
                maxima(y, flat(pool), z[part], chosen[part])
                if relu:
                    unchoose(rows(z[part]), rows(chosen[part]), PLACES)

            parallel(pooled, chunks(image))
        saved = mean, inverse, z if relu and pool is None else None, chosen
        return channels_first(z), saved, mean.astype(x.dtype), var.astype(x.dtype)

    @staticmethod
    def backward(g, saved, needs, x, weight, bias, *, eps, pool, relu):  # noqa: D102
        mean, inverse, z, chosen = saved
        image, g, centre = channels_last(x), channels_last(g), mean.astype(x.dtype)

        def before(part):  # the gradient of what was pooled, or activated
            dy = g[part]
            if pool is not None:
                dz, dy = dy, empty(image[part].shape, x.dtype)
                scatter(dz, chosen[part], flat(pool), dy)
            return dy, dy if z is None else z[part], z is not None

        def totals(part):
            dy, y, masked = before(part)
            both = np.zeros((2, len(mean)))
            for d, z, a in matrices(dy, y, image[part]):
                found = np.empty((2, d.shape[1]))
                sums(d, z, a, *along_rows(d, centre), masked, *found)
                both += found.reshape(2, -1, len(mean)).sum(1)
            return both

        g_sum, gx_sum = sum(parallel(totals, chunks(image)))
        gx_sum = inverse * (gx_sum - (mean - centre) * g_sum)
        if 0 not in needs:
            return None, gx_sum, g_sum
        n = image.size // len(mean)
        scale = inverse if weight is None else inverse * weight
        along = -scale * inverse * gx_sum / n
        offset = -scale * g_sum / n + along * (centre - mean)
        dx = empty(image.shape, x.dtype)

        def whole(part):  # scale·(g − mean(g) − x̂·mean(g·x̂)), with x̂ = (x − mean)·inverse
            dy, y, masked = before(part)
            for d, z, a, da in matrices(dy, y, image[part], dx[part]):
                slope(d, z, a, *along_rows(d, centre), masked, *along_rows(d, scale, along, offset), da)

        parallel(whole, chunks(image))
        return channels_first(dx), gx_sum, g_sum


normalize_channels.kernels.append(NormalizeChannels)
