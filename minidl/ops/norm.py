"""Normalisation."""

from typing import Any

from minidl.ops.elementwise import sqrt
from minidl.ops.reduce import centred, mean
from minidl.ops.shape import reshape


def along_channels(v: Any, ndim: int) -> Any:
    """A vector of one value per channel, shaped to broadcast over (N, C, …)."""
    return reshape(v, (1, v.shape[0]) + (1,) * (ndim - 2))


def standardize(x: Any, over: Any, eps: float) -> tuple[Any, Any]:
    """x with its mean over some dimensions taken off, divided by √(variance + eps); the biased variance."""
    deviation = centred(x, dim=over)
    v = mean(deviation * deviation, over, keepdim=True)
    return deviation / sqrt(v + eps), v
