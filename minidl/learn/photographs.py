"""Photographs that come along with the packages of the extra ``lessons``."""

from __future__ import annotations

import numpy as np

from minidl.learn.extras import extra


def grace_hopper(size: int, color: bool = False) -> np.ndarray:
    """The portrait of Grace Hopper that matplotlib carries (US Navy, public domain), in [0, 1].

    Returns
    -------
    ndarray (size, size)
        Grey; with `color`, (3, size, size).
    """
    with extra("matplotlib.cbook").get_sample_data("grace_hopper.jpg") as file:
        picture = extra("PIL.Image").open(file).convert("RGB" if color else "L").crop((96, 20, 416, 340))
    pixels = np.asarray(picture.resize((size, size))) / 255
    return pixels.transpose(2, 0, 1) if color else pixels
