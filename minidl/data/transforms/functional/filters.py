"""Pixels and their neighbours: blur, sharpness, noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.backend import dims
from minidl.backend.modes import require_flag
from minidl.backend.random import Generator
from minidl.data.transforms.functional.conversion import bound
from minidl.data.transforms.functional.images import (
    Each,
    beside,
    column,
    each,
    on_batches,
    real,
    require_channels,
    restored,
    sizes,
)
from minidl.engine.core import Tensor
from minidl.functional.convolution import conv2d
from minidl.functional.filtering import weighed
from minidl.functional.padding import pad
from minidl.ops.draw import randn


@on_batches
def gaussian_blur(
    inpt: Tensor, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | np.ndarray | None = None
) -> Tensor:
    """Images blurred by a Gaussian, reflected at their edges; integers are rounded to the nearest.

    Parameters
    ----------
    inpt : (N, C, H, W)
    kernel_size : odd, one or (across, down)
    sigma : in pixels, more than 0: a number, (across, down), or (N, 2); by default 0.15 · kernel_size + 0.35
    """
    across, down = sizes("kernel_size", kernel_size)
    if not (across % 2 and down % 2):
        raise ValueError(f"kernel_size must be odd, got {kernel_size!r}")
    if down // 2 >= inpt.shape[2] or across // 2 >= inpt.shape[3]:
        raise ValueError(f"a kernel {across}×{down} reaches beyond what images {dims(inpt.shape[2:])} can reflect")
    if sigma is None:
        sigma = (0.15 * across + 0.35, 0.15 * down + 0.35)
    elif np.ndim(sigma) == 0 or (np.ndim(sigma) == 1 and len(sigma) == 1):  # type: ignore[arg-type]
        sigma = np.repeat(sigma, 2)
    sigmas = each("sigma", sigma, inpt, (2,)).astype(float)
    if (sigmas <= 0).any():
        raise ValueError(f"sigma must be more than 0, got {sigma!r}")
    kind = real(inpt.dtype)
    rows, columns = (
        beside(_gaussians(n, k, s)[:, None], inpt, kind)
        for n, k, s in ((inpt.shape[2], down, sigmas[:, 1]), (inpt.shape[3], across, sigmas[:, 0]))
    )
    return restored(weighed(inpt.to(kind), rows, columns), inpt.dtype)


def _gaussians(n: int, size: int, sigmas: np.ndarray) -> np.ndarray:
    """Matrices (N, n, n) that blur lines of n pixels, each by its own sigma."""
    reach = size // 2
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigmas[:, None]) ** 2)
    weights /= weights.sum(1, keepdims=True)
    places = np.pad(np.arange(n), reach, mode="reflect")
    matrices = np.zeros((len(sigmas), n, n))
    for tap in range(size):
        matrices[:, np.arange(n), places[tap : tap + n]] += weights[:, tap, None]
    return matrices


@on_batches
def adjust_sharpness(inpt: Tensor, sharpness_factor: Each) -> Tensor:
    """Images away from their blur: 0 is blurred, 1 as it is, 2 sharper. One factor, or one for each image.

    The blur is the mean of 3×3 pixels, of which the middle counts five times; the outermost pixels stay.
    """
    require_channels(inpt)
    factors = each("sharpness_factor", sharpness_factor, inpt)
    if (factors < 0).any():
        raise ValueError(f"sharpness_factor must not be negative, got {sharpness_factor!r}")
    n, channels, height, width = inpt.shape
    if min(height, width) <= 2 or 0 in inpt.shape:
        return inpt
    x = inpt.to(real(inpt.dtype))
    kernel = beside(np.array([[[[1, 1, 1], [1, 5, 1], [1, 1, 1]]]]) / 13, inpt, x.dtype)
    blurred = conv2d(x.reshape(n * channels, 1, height, width), kernel).reshape(n, channels, height - 2, width - 2)
    blurred = blurred if inpt.dtype.kind == "f" else blurred.round()
    away = pad((blurred - x[:, :, 1:-1, 1:-1]) * column(1 - factors, inpt), (1, 1, 1, 1))
    return restored((x + away).clamp(0, bound(inpt.dtype)), inpt.dtype, rounded=False)


@on_batches
def gaussian_noise(
    inpt: Tensor, mean: float = 0.0, sigma: float = 0.1, clip: bool = True, *, generator: Generator | None = None
) -> Tensor:
    """Images with noise of its own at each pixel.

    Parameters
    ----------
    inpt : floats from 0 to 1, or uint8, for which mean and sigma count as 255 times as much
    mean, sigma : of the normal distribution
    clip : whether pixels are held between black and white; uint8 otherwise goes round
    generator : draws it, by default the global one
    """
    require_flag("gaussian_noise", "clip", clip)
    for name, value in (("mean", mean), ("sigma", sigma)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
            raise TypeError(f"{name} must be a finite number, got {value!r}")
    if sigma < 0:
        raise ValueError(f"sigma must not be negative, got {sigma}")
    if inpt.dtype.kind != "f" and inpt.dtype != np.uint8:
        raise TypeError(f"expected images of uint8 or floats, got {inpt.dtype}")
    white = bound(inpt.dtype)
    noise = (
        randn(inpt.shape, generator=generator, dtype=real(inpt.dtype), device=inpt.device) * (sigma * white)
        + mean * white
    )
    z: Any = inpt + (noise if white == 1 else noise.to(np.int16))
    return (z.clamp(0, white) if clip else z).to(inpt.dtype)
