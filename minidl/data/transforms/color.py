"""Brightness, contrast, saturation and hue."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.backend.random import Generator
from minidl.data.transforms import functional as F
from minidl.data.transforms import options
from minidl.data.transforms.transform import Drawn, Params, Sometimes, Transform, in_parts
from minidl.engine.core import Tensor

Range = float | Sequence[float] | None


class Grayscale(Transform):
    """Images without colour.

    Parameters
    ----------
    num_output_channels : 1, or 3 that are alike
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise ValueError(f"Grayscale: num_output_channels must be 1 or 3, got {num_output_channels!r}")
        self.num_output_channels = num_output_channels

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The luminance of the images."""
        return F.rgb_to_grayscale(images, self.num_output_channels)


class RandomGrayscale(Sometimes):
    """Images without colour, with probability p for each; of as many channels as before."""

    def __init__(self, p: float = 0.1, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator)

    def applied(self, images: Tensor, params: Params) -> Tensor:
        """The luminance of the images."""
        return F.rgb_to_grayscale(images, images.shape[1])


class ColorJitter(Drawn):
    """Brightness, contrast, saturation and hue changed, for each image by factors and in an order of its own.

    Parameters
    ----------
    brightness, contrast, saturation : (least, most) factor, not negative; a number b is (1 − b, 1 + b), from 0 on
    hue : (least, most) in turns, from -0.5 to 0.5; a number h is (−h, h). Images must not be negative
    generator : Generator, optional
    """

    def __init__(
        self,
        brightness: Range = None,
        contrast: Range = None,
        saturation: Range = None,
        hue: Range = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.brightness = _factors("brightness", brightness)
        self.contrast = _factors("contrast", contrast)
        self.saturation = _factors("saturation", saturation)
        self.hue = _factors("hue", hue, center=0.0, low=-0.5, high=0.5)

    def make_params(self, images: Tensor) -> Params:
        """``fn_idx`` (N, 4), an order of the four; ``brightness_factor``, … ``hue_factor`` (N,), None for none."""
        n = len(images)
        params: Params = {"fn_idx": self.stream.permuted(np.tile(np.arange(4), (n, 1)), axis=1)}
        for name in ("brightness", "contrast", "saturation", "hue"):
            span = getattr(self, name)
            params[f"{name}_factor"] = None if span is None else self.uniform(span, n)
        return params

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The images changed, one thing after the other."""
        ways = [
            (F.adjust_brightness, params["brightness_factor"]),
            (F.adjust_contrast, params["contrast_factor"]),
            (F.adjust_saturation, params["saturation_factor"]),
            (F.adjust_hue, params["hue_factor"]),
        ]
        wanted = [number for number, (_, factors) in enumerate(ways) if factors is not None]
        order = params["fn_idx"]
        order = order[np.isin(order, wanted)].reshape(len(order), len(wanted))
        changes = [lambda part, rows, way=way, factors=factors: way(part, factors[rows]) for way, factors in ways]
        for turn in order.T:
            images = in_parts(images, turn, changes)
        return images


class RandomAutocontrast(Sometimes):
    """The darkest pixel of each channel becomes black and the brightest white, with probability p for each image."""

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator)

    def applied(self, images: Tensor, params: Params) -> Tensor:
        """The images from black to white."""
        return F.autocontrast(images)


class RandomInvert(Sometimes):
    """Black becomes white, with probability p for each image."""

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator)

    def applied(self, images: Tensor, params: Params) -> Tensor:
        """The negatives of the images."""
        return F.invert(images)


class RandomPosterize(Sometimes):
    """Colours of so many bits, from 0 to 8, with probability p for each image."""

    def __init__(self, bits: int, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator)
        if isinstance(bits, bool) or not isinstance(bits, int) or not 0 <= bits <= 8:
            raise ValueError(f"RandomPosterize: bits must be an integer from 0 to 8, got {bits!r}")
        self.bits = bits

    def applied(self, images: Tensor, params: Params) -> Tensor:
        """The images in fewer colours."""
        return F.posterize(images, self.bits)


class RandomSolarize(Sometimes):
    """Pixels of `threshold` and above are inverted, with probability p for each image."""

    def __init__(self, threshold: float, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator)
        if not options.is_number(threshold):
            raise TypeError(f"RandomSolarize: threshold must be a number, got {threshold!r}")
        self.threshold = threshold

    def applied(self, images: Tensor, params: Params) -> Tensor:
        """The images with their bright parts inverted."""
        return F.solarize(images, self.threshold)


def _factors(
    argument: str, value: Range, center: float = 1.0, low: float = 0.0, high: float = np.inf
) -> tuple[float, float] | None:
    """The least and the most that is drawn; None for nothing to draw."""
    if value is None:
        return None
    if options.is_number(value):
        if value < 0:  # type: ignore[operator]
            raise ValueError(f"ColorJitter: {argument} as one number must not be negative, got {value!r}")
        value = (center - value, center + value)  # type: ignore[operator]
        value = (max(value[0], 0.0), value[1]) if low == 0 else value
    span = options.interval("ColorJitter", argument, value, low, high)
    return None if span == (center, center) else span
