"""Brightness, contrast, saturation and hue: integers from 0 to their largest number, floats from 0 to 1."""

from __future__ import annotations

import numpy as np

from minidl.data.transforms.functional.conversion import bound, to_dtype
from minidl.data.transforms.functional.images import (
    Each,
    beside,
    column,
    each,
    on_batches,
    real,
    require_channels,
    restored,
)
from minidl.engine.core import Tensor
from minidl.ops.division import bitwise_and, bitwise_xor
from minidl.ops.elementwise import floor, minimum, where

LUMINANCE = (0.2989, 0.587, 0.114)  # of red, green and blue (ITU-R BT.601, as torchvision rounds it)


def _gray(images: Tensor) -> Tensor:
    """The luminance of colours, and one channel as it is: (N, 1, H, W), not rounded."""
    if images.shape[1] == 1:
        return images.to(real(images.dtype))
    red, green, blue = (images[:, i : i + 1] * share for i, share in enumerate(LUMINANCE))
    return red + green + blue


@on_batches
def rgb_to_grayscale(inpt: Tensor, num_output_channels: int = 1) -> Tensor:
    """Images without colour.

    Parameters
    ----------
    inpt : (N, 1 or 3, H, W)
    num_output_channels : 1, or 3 that are alike
    """
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels must be 1 or 3, got {num_output_channels!r}")
    require_channels(inpt)
    gray = _gray(inpt).to(inpt.dtype)
    return gray.expand(len(inpt), num_output_channels, *inpt.shape[2:])


@on_batches
def grayscale_to_rgb(inpt: Tensor) -> Tensor:
    """Images of three channels, (N, 1 or 3, H, W) → (N, 3, H, W)."""
    require_channels(inpt)
    return inpt.expand(len(inpt), 3, *inpt.shape[2:])


@on_batches
def adjust_brightness(inpt: Tensor, brightness_factor: Each) -> Tensor:
    """Images times a factor: 0 is black, 1 as it is. One, or one for each image of (N, 1 or 3, H, W)."""
    require_channels(inpt)
    return _held(inpt * column(_factors("brightness_factor", brightness_factor, inpt), inpt), inpt.dtype)


@on_batches
def adjust_contrast(inpt: Tensor, contrast_factor: Each) -> Tensor:
    """Images away from their mean luminance, by a factor: 0 is gray, 1 as it is. One, or one for each image."""
    require_channels(inpt)
    return _blend(inpt, _whole(_gray(inpt), inpt).mean((1, 2, 3), keepdim=True), "contrast_factor", contrast_factor)


@on_batches
def adjust_saturation(inpt: Tensor, saturation_factor: Each) -> Tensor:
    """Images away from their luminance, by a factor: 0 is without colour, 1 as it is. One, or one for each image."""
    if require_channels(inpt) == 1:
        return inpt
    return _blend(inpt, _whole(_gray(inpt), inpt), "saturation_factor", saturation_factor)


@on_batches
def adjust_hue(inpt: Tensor, hue_factor: Each) -> Tensor:
    """Images with their hues turned.

    Parameters
    ----------
    inpt : (N, 1 or 3, H, W), not negative
    hue_factor : in turns, from -0.5 to 0.5, both of which are the opposite hue; one, or one for each image
    """
    turns = each("hue_factor", hue_factor, inpt)
    if (abs(turns) > 0.5).any():
        raise ValueError(f"hue_factor must be from -0.5 to 0.5, got {hue_factor!r}")
    if require_channels(inpt) == 1:
        return inpt
    rgb = to_dtype(inpt, real(inpt.dtype), scale=True)
    high, low = rgb.amax(1, keepdim=True), rgb.amin(1, keepdim=True)
    span = high - low
    sixths = _hue(rgb, high, span) + column(6 * turns, inpt)
    # each colour falls by the span, in the third of the circle that lies opposite to it
    k = beside(np.reshape([5, 3, 1], (1, 3, 1, 1)), inpt, real(inpt.dtype)) + sixths
    k = k - 6 * floor(k / 6)
    return to_dtype(high - span * minimum(k, 4 - k).clamp(0, 1), inpt.dtype, scale=True)


def _hue(rgb: Tensor, high: Tensor, span: Tensor) -> Tensor:
    """Of colours, in sixths of a turn from red, (N, 1, H, W) (Smith, "Color gamut transform pairs", 1978)."""
    away = (high - rgb) / where(span == 0, 1.0, span)
    red, green, blue = away[:, :1], away[:, 1:2], away[:, 2:]
    beyond_red = where(rgb[:, 1:2] == high, 2 + red - blue, 4 + green - red)
    return where(rgb[:, :1] == high, blue - green, beyond_red)


@on_batches
def autocontrast(inpt: Tensor) -> Tensor:
    """The darkest pixel of each channel becomes black and the brightest white; a channel of one value stays."""
    require_channels(inpt)
    x, white = inpt.to(real(inpt.dtype)), bound(inpt.dtype)
    low, high = (x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)) if 0 not in inpt.shape else (x, x)
    flat = low == high
    return _held((x - where(flat, 0.0, low)) / where(flat, 1.0, (high - low) * (1 / white)), inpt.dtype)


@on_batches
def invert(inpt: Tensor) -> Tensor:
    """Black becomes white."""
    return 1 - inpt if inpt.dtype.kind == "f" else bitwise_xor(inpt, int(bound(inpt.dtype)))


@on_batches
def posterize(inpt: Tensor, bits: int) -> Tensor:
    """Colours of so many bits, from 0 to 8."""
    if isinstance(bits, bool) or not isinstance(bits, int) or not 0 <= bits <= 8:
        raise ValueError(f"bits must be an integer from 0 to 8, got {bits!r}")
    levels = 1 << bits
    if inpt.dtype.kind == "f":
        return (inpt * levels).floor().clamp(0, levels - 1) * (1 / levels)
    least = max(int(bound(inpt.dtype)).bit_length() - bits, 0)
    return bitwise_and(inpt, (levels - 1) << least)


@on_batches
def solarize(inpt: Tensor, threshold: float) -> Tensor:
    """Pixels of `threshold` and above are inverted."""
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or threshold > bound(inpt.dtype):
        raise ValueError(f"threshold must be a number of at most {bound(inpt.dtype):g}, got {threshold!r}")
    return where(inpt >= threshold, invert(inpt), inpt)


def _factors(name: str, value: Each, images: Tensor) -> np.ndarray:
    numbers = each(name, value, images)
    if (numbers < 0).any():
        raise ValueError(f"{name} must not be negative, got {value!r}")
    return numbers


def _blend(images: Tensor, other: Tensor, name: str, value: Each) -> Tensor:
    share = _factors(name, value, images)
    return _held(images * column(share, images) + other * column(1 - share, images), images.dtype)


def _whole(gray: Tensor, images: Tensor) -> Tensor:
    return gray if images.dtype.kind == "f" else gray.floor()


def _held(pixels: Tensor, dtype: np.dtype) -> Tensor:
    """Between black and white; of integers the whole part."""
    return restored(pixels.clamp(0, bound(dtype)), dtype, rounded=False)
