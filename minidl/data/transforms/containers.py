"""Transforms made of others: in a row, sometimes, one of several; and of any function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.backend.random import Generator
from minidl.data.transforms.mixing import Mixed
from minidl.data.transforms.transform import Drawn, Params, Sometimes, Transform, in_parts, of_batch, takes_batches
from minidl.engine.core import Tensor


def require_transforms(name: str, transforms: Any) -> list[Callable[..., Any]]:
    """Several functions as a list; TypeError or ValueError, in the name of a transform, for anything else."""
    if not isinstance(transforms, Sequence) or not all(map(callable, transforms)):
        raise TypeError(f"{name}: expected a list of transforms, got {transforms!r}")
    if not transforms:
        raise ValueError(f"{name}: expected at least one transform, got none")
    return list(transforms)


class Compose(Transform):
    """Transforms one after the other.

    Parameters
    ----------
    transforms : list of callables
    """

    def __init__(self, transforms: Sequence[Callable[..., Any]]) -> None:
        self.transforms = require_transforms("Compose", transforms)
        self.batched = all(map(takes_batches, self.transforms))

    def __call__(self, *inputs: Any) -> Any:
        for each in self.transforms:
            result = each(*inputs)
            inputs = result if len(inputs) > 1 else (result,)
        return result

    def __repr__(self) -> str:
        return "\n".join(["Compose(", *[f"    {each!r}" for each in self.transforms], ")"])


class RandomApply(Sometimes):
    """Several transforms, one after the other, of each image with probability p.

    Parameters
    ----------
    transforms : list of callables, which leave size and dtype as they are
    p : float
    generator : Generator, optional

    Raises
    ------
    ValueError
        If the chosen images of a batch come out of another size or dtype than the others.
    """

    def __init__(
        self, transforms: Sequence[Callable[..., Any]], p: float = 0.5, *, generator: Generator | None = None
    ) -> None:
        super().__init__(p, generator)
        self.transforms = require_transforms("RandomApply", transforms)

    def applied(self, images: Tensor, params: Params) -> Tensor:
        """What the transforms make of the chosen images."""
        for each in self.transforms:
            images = of_batch(each, images)
        return images


class RandomChoice(Drawn):
    """Of each image what one of several transforms makes of it.

    Where `MixUp` or `CutMix` is among them, which mix images and labels of a batch, all of it goes through one of them:
    ``images, labels = RandomChoice([MixUp(num_classes=10), CutMix(num_classes=10)])(images, labels)``.

    Parameters
    ----------
    transforms : list of callables, which agree in the size of their results
    p : how likely each of them is, in proportion; by default alike
    generator : Generator, optional

    Raises
    ------
    ValueError
        If the images of a batch come out of different sizes or dtypes.
    """

    def __init__(
        self,
        transforms: Sequence[Callable[..., Any]],
        p: Sequence[float] | None = None,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__(generator)
        self.transforms = require_transforms("RandomChoice", transforms)
        shares = np.ones(len(self.transforms)) if p is None else np.asarray(p, float)
        if shares.shape != (len(self.transforms),) or not (shares >= 0).all() or not 0 < shares.sum() < np.inf:
            raise ValueError(
                f"RandomChoice: p must have a share for each of {len(self.transforms)} transforms, got {p!r}"
            )
        self.p = (shares / shares.sum()).tolist()

    def __call__(self, *inputs: Any) -> Any:
        if any(isinstance(each, Mixed) for each in self.transforms):
            return self.transforms[self.stream.choice(len(self.p), p=self.p)](*inputs)
        return super().__call__(*inputs)

    def make_params(self, images: Tensor) -> Params:
        """Which transform each image gets: ``which`` (N,)."""
        return {"which": self.stream.choice(len(self.p), len(images), p=self.p)}

    def transform(self, images: Tensor, params: Params) -> Tensor:
        """Of each image what its transform makes of it."""

        def by(each: Callable[..., Any]) -> Callable[[Tensor, np.ndarray], Tensor]:
            return lambda part, rows: of_batch(each, part)

        return in_parts(images, params["which"], list(map(by, self.transforms)))


class Lambda(Transform):
    """A function as a transform.

    Parameters
    ----------
    lambd : callable of what is given; a data set that is transformed gives it one image at a time
    *types : if any are given, only for inputs of these types; others come back as they are
    """

    batched = False

    def __init__(self, lambd: Callable[[Any], Any], *types: type) -> None:
        if not callable(lambd):
            raise TypeError(f"Lambda: expected a function, got {type(lambd).__name__}")
        self.lambd, self.types = lambd, types or (object,)

    def apply(self, image: Any) -> Any:
        """What the function makes of an input of its types."""
        return self.lambd(image) if isinstance(image, self.types) else image

    def __repr__(self) -> str:
        return f"Lambda({getattr(self.lambd, '__name__', self.lambd)}, types={[kind.__name__ for kind in self.types]})"
