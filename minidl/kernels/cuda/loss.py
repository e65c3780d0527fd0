"""Softmax and cross-entropy at once."""

from __future__ import annotations

from typing import Any

from minidl import backend
from minidl.backend import dtypes
from minidl.kernels.cuda.reduce import part_sums
from minidl.kernels.cuda.source import BLOCK, kernel, suits
from minidl.ops.loss import softmax_cross_entropy


class SoftmaxCrossEntropy:
    """`softmax_cross_entropy` of scores (N, C), a block for each row. A label out of range makes the loss NaN."""

    @staticmethod
    def when(x: Any, target: Any, *, ignore_index: int, **options: Any) -> bool:
        """Two-dimensional arrays that kernels are made for."""
        return suits(x) and x.ndim == 2 and backend.on_gpu(target) and -(2**31) <= ignore_index < 2**31

    @staticmethod
    def forward(x, target, *, weight, ignore_index, label_smoothing, reduction):  # noqa: D102
        xp = backend.cupy()
        n, classes = x.shape
        block = (min(BLOCK, (classes + 31) // 32 * 32),)
        wide = dtypes.wide(x.dtype)
        weight = None if weight is None else xp.ascontiguousarray(weight, x.dtype)
        inputs = xp.ascontiguousarray(x), xp.ascontiguousarray(target, dtypes.int64), weight
        row_max, log_sums = xp.empty((2, n), wide)
        options = classes, ignore_index, float(label_smoothing)
        each = xp.empty(n, x.dtype) if reduction == "none" else None
        pairs = xp.empty((n, 2), wide) if each is None else None
        kernel("loss", "cross_entropy", x.dtype)((n,), block, *inputs, each, pairs, row_max, log_sums, *options)
        if each is not None:
            return each, (block, None, inputs, row_max, log_sums, options)
        pairs = part_sums(pairs)
        z, divisor = xp.empty((), x.dtype), xp.empty((), wide)
        kernel("loss", "reduce_losses", x.dtype)((1,), (BLOCK,), pairs, z, divisor, len(pairs), reduction == "mean")
        return z, (block, divisor, inputs, row_max, log_sums, options)

    @staticmethod
    def backward(g, saved, needs, x, target, **_):  # noqa: D102
        xp = backend.cupy()
        block, divisor, inputs, row_max, log_sums, options = saved
        dx = xp.empty(x.shape, x.dtype)
        arguments = xp.ascontiguousarray(g), divisor, *inputs, row_max, log_sums, dx, *options
        kernel("loss", "cross_entropy_gradient", x.dtype)((len(x),), block, *arguments)
        return dx, None


softmax_cross_entropy.kernels.append(SoftmaxCrossEntropy)
