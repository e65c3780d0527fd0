"""Images whose rows and columns are weighed by matrices: resampled without aliasing, each its own part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import backend
from minidl.backend import Array
from minidl.engine.core import Tensor
from minidl.ops.linalg import matmul
from minidl.ops.views import swapaxes

SLOPES = {"antialiased": -0.5, "sampled": -0.75}  # of the cubic at distance 1 (Keys 1981): PyTorch's, with and without


def weighed(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """rows · image · columnsᵀ.

    Parameters
    ----------
    images : (N, C, H, W)
    rows, columns : (OH, H) and (OW, W), or a pair for each image: (N, 1, OH, H) and (N, 1, OW, W)
    """
    return matmul(matmul(rows, images), swapaxes(columns, -1, -2))


def resampling(
    xp: Any, size: int, count: int, mode: str, antialias: bool, start: Array, length: Array, step: Array | None = None
) -> Array:
    """Weights (…, count, size) by which `count` places are computed from those of a line from `start` on.

    Parameters
    ----------
    size : how many places the line has
    mode : "nearest", "nearest-exact", "bilinear", "bicubic"
    antialias : whether the tent or the cubic is as wide as the step, where that is more than 1
    start, length : (…) the part of the line that is resampled; nothing outside it counts
    step : (…) between the places, by default ``length / count``
    """
    first, length = start[..., None], length[..., None]
    step = length / count if step is None else step[..., None]
    places = xp.arange(size)
    if antialias:
        centres = first + step * (xp.arange(count) + 0.5)
        distances = abs(places + 0.5 - centres[..., None]) / xp.maximum(step, 1)[..., None]
        weights = cubic(xp, distances, SLOPES["antialiased"]) if mode == "bicubic" else (1 - distances).clip(0)
        within = (places >= first[..., None]) & (places < (first + length)[..., None])
        weights = weights * within
        return weights / weights.sum(-1, keepdims=True)
    at = step * (xp.arange(count) + (mode != "nearest") * 0.5) - mode.startswith("bi") * 0.5
    if mode == "bilinear":
        at = at.clip(0)
    left = xp.floor(at)
    taps = {"bilinear": (0, 1), "bicubic": (-1, 0, 1, 2)}.get(mode, ())
    if not taps:
        return (places == (first + xp.minimum(left, length - 1))[..., None]) * 1.0
    weights = 0.0
    for tap in taps:
        distances = abs(at - left - tap)
        share = cubic(xp, distances, SLOPES["sampled"]) if mode == "bicubic" else 1 - distances
        held = first + xp.minimum((left + tap).clip(0), length - 1)  # beyond its ends, a line goes on as it ends
        weights = weights + share[..., None] * (places == held[..., None])
    return weights


def cubic(xp: Any, distances: Array, slope: float) -> Array:
    """The cubic of support 2 at distances that are not negative (Keys, 1981)."""
    d = distances
    near = ((slope + 2) * d - (slope + 3)) * d * d + 1
    far = ((slope * d - 5 * slope) * d + 8 * slope) * d - 4 * slope
    return xp.where(d <= 1, near, xp.where(d < 2, far, 0))


def antialiased(input: Tensor, size: Sequence[int], steps: Sequence[float], mode: str) -> Tensor:
    """Images (N, C, H, W) resampled to `size`, by tents or cubics as wide as the steps; a side of that size stays."""
    weights = []
    for n, o, step in zip(input.shape[2:], size, steps, strict=True):
        with backend.using(input.device) as xp:
            line = map(xp.asarray, (0.0, float(n), step))
            matrix = xp.eye(n) if n == o else resampling(xp, n, o, mode, True, *line)
            weights.append(Tensor(matrix.astype(input.dtype)))
    return weighed(input, *weights)
