"""From Pillow's images and arrays to tensors, and from one dtype to another."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import dtypes
from minidl.backend.modes import require_flag
from minidl.data.transforms.functional import conversion
from minidl.data.transforms.transform import Transform
from minidl.engine.core import Tensor


class ToTensor(Transform):
    """A Pillow image or an array (H, W, C) of bytes as a tensor (C, H, W) of floats from 0 to 1.

    Of other dtypes, the numbers stay. A tensor, such as the images of minidl's own data sets, is (C, H, W) already:
    its bytes become floats, too.
    """

    def apply(self, image: Any) -> Tensor:
        """The image as a tensor of floats, where it is of bytes."""
        tensor = conversion.to_image(image)
        if tensor.dtype == dtypes.bool_:
            return tensor.to(dtypes.default_float)
        return conversion.to_dtype(tensor, dtypes.default_float, scale=True) if tensor.dtype == np.uint8 else tensor


class ToImage(Transform):
    """A Pillow image or an array (H, W, C) as a tensor (C, H, W) of the same numbers; a tensor as it is."""

    def apply(self, image: Any) -> Tensor:
        """The image as a tensor."""
        return conversion.to_image(image)


class PILToTensor(Transform):
    """A Pillow image as a tensor (C, H, W) of the same numbers."""

    batched = False

    def apply(self, image: Any) -> Tensor:
        """The image as a tensor."""
        return conversion.pil_to_tensor(image)


class ToPILImage(Transform):
    """A tensor (C, H, W) of bytes, or of floats from 0 to 1, or an array (H, W, C), as a Pillow image.

    Parameters
    ----------
    mode : which of Pillow's modes, by default by the channels: "L", "LA", "RGB", "RGBA"
    """

    batched = False

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def apply(self, image: Any) -> Any:
        """The tensor as a Pillow image."""
        return conversion.to_pil_image(image, self.mode)


class ToDtype(Transform):
    """Tensors in another dtype.

    Parameters
    ----------
    dtype : dtype
    scale : whether floats from 0 to 1 become integers from 0 to their largest, and the other way round
    """

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        self.dtype = dtypes.resolve("ToDtype", dtype)
        self.scale = require_flag("ToDtype", "scale", scale)

    def apply(self, image: Any) -> Tensor:
        """The tensor in the other dtype."""
        return conversion.to_dtype(image, self.dtype, self.scale)
