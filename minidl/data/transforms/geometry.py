"""Flips, crops, borders and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.backend import dims
from minidl.backend.modes import require_flag
from minidl.backend.random import Generator
from minidl.data.transforms import functional as F
from minidl.data.transforms import options
from minidl.data.transforms.functional.images import Fill, Interpolation, interpolation_name, sizes
from minidl.data.transforms.functional.places import BORDERS, RESAMPLED, borders
from minidl.data.transforms.transform import Drawn, Params, Sometimes, Transform
from minidl.engine.core import Tensor

Size = int | Sequence[int]


class RandomHorizontalFlip(Sometimes):
    """Left and right change places, with probability p for each image."""

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator)

    def applied(self, images: Tensor, params: Params) -> Tensor:
        """The images, flipped."""
        return F.horizontal_flip(images)


class RandomVerticalFlip(Sometimes):
    """Top and bottom change places, with probability p for each image."""

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator)

    def applied(self, images: Tensor, params: Params) -> Tensor:
        """The images, flipped."""
        return F.vertical_flip(images)


# --- parts and sizes --------------------------------------------------------------------------------------------------


class CenterCrop(Transform):
    """The middle of images, with 0 around it where they are smaller.

    Parameters
    ----------
    size : int, or (height, width)
    """

    def __init__(self, size: Size) -> None:
        self.size = sizes("CenterCrop: size", size)

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The middle of each image."""
        return F.center_crop(images, self.size)


class Pad(Transform):
    """A border around images.

    Parameters
    ----------
    padding : one width for all sides, (left and right, top and bottom), or (left, top, right, bottom)
    fill : of "constant": a number, or one for each channel
    padding_mode : "constant", "edge" (the last pixel), "reflect" (without repeating it), "symmetric" (repeating it)
    """

    def __init__(self, padding: Size, fill: Fill = 0, padding_mode: str = "constant") -> None:
        borders(padding)
        self.padding = padding if isinstance(padding, int) else list(padding)
        self.fill = options.filling("Pad", fill)
        self.padding_mode = _border("Pad", padding_mode)

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The images in their border."""
        return F.pad(images, self.padding, self.fill, self.padding_mode)


class Resize(Transform):
    """Images of another size.

    Parameters
    ----------
    size : (height, width), or the length of the shorter side; None for what `max_size` says
    interpolation : "nearest", "nearest-exact", "bilinear", "bicubic", an `InterpolationMode`, or Pillow's number of one
    max_size : of one `size`: the longer side is at most this, and the shorter then shorter, too
    antialias : of "bilinear" and "bicubic": whether what is made smaller is averaged over as much as it shrinks
    """

    def __init__(
        self,
        size: Size | None,
        interpolation: Interpolation = "bilinear",
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        if size is not None:
            sizes("Resize: size", size)
        elif max_size is None:
            raise ValueError("Resize: size=None needs max_size, the length of the longer side")
        self.size = None if size is None else [size] if isinstance(size, int) else list(size)
        self.interpolation, self.max_size, self.antialias = interpolation, max_size, antialias
        interpolation_name(interpolation, RESAMPLED)

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The images in the other size."""
        return F.resize(images, self.size, self.interpolation, self.max_size, self.antialias)


class RandomCrop(Drawn):
    """A part of each image, at a place of its own.

    Parameters
    ----------
    size : int, or (height, width)
    padding : the border that is put around images before, as `Pad` takes it
    pad_if_needed : whether images that are smaller than `size` get so much of a border that they are not
    fill, padding_mode : what is in the border, as `Pad` takes them
    generator : Generator, optional

    Raises
    ------
    ValueError
        When called with images that, with their border, are smaller than `size`.
    """

    def __init__(
        self,
        size: Size,
        padding: Size | None = None,
        pad_if_needed: bool = False,
        fill: Fill = 0,
        padding_mode: str = "constant",
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.size = sizes("RandomCrop: size", size)
        left, top, right, bottom = borders(0 if padding is None else padding)
        self.padding = None if padding is None else [left, right, top, bottom]
        self.pad_if_needed = require_flag("RandomCrop", "pad_if_needed", pad_if_needed)
        self.fill, self.padding_mode = options.filling("RandomCrop", fill), _border("RandomCrop", padding_mode)

    def make_params(self, images: Tensor) -> Params:
        """The ``padding`` (left, top, right, bottom) of all, ``top`` and ``left`` (N,), ``height`` and ``width``."""
        (height, width), (h, w) = images.shape[2:], self.size
        left, right, top, bottom = self.padding or [0, 0, 0, 0]
        if self.pad_if_needed:
            above, beside = max(h - height - top - bottom, 0), max(w - width - left - right, 0)
            left, top, right, bottom = left + beside, top + above, right + beside, bottom + above
        room = height + top + bottom - h, width + left + right - w
        if min(room) < 0:
            size = dims((height + top + bottom, width + left + right))
            raise ValueError(
                f"RandomCrop: images{' with their border' * any((left, top, right, bottom))} are {size}, smaller than "
                f"{dims(self.size)}; pad_if_needed=True puts a border around them"
            )
        tops, lefts = (self.stream.integers(0, most, len(images), endpoint=True) for most in room)
        return {"padding": (left, top, right, bottom), "top": tops, "left": lefts, "height": h, "width": w}

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The parts of the images in their border."""
        place = dict(params)
        padding = place.pop("padding")
        if any(padding):
            images = F.pad(images, padding, self.fill, self.padding_mode)
        return F.crop(images, **place)


class RandomResizedCrop(Drawn):
    """A part of each image, of an area and a shape of its own, made of one size (Szegedy et al., 2015, 6).

    Parameters
    ----------
    size : int, or (height, width), of the result
    scale : the least and the largest share of the image's area
    ratio : the least and the largest of width / height, of which the logarithm is uniform
    interpolation, antialias : as `Resize` takes them
    generator : Generator, optional
    """

    def __init__(
        self,
        size: Size,
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: Interpolation = "bilinear",
        antialias: bool | None = True,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.size = sizes("RandomResizedCrop: size", size)
        self.scale = options.interval("RandomResizedCrop", "scale", scale, 0, 1, above=0)
        self.ratio = options.interval("RandomResizedCrop", "ratio", ratio, above=0)
        self.interpolation, self.antialias = interpolation, antialias
        interpolation_name(interpolation, RESAMPLED)

    def make_params(self, images: Tensor) -> Params:
        """``top``, ``left``, ``height``, ``width``, each (N,): after 10 tries that don't fit, the largest middle."""
        n, (height, width) = len(images), images.shape[2:]
        w, h = options.rectangles(self.stream, n, height * width, self.scale, self.ratio)
        fits = (w > 0) & (w <= width) & (h > 0) & (h <= height)
        h, w, found = options.first(fits, h, w)
        least, most = self.ratio
        w = np.where(found, w, min(width, round(height * most)))
        h = np.where(found, h, min(height, round(width / least)))
        top, left = (self.stream.integers(0, most, endpoint=True) for most in (height - h, width - w))
        top, left = np.where(found, top, (height - h) // 2), np.where(found, left, (width - w) // 2)
        return {"top": top, "left": left, "height": h, "width": w}

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The parts of the images, all of one size."""
        return F.resized_crop(
            images, **params, size=self.size, interpolation=self.interpolation, antialias=self.antialias
        )


def _border(name: str, mode: Any) -> str:
    if mode not in BORDERS:
        raise ValueError(f"{name}: padding_mode must be one of {', '.join(map(repr, BORDERS))}, got {mode!r}")
    return mode
