"""Images side by side, and a tensor of colours as a picture."""

from __future__ import annotations

import numpy as np

from minidl.backend import dims, transfer
from minidl.backend.dtypes import require_float
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.ops.from_data import tensor as tensor_of
from minidl.viz.picture import Picture
from minidl.viz.sketch import sketch


def make_grid(
    tensor: Tensor,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """Images side by side in one (``torchvision.utils.make_grid``).

    Parameters
    ----------
    tensor : Tensor (N, C, H, W), with C = 1, which becomes three, or C = 3
    nrow : how many stand beside each other
    padding : pixels between them, and around
    normalize : whether values are moved into [0, 1]
    value_range : what becomes 0 and 1; the least and the greatest where it is left out
    scale_each : whether each image is moved by its own
    pad_value : what is between them

    Returns
    -------
    Tensor (3, height, width), on the CPU

    Raises
    ------
    ValueError
        For other shapes, for a range that does not rise or that nothing is moved by, and for numbers out of range.
    TypeError
        For integers that are to be moved.
    """
    require_tensors("make_grid", tensor)
    if tensor.ndim != 4 or tensor.shape[1] not in (1, 3) or not tensor.shape[0]:
        raise ValueError(f"make_grid: expected images N×1×H×W or N×3×H×W, got {dims(tensor.shape)}")
    if nrow < 1 or padding < 0:
        raise ValueError(f"make_grid: nrow must be 1 or more and padding 0 or more, got {nrow} and {padding}")
    images = np.array(transfer.move(tensor.array, "cpu"))
    if images.shape[1] == 1:
        images = images.repeat(3, axis=1)
    if normalize:
        require_float("make_grid", images.dtype)
        if value_range is not None and not value_range[0] < value_range[1]:
            raise ValueError(f"make_grid: value_range must be (least, greatest), got {value_range}")
        axes = (1, 2, 3) if scale_each else None
        ends = value_range or (images.min(axes, keepdims=True), images.max(axes, keepdims=True))
        low, high = (np.asarray(end, images.dtype) for end in ends)
        images = (np.clip(images, low, high) - low) / np.maximum(high - low, np.asarray(1e-5, images.dtype))
    elif value_range is not None or scale_each:
        raise ValueError("make_grid: value_range and scale_each say how to normalize; give normalize=True, too")
    count, _, height, width = images.shape
    if count == 1:
        return tensor_of(images[0])
    columns = min(nrow, count)
    rows = -(-count // columns)
    height, width = height + padding, width + padding
    sheet = np.full((3, rows * height + padding, columns * width + padding), pad_value, images.dtype)
    for number, image in enumerate(images):
        top, left = number // columns * height + padding, number % columns * width + padding
        sheet[:, top : top + height - padding, left : left + width - padding] = image
    return tensor_of(sheet)


def image(tensor: Tensor) -> Picture:
    """A tensor (1, H, W) or (3, H, W) of grey or colours in [0, 1] as a picture; what lies outside is cut off.

    Raises
    ------
    ValueError
        For another shape.
    TypeError
        For integers.
    """
    require_tensors("image", tensor)
    if tensor.dtype.kind != "f":
        raise TypeError(f"image: expected floats in [0, 1], got {tensor.dtype}; of bytes, divide by 255")
    if tensor.ndim != 3 or tensor.shape[0] not in (1, 3):
        raise ValueError(f"image: expected 1×H×W or 3×H×W, got {dims(tensor.shape)}; picture() draws any tensor")
    values = np.asarray(transfer.move(tensor.array, "cpu"), np.float64)
    colors = (np.clip(np.nan_to_num(values), 0, 1) * 255).round().astype(np.uint8)
    return Picture(
        np.ascontiguousarray(np.broadcast_to(colors, (3, *colors.shape[1:])).transpose(1, 2, 0)), sketch(tensor)
    )
