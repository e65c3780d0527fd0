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

from minidl.memory import empty
from minidl.ops.blocks import convolve, max_pool
from minidl.ops.conv import is_depthwise
from minidl.ops.pool import window_put
from minidl.ops.window import Window
from minidl.threads import parallel

CHUNK = 1 << 18  # elements of columns that are worked on at a time
FEW = 32  # elements of a row of the window: a copy in shorter runs is slow
QUARTERS = Window((2, 2), (2, 2))


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

    def columns(self, x: np.ndarray) -> np.ndarray:
        """The patches of images x (N, C, H, W) as rows, (patches, PH·PW·C): a view where each is one element."""
        image = self.whole.padded(np, x)
        image = image if image.strides[3] == image.itemsize else np.ascontiguousarray(image)
        seen = self.whole.seen(np, image, self.places)
        if self.whole == Window((1, 1)):
            return seen.reshape(-1, image.shape[3])
        z = empty(seen.shape, x.dtype)
        np.copyto(z, seen)
        return z.reshape(math.prod(seen.shape[:3]), -1)

    def put_back(self, rows: np.ndarray, x: np.ndarray) -> None:
        """The adjoint of `columns`: images x (N, C, H, W) become the sum of the patches, each where it was seen.

        Patches that do not overlap are added at once.
        """
        window, x = self.whole, x.transpose(0, 2, 3, 1)
        (n, h, w, c), places = x.shape, self.places
        image = window.canvas(np, n, (h, w), c, x.dtype)
        seen, parts = window.seen(np, image, places), rows.reshape(n, *places, *window.size, c)
        apart = [-(-e // s) for e, s in zip(window.extent(), window.stride, strict=True)]
        for i, j in np.ndindex(*apart):
            seen[:, i :: apart[0], j :: apart[1]] += parts[:, i :: apart[0], j :: apart[1]]
        x[...] = window.inside(image, (h, w))

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
        return sum(self.seen_from_each_place(z)).transpose(3, 2, 0, 1)

    def seen_from_each_place(self, matrix: np.ndarray) -> Iterator[np.ndarray]:
        """For each place in a block, what it sees of (PH, PW, C, BH, BW, O): views (KH, KW, C, O)."""
        (kh, kw), (sh, sw) = self.window.size, self.window.stride
        for i, j in np.ndindex(self.block):
            yield matrix[i * sh : i * sh + kh, j * sw : j * sw + kw, :, i, j]


def patches(x: np.ndarray, weight: np.ndarray, window: Window, pool: Window | None) -> Patches:
    """The cut that is fastest."""
    (oh, ow), (kh, kw), (sh, sw) = window.positions(*x.shape[2:]), window.size, window.stride
    if pool == QUARTERS and window.dilation == (1, 1) and (kh + sh) * (kw + sw) <= 2 * kh * kw:
        return Patches(window, (2, 2), (oh // 2, ow // 2))
    across = 1
    if window.dilation == (1, 1) and kw > 1 and kw * weight.shape[1] < FEW:
        across = next(b for b in (4, 2, 1) if ow % b == 0)
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
    """The adjoint of `larger`: a and b become g where each was chosen, and 0 elsewhere."""
    bits = f"i{g.itemsize}"
    keep(g, chosen, out=b)
    np.bitwise_xor(g.view(bits), b.view(bits), out=a.view(bits))


class Columns:
    """`convolve` as products of columns and weights.

    An infinite element makes NaN also of places beside those that see it, in the same block: the weights there are 0.
    """

    @staticmethod
    def when(x: Any, weight: Any, bias: Any, *, groups: int, pool: Any, **geometry: Any) -> bool:
        """NumPy arrays of float32 or float64, not depthwise, not empty."""
        return (
            type(x) is np.ndarray
            and type(weight) is np.ndarray
            and x.dtype in (np.float32, np.float64)
            and x.dtype == weight.dtype
            and x.size > 0
            and not is_depthwise(groups, x.shape[1], weight.shape[0])
        )

    @staticmethod
    def forward(x, weight, bias, *, stride, padding, dilation, groups, pool, relu):  # noqa: D102
        window = Window(weight.shape[2:], stride, padding, dilation)
        cut = patches(x, weight, window, pool)
        n, o, c = x.shape[0], weight.shape[0] // groups, weight.shape[1]
        places = window.positions(*x.shape[2:])
        size = places if pool is None else pool.positions(*places)
        z = empty((n, *size, groups * o), x.dtype)
        matrices = [cut.spread(w) for w in weight.reshape(groups, o, *weight.shape[1:])]
        lines = None if bias is None else np.tile(bias.reshape(groups, 1, o), (1, size[1], 1)).reshape(groups, -1)

        def work(part):
            images, group = part
            columns = cut.columns(x[images, group * c : (group + 1) * c])
            m, chosen = images.stop - images.start, None
            result = z[images] if groups == 1 else empty((m, *size, o), x.dtype)
            if pool is None:
                np.matmul(columns, matrices[group], out=result.reshape(len(columns), -1))
            else:
                y = np.matmul(columns, matrices[group], out=empty((len(columns), matrices[group].shape[1]), x.dtype))
                if cut.block == (2, 2):
                    y = y.reshape(-1, 2, 2, o)
                    best, right = larger(y[:, :, 0], y[:, :, 1], empty((len(y), 2, o), x.dtype))
                    _, lower = larger(best[:, 0], best[:, 1], result.reshape(-1, o))
                    chosen = right, lower
                else:
                    best, chosen = max_pool(y.reshape(m, *places, o).transpose(0, 3, 1, 2), window=pool)
                    result[...] = best.transpose(0, 2, 3, 1)
            if bias is not None:
                rows = result.reshape(m * size[0], -1)
                rows += lines[group]
            positive = np.maximum(result, 0, out=result) != 0 if relu else None
            if groups > 1:
                z[images, ..., group * o : (group + 1) * o] = result
            return chosen, positive

        saved = parallel(work, parts(n, groups, math.prod((*cut.places, *cut.whole.size, c))))
        return z.transpose(0, 3, 1, 2), saved

    @staticmethod
    def backward(g, saved, needs, x, weight, bias, *, stride, padding, dilation, groups, pool, relu):  # noqa: D102
        window = Window(weight.shape[2:], stride, padding, dilation)
        cut = patches(x, weight, window, pool)
        n, o, c = x.shape[0], weight.shape[0] // groups, weight.shape[1]
        places = window.positions(*x.shape[2:])
        g = g.transpose(0, 2, 3, 1)
        dx = empty((n, *x.shape[2:], x.shape[1]), x.dtype).transpose(0, 3, 1, 2) if 0 in needs else None
        matrices = [cut.spread(w).T for w in weight.reshape(groups, o, *weight.shape[1:])]

        def work(job):
            (images, group), (chosen, positive) = job
            m, dw, db = images.stop - images.start, None, None
            inputs = slice(group * c, (group + 1) * c)
            dz = np.ascontiguousarray(g[images, ..., group * o : (group + 1) * o])
            if relu:
                dz = keep(dz, positive, empty(dz.shape, dz.dtype))
            rows = dz.reshape(-1, o)
            if 2 in needs:
                db = np.ones(len(rows), g.dtype) @ rows
            if cut.block == (2, 2):
                half, dy = empty((len(rows), 2, o), g.dtype), empty((len(rows), 2, 2, o), g.dtype)
                split(rows, chosen[1], half[:, 0], half[:, 1])
                split(half, chosen[0], dy[:, :, 0], dy[:, :, 1])
            elif pool is not None:
                dy = window_put(dz.transpose(0, 3, 1, 2), chosen, window=pool, size=places).transpose(0, 2, 3, 1)
            else:
                dy = dz
            dy = dy.reshape(m * math.prod(cut.places), -1)
            if 1 in needs:
                dw = cut.gather(cut.columns(x[images, inputs]).T @ dy, c)
            if 0 in needs:
                cut.put_back(
                    np.matmul(dy, matrices[group], out=empty((len(dy), matrices[group].shape[1]), g.dtype)),
                    dx[images, inputs],
                )
            return dw, db

        jobs = list(zip(parts(n, groups, math.prod((*cut.places, *cut.whole.size, c))), saved, strict=True))
        done = parallel(work, jobs)
        dw = np.concatenate([sum(d[0] for d in done[i::groups]) for i in range(groups)]) if 1 in needs else None
        db = np.concatenate([sum(d[1] for d in done[i::groups]) for i in range(groups)]) if 2 in needs else None
        return dx, dw, db


convolve.kernels.append(Columns)
