"""Layer and group normalisation: of rows that lie in memory one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.memory import empty
from minidl.backend.threads import parallel
from minidl.kernels import loops
from minidl.kernels.cpu.layout import chunks, suits
from minidl.kernels.loops import loop
from minidl.ops.blocks import normalize_rows


@loop("void(T[:, :, ::1], T[:, ::1], T[:, ::1], float64, T[:, :, ::1], float64[:, :, ::1])")
def normalized(x, weight, bias, eps, z, found):
    """The rows of x (N, G, K), each with its mean taken off and divided by √(variance + eps), times weight, plus bias.

    `found` takes the mean of each row and the factor. The mean is a sum of differences, so that a constant has none.
    """
    n, groups, k = x.shape
    for i in range(n):
        for j in range(groups):
            first, mean, squares = x[i, j, 0], np.float64(0), np.float64(0)
            for at in range(k):
                mean += x[i, j, at] - first
            mean = first + mean / k
            for at in range(k):
                squares += (x[i, j, at] - mean) * (x[i, j, at] - mean)
            inverse = 1 / np.sqrt(squares / k + eps)
            for at in range(k):
                z[i, j, at] = (x[i, j, at] - mean) * inverse * weight[j, at] + bias[j, at]
            found[i, j, 0] = mean
            found[i, j, 1] = inverse


@loop("void(T[:, :, ::1], T[:, :, ::1], T[:, ::1], float64[:, :, ::1], T[:, :, ::1])")
def slope(g, x, weight, found, dx):
    """inverse · (d − mean(d) − x̂ · mean(d · x̂)) of each row, with d = g · weight and x̂ = (x − mean) · inverse."""
    n, groups, k = x.shape
    for i in range(n):
        for j in range(groups):
            mean, inverse, plain, product = found[i, j, 0], found[i, j, 1], np.float64(0), np.float64(0)
            for at in range(k):
                d = g[i, j, at] * weight[j, at]
                plain += d
                product += d * (x[i, j, at] - mean)
            plain, product = plain / k, product / k * inverse * inverse
            for at in range(k):
                d = g[i, j, at] * weight[j, at]
                dx[i, j, at] = inverse * (d - plain - (x[i, j, at] - mean) * product)


@loop("void(T[:, :, ::1], T[:, :, ::1], float64[:, :, ::1], float64[:, ::1], float64[:, ::1])")
def totals(g, x, found, product, plain):
    """Σ g · x̂ and Σ g over N, for each element of weight and bias."""
    n, groups, k = x.shape
    product[:] = 0
    plain[:] = 0
    for i in range(n):
        for j in range(groups):
            mean, inverse = found[i, j, 0], found[i, j, 1]
            for at in range(k):
                product[j, at] += g[i, j, at] * ((x[i, j, at] - mean) * inverse)
                plain[j, at] += g[i, j, at]


class NormalizeRows:
    """`normalize_rows`, row by row while it is in cache."""

    @staticmethod
    def when(x: Any, weight: Any, bias: Any, *, eps: float) -> bool:
        """NumPy arrays of one dtype, float32 or float64, not empty."""
        return suits(x, weight, bias) and loops.serve()

    @staticmethod
    def forward(x, weight, bias, *, eps):  # noqa: D102
        rows, w, b = in_rows(x, weight, bias)
        z, found = empty(rows.shape, x.dtype), np.empty((*rows.shape[:2], 2))
        eps = float(eps)  # for another kind of number the loop would be compiled anew
        parallel(lambda part: normalized(rows[part], w, b, eps, z[part], found[part]), chunks(rows))
        return z.reshape(x.shape), found

    @staticmethod
    def backward(g, found, needs, x, weight, bias, *, eps):  # noqa: D102
        rows, w, _ = in_rows(x, weight, bias)
        g = in_order(g).reshape(rows.shape)
        dx = empty(rows.shape, x.dtype)

        def work(part):
            if 0 in needs:
                slope(g[part], rows[part], w, found[part], dx[part])
            both = np.zeros((2, *w.shape))
            if needs != {0}:
                totals(g[part], rows[part], found[part], *both)
            return both

        dw, db = sum(parallel(work, chunks(rows)))
        pairs = enumerate(zip((dx, dw, db), (x, weight, bias), strict=True))
        return [d.reshape(a.shape) if i in needs else None for i, (d, a) in pairs]


def in_rows(x, weight, bias):
    """x as (N, G, K), and weight and bias as (G, K): ones and zeros, where there are none."""
    k = x.shape[-1]
    groups = max(1 if v is None else v.size // k for v in (weight, bias))
    w = np.ones((groups, k), x.dtype) if weight is None else in_order(weight).reshape(groups, k)
    b = np.zeros((groups, k), x.dtype) if bias is None else in_order(bias).reshape(groups, k)
    return in_order(x).reshape(-1, groups, k), w, b


def in_order(array):
    """An array in C order, that is not for reading only: as loops are compiled for."""
    return np.require(array, None, ["C", "W"])


normalize_rows.kernels.append(NormalizeRows)
