"""Batch normalisation, with relu and max pooling, in three launches forward and three back; pooling is its own."""

from __future__ import annotations

from typing import Any

from minidl import backend
from minidl.backend import Array, dtypes
from minidl.engine.op import on_cuda
from minidl.functional.normalisation import move_running
from minidl.kernels.cuda.reduce import split_rows, tiles
from minidl.kernels.cuda.source import kernel, suits
from minidl.ops.blocks import max_pool, normalize_channels
from minidl.ops.pool import window_put


def rows(x: Array) -> Array:
    """x (N, C, …) as a matrix, a column for each channel: a view where memory is channels last, a copy otherwise."""
    image = x.transpose(0, *range(2, x.ndim), 1)
    return backend.cupy().ascontiguousarray(image).reshape(x.size // x.shape[1], x.shape[1])


def image(matrix: Array, shape: tuple[int, ...]) -> Array:
    """The inverse of `rows`: a view (N, C, …) of `shape`."""
    n, c, *size = shape
    return matrix.reshape(n, *size, c).transpose(0, -1, *range(1, len(shape) - 1))


def statistics(x: Array, eps: float) -> tuple[Array, ...]:
    """The mean and the biased variance of the columns of a matrix; the mean and rstd = 1 / √(var + eps) in float64."""
    xp = backend.cupy()
    n, columns = x.shape
    across, block = tiles(columns)
    parts, height = split_rows(n)
    part_mean, part_m2 = xp.empty((2, parts, columns), dtypes.float64)
    batch_mean, batch_var = xp.empty((2, columns), x.dtype)
    mean, rstd = xp.empty((2, columns), dtypes.float64)
    kernel("norm", "part_moments", x.dtype)((across, parts), block, x, part_mean, part_m2, n, columns, height)
    whole = batch_mean, batch_var, mean, rstd, n, columns, height, float(eps)
    kernel("norm", "whole_moments", x.dtype)((across,), block, part_mean, part_m2, *whole)
    return batch_mean, batch_var, mean, rstd


class NormalizeChannels:
    """`normalize_channels`: where the gradient needs what went into relu, it is computed again, from x."""

    @staticmethod
    def when(x: Any, weight: Any, bias: Any, *, eps: float, pool: Any, relu: bool) -> bool:
        """Arrays that kernels are made for."""
        return suits(x, weight, bias)

    @staticmethod
    def forward(x, weight, bias, *, eps, pool, relu):  # noqa: D102
        xp = backend.cupy()
        matrix = rows(x)
        n, columns = matrix.shape
        mean, var, *moments = statistics(matrix, eps)
        channel = *(None if v is None else xp.ascontiguousarray(v) for v in (weight, bias)), *moments
        across, block = tiles(columns)
        parts, height = split_rows(n)
        z = xp.empty_like(matrix)
        kernel("norm", "normalize", x.dtype)((across, parts), block, matrix, *channel, z, n, columns, height, relu)
        z, chosen = image(z, x.shape), None
        if pool is not None:
            z, chosen = max_pool(z, window=pool)
        return z, (matrix, channel, chosen), mean, var

    @staticmethod
    def backward(g, saved, needs, x, weight, bias, *, eps, pool, relu):  # noqa: D102
        xp = backend.cupy()
        matrix, channel, chosen = saved
        n, columns = matrix.shape
        if pool is not None:
            g = window_put(g, chosen, window=pool, size=x.shape[2:])
        inputs = rows(g), matrix, *channel
        across, block = tiles(columns)
        parts, height = split_rows(n)
        dweight, dbias = xp.empty(columns, x.dtype), xp.empty(columns, x.dtype)
        part_sums = xp.empty((2, parts, columns), dtypes.float64)
        sums = xp.empty((2, columns), dtypes.float64)
        size = n, columns, height, relu
        kernel("norm", "part_gradients", x.dtype)((across, parts), block, *inputs, *part_sums, *size)
        whole = *channel[2:], dweight, dbias, *sums, columns, parts
        kernel("norm", "whole_gradients", x.dtype)((across,), block, *part_sums, *whole)
        if 0 not in needs:
            return None, dweight, dbias
        dx = xp.empty_like(matrix)
        kernel("norm", "input_gradient", x.dtype)((across, parts), block, *inputs, *sums, dx, *size)
        return image(dx, x.shape), dweight, dbias


@on_cuda(move_running)
def move_running_cuda(running_mean, running_var, mean, var, share, unbiased):
    """`move_running` in one launch."""
    arrays = running_mean, running_var, mean, var
    if not (suits(*arrays) and all(a.flags.c_contiguous for a in arrays)):
        return move_running.function(*arrays, share, unbiased)
    launch = kernel("norm", "move_running", mean.dtype)
    return launch.each(mean.size, *arrays, float(share), float(unbiased))


normalize_channels.kernels.append(NormalizeChannels)
