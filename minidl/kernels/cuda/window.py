"""What kernels are told of windows and images: the structs of ``window.cuh``, which are passed on by value."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array
from minidl.ops.window import Window


@functools.lru_cache(maxsize=1024)
def geometry(window: Window, size: tuple[int, int], places: tuple[int, int]) -> np.ndarray:
    """``Window``: images of `size` (H, W), seen from `places` (OH, OW)."""
    (top, _), (left, _) = window.padding
    numbers = (*size, *places, *window.size, *window.stride, top, left, *window.dilation)
    return np.array(numbers, np.int32).view("V48")


def strides(x: Array) -> np.ndarray:
    """``Strides`` of images (N, C, H, W), in elements."""
    return np.array([s // x.itemsize for s in x.strides], np.int64).view("V32")


def empty_images(n: int, channels: int, size: tuple[int, int], dtype: Any) -> Array:
    """Images (N, C, H, W) of any content, channels last in memory."""
    return backend.cupy().empty((n, *size, channels), dtype).transpose(0, 3, 1, 2)
