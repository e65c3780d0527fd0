"""Blur, sharpness, noise, rectangles written over, and the usual mean and variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.backend.modes import require_flag
from minidl.backend.random import Generator
from minidl.data.transforms import functional as F
from minidl.data.transforms import options
from minidl.data.transforms.functional.images import beside, real, sizes
from minidl.data.transforms.transform import Drawn, Params, Sometimes, Transform
from minidl.engine.core import Tensor
from minidl.ops.draw import randn

Channels = float | Sequence[float] | Tensor | np.ndarray


class Normalize(Transform):
    """(image − mean) / std, channel by channel, of floats.

    Parameters
    ----------
    mean, std : a number for each channel, or one for all; a tensor or an array will do
    inplace : whether the images themselves are written over
    """

    def __init__(self, mean: Channels, std: Channels, inplace: bool = False) -> None:
        self.mean, self.std = _by_channel("mean", mean), _by_channel("std", std)
        if min(self.std) <= 0:
            raise ValueError(f"Normalize: std must be more than 0, got {std!r}")
        self.inplace = require_flag("Normalize", "inplace", inplace)

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The images with mean 0 and variance 1."""
        return F.normalize(images, self.mean, self.std, self.inplace)


def _by_channel(argument: str, value: Any) -> list[float]:
    """A number for each channel, or a single one; TypeError for anything else."""
    given = np.atleast_1d(value.detach().numpy()) if isinstance(value, Tensor) else value
    found = list(given) if np.iterable(given) else [given]
    if not found or not all(map(options.is_number, found)):
        raise TypeError(f"Normalize: {argument} must be a number for each channel, got {value!r}")
    return [float(number) for number in found]


class GaussianBlur(Drawn):
    """Images blurred, each by a Gaussian of its own width.

    Parameters
    ----------
    kernel_size : odd, one or (across, down)
    sigma : (least, most) in pixels, more than 0; a number is that one
    generator : Generator, optional
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        sigma: float | Sequence[float] = (0.1, 2.0),
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.kernel_size = sizes("GaussianBlur: kernel_size", kernel_size)
        if not all(n % 2 for n in self.kernel_size):
            raise ValueError(f"GaussianBlur: kernel_size must be odd, got {kernel_size!r}")
        pair = (sigma, sigma) if options.is_number(sigma) else sigma
        self.sigma = list(options.interval("GaussianBlur", "sigma", pair, above=0))

    def make_params(self, images: Tensor) -> Params:
        """``sigma`` (N, 2), the same across and down."""
        return {"sigma": np.repeat(self.uniform(self.sigma, (len(images), 1)), 2, axis=1)}

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The images, blurred."""
        return F.gaussian_blur(images, self.kernel_size, params["sigma"])


class GaussianNoise(Drawn):
    """Noise of its own at each pixel.

    Parameters
    ----------
    mean, sigma : of the normal distribution, for floats from 0 to 1; for uint8 they count as 255 times as much
    clip : whether pixels are held between black and white; uint8 otherwise goes round
    generator : Generator, optional
    """

    def __init__(
        self, mean: float = 0.0, sigma: float = 0.1, clip: bool = True, *, generator: Generator | None = None
    ) -> None:
        super().__init__(generator)
        self.mean, self.sigma = options.numbers("GaussianNoise", "mean and sigma", [mean, sigma])
        if self.sigma < 0:
            raise ValueError(f"GaussianNoise: sigma must not be negative, got {sigma!r}")
        self.clip = require_flag("GaussianNoise", "clip", clip)

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The images with noise, which is drawn here."""
        return F.gaussian_noise(images, self.mean, self.sigma, self.clip, generator=self.generator)


class RandomAdjustSharpness(Sometimes):
    """Images made sharper, or less sharp, with probability p for each.

    Parameters
    ----------
    sharpness_factor : not negative: 0 is blurred, 1 as it is, 2 sharper
    p : float
    generator : Generator, optional
    """

    def __init__(self, sharpness_factor: float, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__(p, generator)
        if not options.is_number(sharpness_factor) or sharpness_factor < 0:
            raise ValueError(
                f"RandomAdjustSharpness: sharpness_factor must be a number of 0 or more, got {sharpness_factor!r}"
            )
        self.sharpness_factor = sharpness_factor

    def applied(self, images: Tensor, params: Params) -> Tensor:
        """The images, sharper."""
        return F.adjust_sharpness(images, self.sharpness_factor)


class RandomErasing(Sometimes):
    """A rectangle of each image written over, with probability p (Zhong et al., 2020).

    Parameters
    ----------
    p : float
    scale : the least and the largest share of the image's area
    ratio : the least and the largest of height / width, of which the logarithm is uniform
    value : what is written: a number, one for each channel, or "random" for noise of mean 0 and variance 1
    inplace : whether the images themselves are written over
    generator : Generator, optional
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | str | Sequence[float] = 0.0,
        inplace: bool = False,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(p, generator)
        self.scale = options.interval("RandomErasing", "scale", scale, 0, 1)
        self.ratio = options.interval("RandomErasing", "ratio", ratio, above=0)
        if isinstance(value, str):
            if value != "random":
                raise ValueError(f"RandomErasing: value must be numbers or 'random', got {value!r}")
            self.value = None
        else:
            values = [value] if options.is_number(value) else value
            self.value = options.numbers("RandomErasing", "value", values, (1, 2, 3, 4))
        self.inplace = require_flag("RandomErasing", "inplace", inplace)

    def make_params(self, images: Tensor) -> Params:
        """Corner ``i``, ``j`` and size ``h``, ``w``, each (N,), 0 for what stays whole; ``v``, what is written."""
        n, channels, height, width = images.shape
        if self.value is not None and len(self.value) not in (1, channels):
            raise ValueError(f"RandomErasing: {len(self.value)} values don't fit images of {channels} channels")
        chosen = super().make_params(images)["chosen"]
        h, w = options.rectangles(self.stream, n, height * width, self.scale, self.ratio)
        h, w, found = options.first((h < height) & (w < width), h, w)
        h, w = (np.where(found & chosen, side, 0) for side in (h, w))
        i, j = (self.stream.integers(0, most, endpoint=True) for most in (height - h, width - w))
        if self.value is None:
            v = randn(images.shape, generator=self.generator, dtype=real(images.dtype), device=images.device)
        else:
            v = beside(np.reshape(self.value, (-1, 1, 1)), images, real(images.dtype))
        return {"i": i, "j": j, "h": h, "w": w, "v": v}

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The images without their rectangles."""
        return F.erase(images, **params, inplace=self.inplace)


class LinearTransformation(Transform):
    """Each image, less a mean, as a row of C·H·W numbers times a matrix: whitening, for example.

    Parameters
    ----------
    transformation_matrix : Tensor (D, D), D = C·H·W
    mean_vector : Tensor (D,)
    """

    def __init__(self, transformation_matrix: Tensor, mean_vector: Tensor) -> None:
        shapes = [getattr(value, "shape", None) for value in (transformation_matrix, mean_vector)]
        if shapes[1] is None or len(shapes[1]) != 1 or shapes[0] != (*shapes[1], *shapes[1]):
            raise ValueError(
                f"LinearTransformation: expected tensors D×D and D, got shapes {shapes[0]} and {shapes[1]}"
            )
        self.transformation_matrix, self.mean_vector = transformation_matrix, mean_vector

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The images, mapped."""
        size: Any = images.shape
        if size[1] * size[2] * size[3] != len(self.mean_vector):
            raise ValueError(
                f"LinearTransformation: images of {size[1]}×{size[2]}×{size[3]} don't fit a matrix of "
                f"{len(self.mean_vector)} rows"
            )
        rows = images.reshape(size[0], len(self.mean_vector)) - self.mean_vector
        return (rows @ self.transformation_matrix).reshape(*size)
