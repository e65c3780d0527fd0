"""How a training step grows with the size of the images and the threads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import minidl as md
from benchmarks.case import Case, benchmark
from benchmarks.networks import problem
from benchmarks.training import TOLERANCE


@benchmark
def scaling(quick: bool) -> Iterator[Case]:
    """A training step by image size and threads."""
    for size in (8, 16) if quick else (16, 32, 64):
        batch = 2 if quick else 32
        md.manual_seed(0)
        rng = np.random.default_rng(0)
        images, labels = rng.random((batch, 3, size, size), np.float32), rng.integers(0, 10, batch)
        yield step(
            f"VGG-style, {size}×{size}, batch {batch}", md.models.vgg_style(size=size, dropout=0), images, labels
        )
    for name in "SimpLeNet", "VGG-style":
        for threads in 1, 2:
            batch = 2 if quick else 128
            yield step(f"{name}, batch {batch}, {threads} threads", *problem(name, batch), threads=threads)


def step(name: str, network: md.nn.Module, images: np.ndarray, labels: np.ndarray, threads: int | None = None) -> Case:
    """A training step as a case."""
    return Case(name, lambda engine: engine.training(network, images, labels), TOLERANCE, threads=threads)
