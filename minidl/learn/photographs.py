"""Photographs that come along with the packages of the extra ``lessons``."""

from __future__ import annotations

import numpy as np

from minidl.learn.extras import extra


def grace_hopper(size: int) -> np.ndarray:
    """The portrait of Grace Hopper that matplotlib carries (US Navy, public domain): (size, size), grey, in [0, 1]."""
    with extra("matplotlib.cbook").get_sample_data("grace_hopper.jpg") as file:
        picture = extra("PIL.Image").open(file).convert("L").crop((96, 20, 416, 340)).resize((size, size))
    return np.asarray(picture) / 255
