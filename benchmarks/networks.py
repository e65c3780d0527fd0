"""The networks that are timed, with the size of their images, and data for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import minidl as md
from minidl import nn


def lenet5() -> nn.Sequential:
    """LeNet-5 of LeCun et al. (1998), as it is taught now: tanh, mean pooling, no table of connections."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int, int]]] = {
    "SimpLeNet": (md.models.SimpLeNet, (1, 28, 28)),
    "LeNet-5": (lenet5, (1, 28, 28)),
    "MLP 784-256-256-10": (lambda: md.models.mlp(784, 256, 256, 10), (1, 28, 28)),
    "VGG-style": (lambda: md.models.vgg_style(dropout=0), (3, 32, 32)),
}


def problem(name: str, batch: int) -> tuple[nn.Module, np.ndarray, np.ndarray]:
    """A network with the same weights each time, images in [0, 1) for it, and labels."""
    build, size = NETWORKS[name]
    md.manual_seed(0)
    rng = np.random.default_rng(0)
    return build(), rng.random((batch, *size), np.float32), rng.integers(0, 10, batch)
