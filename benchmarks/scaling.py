"""How a training step grows with the size of the images and the threads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.case import Asked, Case, benchmark
from benchmarks.engines import Model
from benchmarks.networks import TOLERANCE, problem
from benchmarks.networks.sequential import vgg_style


@benchmark
def scaling(asked: Asked) -> Iterator[Case]:
    """A training step by image size and threads."""
    for size in (8, 16) if asked.quick else (16, 32, 64):
        batch = 2 if asked.quick else 32
        rng = np.random.default_rng(0)
        images, labels = rng.random((batch, 3, size, size), np.float32), rng.integers(0, 10, batch)
        model = Model(partial(vgg_style, side=size))
        yield step(f"VGG-style, {size}×{size}, batch {batch}", model, images, labels)
    for name in "SimpLeNet", "VGG-style":
        for threads in 1, 2:
            batch = 2 if asked.quick else 128
            yield step(f"{name}, batch {batch}, {threads} threads", *problem(name, batch), threads=threads)


def step(name: str, model: Model, images: np.ndarray, labels: np.ndarray, threads: int | None = None) -> Case:
    """A training step as a case."""
    return Case(name, lambda engine: engine.training(model, images, labels), TOLERANCE, threads=threads)
