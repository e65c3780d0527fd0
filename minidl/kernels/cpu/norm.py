"""Batch normalisation, with relu and max pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.memory import empty
from minidl.backend.threads import parallel
from minidl.kernels.cpu.layout import channels_first, channels_last, chunks, column_sums, folded, lines, repeated, suits
from minidl.kernels.cpu.pool import pooled, scatter
from minidl.ops.blocks import normalize_channels

LARGE = 8  # deviations: a mean beyond is taken off before all else. Up to it Σx² − n·mean² loses less than two digits


def statistics(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the biased variance of each channel of images (N, …, C), in one pass.

    Those of chunks put together. Chan, Golub & LeVeque (1983), "Algorithms for computing the sample variance", eq. 1.5.
    """
    parts = parallel(lambda part: moments(image[part]), chunks(image))
    n, means, squares = (np.array(values, np.float64) for values in zip(*parts, strict=True))
    mean = n @ means / n.sum()
    return mean, (squares.sum(0) + n @ np.square(means - mean)) / n.sum()


def moments(image: np.ndarray) -> tuple[int, np.ndarray, np.ndarray]:
    """How many rows, their mean, and Σ(x − mean)²."""
    n, (total, squares) = image.size // image.shape[-1], sums(image, image)
    mean = total / n
    squares -= n * mean * mean
    if (squares * LARGE**2 <= n * mean * mean).any():
        mean = mean.astype(image.dtype)  # as it is taken off
        apart = centred(image, mean)
        off, squares = sums(apart, apart)
        off /= n  # what rounding left of the mean
        return n, mean + off, squares - n * off * off
    return n, mean, squares


def is_small(mean: np.ndarray, inverse: np.ndarray) -> bool:
    """Whether each mean is small beside the deviation, 1 / inverse."""
    return bool((np.abs(mean) * inverse < LARGE).all())


def sums(g: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Σ g and Σ g·x of each channel, (2, C), in one pass each."""
    both = np.zeros((2, x.shape[-1]))
    for a, b in zip(folded(lines(g)), folded(lines(x)), strict=True):
        along = column_sums(a), np.einsum("ij,ij->j", a, b)
        both += np.array(along).reshape(2, -1, x.shape[-1]).sum(1, dtype=np.float64)
    return both


def centred(image: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """x − mean, by channel."""
    z = empty(image.shape, image.dtype)
    np.subtract(lines(image), repeated(mean, image), out=lines(z))
    return z


def affine(image: np.ndarray, centre: np.ndarray, scale: np.ndarray, shift: np.ndarray, relu: bool) -> np.ndarray:
    """scale·(x − centre) + shift, by channel, then relu if asked for."""
    z = empty(image.shape, image.dtype)
    scale, shift, zero = (repeated(v, image) for v in (scale, shift, np.zeros_like(shift)))
    middle = repeated(centre, image) if centre.any() else None

    def work(part: slice) -> None:
        x, out = lines(image[part]), lines(z[part])
        x = x if middle is None else np.subtract(x, middle, out=out)
        np.multiply(x, scale, out=out)
        np.add(out, shift, out=out)
        if relu:
            np.maximum(out, zero, out=out)

    parallel(work, chunks(image))
    return z


def where_positive(g: np.ndarray, z: np.ndarray, out: np.ndarray) -> None:
    """g where z is positive, else 0, also where g is infinite: the sign bit of −z, spread over all, cuts it out."""
    bits = f"i{g.dtype.itemsize}"
    np.subtract(0, z, out=out)
    mask = out.view(bits)
    np.right_shift(mask, 63, out=mask)
    np.bitwise_and(g.view(bits), mask, out=mask)


class NormalizeChannels:
    """`normalize_channels` in two passes forward and two back: for the sums over a channel, and for its elements.

    The maximum of scale·x + shift is at that of ±x, so pooling comes first, and all else is done to what it leaves.
    """

    @staticmethod
    def when(x: Any, weight: Any, bias: Any, *, eps: float, pool: Any, relu: bool) -> bool:
        """NumPy arrays of one dtype, float32 or float64, not empty."""
        return suits(x, weight, bias) and (pool is None or weight is None or weight.all())  # ties where a scale is 0

    @staticmethod
    def forward(x, weight, bias, *, eps, pool, relu):  # noqa: D102
        image = channels_last(x)
        mean, var = statistics(image)
        inverse = 1 / np.sqrt(var + eps)
        scale = inverse if weight is None else inverse * weight
        shift = np.zeros_like(mean) if bias is None else bias
        seen, side, chosen = image, np.ones((), x.dtype), None  # what is seen is side · x
        if pool is not None:
            side = np.where(scale < 0, -1, 1).astype(x.dtype)
            seen, chosen = pooled(image if (side > 0).all() else image * side, pool)
        centre = np.zeros(1, x.dtype) if is_small(mean, inverse) else mean.astype(x.dtype)
        z = affine(seen, side * centre, side * scale, shift - (mean - centre) * scale, relu)
        saved = mean, inverse, seen, side, chosen, z if relu else None
        return channels_first(z), saved, mean.astype(x.dtype), var.astype(x.dtype)

    @staticmethod
    def backward(g, saved, needs, x, weight, bias, *, eps, pool, relu):  # noqa: D102
        mean, inverse, seen, side, chosen, z = saved
        image, g = channels_last(x), channels_last(g)
        kept = empty(g.shape, g.dtype) if relu else g
        small = is_small(mean, inverse)

        def totals(part: slice) -> np.ndarray:
            if relu:
                where_positive(g[part], z[part], out=kept[part])
            return sums(kept[part], seen[part] if small else centred(seen[part], side * mean))

        g_sum, gx_sum = sum(parallel(totals, chunks(seen)))
        gx_sum = inverse * (side * gx_sum - mean * g_sum if small else side * gx_sum)
        if 0 not in needs:
            return None, gx_sum, g_sum
        n = image.size // len(mean)
        scale = inverse if weight is None else inverse * weight
        slope = -scale * inverse * gx_sum / n
        offset = -scale * g_sum / n - slope * mean
        dx = empty(image.shape, image.dtype)
        slope, offset, factor = repeated(slope, image), repeated(offset, image), repeated(scale, kept)

        def whole(part: slice) -> None:  # scale·(g − mean(g) − x̂·mean(g·x̂)), with x̂ = (x − mean)·inverse
            d = lines(dx[part])
            np.multiply(lines(image[part]), slope, out=d)
            d += offset
            scaled = empty(kept[part].shape, kept.dtype)
            np.multiply(lines(kept[part]), factor, out=lines(scaled))
            if pool is None:
                d += lines(scaled)
            else:
                scatter(scaled, chosen[part], pool, dx[part])

        parallel(whole, chunks(image))
        return channels_first(dx), gx_sum, g_sum


normalize_channels.kernels.append(NormalizeChannels)
