"""Normalisation."""

from typing import Any

from minidl.ops.elementwise import sqrt
from minidl.ops.reduce import centre, mean
from minidl.ops.shape import reshape


def along_channels(v: Any, ndim: int) -> Any:
    """A vector of one value per channel, shaped to broadcast over (N, C, …)."""
    return reshape(v, (1, v.shape[0]) + (1,) * (ndim - 2))


def standardize(x: Any, over: Any, eps: float) -> tuple[Any, Any, Any]:
    """x with its mean over some dimensions taken off, divided by √(variance + eps); the mean; the biased variance."""
    centred, m = centre(x, over)
    v = mean(centred * centred, over, keepdim=True)
    return centred / sqrt(v + eps), m, v
