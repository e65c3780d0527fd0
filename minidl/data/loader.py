"""Batches of a data set, in order or shuffled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import random
from minidl.backend.random import Generator
from minidl.data.dataset import Dataset, take
from minidl.engine.core import Tensor


class DataLoader:
    """Iterate over a data set in batches, as tuples of Tensors: ``for images, labels in loader``.

    Batches are put on the default device (see `minidl.set_default_device`), unless they are on a GPU already.

    Parameters
    ----------
    dataset : Dataset
    batch_size : int, default 1
    shuffle : bool, default False
        Whether to draw a new order for each epoch.
    generator : Generator, optional
        Draws the order; by default the global one, which ``md.manual_seed`` seeds.
    drop_last : bool, default False
        Whether to leave out the last batch if it is short.

    Raises
    ------
    TypeError, ValueError
        If an argument has another type, or `batch_size` is less than 1.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        generator: Generator | None = None,
        drop_last: bool = False,
    ) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
            raise TypeError(f"DataLoader: batch_size must be an integer, not {batch_size!r}")
        if batch_size < 1:
            raise ValueError(f"DataLoader: batch_size must be 1 or more, not {batch_size}")
        for argument, value in (("shuffle", shuffle), ("drop_last", drop_last)):
            if not isinstance(value, bool):
                raise TypeError(f"DataLoader: {argument} must be True or False, not {value!r}")
        if generator is not None and not isinstance(generator, Generator):
            raise TypeError(f"DataLoader: generator must be a minidl Generator, not {type(generator).__name__}")
        self.dataset = dataset
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.generator = generator
        self.drop_last = drop_last

    def __len__(self) -> int:
        """The number of batches."""
        whole, rest = divmod(len(self.dataset), self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Any]:
        count = len(self.dataset)
        stream = (self.generator or random.default_generator).numpy
        order = stream.permutation(count) if self.shuffle else np.arange(count)
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            batch = take(self.dataset, order[start : start + self.batch_size])
            yield tuple(map(_tensor, batch)) if isinstance(batch, tuple) else _tensor(batch)


def _tensor(field: Any) -> Tensor:
    tensor = field if isinstance(field, Tensor) else Tensor(field)
    return tensor.to(backend.get_default_device()) if tensor.device == "cpu" else tensor
