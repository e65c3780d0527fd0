"""Images turned, moved, sheared, seen from aside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.backend.modes import require_flag
from minidl.backend.random import Generator
from minidl.data.transforms import functional as F
from minidl.data.transforms import options
from minidl.data.transforms.functional.images import Fill, Interpolation, interpolation_name
from minidl.data.transforms.functional.warps import SAMPLED, perspective_coefficients
from minidl.data.transforms.transform import Drawn, Params, Sometimes
from minidl.engine.core import Tensor


class RandomRotation(Drawn):
    """Images turned, each by an angle of its own.

    Parameters
    ----------
    degrees : (least, most), against the clock; a number d is (−d, d)
    interpolation : "nearest", "bilinear", an `InterpolationMode`, or Pillow's number of one
    expand : whether the result is as large as the widest of the turned images
    center : (x, y) in pixels from the upper left corner; by default the middle
    fill : what lies outside: a number, or one for each channel
    generator : Generator, optional
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: Interpolation = "nearest",
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: Fill = 0,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.degrees = options.angles("RandomRotation", "degrees", degrees)
        self.interpolation = interpolation
        interpolation_name(interpolation, SAMPLED)
        self.expand = require_flag("RandomRotation", "expand", expand)
        self.fill = options.filling("RandomRotation", fill)
        self.center = options.center_of("RandomRotation", center)

    def make_params(self, images: Tensor) -> Params:
        """``angle`` (N,)."""
        return {"angle": self.uniform(self.degrees, len(images))}

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The images, turned."""
        return F.rotate(images, params["angle"], self.interpolation, self.expand, self.center, self.fill)


class RandomAffine(Drawn):
    """Images turned, moved, made larger and sheared, each in its own way.

    Parameters
    ----------
    degrees : (least, most), with the clock; a number d is (−d, d)
    translate : how far at most, in shares of width and height, each way
    scale : the least and the largest factor
    shear : in degrees, (least, most) along x, and perhaps the same along y after it; a number d is (−d, d) along x
    interpolation : "nearest", "bilinear", an `InterpolationMode`, or Pillow's number of one
    fill : what lies outside: a number, or one for each channel
    center : (x, y) in pixels from the upper left corner; by default the middle
    generator : Generator, optional
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: Interpolation = "nearest",
        fill: Fill = 0,
        center: Sequence[float] | None = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.degrees = options.angles("RandomAffine", "degrees", degrees)
        self.translate = translate
        if translate is not None and not all(
            0 <= t <= 1 for t in options.numbers("RandomAffine", "translate", translate)
        ):
            raise ValueError(f"RandomAffine: translate must be shares from 0 to 1, got {translate!r}")
        self.scale = None if scale is None else options.interval("RandomAffine", "scale", scale, above=0)
        self.shear = None if shear is None else options.angles("RandomAffine", "shear", shear, (2, 4))
        self.interpolation = interpolation
        interpolation_name(interpolation, SAMPLED)
        self.fill = options.filling("RandomAffine", fill)
        self.center = options.center_of("RandomAffine", center)

    def make_params(self, images: Tensor) -> Params:
        """``angle`` (N,), ``translate`` (N, 2) in whole pixels, ``scale`` (N,), ``shear`` (N, 2)."""
        n, (height, width) = len(images), images.shape[2:]
        most = np.array(self.translate or (0.0, 0.0)) * [width, height]
        angle = self.uniform(self.degrees, n)
        translate = np.rint(self.stream.uniform(-most, most, (n, 2)))
        scale = self.uniform(self.scale or (1.0, 1.0), n)
        low, high = np.reshape([*(self.shear or ()), 0.0, 0.0, 0.0, 0.0][:4], (2, 2)).T
        return {"angle": angle, "translate": translate, "scale": scale, "shear": self.stream.uniform(low, high, (n, 2))}

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The images through their maps."""
        return F.affine(images, **params, interpolation=self.interpolation, fill=self.fill, center=self.center)


class RandomPerspective(Sometimes):
    """Images seen from aside, with probability p, each from a place of its own.

    Parameters
    ----------
    distortion_scale : how far a corner moves at most, in halves of the side, from 0 to 1
    p : float
    interpolation : "nearest", "bilinear", an `InterpolationMode`, or Pillow's number of one
    fill : what lies outside: a number, or one for each channel
    generator : Generator, optional
    """

    def __init__(
        self,
        distortion_scale: float = 0.5,
        p: float = 0.5,
        interpolation: Interpolation = "bilinear",
        fill: Fill = 0,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(p, generator)
        if not options.is_number(distortion_scale) or not 0 <= distortion_scale <= 1:
            raise ValueError(f"RandomPerspective: distortion_scale must be from 0 to 1, got {distortion_scale!r}")
        self.distortion_scale, self.interpolation = distortion_scale, interpolation
        interpolation_name(interpolation, SAMPLED)
        self.fill = options.filling("RandomPerspective", fill)

    def make_params(self, images: Tensor) -> Params:
        """``chosen`` (N,), ``coefficients`` (N, 8). Where corners come to lie so that there is no map, none moves."""
        params = super().make_params(images)
        n, (height, width) = len(images), images.shape[2:]
        reach = [int(self.distortion_scale * (side // 2)) + 1 for side in (width, height)]
        inward = self.stream.integers(0, reach, (n, 4, 2))
        corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]])
        c = perspective_coefficients(np.abs(corners - inward), np.broadcast_to(corners, inward.shape))
        params["coefficients"] = np.where(np.isnan(c), [1, 0, 0, 0, 1, 0, 0, 0], c)
        return params

    def applied(self, images: Tensor, params: Params) -> Tensor:
        """The images from where they are seen."""
        return F.perspective(images, None, None, self.interpolation, self.fill, params["coefficients"])
