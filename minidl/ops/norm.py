"""Normalisation."""

from typing import Any

from minidl.core import Tensor
from minidl.fusion import composite
from minidl.ops.elementwise import sqrt
from minidl.ops.reduce import mean
from minidl.ops.shape import reshape


def along_channels(v: Any, ndim: int) -> Any:
    """A vector of one value per channel, shaped to broadcast over (N, C, …)."""
    return reshape(v, (1, v.shape[0]) + (1,) * (ndim - 2))


def standardize(x: Any, over: Any, eps: float) -> tuple[Any, Any, Any]:
    """x with its mean over some dimensions taken off, divided by √(variance + eps); the mean; the biased variance."""
    m = mean(x, over, keepdim=True)
    centred = x - m
    v = mean(centred * centred, over, keepdim=True)
    return centred / sqrt(v + eps), m, v


@composite
def normalize_channels(x, weight, bias, *, eps):
    """x (N, C, …) with each channel's mean taken off and divided by √(variance + eps), times weight, plus bias.

    Weight and bias (C,) may be None. Also gives the mean and the biased variance (C,), as raw arrays. Ioffe & Szegedy
    (2015), "Batch normalization", algorithm 1.
    """
    z, m, v = standardize(x, (0, *range(2, x.ndim)), eps)
    z = z if weight is None else z * along_channels(weight, x.ndim)
    z = z if bias is None else z + along_channels(bias, x.ndim)
    return z, *[(s.data if isinstance(s, Tensor) else s).reshape(x.shape[1]) for s in (m, v)]
