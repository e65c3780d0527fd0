"""Images looked at from places between their pixels: spatial transformers, flows, warps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.backend import dims
from minidl.backend.dtypes import require_float
from minidl.engine.absent import VOLUMES
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.ops.compare import ge, gt, le, lt
from minidl.ops.create import arange, linspace, ones, zeros
from minidl.ops.elementwise import abs, clip, floor, round, where
from minidl.ops.indexing import along
from minidl.ops.joining import cat
from minidl.ops.linalg import matmul
from minidl.ops.shape import reshape
from minidl.ops.views import swapaxes

MODES = ("bilinear", "nearest")
PADDINGS = ("zeros", "border", "reflection")


@named
def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None) -> Tensor:
    """Where the pixels of images of `size` lie, mapped affinely: a grid for `grid_sample` (Jaderberg et al., 2015).

    Parameters
    ----------
    theta : (N, 2, 3), a map for each image of ``(x, y, 1)``, where an image goes from -1 to 1
    size : (N, C, H, W)
    align_corners : whether -1 and 1 are the centres of the outermost pixels, or their edges

    Returns
    -------
    Tensor (N, H, W, 2), x before y

    Raises
    ------
    ValueError
        For sizes that are not of images, and a theta that is not of that many.
    """
    require_tensors("theta", theta)
    require_float("theta", theta.dtype)
    size = tuple(size)
    if len(size) != 4 or theta.shape != (size[0], 2, 3):
        raise ValueError(f"expected theta N×2×3 and size (N, C, H, W), got {dims(theta.shape)} and {size}; {VOLUMES}")
    n, _, height, width = size
    rows, columns = (_centres(theta, length, bool(align_corners)) for length in (height, width))
    x = reshape(columns, (1, width, 1)).expand(height, width, 1)
    y = reshape(rows, (height, 1, 1)).expand(height, width, 1)
    one = ones((height, width, 1), dtype=theta.dtype, device=theta.device)
    points = reshape(cat([x, y, one], 2), (height * width, 3))
    return reshape(matmul(points, swapaxes(theta, 1, 2)), (n, height, width, 2))


def _centres(like: Tensor, length: int, align_corners: bool) -> Tensor:
    """Where the pixels of a line lie between -1 and 1, rounded as PyTorch rounds."""
    if length == 1:
        return zeros(1, dtype=like.dtype, device=like.device)
    places = linspace(-1, 1, length, dtype=like.dtype, device=like.device)
    return places if align_corners else places * (length - 1) / length


@named
def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """Look at images from the places of a grid. Gradients flow to both.

    Parameters
    ----------
    input : (N, C, H, W)
    grid : (N, OH, OW, 2), places as x and y; an image goes from -1 to 1
    mode : "bilinear", or "nearest" (halves to the even side)
    padding_mode : what lies outside: "zeros", "border" (the nearest pixel), "reflection"
    align_corners : whether -1 and 1 are the centres of the outermost pixels, or their edges

    Returns
    -------
    Tensor (N, C, OH, OW)

    Raises
    ------
    ValueError
        For other modes and other sizes.
    """
    require_tensors("input and grid", input, grid)
    for name, given, known in (("mode", mode, MODES), ("padding_mode", padding_mode, PADDINGS)):
        if given not in known:
            raise ValueError(f"{name} must be one of {', '.join(map(repr, known))}, got {given!r}")
    if input.ndim != 4 or grid.ndim != 4 or grid.shape[-1] != 2 or input.shape[0] != grid.shape[0]:
        raise ValueError(
            f"expected input N×C×H×W and grid N×OH×OW×2, got {dims(input.shape)} and {dims(grid.shape)}; {VOLUMES}"
        )
    if 0 in input.shape[2:]:
        raise ValueError(f"input {dims(input.shape)} has no pixels")
    x, y = (
        _inside(_unscaled(grid[..., k], length, bool(align_corners)), length, padding_mode, bool(align_corners))
        for k, length in ((0, input.shape[3]), (1, input.shape[2]))
    )
    n, channels, height, width = input.shape
    first = reshape(arange(0, n * channels * height * width, height * width, device=input.device), (n, channels, 1, 1))
    pixels = reshape(input, (n * channels * height * width,))
    z: Any = None
    for row, down in _taps(y, height, mode):
        for column, across in _taps(x, width, mode):
            seen = along(pixels, 0, (first + (row * width + column)[:, None]).array) * (across * down)[:, None]
            z = seen if z is None else z + seen
    return z


def _taps(place: Tensor, length: int, mode: str) -> list[tuple[Tensor, Tensor]]:
    """The pixels of a line that a place is seen by, and their weights: none outside, nor at a place that is NaN."""
    left = round(place) if mode == "nearest" else floor(place)
    share = place - left
    taps = [(left, 1 + share * 0)] if mode == "nearest" else [(left, 1 - share), (left + 1, share)]
    found = []
    for at, weight in taps:
        seen = ge(at, 0) & le(at, length - 1)
        found.append((where(seen, at, 0.0).long(), where(seen, weight, 0.0)))
    return found


def _unscaled(place: Tensor, length: int, align_corners: bool) -> Tensor:
    """A place between -1 and 1, counted in pixels, rounded as PyTorch rounds."""
    return (place + 1) * ((length - 1) / 2) if align_corners else (place + 1) * (length / 2) - 0.5


def _inside(place: Tensor, length: int, padding_mode: str, align_corners: bool) -> Tensor:
    """A place moved to where the image is, unless there are zeros around it; no gradient flows where it is held."""
    if padding_mode == "zeros":
        return place
    if padding_mode == "reflection":
        first, span = (0.0, float(length - 1)) if align_corners else (-0.5, float(length))
        if not span:
            return place * 0
        way = abs(place - first)
        turns, rest = floor(way / span), way % span
        place = where(turns % 2 == 0, rest + first, span - rest + first)
    within = gt(place, 0) & lt(place, length - 1)
    return where(within, place, clip(place.detach(), 0, length - 1))
