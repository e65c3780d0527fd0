"""From Pillow's images and arrays to tensors and back, and from one dtype to another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backend import dims, dtypes, get_default_device
from minidl.backend.extras import extra
from minidl.backend.modes import require_flag
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.ops.division import bitwise_left_shift, bitwise_right_shift

if TYPE_CHECKING:
    from PIL.Image import Image

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4, "YCbCr": 3, "HSV": 3}  # of Pillow's images of bytes

USUAL = (1, 3, 4)  # channels by which it shows that a shape has them elsewhere


def is_pil(value: Any) -> bool:
    """Whether it is an image of Pillow's, which need not be installed."""
    return any(kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in type(value).__mro__)


def bound(dtype: np.dtype) -> float:
    """The value of white: 1 for floats, the largest number for integers."""
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


def pil_to_tensor(pic: Image) -> Tensor:
    """An image of Pillow's as a tensor (C, H, W) of the same numbers: uint8, for mode "I" int32, for "F" float32.

    Raises
    ------
    TypeError
        For what is no such image, and for palettes, whose numbers are no brightness.
    """
    if not is_pil(pic):
        raise TypeError(f"pil_to_tensor: expected a Pillow image, got {type(pic).__name__}")
    if pic.mode not in (*CHANNELS, "1", "I", "F"):
        raise TypeError(
            f"pil_to_tensor: an image of mode {pic.mode!r} has no channels to work on; .convert('RGB') first"
        )
    array = np.array(pic)
    channels = array.reshape(*array.shape[:2], -1).transpose(2, 0, 1)
    return Tensor(np.ascontiguousarray(channels)).to(get_default_device())


def to_image(inpt: Any) -> Tensor:
    """A Pillow image or an array (H, W, C) or (H, W) as a tensor (C, H, W) of the same numbers; a tensor as it is.

    Raises
    ------
    TypeError, ValueError
        For anything else; for an array whose shape says that its channels stand first, a tensor's that they do last.
    """
    if isinstance(inpt, Tensor):
        if inpt.ndim > 2 and inpt.shape[-1] in USUAL and inpt.shape[-3] not in CHANNELS.values():
            raise ValueError(
                f"to_image: a tensor is C×H×W, and {dims(inpt.shape)} has its channels last; .movedim(-1, -3) first"
            )
        return inpt
    if not isinstance(inpt, np.ndarray):
        if not is_pil(inpt):
            given = type(inpt).__name__
            raise TypeError(f"to_image: expected a tensor, an array or a Pillow image, got {given}")
        return pil_to_tensor(inpt)
    if inpt.ndim not in (2, 3):
        raise ValueError(f"to_image: expected an array H×W×C or H×W, got {dims(inpt.shape)}")
    if inpt.ndim == 3 and inpt.shape[0] in USUAL and inpt.shape[2] not in CHANNELS.values():
        raise ValueError(
            f"to_image: an array is H×W×C, and {dims(inpt.shape)} has its channels first; md.tensor(…) of it instead"
        )
    return Tensor(np.ascontiguousarray(np.atleast_3d(inpt).transpose(2, 0, 1))).to(get_default_device())


def to_pil_image(pic: Any, mode: str | None = None) -> Image:
    """A tensor (C, H, W), or an array (H, W, C) or (H, W), as an image of Pillow's.

    Parameters
    ----------
    pic : uint8, or floats, which are held between 0 and 1
    mode : which of Pillow's modes, by default by the channels: "L", "LA", "RGB", "RGBA"

    Raises
    ------
    TypeError, ValueError
        For another dtype or number of channels, or a mode that has another.
    """
    if not isinstance(pic, (Tensor, np.ndarray)):
        raise TypeError(f"to_pil_image: expected a tensor or an array, got {type(pic).__name__}")
    if pic.ndim not in (2, 3):
        raise ValueError(f"to_pil_image: expected one image, C×H×W, or an array H×W×C, got {dims(pic.shape)}")
    if isinstance(pic, Tensor):
        array = pic.detach().numpy()
        array = array[..., None] if array.ndim == 2 else array.transpose(1, 2, 0)
    else:
        array = np.atleast_3d(pic)
    if array.dtype.kind == "f":
        array = (np.nan_to_num(array) * 255).clip(0, 255).astype(np.uint8)
    channels = array.shape[2]
    if array.dtype != np.uint8 or channels not in CHANNELS.values():
        raise TypeError(f"to_pil_image: expected 1 to 4 channels of uint8 or floats, got {channels} of {array.dtype}")
    usual = next(name for name, count in CHANNELS.items() if count == channels)
    wanted = usual if mode is None else mode
    if CHANNELS.get(wanted) != channels:
        raise ValueError(f"to_pil_image: mode {mode!r} does not fit {channels} channels; leave it out for {usual!r}")
    pillow = extra("PIL.Image", "images", "to_pil_image")
    image = pillow.fromarray(np.ascontiguousarray(array[..., 0] if channels == 1 else array))
    if image.mode == wanted:
        return image
    return pillow.frombytes(wanted, image.size, image.tobytes())


def to_dtype(inpt: Tensor, dtype: Any = dtypes.float32, scale: bool = False) -> Tensor:
    """Images in another dtype, their numbers as they are, or scaled so that white stays white.

    Parameters
    ----------
    inpt : Tensor of any shape
    dtype : dtype
    scale : whether floats from 0 to 1 become integers from 0 to their largest, and the other way round

    Raises
    ------
    TypeError
        For what is no tensor; for floats scaled to integers that are larger than they can tell apart.
    """
    require_tensors("to_dtype", inpt)
    wanted = dtypes.resolve("to_dtype", dtype)
    if not require_flag("to_dtype", "scale", scale) or inpt.dtype == wanted:
        return inpt.to(wanted)
    if "b" in (inpt.dtype.kind, wanted.kind):
        raise TypeError(f"to_dtype: {inpt.dtype} to {wanted} has no scale; leave out scale=True")
    if inpt.dtype.kind != "f" and wanted.kind != "f":
        shift = bits(wanted) - bits(inpt.dtype)
        if shift < 0:
            return bitwise_right_shift(inpt, -shift).to(wanted)
        return bitwise_left_shift(inpt.to(wanted), shift)
    if wanted.kind == "f":
        return inpt.to(wanted) if inpt.dtype.kind == "f" else inpt.to(wanted) * (1 / bound(inpt.dtype))
    if bits(wanted) > np.finfo(inpt.dtype).nmant + 1:
        raise TypeError(f"to_dtype: {inpt.dtype} can't tell the numbers of {wanted} apart; convert to a smaller one")
    return (inpt * (bound(wanted) + 1 - 1e-3)).to(wanted)


def bits(dtype: np.dtype) -> int:
    """How many bits of an integer dtype are the number's, without its sign."""
    return int(np.iinfo(dtype).max).bit_length()
