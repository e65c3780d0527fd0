"""Softmax and cross-entropy at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.threads import matmul
from minidl.ops.loss import softmax_cross_entropy


class SoftmaxCrossEntropy:
    """`softmax_cross_entropy` of scores (N, C), with one exponential of each."""

    @staticmethod
    def when(x: Any, target: Any, **options: Any) -> bool:
        """NumPy arrays, two-dimensional and not empty, of float32 or float64."""
        there = type(x) is np.ndarray and type(target) is np.ndarray
        return there and x.ndim == 2 and x.dtype in (np.float32, np.float64) and x.size > 0

    @staticmethod
    def forward(x, target, *, weight, ignore_index, label_smoothing, reduction):  # noqa: D102
        counted = target != ignore_index
        at = np.arange(len(target)), np.where(counted, target, 0)
        by_class = np.ones(x.shape[1], x.dtype) if weight is None else weight.astype(x.dtype)
        share = counted * by_class[at[1]]
        p = x - x.max(1, keepdims=True)
        label, spread = p[at], matmul(p, by_class[:, None])[:, 0] if label_smoothing else None
        np.exp(p, out=p)
        total = p.sum(1)
        p /= total[:, None]
        log_total = np.log(total)
        each = (log_total - label) * share
        if label_smoothing:
            even = label_smoothing / x.shape[1]
            each = (1 - label_smoothing) * each + even * (by_class.sum() * log_total - spread)
        each = np.where(counted, each, 0)
        over = share.sum() if reduction == "mean" else 1
        z = each if reduction == "none" else np.asarray(each.sum() / over)
        return z, (p, at, share, counted, by_class, over)

    @staticmethod
    def backward(g, saved, needs, x, target, *, weight, ignore_index, label_smoothing, reduction):  # noqa: D102
        p, at, share, counted, by_class, over = saved
        g = np.where(counted, g / over, 0)
        pull = push = (1 - label_smoothing) * share * g  # each label is pulled, and all classes pushed in proportion
        if label_smoothing:
            even = g * (label_smoothing / x.shape[1])
            push = pull + even * by_class.sum()
        dx = p * push[:, None]
        if label_smoothing:
            dx -= np.outer(even, by_class)
        dx[at] -= pull
        return dx, None


softmax_cross_entropy.kernels.append(SoftmaxCrossEntropy)
