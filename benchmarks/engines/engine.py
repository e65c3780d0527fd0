"""What an engine must be able to do to take part, and what it hands over to be checked and timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np

from benchmarks.engines.model import Model


class Work(NamedTuple):
    """A candidate: `call` is what is timed, `outputs` gives the arrays that must be right before.

    Where nothing is computed that could be right, `outputs` is None: an import, the memory of a process.
    """

    call: Callable[[], Any]
    outputs: Callable[[], list[np.ndarray]] | None = None


class Lacking(NotImplementedError):
    """An engine has no such layer or function, so that it is left out of a row."""


class Engine:
    """An engine under test. Each method prepares one kind of work.

    Attributes
    ----------
    name : as the table calls it
    package : what is imported; of a variant, the name that `PEERS` has for it
    variant : whether it is another engine's package in another layout or on another device
    warm_up : how many calls come before the first that is timed
    """

    name: str
    package: str
    variant = False
    warm_up = 1

    def inference(self, model: Model, images: np.ndarray) -> Work:
        """A forward pass in evaluation mode, of which nothing is recorded. Outputs: the scores."""
        raise Lacking("inference")

    def gradients(self, model: Model, images: np.ndarray, cotangent: np.ndarray, of_images: bool) -> Work:
        """Forward in training mode, and backward from `cotangent`. Outputs: the gradients of images and parameters."""
        raise Lacking("gradients")

    def cross_entropy(self, scores: np.ndarray, labels: np.ndarray) -> Work:
        """The mean softmax cross-entropy, and backward. Outputs: the loss, the gradient of the scores."""
        raise Lacking("softmax cross-entropy")

    def update(self, parameters: list[np.ndarray], gradients: list[np.ndarray], optimizer: str) -> Work:
        """One step of "Adam", or of "SGD" with momentum 0.9, both with lr 0.001. Outputs: the new parameters."""
        raise Lacking(f"{optimizer}")

    def training(self, model: Model, images: np.ndarray, targets: np.ndarray) -> Work:
        """Forward, the model's loss, backward, Adam. Outputs: all gradients and the losses of 3 steps, no dropout."""
        raise Lacking("training")

    def chain(self, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> Work:
        """Five times ``x = (x * a + b).tanh() - b``, and backward from ones. Outputs: the gradients of x, a and b."""
        raise Lacking("a chain of small ops")

    def threads(self, count: int) -> AbstractContextManager[Any]:
        """Work on that many threads, within the context."""
        raise Lacking("a number of threads that can be set")

    def seconds(self, call: Callable[[], Any], times: int) -> float:
        """How long `times` calls take, all work included."""
        started = time.perf_counter()
        for _ in range(times):
            call()
        return time.perf_counter() - started
