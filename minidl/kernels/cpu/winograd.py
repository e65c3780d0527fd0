"""3×3 and 5×5 convolution by minimal filtering, F(4×4, r×r): a quarter and a sixth of the multiplications.

Winograd (1980); Lavin & Gray (2016), "Fast algorithms for convolutional neural networks", section 4. Images are cut
into tiles of r + 3 that overlap by r − 1; a tile d and the weights g give 4×4 results Y = Aᵀ M A from M = U ⊙ V,
U = G g Gᵀ, V = Bᵀ d B. With many channels, the products of M are products of matrices. Backward is the adjoint, step by
step.

In float32 the relative error (RMS) is about 1e-6 to 3e-6, where that of columns is 3e-7. All results of a tile that
sees NaN or infinity are NaN, a few more than those whose window sees it, and rounding is relative to the largest
element of a tile, where that of columns is relative to the largest in a window.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl.backend.memory import empty
from minidl.backend.threads import parallel
from minidl.kernels.cpu.conv import keep, larger, split
from minidl.kernels.cpu.layout import column_sums, suits, summed
from minidl.ops.blocks import convolve
from minidl.ops.window import Window

POINTS = np.array([0, 1, -1, 2, -2, 1 / 2, -1 / 2])  # and infinity
ONE = 1, 1  # of M, at the point 1, is added once to every element of Y: with a bias added to it, Y has the bias
QUARTERS = Window((2, 2), (2, 2))  # the pooling that goes evenly into 4×4 results
CHUNK = 12 << 10  # elements in each of the planes of V that are worked on at a time: they stay in cache


class Transforms(NamedTuple):
    """The matrices Bᵀ, G and Aᵀ of F(4, r)."""

    bt: np.ndarray
    g: np.ndarray
    at: np.ndarray


def transforms(r: int) -> Transforms:
    """Those that multiply polynomials by way of their values at r + 3 points (Toom & Cook), turned round."""
    points = POINTS[: r + 2]
    others = [np.delete(points, i) for i in range(len(points))]
    bt = [[*np.poly(other)[::-1], 0] for other in others] + [np.poly(points)[::-1]]  # 0 at all points but one
    height = np.array([(point - other).prod() for point, other in zip(points, others, strict=True)] + [1])

    def powers(k: int) -> np.ndarray:
        return np.vstack([np.vander(points, k, increasing=True), np.eye(k)[-1]])

    return Transforms(np.array(bt), powers(r) / height[:, None], powers(4).T)


FILTERS = {(r, r): transforms(r) for r in (3, 5)}


class Tiles:
    """How N×H×W×C images with zeros around them are cut: `down` and `across` so many tiles."""

    def __init__(self, size: tuple[int, int], padding: tuple[tuple[int, int], tuple[int, int]], r: int) -> None:
        (top, bottom), (left, right) = padding
        (h, w), self.inside = size, (slice(None), slice(top, top + size[0]), slice(left, left + size[1]))
        self.results = h + top + bottom - r + 1, w + left + right - r + 1
        self.down, self.across = (-(-n // 4) for n in self.results)
        self.number = self.down * self.across
        self.overlap, self.side = r - 1, r + 3

    def chunks(self, n: int, channels: int) -> list[slice]:
        """What is worked on at a time: slices of n images, at least two."""
        step = max(1, min(CHUNK // (self.number * channels), n // 2))
        return [slice(start, start + step) for start in range(0, n, step)]

    def cut(self, images: np.ndarray) -> np.ndarray:
        """The tiles of images, (side, side, N·tiles, C)."""
        n, *_, c = images.shape
        canvas, (_, rows, columns) = self.canvas(n, c, images.dtype), self.inside
        canvas[self.inside] = images
        canvas[:, : rows.start] = canvas[:, rows.stop :] = 0
        canvas[:, :, : columns.start] = canvas[:, :, columns.stop :] = 0
        tiles = empty((self.side, self.side, n, self.down, self.across, c), images.dtype)
        for part, seen in self.overlaps(tiles, canvas):
            part[...] = seen
        return tiles.reshape(self.side, self.side, n * self.number, c)

    def join(self, tiles: np.ndarray, images: np.ndarray) -> None:
        """The adjoint of `cut`: images become the sum of their tiles."""
        n, *_, c = images.shape
        canvas = self.canvas(n, c, images.dtype)
        canvas[:, 4 * self.down :] = canvas[:, :, 4 * self.across :] = 0
        parts = self.overlaps(tiles.reshape(self.side, self.side, n, self.down, self.across, c), canvas)
        own, seen = next(parts)
        seen[...] = own  # all of the canvas but its last rows and columns
        for part, seen in parts:
            seen += part
        images[...] = canvas[self.inside]

    def canvas(self, n: int, c: int, dtype: Any) -> np.ndarray:
        """Room for n images and what is around them, one 4×4 block more than tiles."""
        return empty((n, 4 * self.down + 4, 4 * self.across + 4, c), dtype)

    def overlaps(self, tiles: np.ndarray, canvas: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """What all tiles see, part by part: a block, and some rows and columns of its neighbours. Pairs of views."""
        squares, sizes = blocks(canvas, 4), (4, self.overlap)
        for i, j in np.ndindex(2, 2):
            seen = squares[: sizes[i], : sizes[j], :, i : i + self.down, j : j + self.across]
            yield tiles[4 * i :, 4 * j :][: len(seen), : seen.shape[1]], seen


def blocks(images: np.ndarray, s: int) -> np.ndarray:
    """N×H×W×C images as blocks of s×s, (s, s, N, H/s, W/s, C)."""
    n, h, w, c = images.shape
    return images.reshape(n, h // s, s, w // s, s, c).transpose(2, 4, 0, 1, 3, 5)


def extended(images: np.ndarray, h: int, w: int) -> np.ndarray:
    """N×H×W×C images with zeros below and to the right, (N, h, w, C)."""
    n, height, width, c = images.shape
    if (height, width) == (h, w):
        return images
    whole = empty((n, h, w, c), images.dtype)
    whole[:, :height, :width] = images
    whole[:, height:] = whole[:, :, width:] = 0
    return whole


def both(a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A x Aᵀ of x (q, q, …): (p, p, …)."""
    (p, q), n = a.shape, x.size // (len(x) * len(x))
    a, rows, z = a.astype(x.dtype), empty((q, p, n), x.dtype), empty((p, p, n), x.dtype)
    np.matmul(a, x.reshape(q, q, n), out=rows)
    np.matmul(a, rows.swapaxes(0, 1), out=z.swapaxes(0, 1))
    return z.reshape(p, p, *x.shape[2:])


def times(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x @ y, on memory that was used before."""
    return np.matmul(x, y, out=empty((*x.shape[:-1], y.shape[-1]), x.dtype))


class Winograd:
    """`convolve` with 3×3 or 5×5 weights that move by 1, perhaps with 2×2 pooling."""

    dtypes: tuple[Any, ...] = (np.float32,)  # who asks for float64 asks for its precision
    channels = 16  # of images and of results, at least: with fewer, columns are as fast
    tiles = 20  # at least: with fewer, the weights' transform costs more than it saves

    @staticmethod
    def when(x: Any, weight: Any, bias: Any, *, stride, padding, dilation, groups, pool, relu) -> bool:
        """NumPy arrays of one of the dtypes; enough work of the geometry that tiles are made for."""
        return (
            suits(x, weight, bias)
            and x.dtype in Winograd.dtypes
            and weight.shape[2:] in FILTERS
            and stride == dilation == (1, 1)
            and groups == 1
            and pool in (None, QUARTERS)
            and min(weight.shape[:2]) >= Winograd.channels
            and Tiles(x.shape[2:], padding, weight.shape[2]).number * len(x) >= Winograd.tiles
        )

    @staticmethod
    def forward(x, weight, bias, *, padding, pool, relu, **k):  # noqa: D102
        (n, c, *size), o, step = x.shape, len(weight), 4 if pool is None else 2
        bt, f, at = FILTERS[weight.shape[2:]]
        tiles, x = Tiles(size, padding, weight.shape[2]), x.transpose(0, 2, 3, 1)
        h, w = (r * step // 4 for r in tiles.results)
        z = empty((n, h, w, o), x.dtype)
        u = both(f, weight.transpose(2, 3, 1, 0))

        def work(chunk):
            m = times(both(bt, tiles.cut(x[chunk])), u)
            if bias is not None:
                m[ONE] += bias
            y, chosen, positive = both(at, m).reshape(4, 4, len(z[chunk]), tiles.down, tiles.across, o), None, None
            if pool is not None:
                half, right = larger(y[:, 0::2], y[:, 1::2], empty((4, 2, *y.shape[2:]), y.dtype))
                y, lower = larger(half[0::2], half[1::2], empty((2, 2, *y.shape[2:]), y.dtype))
                chosen = right, lower
            if relu:
                positive = np.maximum(y, 0, out=y) != 0
            if (h, w) == (step * tiles.down, step * tiles.across):
                blocks(z[chunk], step)[...] = y
            else:
                whole = empty((y.shape[2], step * tiles.down, step * tiles.across, o), y.dtype)
                blocks(whole, step)[...] = y
                z[chunk] = whole[:, :h, :w]
            return chosen, positive

        saved = parallel(work, tiles.chunks(n, max(c, o)))
        return z.transpose(0, 3, 1, 2), saved

    @staticmethod
    def backward(g, saved, needs, x, weight, bias, *, padding, pool, relu, **k):  # noqa: D102
        (n, c, *size), o, step = x.shape, len(weight), 4 if pool is None else 2
        bt, f, at = FILTERS[weight.shape[2:]]
        tiles, x, g = Tiles(size, padding, weight.shape[2]), x.transpose(0, 2, 3, 1), g.transpose(0, 2, 3, 1)
        dx: Any = empty(x.shape, x.dtype).transpose(0, 3, 1, 2) if 0 in needs else None
        u = both(f, weight.transpose(2, 3, 1, 0))

        def work(job):
            chunk, (chosen, positive) = job
            dy = blocks(extended(g[chunk], step * tiles.down, step * tiles.across), step)
            if relu:
                dy = keep(dy, positive, out=empty(dy.shape, dy.dtype))
            if pool is not None:
                half, pooled = empty((4, 2, *dy.shape[2:]), g.dtype), dy
                dy = empty((4, 4, *dy.shape[2:]), g.dtype)
                split(pooled, chosen[1], half[0::2], half[1::2])
                split(half, chosen[0], dy[:, 0::2], dy[:, 1::2])
            dm = both(at.T, dy.reshape(4, 4, len(g[chunk]) * tiles.number, o))
            dw = db = None
            if 2 in needs:
                db = column_sums(dm[ONE])
            if 1 in needs:
                dw = both(f.T, times(both(bt, tiles.cut(x[chunk])).mT, dm))
            if 0 in needs:
                tiles.join(both(bt.T, times(dm, u.mT)), dx[chunk].transpose(0, 2, 3, 1))
            return dw, db

        done = parallel(work, zip(tiles.chunks(n, max(c, o)), saved, strict=True))
        dw = summed([d[0] for d in done]).transpose(3, 2, 0, 1) if 1 in needs else None
        db = summed([d[1] for d in done]) if 2 in needs else None
        return dx, dw, db


convolve.kernels.insert(0, Winograd)
