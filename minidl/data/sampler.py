"""Which samples come when: orders of indices, and their cut into batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import chain, islice
from numbers import Real
from typing import Any, Generic, TypeVar, cast

import numpy as np

from minidl.backend import random
from minidl.backend.dtypes import float64
from minidl.backend.modes import require_flag
from minidl.backend.random import Generator
from minidl.ops.create import tensor
from minidl.ops.draw import multinomial

Item = TypeVar("Item", covariant=True)


def require_count(name: str, argument: str, value: Any, least: int = 1) -> int:
    """A number of samples or workers as an int; ValueError, in the name of its caller, for any other value."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name}: {argument} must be an integer of {least} or more, got {value!r}")
    return int(value)


def require_number(name: str, argument: str, value: Any, least: float = -np.inf) -> float:
    """A number of at least so much; ValueError, in the name of its caller, for any other value, and for NaN."""
    if isinstance(value, bool) or not isinstance(value, Real) or not float(value) >= least:
        limit = f" of {least:g} or more" if least > -np.inf else ""
        raise ValueError(f"{name}: {argument} must be a number{limit}, got {value!r}")
    return float(value)


def require_generator(name: str, generator: Any) -> None:
    """Raise TypeError, in the name of its caller, for what is neither a generator nor None."""
    if generator is not None and not isinstance(generator, Generator):
        raise TypeError(
            f"{name}: generator must be a minidl Generator, got {type(generator).__name__}; "
            "md.Generator().manual_seed(0) makes one"
        )


class Sampler(Generic[Item]):
    """An order of samples: a subclass defines ``__iter__()``, over their indices, and ``__len__()``."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__}: a sampler must define __iter__()")


class SequentialSampler(Sampler):
    """The indices of a data set, in their order."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __len__(self) -> int:
        return len(self.data_source)

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self)))


class RandomSampler(Sampler):
    """The indices of a data set in an order that is drawn anew each time.

    Parameters
    ----------
    data_source : Dataset
    replacement : bool
        Whether each is drawn from all, so that some come twice and some not at all.
    num_samples : int, optional
        How many are drawn, by default as many as there are; without `replacement`, more are further orders of all.
    generator : Generator, optional
        By default the global one, which ``md.manual_seed`` seeds.

    Raises
    ------
    ValueError, TypeError
        If `num_samples` is no positive integer, or another argument of another type.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        require_generator("RandomSampler", generator)
        self.data_source = data_source
        self.replacement = require_flag("RandomSampler", "replacement", replacement)
        self.asked = None if num_samples is None else require_count("RandomSampler", "num_samples", num_samples)
        self.generator = generator

    @property
    def num_samples(self) -> int:
        """How many indices are drawn."""
        return len(self.data_source) if self.asked is None else self.asked

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(self._orders())

    def _orders(self) -> Iterator[list[int]]:
        stream = random.stream(self.generator)
        n, left = len(self.data_source), self.num_samples if len(self.data_source) else 0
        while left > 0:
            order = stream.integers(n, size=left) if self.replacement else stream.permutation(n)[:left]
            left -= len(order)
            yield order.tolist()


class SubsetRandomSampler(Sampler):
    """Given indices, in an order that is drawn anew each time.

    Parameters
    ----------
    indices : sequence of int
    generator : Generator, optional
        By default the global one.

    Raises
    ------
    TypeError
        If `generator` is of another type.
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        require_generator("SubsetRandomSampler", generator)
        self.indices, self.generator = indices, generator

    def __len__(self) -> int:
        return len(self.indices)

    def __iter__(self) -> Iterator[int]:
        order = random.stream(self.generator).permutation(len(self.indices)).tolist()
        return (self.indices[i] for i in order)


class WeightedRandomSampler(Sampler):
    """Indices that are drawn in proportion to weights, such as the inverse frequency of each sample's class.

    Parameters
    ----------
    weights : sequence of float (N,)
        Not negative; they need not sum to 1.
    num_samples : int
        How many are drawn.
    replacement : bool, default True
        Whether an index may come again. Without, each draw is in proportion to the weights that are left.
    generator : Generator, optional
        By default the global one.

    Raises
    ------
    ValueError, TypeError
        If weights are no such numbers, or fewer of them positive than are drawn without replacement; if another
        argument is of another type.
    """

    def __init__(
        self, weights: Any, num_samples: int, replacement: bool = True, generator: Generator | None = None
    ) -> None:
        require_generator("WeightedRandomSampler", generator)
        self.num_samples = require_count("WeightedRandomSampler", "num_samples", num_samples)
        self.replacement = require_flag("WeightedRandomSampler", "replacement", replacement)
        self.weights = tensor(weights, dtype=float64)
        self.generator = generator
        array = self.weights.numpy()
        if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any():
            raise ValueError(f"WeightedRandomSampler: weights must be a row of numbers, not negative, got {weights!r}")
        positive = np.count_nonzero(array)
        if not positive or not replacement and positive < num_samples:
            raise ValueError(
                f"WeightedRandomSampler: {positive} of {len(array)} weights are positive: can't draw {num_samples} "
                f"{'with' if replacement else 'without'} replacement"
            )

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        picks = multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        return iter(picks.numpy().tolist())


class BatchSampler(Sampler):
    """Lists of `batch_size` indices each, of those that a sampler gives; the last may be short, or is left out.

    Parameters
    ----------
    sampler : Sampler, or any iterable of indices
    batch_size : int
    drop_last : bool

    Raises
    ------
    ValueError, TypeError
        If `batch_size` is no positive integer, `drop_last` no bool.
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        self.sampler = sampler
        self.batch_size = require_count("BatchSampler", "batch_size", batch_size)
        self.drop_last = require_flag("BatchSampler", "drop_last", drop_last)

    def __len__(self) -> int:
        return batches_of(len(cast(Sized, self.sampler)), self.batch_size, self.drop_last)

    def __iter__(self) -> Iterator[list[Any]]:
        return in_batches(self.sampler, self.batch_size, self.drop_last)


def batches_of(count: int, batch_size: int, drop_last: bool) -> int:
    """How many batches so many samples make."""
    whole, rest = divmod(count, batch_size)
    return whole + (rest > 0 and not drop_last)


def in_batches(items: Iterable[Any], batch_size: int, drop_last: bool) -> Iterator[list[Any]]:
    """Lists of `batch_size` items; the last may be short, or is left out."""
    rest = iter(items)
    while batch := list(islice(rest, batch_size)):
        if len(batch) < batch_size and drop_last:
            return
        yield batch


def drawn(items: Iterable[Any], generator: Generator) -> Iterator[Any]:
    """The items, such as those of a sampler, while `generator` stands for the global stream in what makes them."""
    with random.using(generator):
        rest = iter(items)
    while True:
        with random.using(generator):
            try:
                item = next(rest)
            except StopIteration:
                return
        yield item
