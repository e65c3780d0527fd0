"""Batches made of a data set: of the samples at given indices, or of those that come next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from minidl.backend import random
from minidl.data.collate import default_collate
from minidl.data.indexing import sample, samples, take
from minidl.data.sampler import in_batches


class Task(NamedTuple):
    """Which batch is to be made: the how-manieth of an epoch, and of what."""

    seed: int
    number: int
    indices: Any = None  # of its samples; of a single one where there are no batches; None of what comes in a row

    def stream(self) -> random.Generator:
        """What random transforms of this batch draw from, whoever makes it."""
        return random.child(self.seed, self.number)


class End:
    """What is fetched when no batch is left."""


class MapFetcher:
    """Batches of the samples at given indices."""

    def __init__(self, dataset: Any, collate_fn: Callable[[Any], Any], batched: bool) -> None:
        self.dataset, self.collate_fn, self.batched = dataset, collate_fn, batched

    def __call__(self, task: Task) -> Any:
        with random.using(task.stream()):
            if not self.batched:
                return self.collate_fn(sample(self.dataset, task.indices))
            if self.collate_fn is default_collate:
                return take(self.dataset, list(task.indices))
            return self.collate_fn(samples(self.dataset, list(task.indices)))


class IterableFetcher:
    """Batches of the samples that come next, until there are none: `End`."""

    def __init__(
        self, dataset: Any, collate_fn: Callable[[Any], Any], batch_size: int | None, drop_last: bool, workers: int
    ) -> None:
        self.dataset, self.collate_fn = dataset, collate_fn
        self.batch_size, self.drop_last, self.workers = batch_size, drop_last, workers

    def __call__(self, task: Task) -> Any:
        with random.using(task.stream()):
            if task.number < max(self.workers, 1):  # the first of its worker
                size = self.batch_size
                self.rest = iter(in_batches(self.dataset, size, self.drop_last) if size else self.dataset)
                self.seed = task.seed
            if task.seed != self.seed:
                raise RuntimeError(
                    "DataLoader: a later iteration has begun; persistent workers go through an IterableDataset for one "
                    "at a time"
                )
            for batch in self.rest:
                return self.collate_fn(batch)
            self.rest = iter(())
            return End
