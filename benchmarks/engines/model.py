"""A network as every engine gets it: how to build it, and its weights."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np

from minidl import nn


class Model:
    """A network that any library builds.

    Parameters
    ----------
    build : callable
        ``build(nn)`` gives it, of minidl's ``nn`` or PyTorch's.
    layers : callable, optional
        Builds the same of layers and ``+`` alone, for libraries without ``nn.functional``. Default: `build`.
    loss : str
        The name of the function that it is trained by.
    """

    def __init__(
        self, build: Callable[[Any], Any], layers: Callable[[Any], Any] | None = None, loss: str = "cross_entropy"
    ) -> None:
        self.build, self.layers, self.loss = build, layers or build, loss

    @cached_property
    def weights(self) -> list[np.ndarray]:
        """The arrays of ``state_dict()`` in order: weights as of He et al. (2015), biases 0, the others as they are."""
        rng = np.random.default_rng(0)
        return [first(rng, name, value.detach().numpy()) for name, value in self.layers(nn).state_dict().items()]


def first(rng: np.random.Generator, name: str, array: np.ndarray) -> np.ndarray:
    """What an array of this name is at first.

    Weights keep the size of activations, so that none becomes a denormal number, with which a product takes longer.
    """
    if array.ndim > 1:
        return rng.standard_normal(array.shape, np.float32) * np.float32(math.sqrt(2 / math.prod(array.shape[1:])))
    return np.zeros_like(array) if name.endswith("bias") else array.copy()


@contextlib.contextmanager
def without_dropout(layers: Iterable[Any]) -> Iterator[None]:
    """Nothing is dropped within: what is drawn differs between libraries, so that results could not be compared."""
    found = [(layer, layer.p) for layer in layers if type(layer).__name__ == "Dropout"]
    for layer, _ in found:
        layer.p = 0.0
    try:
        yield
    finally:
        for layer, p in found:
            layer.p = p
