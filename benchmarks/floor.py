"""How near a training step comes to its matrix products alone.

The floor of direct convolution in NumPy: for each convolution and each dense layer the products for its output, for
the gradient of its weights and for that of its columns (not in the first layer), by ``np.matmul`` on as many threads as
BLAS has, into memory that is there already; nothing is gathered or put back. Products of 2 to 32 images at a time were
no faster than of all at once. Fewer multiplications (Winograd), or a faster product, may go below.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

import minidl as md
from benchmarks.case import Asked, Case, benchmark
from benchmarks.engines import Model, Work
from benchmarks.networks import TOLERANCE, problem


def products(model: Model, images: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The factors and the result of every product of a training step; the network is a plain list of layers."""
    listed = []
    x = md.from_numpy(images[:1])
    for layer in model.layers(md.nn):
        x = layer(x)
        if isinstance(layer, (md.nn.Conv2d, md.nn.Linear)):
            weight = layer.weight.array.reshape(layer.weight.shape[0], -1)
            rows = len(images) * int(np.prod(x.shape[2:], dtype=int))
            columns = np.ones((rows, weight.shape[1]), np.float32)
            g = np.ones((rows, len(weight)), np.float32)
            listed.append((columns, weight.T, np.empty_like(g)))
            listed.append((g.T, columns, np.empty_like(weight)))
            if len(listed) > 2:
                listed.append((g, weight, np.empty_like(columns)))
    return listed


def products_alone(model: Model, images: np.ndarray) -> Work:
    """All the products, one after the other."""
    listed = products(model, images)

    def multiply() -> None:
        for a, b, out in listed:
            np.matmul(a, b, out=out)

    return Work(multiply)


@benchmark
def floor(asked: Asked) -> Iterator[Case]:
    """A training step of batch 128 beside its matrix products alone."""
    for name in "SimpLeNet", "VGG-style":
        model, images, labels = problem(name, batch=4 if asked.quick else 128)
        yield Case(
            name,
            lambda engine: engine.training(model, images, labels),  # noqa: B023
            TOLERANCE,
            baselines={"matrix products alone": lambda _: products_alone(model, images)},  # noqa: B023
        )
