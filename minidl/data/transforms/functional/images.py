"""What all functions of this room share: images one by one or in batches, and parameters for all or for each."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, TypeVar

import numpy as np

from minidl.backend import dims, dtypes, transfer
from minidl.data.transforms.functional.conversion import CHANNELS, is_pil, pil_to_tensor, to_pil_image
from minidl.engine.composed import named
from minidl.engine.core import Tensor

Function = TypeVar("Function", bound=Callable[..., Any])
Each = float | Sequence[float] | np.ndarray  # one number for all images, or one for each
Fill = float | Sequence[float] | None  # a number, or one for each channel


class InterpolationMode(Enum):
    """How pixels between pixels are found (torchvision's names; their values serve as well)."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


Interpolation = str | InterpolationMode | int
PILLOWS = dict(enumerate(["nearest", "lanczos", "bilinear", "bicubic", "box", "hamming"]))


def interpolation_name(interpolation: Any, known: Sequence[str]) -> str:
    """An interpolation mode, of this name or with this number of Pillow's; ValueError unless it is `known`."""
    name = interpolation.value if isinstance(interpolation, InterpolationMode) else interpolation
    if isinstance(name, (int, np.integer)) and not isinstance(name, bool):
        name = PILLOWS.get(int(name), name)
    if name not in tuple(known):
        raise ValueError(f"interpolation must be one of {', '.join(map(repr, known))}, got {interpolation!r}")
    return str(name)


def batch_of(name: str, inpt: Any) -> tuple[Tensor, Callable[[Tensor], Any]]:
    """Images as a batch (N, C, H, W), and what makes of a result what the images came as.

    Raises
    ------
    TypeError, ValueError
        In the name of a function, for what are no images.
    """
    if is_pil(inpt):
        if inpt.mode not in CHANNELS:
            hint = "L" if inpt.mode in ("1", "I", "F") else "RGB"
            raise TypeError(
                f"{name}: expected a Pillow image of bytes, got mode {inpt.mode!r}; .convert({hint!r}) first"
            )
        bands = len(inpt.getbands())
        return pil_to_tensor(inpt)[None], lambda z: to_pil_image(z[0], inpt.mode if z.shape[1] == bands else None)
    if not isinstance(inpt, Tensor):
        hint = "; ToTensor() makes one of an array (H, W, C), md.tensor(…) of one that is (C, H, W)"
        given = f"an array {dims(inpt.shape)}{hint}" if isinstance(inpt, np.ndarray) else type(inpt).__name__
        raise TypeError(f"{name}: expected images as a tensor, or a Pillow image, got {given}")
    if inpt.ndim < 3 or inpt.dtype.kind == "b":
        raise ValueError(
            f"{name}: expected images (C, H, W) or batches (N, C, H, W) of numbers, got {dims(inpt.shape)} of "
            f"{inpt.dtype}{'; images[None] adds a channel' * (inpt.ndim == 2)}"
        )
    lead = inpt.shape[:-3]
    if len(lead) == 1:
        return inpt, lambda z: z
    count = int(np.prod(lead, dtype=int))
    return inpt.reshape(count, *inpt.shape[-3:]), lambda z: z.reshape(*lead, *z.shape[1:])


def on_batches(function: Function) -> Function:
    """A function of batches that takes whatever `batch_of` does, with errors in its own name."""
    computed = named(function)

    @functools.wraps(function)
    def call(inpt: Any, *args: Any, **options: Any) -> Any:
        images, restored = batch_of(function.__name__, inpt)
        return restored(computed(images, *args, **options))

    return call  # type: ignore[return-value]


def each(name: str, value: Any, images: Tensor, inner: tuple[int, ...] = ()) -> np.ndarray:
    """A parameter for each image of a batch (N, …), of one for all (…) or of as many as there are images.

    Raises
    ------
    TypeError, ValueError
        In the name of an argument, for other shapes, and numbers that are not finite.
    """
    count = len(images)
    try:
        array = np.asarray(value.numpy() if isinstance(value, Tensor) else value)
    except ValueError:
        array = np.empty(0, object)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name}: expected numbers, got {value!r}")
    if array.shape not in (inner, (count, *inner)):
        wanted = "a number" if not inner else f"{dims(inner)} numbers"
        raise ValueError(f"{name}: expected {wanted}, or as many for each of {count} images, got {dims(array.shape)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got {value!r}")
    return np.broadcast_to(array, (count, *inner))


def beside(array: Any, images: Tensor, dtype: Any = None) -> Tensor:
    """Numbers as a tensor on the device of images, in another dtype where one is given."""
    values = np.asarray(array)
    return Tensor(transfer.move(np.ascontiguousarray(values if dtype is None else values.astype(dtype)), images.device))


def column(values: np.ndarray, images: Tensor) -> Tensor:
    """A number for each image (N,), to compute with their pixels: (N, 1, 1, 1)."""
    return beside(values.reshape(-1, 1, 1, 1), images, real(images.dtype))


def real(dtype: np.dtype) -> np.dtype:
    """The dtype in which pixels are computed with: their own, or float32 for integers."""
    return dtype if dtype.kind == "f" else dtypes.float32


def restored(pixels: Tensor, dtype: np.dtype, rounded: bool = True) -> Tensor:
    """Computed pixels in the dtype of the images: integers to the nearest, or their whole part, and held in range."""
    if dtype.kind == "f":
        return pixels
    pixels = pixels.round() if rounded else pixels
    return pixels.clamp(np.iinfo(dtype).min, np.iinfo(dtype).max).to(dtype)


def require_channels(images: Tensor) -> int:
    """How many channels images of colours have; ValueError unless 1 or 3."""
    if images.shape[1] not in (1, 3):
        raise ValueError(f"expected images of 1 or 3 channels, got {images.shape[1]}")
    return images.shape[1]


def fills(fill: Any, images: Tensor) -> Tensor | None:
    """What is filled in, as (1, C, 1, 1) or (1, 1, 1, 1), of a number, or one for each channel; None stays."""
    if fill is None:
        return None
    numbers = fill if isinstance(fill, (tuple, list)) else [fill]
    if len(numbers) not in (1, images.shape[1]) or any(
        isinstance(v, bool) or not isinstance(v, (int, float, np.number)) for v in numbers
    ):
        raise ValueError(f"fill must be a number, or one for each of {images.shape[1]} channels, got {fill!r}")
    return beside(np.reshape(numbers, (1, -1, 1, 1)), images, real(images.dtype))


def sizes(name: str, value: Any) -> tuple[int, int]:
    """A height and a width: one number for both, or two; ValueError, in the name of an argument, for anything else."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    pair = pair * 2 if len(pair) == 1 else pair
    if len(pair) != 2 or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 for n in pair):
        raise ValueError(f"{name} must be a positive integer, or two of them (height, width), got {value!r}")
    return int(pair[0]), int(pair[1])
