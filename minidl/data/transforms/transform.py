"""What a transform is: it draws parameters for each image of a batch, and then applies them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.backend.random import Generator, stream
from minidl.data.transforms.functional.images import batch_of, beside
from minidl.engine.core import Tensor
from minidl.ops.joining import cat, stack

Params = dict[str, Any]


class Transform:
    """A function of images that may be drawn anew for each of them (``torchvision.transforms.v2.Transform``).

    Call it with a tensor (C, H, W), a batch (N, C, H, W), or a Pillow image, and get the same. torchvision draws once
    a call; here **each image of a batch gets parameters of its own**, and all are computed at once. What else is
    given comes back as it is: ``images, labels = transform(images, labels)``.

    A subclass defines ``transform(images, params)``, a pure function of a batch, and, where something is drawn,
    ``make_params(images)``, whose arrays have a row for each image.

    Attributes
    ----------
    batched : bool
        Whether it may be given whole batches. A function of one's own may not know of them.
    """

    batched = True

    def make_params(self, images: Tensor) -> Params:
        """What is drawn for a batch (N, C, H, W), by name."""
        return {}

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """A batch (N, C, H, W) with what was drawn for it applied."""
        raise NotImplementedError(f"{type(self).__name__}: a transform must define transform(images, params)")

    def apply(self, image: Any) -> Any:
        """What becomes of an image, or a batch."""
        images, restored = batch_of(type(self).__name__, image)
        return restored(self.transform(images, self.make_params(images)))

    def __call__(self, *inputs: Any) -> Any:
        if len(inputs) == 1 and isinstance(inputs[0], (tuple, list)):
            return type(inputs[0])(self(*inputs[0]))
        if not inputs:
            raise TypeError(f"{type(self).__name__}: expected images, got nothing")
        image = self.apply(inputs[0])
        return (image, *inputs[1:]) if len(inputs) > 1 else image

    def __repr__(self) -> str:
        said = (bool, int, float, str, tuple, list, enum.Enum)
        options = [f"{name}={value}" for name, value in vars(self).items() if isinstance(value, said)]
        return f"{type(self).__name__}({', '.join(options)})"


class Drawn(Transform):
    """A transform that draws, from `generator` or else from the global stream, which ``md.manual_seed`` seeds."""

    def __init__(self, generator: Generator | None = None) -> None:
        stream(generator)  # which refuses what is none
        self.generator = generator

    @property
    def stream(self) -> np.random.Generator:
        """Where numbers come from."""
        return stream(self.generator)

    def uniform(self, span: Sequence[float], size: int | tuple[int, ...]) -> np.ndarray:
        """Numbers between the least and the most."""
        low, high = span
        return self.stream.uniform(low, high, size)


class Sometimes(Drawn):
    """A transform of each image with probability p: a subclass defines `make_params` and `applied` as if always."""

    def __init__(self, p: float = 0.5, generator: Generator | None = None) -> None:
        super().__init__(generator)
        self.p = probability(type(self).__name__, p)

    def make_params(self, images: Tensor) -> Params:
        """Which images are chosen: ``chosen`` (N,)."""
        return {"chosen": self.stream.random(len(images)) < self.p}

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """The chosen images transformed, the others as they are."""
        rest = {name: value for name, value in params.items() if name != "chosen"}

        def changed(part: Tensor, rows: np.ndarray) -> Tensor:
            return self.applied(part, {name: value[rows] for name, value in rest.items()})

        return in_parts(images, params["chosen"].astype(int), [lambda part, rows: part, changed])

    def applied(self, images: Tensor, params: Params) -> Tensor:
        """What becomes of the chosen images."""
        raise NotImplementedError


def takes_batches(function: Any) -> bool:
    """Whether it is a transform that may be given whole batches."""
    return isinstance(function, Transform) and function.batched


def of_batch(function: Callable[[Any], Any], images: Tensor) -> Tensor:
    """What a function makes of the images of a batch, one by one unless it takes batches."""
    if takes_batches(function) or not len(images):
        return function(images)
    return stack([function(image) for image in images])


def probability(name: str, p: Any) -> float:
    """A number from 0 to 1; ValueError, in the name of its transform, for anything else."""
    if isinstance(p, bool) or not isinstance(p, (int, float, np.number)) or not 0 <= p <= 1:
        raise ValueError(f"{name}: p must be a probability, from 0 to 1, got {p!r}")
    return float(p)


def in_parts(images: Tensor, which: np.ndarray, functions: Sequence[Callable[[Tensor, np.ndarray], Tensor]]) -> Tensor:
    """Of each image what the function makes of it that `which` (N,) numbers: ``function(part, rows)``.

    Raises
    ------
    ValueError
        If the functions give images of different sizes.
    """
    numbers = np.unique(which)
    if len(numbers) < 2:
        number = int(numbers[0]) if len(numbers) else 0
        return functions[number](images, np.arange(len(images)))
    rows = [np.flatnonzero(which == number) for number in numbers]
    parts = [functions[number](images[beside(at, images)], at) for number, at in zip(numbers, rows, strict=True)]
    if len({(part.shape[1:], part.dtype) for part in parts}) > 1:
        said = " and ".join(sorted({f"{tuple(part.shape[1:])} of {part.dtype}" for part in parts}))
        raise ValueError(f"images of one batch would be {said}; transforms that are chosen from must agree in that")
    return cat(parts)[beside(np.argsort(np.concatenate(rows)), images)]
