"""Pixels replaced, and brought to mean 0 and variance 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.backend.dtypes import require_float
from minidl.backend.modes import require_flag
from minidl.data.transforms.functional.images import Each, beside, each, on_batches
from minidl.engine.core import Tensor
from minidl.ops.elementwise import where


@on_batches
def normalize(inpt: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """(image − mean) / std, channel by channel.

    Parameters
    ----------
    inpt : (N, C, H, W), floats
    mean, std : (C,), or one number for all
    inplace : whether the images themselves are written over
    """
    require_float("normalize", inpt.dtype)
    require_flag("normalize", "inplace", inplace)
    center, width = (_channels(name, value, inpt) for name, value in (("mean", mean), ("std", std)))
    if (width <= 0).any():
        raise ValueError(f"std must be more than 0, got {std!r}")
    z = (inpt - beside(center, inpt, inpt.dtype)) / beside(width, inpt, inpt.dtype)
    return inpt.copy_(z) if inplace else z


def _channels(name: str, value: Any, images: Tensor) -> np.ndarray:
    numbers = np.asarray(value.numpy() if isinstance(value, Tensor) else value)
    if numbers.dtype.kind not in "iuf" or numbers.shape not in ((), (1,), (images.shape[1],)):
        raise ValueError(f"{name} must be a number for each of {images.shape[1]} channels, got {value!r}")
    return numbers.reshape(-1, 1, 1)


@on_batches
def erase(inpt: Tensor, i: Each, j: Each, h: Each, w: Each, v: Tensor, inplace: bool = False) -> Tensor:
    """A rectangle of each image written over.

    Parameters
    ----------
    inpt : (N, C, H, W)
    i, j : its upper left corner, row and column; one, or one for each image
    h, w : its height and width; one, or one for each image
    v : what is written: as large as the rectangle, (C, h, w), or to be broadcast to the images, such as (C, 1, 1)
    inplace : whether the images themselves are written over
    """
    require_flag("erase", "inplace", inplace)
    if not isinstance(v, Tensor):
        raise TypeError(f"v must be a tensor, got {type(v).__name__}")
    if not any(map(np.ndim, (i, j, h, w))):
        z = inpt if inplace else inpt.clone()
        z[:, :, i : i + h, j : j + w] = v.to(inpt.dtype)  # type: ignore[operator]
        return z
    named = {"i": i, "j": j, "h": h, "w": w}
    top, left, height, width = (each(name, value, inpt).reshape(-1, 1) for name, value in named.items())
    rows, columns = np.arange(inpt.shape[2]), np.arange(inpt.shape[3])
    inside = ((rows >= top) & (rows < top + height))[:, :, None] & ((columns >= left) & (columns < left + width))[
        :, None
    ]
    z = where(beside(inside[:, None], inpt), v.to(inpt.dtype), inpt)
    return inpt.copy_(z) if inplace else z
