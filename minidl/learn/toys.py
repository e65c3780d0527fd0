"""Data made of a formula, small enough to look at."""

from __future__ import annotations

import numpy as np


def two_moons(count: int, rng: np.random.Generator, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Points on two arcs that reach into each other.

    Parameters
    ----------
    count : int
        How many points, half of them on each arc.
    rng : numpy.random.Generator
    noise : float
        The standard deviation of their distance from the arc.

    Returns
    -------
    points (count, 2), labels (count,)
        1 on the upper arc, −1 on the lower.
    """
    labels = np.where(np.arange(count) < count // 2, 1.0, -1.0)
    angles = rng.uniform(0, np.pi, count)
    upper, lower = (np.cos(angles), np.sin(angles)), (1 - np.cos(angles), 0.5 - np.sin(angles))
    points = np.stack([np.where(labels > 0, *pair) for pair in zip(upper, lower, strict=True)], axis=1)
    return points + noise * rng.standard_normal(points.shape), labels
