"""Convolution by columns, with bias, pooling and relu, one chunk of images beside the other.

Patches of the image are the rows of a matrix, the columns (im2col; see `minidl.ops.conv`), and times the weights give
what the window sees. A patch may hold a *block* of places of the window: then the weights stand in their matrix once
for each of them, where that place sees them. This is more arithmetic on less memory: for 2×2 places at 2×2 pooling,
which is then the maximum of four columns, and for a few places in a row where channels are few.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minidl.backend.memory import empty
from minidl.backend.threads import parallel
from minidl.kernels.cpu.layout import channels_first, column_sums, lines, repeated, rows, suits, summed
from minidl.kernels.cpu.pool import flat, pooled, scatter, serves
from minidl.ops.blocks import convolve
from minidl.ops.conv import is_depthwise
from minidl.ops.window import Window

CHUNK = 1 << 19  # elements of columns that are worked on at a time
PLACES = 1 << 12  # of the window, at least, for which weights are set in a matrix for each place of a block
RUN = 12  # elements: a copy in shorter runs is slow
NONE = (0, 0), (0, 0)
ONE, QUARTERS = Window((1, 1)), Window((2, 2), (2, 2))


class Patches(NamedTuple):
    """How images are cut: patches of a `block` of places of the `window`, of which `places` lie down and across."""

    window: Window
    block: tuple[int, int]
    places: tuple[int, int]

    @property
    def whole(self) -> Window:
        """The window that sees a patch."""
        (kh, kw), (sh, sw), (bh, bw) = self.window.size, self.window.stride, self.block
        return self.window._replace(size=(kh + (bh - 1) * sh, kw + (bw - 1) * sw), stride=(bh * sh, bw * sw))

    def canvas(self, x: np.ndarray) -> np.ndarray:
        """Zeros in the size of images x (N, H, W, C) and their padding."""
        (top, bottom), (left, right) = self.window.padding
        n, h, w, c = x.shape
        z = empty((n, top + h + bottom, left + w + right, c), x.dtype)
        z[...] = 0
        return z

    def columns(self, x: np.ndarray) -> np.ndarray:
        """The patches of images x (N, H, W, C) as rows, (patches, PH·PW·C): a view where each is one element."""
        whole = self.whole
        if whole == ONE:
            return rows(np.ascontiguousarray(x))
        if whole.padding == NONE:
            image = np.ascontiguousarray(x)
        else:
            image = self.canvas(x)
            whole.inside(image, x.shape[1:3])[...] = x
        seen = whole.seen(np, image, self.places)
        z = empty(seen.shape, x.dtype)
        z[...] = seen
        return z.reshape(math.prod(seen.shape[:3]), -1)

    def put_back(self, dy: np.ndarray, matrix: np.ndarray, x: np.ndarray) -> None:
        """The adjoint of ``columns(x) @ matrix``, from dy into images x (N, H, W, C).

        Patches that do not overlap are added at once.
        """
        whole = self.whole
        if whole == ONE and x.flags.c_contiguous:
            np.matmul(dy, matrix.T, out=rows(x))
            return
        image = x if whole.padding == NONE else self.canvas(x)
        image[...] = 0
        (sh, sw), (dh, dw), (oh, ow) = whole.stride, whole.dilation, self.places
        seen = sliding_window_view(image, whole.extent(), (1, 2), writeable=True)[:, ::sh, ::sw, :, ::dh, ::dw]
        seen = seen[:, :oh, :ow].transpose(0, 1, 2, 4, 5, 3)
        parts = product(dy, matrix.T).reshape(seen.shape)
        down, across = (-(-e // s) for e, s in zip(whole.extent(), whole.stride, strict=True))
        for i, j in np.ndindex(down, across):
            seen[:, i::down, j::across] += parts[:, i::down, j::across]
        if image is not x:
            x[...] = whole.inside(image, x.shape[1:3])

    def spread(self, weight: np.ndarray) -> np.ndarray:
        """Weights (O, C, KH, KW) as a matrix, (PH·PW·C, places in a block · O)."""
        o, c, *_ = weight.shape
        z = np.zeros((*self.whole.size, c, *self.block, o), weight.dtype)
        for part in self.seen_from_each_place(z):
            part[...] = weight.transpose(2, 3, 1, 0)
        return z.reshape(-1, math.prod(self.block) * o)

    def gather(self, matrix: np.ndarray, c: int) -> np.ndarray:
        """The adjoint of `spread`, for weights of c channels."""
        z = matrix.reshape(*self.whole.size, c, *self.block, -1)
        weight: Any = sum(self.seen_from_each_place(z))
        return weight.transpose(3, 2, 0, 1)

    def seen_from_each_place(self, matrix: np.ndarray) -> Iterator[np.ndarray]:
        """For each place in a block, what it sees of (PH, PW, C, BH, BW, O): views (KH, KW, C, O)."""
        (kh, kw), (sh, sw) = self.window.size, self.window.stride
        for i, j in np.ndindex(self.block):
            yield matrix[i * sh : i * sh + kh, j * sw : j * sw + kw, :, i, j]


def patches(x: np.ndarray, weight: np.ndarray, window: Window, pool: Window | None) -> Patches:
    """The cut that is fastest."""
    (oh, ow), (kh, kw), (sh, sw) = window.positions(*x.shape[2:]), window.size, window.stride
    many = len(x) * oh * ow >= PLACES
    if many and pool == QUARTERS and window.dilation == (1, 1) and (kh + sh) * (kw + sw) <= 2 * kh * kw:
        return Patches(window, (2, 2), (oh // 2, ow // 2))
    across = 1
    while across < 4 and kw > 1 == window.dilation[1] and (kw + (across - 1) * sw) * weight.shape[1] < RUN:
        across *= 2
    across = math.gcd(across, ow)
    return Patches(window, (1, across), (oh, ow // across))


def parts(n: int, groups: int, each: int) -> list[tuple[slice, int]]:
    """What is worked on at a time: slices of n images, of `each` elements of columns, in each group."""
    pieces = 2 * -(-n * each // (2 * CHUNK)) if 8 * n * each > CHUNK else 1
    step = -(-n // pieces) or 1
    return list(itertools.product((slice(i, min(i + step, n)) for i in range(0, n, step)), range(groups)))


def keep(g: np.ndarray, mask: np.ndarray, out: np.ndarray) -> np.ndarray:
    """g where mask, else 0, also where g is infinite."""
    bits = f"i{g.itemsize}"
    np.bitwise_and(g.view(bits), -mask.view(np.int8), out=out.view(bits))
    return out


def larger(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The larger of each two, into `out`, and where it is b: NaN is, and of equals the first."""
    chosen = (b > a) | (b != b)
    return np.maximum(a, b, out=out), chosen


def split(g: np.ndarray, chosen: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """The adjoint of `larger`: b becomes g where it was chosen, a elsewhere, and 0 the other."""
    bits = f"i{g.itemsize}"
    keep(g, chosen, out=b)
    np.bitwise_xor(g.view(bits), b.view(bits), out=a.view(bits))


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b, on memory used before."""
    return np.matmul(a, b, out=empty((*b.shape[:-2], len(a), b.shape[-1]), a.dtype))


def block_maxima(columns: np.ndarray, matrix: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest of each 2×2 places into z (…, O), and which it was: to the right in its row, and in the row below."""
    o = z.shape[-1]
    y = product(columns, matrix.reshape(-1, 4, o).transpose(1, 0, 2)).reshape(2, 2, -1, o)
    rows, right = larger(y[:, 0], y[:, 1], out=empty(y[0].shape, z.dtype))
    _, below = larger(rows[0], rows[1], out=z.reshape(-1, o))
    return right, below


def blocks_back(g: np.ndarray, right: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The adjoint of the maxima: g (…, O) at the place in each block that was chosen, (blocks, 2, 2, O)."""
    g = g.reshape(below.shape)
    rows, places = empty(right.shape, g.dtype), empty((2, *right.shape), g.dtype)
    split(g, below, rows[0], rows[1])
    split(rows, right, places[:, 0], places[:, 1])
    dy = empty((len(g), 2, 2, *g.shape[1:]), g.dtype)
    dy[...] = places.transpose(2, 0, 1, 3)  # several times faster than to split with strides
    return dy


class Geometry:
    """How a convolution is done: the cut, sizes before and after pooling, the weights of each group as a matrix."""

    def __init__(self, x, weight, stride, padding, dilation, groups, pool) -> None:
        window = Window(weight.shape[2:], stride, padding, dilation)
        self.cut = patches(x, weight, window, pool)
        self.o, self.c = len(weight) // groups, weight.shape[1]
        self.places = window.positions(*x.shape[2:])
        self.size = self.places if pool is None else pool.positions(*self.places)
        self.matrices = [self.cut.spread(part) for part in np.split(weight, groups)]
        self.parts = parts(len(x), groups, math.prod((*self.cut.places, *self.cut.whole.size, self.c)))

    def of(self, group):
        """The input and the output channels of a group."""
        return slice(group * self.c, (group + 1) * self.c), slice(group * self.o, (group + 1) * self.o)


class Columns:
    """`convolve` as products of columns and weights.

    An infinite element makes NaN also of places beside those that see it, in the same block: the weights there are 0.
    """

    @staticmethod
    def when(x: Any, weight: Any, bias: Any, *, groups: int, pool: Any, **options: Any) -> bool:
        """NumPy arrays of one dtype, float32 or float64, not empty; not depthwise; a pooling that is served."""
        served = suits(x, weight, bias) and (pool is None or serves(pool))
        return served and not is_depthwise(groups, x.shape[1], len(weight))

    @staticmethod
    def forward(x, weight, bias, *, stride, padding, dilation, groups, pool, relu):  # noqa: D102
        how = Geometry(x, weight, stride, padding, dilation, groups, pool)
        image, z = x.transpose(0, 2, 3, 1), empty((len(x), *how.size, len(weight)), x.dtype)

        def work(part):
            images, group = part
            inputs, outputs = how.of(group)
            columns, matrix = how.cut.columns(image[images, ..., inputs]), how.matrices[group]
            y = z[images] if groups == 1 else empty((*z[images].shape[:3], how.o), x.dtype)
            chosen: Any = None
            positive = None
            if pool is None:
                np.matmul(columns, matrix, out=y.reshape(len(columns), -1))
            elif how.cut.block == (2, 2):
                chosen = block_maxima(columns, matrix, y)
            else:
                y[...], chosen = pooled(product(columns, matrix).reshape(-1, *how.places, how.o), pool)
            if bias is not None:
                line = lines(y)
                line += repeated(bias[outputs], y)
            if relu:
                positive = np.maximum(y, 0, out=y) != 0
            if groups > 1:
                z[images, ..., outputs] = y
            return chosen, positive

        return channels_first(z), parallel(work, how.parts)

    @staticmethod
    def backward(g, saved, needs, x, weight, bias, *, stride, padding, dilation, groups, pool, relu):  # noqa: D102
        how = Geometry(x, weight, stride, padding, dilation, groups, pool)
        image, g = x.transpose(0, 2, 3, 1), g.transpose(0, 2, 3, 1)
        dx: Any = empty(image.shape, x.dtype) if 0 in needs else None

        def work(part):
            (images, group), (chosen, positive) = part
            inputs, outputs = how.of(group)
            dy, matrix = np.ascontiguousarray(g[images, ..., outputs]), how.matrices[group]
            if relu:
                dy = keep(dy, positive, out=empty(dy.shape, dy.dtype))
            db = column_sums(rows(dy)) if 2 in needs else None
            if how.cut.block == (2, 2):
                dy = blocks_back(dy, *chosen)
            elif pool is not None:
                dz, dy = dy, empty((len(dy), *how.places, how.o), dy.dtype)
                scatter(dz, dz, False, chosen, flat(pool), dy)
            dy = dy.reshape(-1, matrix.shape[1])
            dw = how.cut.gather(how.cut.columns(image[images, ..., inputs]).T @ dy, how.c) if 1 in needs else None
            if dx is not None:
                how.cut.put_back(dy, matrix, dx[images, ..., inputs])
            return dw, db

        done = parallel(work, list(zip(how.parts, saved, strict=True)))

        def total(i):
            parts = [gradients[i] for gradients in done]
            return (
                None if parts[0] is None else np.concatenate([summed(parts[group::groups]) for group in range(groups)])
            )

        return None if dx is None else channels_first(dx), total(0), total(1)


convolve.kernels.append(Columns)
