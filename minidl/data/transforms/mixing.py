"""Images of a batch mixed with each other, and their labels with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend import dims
from minidl.backend.random import Generator
from minidl.data.transforms import options
from minidl.data.transforms.functional.images import beside, column
from minidl.data.transforms.transform import Drawn, Params
from minidl.engine.core import Tensor
from minidl.functional.dense import one_hot
from minidl.ops.arrange import roll
from minidl.ops.elementwise import where


class Mixed(Drawn):
    """Batches of images and labels, each image mixed with the one before it: ``transform(images, labels)``.

    Parameters
    ----------
    alpha : of the distribution Beta(alpha, alpha) of which each image draws its share
    num_classes : for labels that are numbers (N,); without, they are probabilities (N, K) already
    labels_getter : "default" for the second of what is given, or a function that finds the labels in it
    generator : Generator, optional
    """

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        num_classes: int | None = None,
        labels_getter: str | Callable[[Any], Tensor] = "default",
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        name = type(self).__name__
        if not options.is_number(alpha) or alpha <= 0:
            raise ValueError(f"{name}: alpha must be more than 0, got {alpha!r}")
        if num_classes is not None and (
            isinstance(num_classes, bool) or not isinstance(num_classes, int) or num_classes < 1
        ):
            raise ValueError(f"{name}: num_classes must be a positive integer, got {num_classes!r}")
        if labels_getter != "default" and not callable(labels_getter):
            raise ValueError(f"{name}: labels_getter must be 'default' or a function, got {labels_getter!r}")
        self.alpha, self.num_classes, self.labels_getter = float(alpha), num_classes, labels_getter

    def __call__(self, *inputs: Any) -> Any:
        together = inputs[0] if len(inputs) == 1 else inputs
        name = type(self).__name__
        if not isinstance(together, (tuple, list)) or len(together) < 2:
            raise TypeError(f"{name}: expected images and labels, which are mixed together")
        images = together[0]
        labels = together[1] if self.labels_getter == "default" else self.labels_getter(together)  # type: ignore[operator]
        if not (isinstance(images, Tensor) and isinstance(labels, Tensor)):
            raise TypeError(f"{name}: expected tensors, got {type(images).__name__} and {type(labels).__name__}")
        if images.ndim != 4 or images.dtype.kind != "f" or labels.ndim not in (1, 2) or len(labels) != len(images):
            raise ValueError(
                f"{name}: expected a batch N×C×H×W of floats and labels N or N×K, got {dims(images.shape)} of "
                f"{images.dtype} and {dims(labels.shape)}"
            )
        params = self.make_params(images)
        mixed = {id(images): self.transform(images, params), id(labels): self.mixed_labels(labels, params)}
        return type(together)([mixed.get(id(value), value) for value in together])

    def mixed_labels(self, labels: Tensor, params: Params) -> Tensor:
        """Probabilities (N, K), in the shares of the images: ``params["lam"]`` (N,) of an image's own."""
        name, classes = type(self).__name__, self.num_classes
        if labels.ndim == 1:
            if classes is None:
                raise ValueError(f"{name}: labels that are numbers need num_classes")
            labels = one_hot(labels, classes)
        elif classes not in (None, labels.shape[1]):
            raise ValueError(f"{name}: expected probabilities of {classes} classes, got {labels.shape[1]}")
        labels = labels if labels.dtype.kind == "f" else labels.float()
        own = beside(params["lam"].reshape(-1, 1), labels, labels.dtype)
        return roll(labels, 1, 0) * (1 - own) + labels * own

    def drawn(self, images: Tensor) -> np.ndarray:
        """The share of each image that is its own, (N,)."""
        return self.stream.beta(self.alpha, self.alpha, len(images))


class MixUp(Mixed):
    """Each image and its label averaged with the one before it in the batch (Zhang et al., 2018).

    Called with a batch of floats (N, C, H, W) and labels; these become probabilities (N, K).
    """

    def make_params(self, images: Tensor) -> Params:
        """``lam`` (N,), the share of each image that is its own."""
        return {"lam": self.drawn(images)}

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The images, averaged."""
        own = column(params["lam"], images)
        return roll(images, 1, 0) * (1 - own) + images * own


class CutMix(Mixed):
    """A rectangle of each image from the one before it in the batch, labels by its area (Yun et al., 2019).

    Called with a batch of floats (N, C, H, W) and labels; these become probabilities (N, K).
    """

    def make_params(self, images: Tensor) -> Params:
        """``box`` (N, 4): x and y from which and to which the other image is seen; ``lam`` (N,), the own share."""
        height, width = images.shape[2:]
        size = np.array([width, height])
        reach = (0.5 * np.sqrt(1 - self.drawn(images))[:, None] * size).astype(np.int64)
        middle = self.stream.integers(0, size, (len(images), 2))
        start, stop = (middle - reach).clip(0), np.minimum(middle + reach, size)
        return {"box": np.concatenate([start, stop], 1), "lam": 1 - (stop - start).prod(1) / (width * height)}

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The images with their rectangles."""
        left, top, right, bottom = params["box"].T.reshape(4, -1, 1)
        rows, columns = np.arange(images.shape[2]), np.arange(images.shape[3])
        other = ((rows >= top) & (rows < bottom))[:, :, None] & ((columns >= left) & (columns < right))[:, None]
        return where(beside(other[:, None], images), roll(images, 1, 0), images)
