"""3×3 and 5×5 convolution by minimal filtering, F(4×4, r×r): a quarter and a sixth of the multiplications.

Winograd (1980); Lavin & Gray (2016), "Fast algorithms for convolutional neural networks", section 4. Images are cut
into tiles of r + 3 that overlap by r − 1; a tile d and the weights g give 4×4 results Y = Aᵀ M A from M = U ⊙ V,
U = G g Gᵀ, V = Bᵀ d B. With many channels, the products of M are products of matrices. Backward is the adjoint, step by
step.

In float32 the relative error (RMS) is about 1e-6 to 3e-6, where that of columns is 3e-7. Results of a tile that sees
NaN or infinity may be NaN, a few more than those whose window sees it, and rounding is relative to the largest element
of a tile, where that of columns is relative to the largest in a window.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.memory import empty
from minidl.backend.threads import matmul, parallel
from minidl.kernels import loops
from minidl.kernels.cpu.conv import unchoose
from minidl.kernels.cpu.layout import channels_first, channels_last, rows, suits, summed
from minidl.kernels.cpu.pool import PLACES, flat, maxima, scatter, serves
from minidl.kernels.loops import loop
from minidl.ops.blocks import convolve

POINTS = np.array([0, 1, -1, 2, -2, 1 / 2, -1 / 2])  # and infinity
CHUNK = 1 << 17  # elements of V that are worked on at a time: they stay in cache
MANY = 96  # tiles that are worked on at a time, at least: with fewer, products wait for U


def transforms(r: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrices Bᵀ, G and Aᵀ of F(4, r).

    They multiply polynomials by way of their values at r + 3 points (Toom & Cook), turned round.
    """
    points = POINTS[: r + 2]
    others = [np.delete(points, i) for i in range(len(points))]
    bt = [[*np.poly(other)[::-1], 0] for other in others] + [np.poly(points)[::-1]]  # 0 at all points but one
    height = np.array([(point - other).prod() for point, other in zip(points, others, strict=True)] + [1])

    def powers(k: int) -> np.ndarray:
        return np.vstack([np.vander(points, k, increasing=True), np.eye(k)[-1]])

    return np.array(bt), powers(r) / height[:, None], powers(4).T


@loop("void(T[:, ::1], T[:, ::1])")
def data(a, z):
    """z = Bᵀ a."""
    T = a.dtype.type
    half, quarter, two, four, five = T(0.5), T(0.25), T(2), T(4), T(5)
    s, t, u, v = T(1.25), T(2.5), T(4.25), T(5.25)
    if len(a) == 6:
        for k in range(a.shape[1]):
            a0, a1, a2, a3, a4, a5 = a[0, k], a[1, k], a[2, k], a[3, k], a[4, k], a[5, k]
            even1, odd1 = a4 - four * a2, a3 - four * a1
            even2, odd2 = a4 - a2, two * (a3 - a1)
            z[0, k] = four * a0 - five * a2 + a4
            z[1, k] = even1 + odd1
            z[2, k] = even1 - odd1
            z[3, k] = even2 + odd2
            z[4, k] = even2 - odd2
            z[5, k] = four * a1 - five * a3 + a5
    else:
        for k in range(a.shape[1]):
            a0, a1, a2, a3, a4, a5, a6, a7 = a[0, k], a[1, k], a[2, k], a[3, k], a[4, k], a[5, k], a[6, k], a[7, k]
            even1, odd1 = a2 - u * a4 + a6, a1 - u * a3 + a5
            even2, odd2 = quarter * a2 - s * a4 + a6, half * a1 - t * a3 + two * a5
            even3, odd3 = four * a2 - five * a4 + a6, two * a1 - t * a3 + half * a5
            z[0, k] = v * (a2 - a4) + a6 - a0
            z[1, k] = even1 + odd1
            z[2, k] = even1 - odd1
            z[3, k] = even2 + odd2
            z[4, k] = even2 - odd2
            z[5, k] = even3 + odd3
            z[6, k] = even3 - odd3
            z[7, k] = v * (a3 - a5) + a7 - a1


@loop("void(T[:, ::1], T[:, ::1])")
def data_back(a, z):
    """z = B a, the adjoint of `data`."""
    T = a.dtype.type
    half, quarter, two, four, five = T(0.5), T(0.25), T(2), T(4), T(5)
    s, t, u, v = T(1.25), T(2.5), T(4.25), T(5.25)
    if len(a) == 6:
        for k in range(a.shape[1]):
            a0, a5 = a[0, k], a[5, k]
            sum1, difference1 = a[1, k] + a[2, k], a[1, k] - a[2, k]
            sum2, difference2 = a[3, k] + a[4, k], a[3, k] - a[4, k]
            z[0, k] = four * a0
            z[1, k] = four * (a5 - difference1) - two * difference2
            z[2, k] = -five * a0 - four * sum1 - sum2
            z[3, k] = difference1 + two * difference2 - five * a5
            z[4, k] = a0 + sum1 + sum2
            z[5, k] = a5
    else:
        for k in range(a.shape[1]):
            a0, a7 = a[0, k], a[7, k]
            sum1, difference1 = a[1, k] + a[2, k], a[1, k] - a[2, k]
            sum2, difference2 = a[3, k] + a[4, k], a[3, k] - a[4, k]
            sum3, difference3 = a[5, k] + a[6, k], a[5, k] - a[6, k]
            z[0, k] = -a0
            z[1, k] = difference1 + half * difference2 + two * difference3 - a7
            z[2, k] = v * a0 + sum1 + quarter * sum2 + four * sum3
            z[3, k] = v * a7 - u * difference1 - t * (difference2 + difference3)
            z[4, k] = -v * a0 - u * sum1 - s * sum2 - five * sum3
            z[5, k] = difference1 + two * difference2 + half * difference3 - v * a7
            z[6, k] = a0 + sum1 + sum2 + sum3
            z[7, k] = a7


@loop("void(T[:, ::1], T[:, ::1])")
def result(a, z):
    """z = Aᵀ a."""
    T = a.dtype.type
    eighth, quarter, half, two, four, eight = T(0.125), T(0.25), T(0.5), T(2), T(4), T(8)
    if len(a) == 6:
        for k in range(a.shape[1]):
            sum1, difference1 = a[1, k] + a[2, k], a[1, k] - a[2, k]
            sum2, difference2 = a[3, k] + a[4, k], a[3, k] - a[4, k]
            z[0, k] = a[0, k] + sum1 + sum2
            z[1, k] = difference1 + two * difference2
            z[2, k] = sum1 + four * sum2
            z[3, k] = difference1 + eight * difference2 + a[5, k]
    else:
        for k in range(a.shape[1]):
            sum1, difference1 = a[1, k] + a[2, k], a[1, k] - a[2, k]
            sum2, difference2 = a[3, k] + a[4, k], a[3, k] - a[4, k]
            sum3, difference3 = a[5, k] + a[6, k], a[5, k] - a[6, k]
            z[0, k] = a[0, k] + sum1 + sum2 + sum3
            z[1, k] = difference1 + two * difference2 + half * difference3
            z[2, k] = sum1 + four * sum2 + quarter * sum3
            z[3, k] = difference1 + eight * difference2 + eighth * difference3 + a[7, k]


@loop("void(T[:, ::1], T[:, ::1])")
def result_back(a, z):
    """z = A a, the adjoint of `result`."""
    T = a.dtype.type
    eighth, quarter, half, two, four, eight = T(0.125), T(0.25), T(0.5), T(2), T(4), T(8)
    if len(z) == 6:
        for k in range(a.shape[1]):
            a0, a1, a2, a3 = a[0, k], a[1, k], a[2, k], a[3, k]
            even1, odd1, even2, odd2 = a0 + a2, a1 + a3, a0 + four * a2, two * a1 + eight * a3
            z[0, k] = a0
            z[1, k] = even1 + odd1
            z[2, k] = even1 - odd1
            z[3, k] = even2 + odd2
            z[4, k] = even2 - odd2
            z[5, k] = a3
    else:
        for k in range(a.shape[1]):
            a0, a1, a2, a3 = a[0, k], a[1, k], a[2, k], a[3, k]
            even1, odd1, even2, odd2 = a0 + a2, a1 + a3, a0 + four * a2, two * a1 + eight * a3
            even3, odd3 = a0 + quarter * a2, half * a1 + eighth * a3
            z[0, k] = a0
            z[1, k] = even1 + odd1
            z[2, k] = even1 - odd1
            z[3, k] = even2 + odd2
            z[4, k] = even2 - odd2
            z[5, k] = even3 + odd3
            z[6, k] = even3 - odd3
            z[7, k] = a3


@loop("void(T[:, :, :, ::1], int64, int64, T[:, :, :, :, ::1])")
def cut(x, top, left, v):
    """Bᵀ d B of each tile d of images x with `top` and `left` zeros before them: v (N, down, across, q, q·C)."""
    n, h, w, c = x.shape
    _, down, across, q, _ = v.shape
    width = 4 * across + q - 4
    rows, columns = np.zeros((q, width * c), x.dtype), np.empty((width, q * c), x.dtype)
    along = np.empty((q, width * c), x.dtype)
    for image in range(n):
        for ty in range(down):
            for i in range(q):
                y = 4 * ty + i - top
                inside, row = 0 <= y < h, x[image, max(0, min(y, h - 1))].reshape(w * c)
                seen = rows[i, left * c : (left + w) * c]
                for k in range(w * c):
                    seen[k] = row[k] if inside else 0
            data(rows, along)
            for i in range(q):
                for j in range(width):
                    for k in range(c):
                        columns[j, i * c + k] = along[i, j * c + k]
            for tx in range(across):
                data(columns[4 * tx : 4 * tx + q], v[image, ty, tx])


@loop("void(T[:, :, :, :, ::1], int64, int64, T[:, :, :, ::1])")
def join(v, top, left, x):
    """The adjoint of `cut`: images x become the sum of their tiles."""
    n, h, w, c = x.shape
    _, down, across, q, _ = v.shape
    width = 4 * across + q - 4
    rows, along = np.empty((q, width * c), x.dtype), np.empty((q, width * c), x.dtype)
    columns = np.empty((q, q * c), x.dtype)
    for image in range(n):
        x[image] = 0
        for ty in range(down):
            along[:] = 0
            for tx in range(across):
                data_back(v[image, ty, tx], columns)
                for i in range(q):
                    for j in range(q):
                        seen = along[i, (4 * tx + j) * c : (4 * tx + j + 1) * c]
                        for k in range(c):
                            seen[k] += columns[j, i * c + k]
            data_back(along, rows)
            for i in range(q):
                y = 4 * ty + i - top
                if 0 <= y < h:
                    row, seen = x[image, y].reshape(w * c), rows[i, left * c : (left + w) * c]
                    for k in range(w * c):
                        row[k] += seen[k]


@loop("void(T[:, :, :, :, ::1], T[::1], boolean, T[:, :, :, ::1])")
def finish(m, bias, relu, z):
    """Aᵀ M A of each tile M of m (N, down, across, q, q·O), plus a bias, then relu if asked for: z (N, H, W, O).

    M at the points 1 and 1 is added once to each result: what is added to it is, too.
    """
    n, h, w, o = z.shape
    _, down, across, q, _ = m.shape
    width, zero = 4 * across, z.dtype.type(0)
    columns, along = np.empty((4, q * o), z.dtype), np.empty((q, width * o), z.dtype)
    rows = np.empty((4, width * o), z.dtype)
    for image in range(n):
        for ty in range(down):
            for tx in range(across):
                tile = m[image, ty, tx]
                for k in range(o):
                    tile[1, o + k] += bias[k]
                result(tile, columns)
                for i in range(q):
                    for j in range(4):
                        for k in range(o):
                            along[i, (4 * tx + j) * o + k] = columns[j, i * o + k]
            result(along, rows)
            for i in range(min(4, h - 4 * ty)):
                row = z[image, 4 * ty + i].reshape(w * o)
                for k in range(w * o):
                    y = rows[i, k]
                    row[k] = zero if relu and y < zero else y


@loop("void(T[:, :, :, ::1], T[:, :, :, ::1], boolean, T[:, :, :, :, ::1], float64[::1])")
def begin(g, z, relu, m, bias):
    """The adjoint of `finish`: A g Aᵀ of each tile of g (N, H, W, O); with relu, only of g where z is not 0.

    The gradient of the bias is added to what is there.
    """
    n, h, w, o = g.shape
    _, down, across, q, _ = m.shape
    width, zero = 4 * across, g.dtype.type(0)
    rows, along = np.zeros((4, width * o), g.dtype), np.empty((q, width * o), g.dtype)
    columns = np.empty((4, q * o), g.dtype)
    for image in range(n):
        for ty in range(down):
            for i in range(4):
                inside, y = 4 * ty + i < h, min(4 * ty + i, h - 1)
                d, passed = g[image, y].reshape(w * o), z[image, y].reshape(w * o)
                for k in range(w * o):
                    rows[i, k] = d[k] if inside and (not relu or passed[k] != zero) else zero
            result_back(rows, along)
            for tx in range(across):
                for i in range(q):
                    for j in range(4):
                        for k in range(o):
                            columns[j, i * o + k] = along[i, (4 * tx + j) * o + k]
                tile = m[image, ty, tx]
                result_back(columns, tile)
                for k in range(o):
                    bias[k] += tile[1, o + k]


# G w Gᵀ of r×r weights w as a matrix (q², r²) times all of them in a row; in tiles a column follows the other
FILTERS = {(r, r): np.einsum("ik,jl->jikl", g, g).reshape(-1, r * r) for r in (3, 5) for g in [transforms(r)[1]]}


class Tiles:
    """How N×H×W×C images with zeros around them are cut: `down` and `across` so many tiles of q×q."""

    def __init__(self, x: np.ndarray, weight: np.ndarray, padding: tuple[tuple[int, int], tuple[int, int]]) -> None:
        (self.o, self.c, r, _), self.dtype = weight.shape, x.dtype
        self.before = padding[0][0], padding[1][0]
        self.results = tuple(size + sum(p) - r + 1 for size, p in zip(x.shape[2:], padding, strict=True))
        self.down, self.across = (len(range(0, n, 4)) for n in self.results)
        self.number, self.q = self.down * self.across, r + 3

    def chunks(self, n: int) -> list[slice]:
        """What is worked on at a time: slices of n images, at least two."""
        elements = self.number * self.q * self.q * max(self.c, self.o)
        step = max(1, min(max(CHUNK // elements, MANY // self.number), n // 2))
        return [slice(start, start + step) for start in range(0, n, step)]

    def room(self, n: int, channels: int) -> np.ndarray:
        """Memory for the tiles of n images in the domain of the products."""
        return empty((n, self.down, self.across, self.q, self.q * channels), self.dtype)

    def matrices(self, tiles: np.ndarray) -> np.ndarray:
        """Such tiles as q² matrices with a row for each of them: a view."""
        return tiles.reshape(len(tiles) * self.number, self.q * self.q, -1).swapaxes(0, 1)

    def filters(self, weight: np.ndarray) -> np.ndarray:
        """U, as q² matrices (O, C)."""
        weights = np.ascontiguousarray(weight).reshape(self.o * self.c, -1)  # as BLAS rounds, whatever the strides
        return matmul(FILTERS[weight.shape[2:]].astype(self.dtype), weights.T).reshape(-1, self.o, self.c)

    def filters_back(self, u: np.ndarray) -> np.ndarray:
        """The adjoint of `filters`."""
        r = self.q - 3
        weights = matmul(u.reshape(len(u), -1).T, FILTERS[r, r].astype(self.dtype))
        return weights.reshape(self.o, self.c, r, r)


class Winograd:
    """`convolve` with 3×3 or 5×5 weights that move by 1."""

    dtypes: tuple[Any, ...] = (np.float32,)  # who asks for float64 asks for its precision
    channels = 16  # of images and of results, at least: with fewer, columns are as fast
    tiles = 20  # at least: with fewer, the weights' transform costs more than it saves

    @staticmethod
    def when(x: Any, weight: Any, bias: Any, *, stride, padding, dilation, groups, pool, relu) -> bool:
        """NumPy arrays of one of the dtypes; enough work of the geometry that tiles are made for; a pooling served."""
        return (
            suits(x, weight, bias)
            and x.dtype in Winograd.dtypes
            and weight.shape[2:] in FILTERS
            and stride == dilation == (1, 1)
            and groups == 1
            and (loops.serve() if pool is None else serves(pool))
            and min(weight.shape[:2]) >= Winograd.channels
            and Tiles(x, weight, padding).number * len(x) >= Winograd.tiles
        )

    @staticmethod
    def forward(x, weight, bias, *, padding, pool, relu, **k):  # noqa: D102
        tiles, image, o = Tiles(x, weight, padding), channels_last(x), len(weight)
        u, bias = tiles.filters(weight), np.zeros(o, x.dtype) if bias is None else bias.copy()
        size = tiles.results if pool is None else pool.positions(*tiles.results)
        z = empty((len(x), *size, o), x.dtype)
        chosen: Any = None if pool is None else empty(z.shape, np.uint8)

        def work(part):
            n = len(image[part])
            v, m = tiles.room(n, tiles.c), tiles.room(n, o)
            cut(image[part], *tiles.before, v)
            matmul(tiles.matrices(v), u.mT, tiles.matrices(m))
            y = z[part] if pool is None else empty((n, *tiles.results, o), z.dtype)
            finish(m, bias, relu, y)
            if pool is not None:
                maxima(y, flat(pool), z[part], chosen[part])
                if relu:
                    unchoose(rows(z[part]), rows(chosen[part]), PLACES)

        parallel(work, tiles.chunks(len(x)))
        return channels_first(z), (z if relu and pool is None else None, chosen)

    @staticmethod
    def backward(g, saved, needs, x, weight, bias, *, padding, pool, relu, **k):  # noqa: D102
        tiles, image, g, o = Tiles(x, weight, padding), channels_last(x), channels_last(g), len(weight)
        (z, chosen), u = saved, tiles.filters(weight)
        dx: Any = empty(image.shape, x.dtype) if 0 in needs else None

        def work(part):
            n, dy = len(image[part]), g[part]
            if pool is not None:
                dz, dy = dy, empty((n, *tiles.results, o), dy.dtype)
                scatter(dz, chosen[part], flat(pool), dy)
            v, m = tiles.room(n, tiles.c), tiles.room(n, o)
            du, db = None, np.zeros(o)
            begin(dy, dy if z is None else z[part], z is not None, m, db)
            if 1 in needs:
                cut(image[part], *tiles.before, v)
                du = matmul(tiles.matrices(m).mT, tiles.matrices(v), empty(u.shape, u.dtype))
            if dx is not None:
                matmul(tiles.matrices(m), u, tiles.matrices(v))
                join(v, *tiles.before, dx[part])
            return du, db

        du, db = zip(*parallel(work, tiles.chunks(len(x))), strict=True)
        return (
            None if dx is None else channels_first(dx),
            tiles.filters_back(summed(du)) if 1 in needs else None,
            summed(db).astype(x.dtype) if 2 in needs else None,
        )


convolve.kernels.insert(0, Winograd)
