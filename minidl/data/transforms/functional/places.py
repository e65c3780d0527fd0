"""Pixels at other places: flips, crops, borders, sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims
from minidl.data.transforms.functional.images import (
    Each,
    Fill,
    Interpolation,
    InterpolationMode,
    beside,
    each,
    fills,
    interpolation_name,
    on_batches,
    real,
    restored,
    sizes,
)
from minidl.engine.core import Tensor
from minidl.functional.filtering import resampling
from minidl.functional.padding import pad as padded
from minidl.functional.resampling import interpolate
from minidl.ops.create import ones
from minidl.ops.elementwise import where
from minidl.ops.linalg import matmul
from minidl.ops.shape import flip
from minidl.ops.views import swapaxes

RESAMPLED = ("nearest", "nearest-exact", "bilinear", "bicubic")
BORDERS = ("constant", "edge", "reflect", "symmetric")


@on_batches
def horizontal_flip(inpt: Tensor) -> Tensor:
    """Left and right change places."""
    return flip(inpt, -1)


@on_batches
def vertical_flip(inpt: Tensor) -> Tensor:
    """Top and bottom change places."""
    return flip(inpt, -2)


hflip, vflip = horizontal_flip, vertical_flip


@on_batches
def crop(inpt: Tensor, top: Each, left: Each, height: int, width: int) -> Tensor:
    """A part of each image; 0 where it reaches beyond.

    Parameters
    ----------
    inpt : (N, C, H, W)
    top, left : int, or one for each image
    height, width : int

    Returns
    -------
    Tensor (N, C, height, width)
    """
    h, w = sizes("height and width", (height, width))
    tops, lefts = (_whole(name, value, inpt) for name, value in (("top", top), ("left", left)))
    beyond = [(-lefts.min(initial=0), (lefts + w).max(initial=0) - inpt.shape[3])]
    beyond += [(-tops.min(initial=0), (tops + h).max(initial=0) - inpt.shape[2])]
    widths = [max(int(n), 0) for sides in beyond for n in sides]
    if any(widths):
        inpt = padded(inpt, widths)
    windows = inpt.unfold(2, h, 1).unfold(3, w, 1)
    picks = [beside(at, inpt) for at in (np.arange(len(inpt)), tops + widths[2], lefts + widths[0])]
    return windows[picks[0], :, picks[1], picks[2]]


def _whole(name: str, value: Any, images: Tensor) -> np.ndarray:
    numbers = each(name, value, images)
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers, got {numbers.dtype}")
    return numbers.astype(np.int64)


@on_batches
def center_crop(inpt: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """The middle of images, with 0 around it where they are smaller.

    Parameters
    ----------
    inpt : (N, C, H, W)
    output_size : int, or (height, width)
    """
    height, width = sizes("output_size", output_size)
    h, w = inpt.shape[2:]
    above, beside_it = max(height - h, 0), max(width - w, 0)
    inpt = padded(inpt, (beside_it // 2, (beside_it + 1) // 2, above // 2, (above + 1) // 2))
    top, left = (round((n - k) / 2) for n, k in zip(inpt.shape[2:], (height, width), strict=True))
    return inpt[:, :, top : top + height, left : left + width]


@on_batches
def pad(inpt: Tensor, padding: int | Sequence[int], fill: Fill = None, padding_mode: str = "constant") -> Tensor:
    """Put a border around images.

    Parameters
    ----------
    inpt : (N, C, H, W)
    padding : one width for all sides, (left and right, top and bottom), or (left, top, right, bottom)
    fill : of "constant": a number, by default 0, or one for each channel
    padding_mode : "constant", "edge" (the last pixel), "reflect" (without repeating it), "symmetric" (repeating it)
    """
    left, top, right, bottom = borders(padding)
    if padding_mode not in BORDERS:
        raise ValueError(f"padding_mode must be one of {', '.join(map(repr, BORDERS))}, got {padding_mode!r}")
    if padding_mode == "constant":
        values, widths = fills(0 if fill is None else fill, inpt), (left, right, top, bottom)
        z = padded(inpt, widths)
        if not fill or values is None:
            return z
        inside = padded(ones(1, 1, *inpt.shape[2:], device=inpt.device), widths) > 0
        return where(inside, z, values.to(inpt.dtype))
    if min(left, top, right, bottom) < 0 or 0 in inpt.shape[2:]:
        raise ValueError(f"mode {padding_mode!r} takes widths that are not negative, and pixels; got {padding!r}")
    for dim, sides in ((2, (top, bottom)), (3, (left, right))):
        if any(sides):
            places = np.pad(np.arange(inpt.shape[dim]), sides, mode=padding_mode)  # type: ignore[call-overload]
            inpt = inpt.index_select(dim, beside(places, inpt))
    return inpt


def borders(padding: Any) -> tuple[int, int, int, int]:
    """Left, top, right and bottom, of what `pad` takes; ValueError for anything else."""
    widths = list(padding) if isinstance(padding, (tuple, list)) else [padding]
    if len(widths) not in (1, 2, 4) or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) for n in widths):
        raise ValueError(f"padding must be an integer, or 1, 2 or 4 of them, got {padding!r}")
    left, top, right, bottom = (int(n) for n in widths * (4 // len(widths)))
    return left, top, right, bottom


@on_batches
def resize(
    inpt: Tensor,
    size: int | Sequence[int] | None,
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Tensor:
    """Images of another size; integers are rounded to the nearest, of rows first and then of columns.

    Parameters
    ----------
    inpt : (N, C, H, W)
    size : (height, width), or the length of the shorter side; None for what `max_size` says
    interpolation : "nearest", "nearest-exact", "bilinear", "bicubic", an `InterpolationMode`, or Pillow's number of one
    max_size : of one `size`: the longer side is at most this, and the shorter then shorter, too
    antialias : of "bilinear" and "bicubic": whether what is made smaller is averaged over as much as it shrinks
    """
    mode = interpolation_name(interpolation, RESAMPLED)
    outer = resized(inpt.shape[2:], size, max_size)
    if outer == tuple(inpt.shape[2:]):
        return inpt
    smooth = mode.startswith("bi")
    options: Any = dict(mode=mode, align_corners=False if smooth else None, antialias=bool(antialias) and smooth)
    for step in (outer,) if inpt.dtype.kind == "f" else ((inpt.shape[2], outer[1]), outer):
        inpt = restored(interpolate(inpt.to(real(inpt.dtype)), step, **options), inpt.dtype)
    return inpt


def resized(shape: Sequence[int], size: Any, max_size: int | None) -> tuple[int, int]:
    """The height and width that `resize` gives images of one.

    Raises
    ------
    ValueError
        For sizes that are no positive integers, or go without each other.
    """
    if max_size is not None:
        sizes("max_size", max_size)
    shape = (int(shape[0]), int(shape[1]))
    short, long = min(shape), max(shape)
    if not short:
        raise ValueError(f"images of {dims(shape)} have no pixels")
    if size is None:
        if max_size is None:
            raise ValueError("size=None needs max_size, the length of the longer side")
        pair = (int(max_size * short / long), max_size)
    else:
        height, width = sizes("size", size)
        if isinstance(size, (tuple, list)) and len(size) == 2:
            if max_size is not None:
                raise ValueError("max_size is for a size that is the shorter side, not for height and width")
            return height, width
        pair = (height, int(height * long / short))
        if max_size is not None and max_size <= height:
            raise ValueError(f"max_size must be more than the shorter side, {height}, got {max_size}")
        if max_size is not None and pair[1] > max_size:
            pair = (int(max_size * pair[0] / pair[1]), max_size)
    outer = pair if shape[0] <= shape[1] else pair[::-1]
    if min(outer) < 1:
        raise ValueError(f"images of {dims(shape)} would be {dims(outer)}")
    return outer


@on_batches
def resized_crop(
    inpt: Tensor,
    top: Each,
    left: Each,
    height: Each,
    width: Each,
    size: Sequence[int],
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Tensor:
    """A part of each image, all made of one size.

    Parameters
    ----------
    inpt : (N, C, H, W)
    top, left, height, width : int, or one for each image
    size : (height, width)
    interpolation, antialias : as `resize` takes them

    Raises
    ------
    ValueError
        For a part that is not within its image.
    """
    mode = interpolation_name(interpolation, RESAMPLED)
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(f"size must be (height, width), got {size!r}; parts of one image and the next differ in shape")
    outer = sizes("size", size)
    named = {"top": top, "left": left, "height": height, "width": width}
    tops, lefts, heights, widths = (_whole(name, value, inpt) for name, value in named.items())
    for starts, lengths, n in ((tops, heights, inpt.shape[2]), (lefts, widths, inpt.shape[3])):
        if (starts < 0).any() or (lengths < 1).any() or (starts + lengths > n).any():
            raise ValueError(f"a part goes beyond its image of {dims(inpt.shape[2:])}; pad() first")
    kind = real(inpt.dtype)
    weights = []
    for starts, lengths, n, o in ((tops, heights, inpt.shape[2], outer[0]), (lefts, widths, inpt.shape[3], outer[1])):
        with backend.using(inpt.device) as xp:
            line = (beside(a, inpt, kind).array for a in (starts, lengths))
            matrix = resampling(xp, n, o, mode, bool(antialias) and mode.startswith("bi"), *line)
            weights.append(Tensor(matrix.astype(kind)[:, None]))
    across = restored(matmul(inpt.to(kind), swapaxes(weights[1], -1, -2)), inpt.dtype)
    return restored(matmul(weights[0], across.to(kind)), inpt.dtype)
