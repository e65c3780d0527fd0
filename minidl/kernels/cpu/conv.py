"""Convolution by columns, with bias, pooling and relu, one chunk of images beside the other.

Patches of the image are the rows of a matrix, the columns (im2col; see `minidl.ops.conv`), and times the weights give
what the window sees. Where channels are few, a patch holds a *block* of places of the window, several in a row: then
the weights stand in their matrix once for each of them, where that place sees them. This is more arithmetic on less
memory.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from minidl.backend.memory import empty
from minidl.backend.threads import matmul, parallel
from minidl.engine.fusion import composites
from minidl.kernels import loops
from minidl.kernels.cpu.layout import channels_first, column_sums, lines, repeated, rows, suits, summed
from minidl.kernels.cpu.pool import PLACES, flat, pooled, scatter, serves
from minidl.kernels.loops import loop
from minidl.ops.blocks import convolve
from minidl.ops.conv import conv, conv_w, conv_x, is_depthwise
from minidl.ops.window import Window

CHUNK = 1 << 19  # elements of columns that are worked on at a time
RUN = 12  # elements: a copy in shorter runs is slow
NONE = (0, 0), (0, 0)
ONE = Window((1, 1))


@loop("void(T[:, :, :, ::1], UniTuple(int64, 8), T[:, :, :, ::1])")
def put_back(columns, window, x):
    """The sum of patches, (N, down, across, PH·PW·C), where the window sees them: images x (N, H, W, C)."""
    kh, kw, sh, sw, top, left, dh, dw = window
    n, h, w, c = x.shape
    _, down, across, _ = columns.shape
    run = kw if dw == 1 else 1  # places of the window that lie side by side in memory
    x[:] = 0
    for image in range(n):
        for oy in range(down):
            for i in range(kh):
                y = oy * sh - top + i * dh
                if y < 0 or y >= h:
                    continue
                row = x[image, y].reshape(w * c)
                for ox in range(across):
                    for j in range(0, kw, run):
                        start = ox * sw - left + j * dw
                        first = min(max(0, -start), run)
                        last = max(first, min(run, w - start))
                        at = (i * kw + j) * c
                        part = columns[image, oy, ox, at + first * c : at + last * c]
                        sum = row[(start + first) * c : (start + last) * c]
                        for k in range(len(part)):
                            sum[k] += part[k]


@loop("void(T[:, ::1], T[::1], boolean)")
def bias_relu(z, bias, relu):
    """A bias for each column is added, then relu, if asked for."""
    zero = z.dtype.type(0)
    for i in range(len(z)):
        for k in range(z.shape[1]):
            y = z[i, k] + bias[k]
            z[i, k] = zero if relu and y < zero else y


@loop("void(T[:, ::1], T[:, ::1], T[:, ::1])")
def active(g, z, dy):
    """g where z, the result of relu, is not 0; also where it is NaN."""
    zero = g.dtype.type(0)
    for i in range(len(g)):
        for k in range(g.shape[1]):
            d, y = g[i, k], z[i, k]  # loaded before the condition: a quicker loop
            dy[i, k] = zero if y == zero else d


@loop("void(T[:, ::1], uint8[:, ::1], int64)")
def unchoose(z, chosen, nowhere):
    """Where z, the result of relu, is 0, no place of a window is chosen; one is where z is NaN."""
    for i in range(len(z)):
        for k in range(z.shape[1]):
            if z[i, k] == 0:
                chosen[i, k] = nowhere


class Patches(NamedTuple):
    """How images are cut: patches of a `block` of places of the `window`, of which `places` lie down and across.

    `by_channel`: a patch of one place has its elements in the order of the weights, one channel after the other.
    """

    window: Window
    block: int
    places: tuple[int, int]
    by_channel: bool = False

    @property
    def whole(self) -> Window:
        """The window that sees a patch."""
        (kh, kw), (sh, sw) = self.window.size, self.window.stride
        return self.window._replace(size=(kh, kw + (self.block - 1) * sw), stride=(sh, self.block * sw))

    def columns(self, x: np.ndarray) -> np.ndarray:
        """The patches of images x (N, H, W, C) as rows, (patches, PH·PW·C): a view where each is one element."""
        whole = self.whole
        if whole == ONE:
            return rows(np.ascontiguousarray(x))
        image = np.ascontiguousarray(x)
        if whole.padding != NONE:
            (top, bottom), (left, right) = whole.padding
            n, h, w, c = x.shape
            image = empty((n, top + h + bottom, left + w + right, c), x.dtype)
            image[...] = 0
            whole.inside(image, (h, w))[...] = x
        seen = whole.seen(np, image, self.places)
        seen = seen.transpose(0, 1, 2, 5, 3, 4) if self.by_channel else seen
        z = empty(seen.shape, x.dtype)
        z[...] = seen
        return z.reshape(math.prod(seen.shape[:3]), -1)

    def columns_back(self, dy: np.ndarray, matrix: np.ndarray, x: np.ndarray) -> None:
        """The adjoint of ``columns(x) @ matrix``, from dy into images x (N, H, W, C)."""
        image = x if x.flags.c_contiguous else empty(x.shape, x.dtype)
        if self.whole == ONE:
            matmul(dy, matrix.T, rows(image))
        else:
            parts = product(dy, np.ascontiguousarray(matrix.T))
            put_back(parts.reshape(len(x), *self.places, -1), flat(self.whole), image)
        if image is not x:
            x[...] = image

    def spread(self, weight: np.ndarray) -> np.ndarray:
        """Weights (O, C, KH, KW) as a matrix, (PH·PW·C, places in a block · O)."""
        o, c, *_ = weight.shape
        if self.by_channel:
            return np.ascontiguousarray(weight).reshape(o, -1).T
        if self.block == 1:  # BLAS reads it as it is, and 1×1 weights without a copy
            return np.ascontiguousarray(weight.transpose(0, 2, 3, 1)).reshape(o, -1).T
        z = np.zeros((*self.whole.size, c, self.block, o), weight.dtype)
        for part in self.seen_from_each_place(z):
            part[...] = weight.transpose(2, 3, 1, 0)
        return z.reshape(-1, self.block * o)

    def gather(self, matrix: np.ndarray, c: int) -> np.ndarray:
        """The adjoint of `spread`, for weights of c channels."""
        z = matrix.reshape(*self.whole.size, c, self.block, -1)
        weight: Any = sum(self.seen_from_each_place(z))
        return weight.transpose(3, 2, 0, 1)

    def seen_from_each_place(self, matrix: np.ndarray) -> Iterator[np.ndarray]:
        """For each place in a block, what it sees of (PH, PW, C, places, O): views (KH, KW, C, O)."""
        kw, sw = self.window.size[1], self.window.stride[1]
        for j in range(self.block):
            yield matrix[:, j * sw : j * sw + kw, :, j]


def patches(x: np.ndarray, weight: np.ndarray, window: Window) -> Patches:
    """The cut that is fastest."""
    (oh, ow), kw, sw, block = window.positions(*x.shape[2:]), window.size[1], window.stride[1], 1
    while block < 4 and kw > 1 == window.dilation[1] and (kw + (block - 1) * sw) * weight.shape[1] < RUN:
        block *= 2
    block = math.gcd(block, ow)
    return Patches(window, block, (oh, ow // block))


def parts(n: int, groups: int, each: int) -> list[tuple[slice, int]]:
    """What is worked on at a time: slices of n images, of `each` elements of columns, in each group."""
    pieces = 2 * -(-n * each // (2 * CHUNK)) if 8 * n * each > CHUNK else 1
    step = -(-n // pieces) or 1
    return list(itertools.product((slice(i, min(i + step, n)) for i in range(0, n, step)), range(groups)))


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a @ b, on memory used before."""
    return matmul(a, b, empty((len(a), b.shape[1]), a.dtype))


class Geometry:
    """How a convolution is done: the cut, sizes before and after pooling, the weights of each group as a matrix."""

    def __init__(self, x, weight, stride, padding, dilation, groups, pool, forward=False) -> None:
        window = Window(weight.shape[2:], stride, padding, dilation)
        self.cut = patches(x, weight, window)
        self.o, self.c = len(weight) // groups, weight.shape[1]
        self.places = window.positions(*x.shape[2:])
        if forward and self.cut.block == 1 and len(x) * math.prod(self.places) < self.o:
            self.cut = self.cut._replace(by_channel=True)  # columns, fewer than weights, are put in the others' order
        self.size = self.places if pool is None else pool.positions(*self.places)
        self.matrices = [self.cut.spread(weight[self.of(group)[1]]) for group in range(groups)]
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
        served = suits(x, weight, bias) and (loops.serve() if pool is None else serves(pool))
        return served and not is_depthwise(groups, x.shape[1], len(weight))

    @staticmethod
    def forward(x, weight, bias, *, stride, padding, dilation, groups, pool, relu):  # noqa: D102
        how = Geometry(x, weight, stride, padding, dilation, groups, pool, forward=True)
        image, z = x.transpose(0, 2, 3, 1), empty((len(x), *how.size, len(weight)), x.dtype)
        added = np.zeros(len(weight), x.dtype) if bias is None else bias

        def work(part):
            images, group = part
            inputs, outputs = how.of(group)
            columns, matrix = how.cut.columns(image[images, ..., inputs]), how.matrices[group]
            y = z[images] if groups == 1 else empty((*z[images].shape[:3], how.o), x.dtype)
            chosen: Any = None
            if pool is None:
                matmul(columns, matrix, y.reshape(len(columns), -1))
            else:
                y[...], chosen = pooled(product(columns, matrix).reshape(-1, *how.places, how.o), pool)
            if relu or bias is not None:
                bias_relu(lines(y), repeated(added[outputs], y), relu)
            if relu and pool is not None:
                unchoose(rows(y), rows(chosen), PLACES)
            if groups > 1:
                z[images, ..., outputs] = y
            return chosen

        chosen = parallel(work, how.parts)
        return channels_first(z), (z if relu and pool is None else None, chosen)

    @staticmethod
    def backward(g, saved, needs, x, weight, bias, *, stride, padding, dilation, groups, pool, relu):  # noqa: D102
        how = Geometry(x, weight, stride, padding, dilation, groups, pool)
        image, g, z = x.transpose(0, 2, 3, 1), g.transpose(0, 2, 3, 1), saved[0]
        dx: Any = empty(image.shape, x.dtype) if 0 in needs else None
        parts = zip(how.parts, saved[1] or [None] * len(how.parts), strict=True)

        def work(part):
            (images, group), chosen = part
            inputs, outputs = how.of(group)
            dy, matrix = np.require(g[images, ..., outputs], None, ["C", "W"]), how.matrices[group]
            if pool is not None:
                dz, dy = dy, empty((len(dy), *how.places, how.o), dy.dtype)
                scatter(dz, chosen, flat(pool), dy)
            elif relu:
                dz, dy = dy, empty(dy.shape, dy.dtype)
                active(rows(dz), rows(np.ascontiguousarray(z[images, ..., outputs])), rows(dy))
            db = column_sums(rows(dy)) if 2 in needs else None
            dy = dy.reshape(-1, matrix.shape[1])
            dw: Any = None
            if 1 in needs:
                dw = how.cut.gather(matmul(how.cut.columns(image[images, ..., inputs]).T, dy), how.c)
            if dx is not None:
                how.cut.columns_back(dy, matrix, dx[images, ..., inputs])
            return dw, db

        dw, db = zip(*parallel(work, parts), strict=True)

        def total(found):  # of each group, those of its images
            return np.concatenate([summed(found[group::groups]) for group in range(groups)])

        return (
            None if dx is None else channels_first(dx),
            total(dw) if 1 in needs else None,
            total(db) if 2 in needs else None,
        )


convolve.kernels.append(Columns)


# --- the three ops of `minidl.ops.conv` on large arrays: `convolve` without a bias, and its two gradients -------------

WHOLE = dict(pool=None, relu=False)
UNSAVED = None, None


def plain(x: np.ndarray, w: np.ndarray, geometry: dict[str, Any]) -> Any:
    """The kernel that serves images and weights alone, or None."""
    return composites["convolve"].serving([x, w, None], geometry | WHOLE)


def large_conv(xp, x, w, **geometry):
    """`conv`."""
    kernel = plain(x, w, geometry)
    return kernel.forward(x, w, None, **geometry, **WHOLE)[0] if kernel else conv.op.forward(xp, x, w, **geometry)


def large_conv_x(xp, g, w, *, size, **geometry):
    """`conv_x`; of the images nothing is known but their size."""
    x = channels_first(empty((len(g), *size, w.shape[1] * geometry["groups"]), g.dtype))
    kernel = plain(x, w, geometry)
    if not kernel:
        return conv_x.op.forward(xp, g, w, size=size, **geometry)
    return kernel.backward(g, UNSAVED, {0}, x, w, None, **geometry, **WHOLE)[0]


def large_conv_w(xp, x, g, *, size, **geometry):
    """`conv_w`; of the weights nothing is known but their size."""
    w = np.zeros((g.shape[1], x.shape[1] // geometry["groups"], *size), x.dtype)
    kernel = plain(x, w, geometry)
    if not kernel or g.dtype != x.dtype:
        return conv_w.op.forward(xp, x, g, size=size, **geometry)
    return kernel.backward(g, UNSAVED, {1}, x, w, None, **geometry, **WHOLE)[1]


conv.op.large, conv_x.op.large, conv_w.op.large = large_conv, large_conv_x, large_conv_w
