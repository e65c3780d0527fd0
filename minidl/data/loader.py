"""Batches of a data set, in order or shuffled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from itertools import count, islice, takewhile
from typing import Any, cast

from minidl.backend import random
from minidl.backend.modes import require_flag
from minidl.backend.random import Generator
from minidl.data.collate import default_collate, default_convert
from minidl.data.dataset import IterableDataset
from minidl.data.fetcher import End, IterableFetcher, MapFetcher, Task
from minidl.data.sampler import (
    BatchSampler,
    RandomSampler,
    SequentialSampler,
    batches_of,
    drawn,
    require_count,
    require_generator,
)
from minidl.engine.core import Tensor

FIXED = ("dataset", "batch_size", "sampler", "batch_sampler", "drop_last", "persistent_workers")  # once it is made


class DataLoader:
    """Iterate over a data set in batches: ``for images, labels in loader`` (``torch.utils.data.DataLoader``).

    A batch is what `default_collate` makes of its samples: a list of tensors, where a sample is a tuple. Batches are on
    the default device (see `minidl.set_default_device`), unless they are on a GPU already.

    Parameters
    ----------
    dataset : Dataset
        Or whatever has ``len(dataset)`` and ``dataset[i]``, such as a list.
    batch_size : int or None, default 1
        None: single samples, their arrays as tensors.
    shuffle : bool, optional
        Whether to draw a new order for each epoch.
    sampler : iterable of indices, optional
        The order, such as a `Sampler`; instead of `shuffle`.
    batch_sampler : iterable of lists of indices, optional
        The batches; instead of `batch_size`, `shuffle`, `sampler` and `drop_last`.
    collate_fn : callable, optional
        ``collate_fn(samples)`` makes a batch of a list of samples, which is then left as it is.
    drop_last : bool, default False
        Whether to leave out the last batch if it is short.
    generator : Generator, optional
        Draws the seed of each epoch; by default the global one, which ``md.manual_seed`` seeds. From it come the order
        of `shuffle`, and the random numbers of each batch, whatever else draws meanwhile: within the data set, the
        global stream is one of the batch's own.
    num_workers, pin_memory, timeout, worker_init_fn, multiprocessing_context, prefetch_factor, persistent_workers,
    pin_memory_device, in_order
        How PyTorch loads ahead, in other processes. Here samples are loaded in the calling thread, when their batch is
        asked for: these are checked, and change nothing. The batches are the same, in the same order.

    Raises
    ------
    TypeError, ValueError
        If an argument has another type or is out of range, or excludes another.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        streamed = isinstance(dataset, IterableDataset)
        shuffle = require_flag("DataLoader", "shuffle", False if shuffle is None else shuffle)
        self.drop_last = require_flag("DataLoader", "drop_last", drop_last)
        self.batch_size = None if batch_size is None else require_count("DataLoader", "batch_size", batch_size)
        require_generator("DataLoader", generator)
        require_functions(collate_fn=collate_fn, worker_init_fn=worker_init_fn)
        if sampler is not None:
            exclude("sampler", shuffle=shuffle)
        if batch_sampler is not None:
            exclude("batch_sampler", batch_size=batch_size != 1, sampler=sampler, shuffle=shuffle, drop_last=drop_last)
            self.batch_size = None
        elif batch_size is None:
            exclude("batch_size=None", drop_last=drop_last)
        if streamed:
            exclude("an IterableDataset", shuffle=shuffle, sampler=sampler, batch_sampler=batch_sampler)
        else:
            require_by_index(dataset, counted=sampler is None and batch_sampler is None)
            if sampler is None:
                sampler = RandomSampler(dataset) if shuffle else SequentialSampler(dataset)
            if self.batch_size is not None:
                batch_sampler = BatchSampler(sampler, self.batch_size, drop_last)
        single = self.batch_size is None and batch_sampler is None
        self.dataset, self.generator = dataset, generator
        self.sampler: Any = sampler
        self.batch_sampler: Any = batch_sampler
        self.collate_fn: Callable[[Any], Any] = collate_fn or (default_convert if single else default_collate)

        self.num_workers = require_count("DataLoader", "num_workers", num_workers, least=0)
        self.pin_memory = require_flag("DataLoader", "pin_memory", pin_memory)
        self.persistent_workers = require_flag("DataLoader", "persistent_workers", persistent_workers)
        self.in_order = require_flag("DataLoader", "in_order", in_order)
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0:
            raise ValueError(f"DataLoader: timeout must be a number of seconds, not negative, got {timeout!r}")
        if prefetch_factor is not None:
            require_count("DataLoader", "prefetch_factor", prefetch_factor)
        if not num_workers:
            context = multiprocessing_context is not None
            exclude("num_workers=0", persistent_workers=persistent_workers, multiprocessing_context=context)
            exclude("num_workers=0", prefetch_factor=prefetch_factor)
        self.timeout, self.worker_init_fn, self.prefetch_factor = timeout, worker_init_fn, prefetch_factor
        self.multiprocessing_context, self.pin_memory_device = multiprocessing_context, pin_memory_device
        self.position: Position | None = None  # of the latest iteration, if it hasn't come to its end
        self.resumed = False  # whether the next one goes on from there

    def __setattr__(self, name: str, value: Any) -> None:
        if name in FIXED and hasattr(self, "pin_memory_device"):
            raise ValueError(f"DataLoader: {name} can't be set once the loader is made; make another")
        super().__setattr__(name, value)

    def __len__(self) -> int:
        """The number of batches."""
        if isinstance(self.dataset, IterableDataset):
            count = len(cast(Sized, self.dataset))
            return count if self.batch_size is None else batches_of(count, self.batch_size, self.drop_last)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)

    def __iter__(self) -> Iterator[Any]:
        if self.position is None or not self.resumed:
            seed = int(random.stream(self.generator).integers(2**63))
            self.position = Position(seed, 0, stood(self._own_generator()))
        self.resumed = False
        return self._batches(self.position)

    def _batches(self, position: Position) -> Iterator[Any]:
        yield from map(position.reach, self._loaded(position))
        if self.position is position:
            self.position = None

    def _loaded(self, position: Position) -> Iterator[Any]:
        """The batches of an epoch from a position on."""
        passed = position.batches
        if isinstance(self.dataset, IterableDataset):
            row = IterableFetcher(self.dataset, self.collate_fn, self.batch_size, self.drop_last, self.num_workers)
            batches = map(row, (Task(position.seed, number) for number in count()))
            return islice(takewhile(lambda batch: batch is not End, batches), passed, None)
        return map(MapFetcher(self.dataset, self.collate_fn, self.batch_sampler is not None), self._tasks(position))

    def _tasks(self, position: Position) -> Iterator[Task]:
        """The batches that are left of an epoch, by the indices of their samples."""
        if position.sampler is not None and position.batches:
            self._own_generator().set_state(position.sampler)
        order = drawn(self.sampler if self.batch_sampler is None else self.batch_sampler, random.child(position.seed))
        tasks = (Task(position.seed, number, indices) for number, indices in enumerate(order))
        return islice(tasks, position.batches, None)

    def _own_generator(self) -> Any:
        """The generator that a sampler was given, and draws the order from instead of the epoch's seed."""
        samplers = (self.batch_sampler, getattr(self.batch_sampler, "sampler", None), self.sampler)
        generators = (getattr(sampler, "generator", None) for sampler in samplers)
        return next((generator for generator in generators if isinstance(generator, Generator)), None)

    def state_dict(self) -> dict[str, Any]:
        """How far the latest iteration has got, to go on from with `load_state_dict`.

        It counts the batches that the loop was given, the one at hand among them. In a loop that was left early, it
        stays where it was left; after one that went to its end, the next begins anew.

        Returns
        -------
        dict
            ``"epoch"``: the ``"seed"`` that all that is random in it comes from, and the number of ``"batches"`` given;
            None between epochs. ``"generator"`` and ``"sampler"``: where the loader's own generator stands, and where
            its sampler's stood at the beginning of the epoch; None without. `minidl.save` keeps it.
        """
        position, own = self.position, self._own_generator()
        return {
            "epoch": position and {"seed": position.seed, "batches": position.batches},
            "generator": stood(self.generator),
            "sampler": position.sampler if position else stood(own),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next iteration go on from where `state_dict` was taken, with the batches that were left.

        The loader must be made as that one was. Batches of an `IterableDataset` that were given already are made
        again, and left out.

        Raises
        ------
        ValueError
            For what is no such state, or of a loader with another generator.
        """
        own = self._own_generator()
        try:
            epoch, generator, sampler = (state_dict[name] for name in ("epoch", "generator", "sampler"))
            position = None if epoch is None else Position(**epoch, sampler=sampler)
        except (TypeError, KeyError) as error:
            raise ValueError(f"DataLoader: load_state_dict: expected what state_dict() gives ({error})") from None
        for name, saved, present in (("loader", generator, self.generator), ("sampler", sampler, own)):
            if (saved is None) != (present is None):
                had, has = ("none", "one") if saved is None else ("one", "none")
                raise ValueError(
                    f"DataLoader: load_state_dict: of generators of its own, the {name} had {had}, this has {has}"
                )
            if present is not None:
                present.set_state(saved)
        self.position, self.resumed = position, position is not None


@dataclass
class Position:
    """How far an epoch has got, and what its random numbers come from."""

    seed: int
    batches: int
    sampler: Tensor | None  # where the sampler's own generator stood at the beginning

    def __post_init__(self) -> None:
        require_count("DataLoader", "seed", self.seed, least=0)
        require_count("DataLoader", "batches", self.batches, least=0)

    def reach(self, batch: Any) -> Any:
        """Count a batch that is given."""
        self.batches += 1
        return batch


def stood(generator: Generator | None) -> Tensor | None:
    """Where a generator stands, if there is one."""
    return generator and Tensor(generator.get_state())


def exclude(argument: str, **others: Any) -> None:
    """Raise ValueError if one of the other arguments is given too."""
    for name, given in others.items():
        if given is not None and given is not False:
            raise ValueError(f"DataLoader: {argument} excludes {name}; leave one of them out")


def require_functions(**functions: Any) -> None:
    """Raise TypeError for an argument that is neither a function nor None."""
    for argument, function in functions.items():
        if function is not None and not callable(function):
            raise TypeError(f"DataLoader: {argument} must be a function, got {type(function).__name__}")


def require_by_index(dataset: Any, counted: bool) -> None:
    """Raise TypeError for what has no samples by index or, if they must be `counted`, no length."""
    for method in ("__getitem__", "__len__")[: 1 + counted]:
        if not hasattr(dataset, method):
            raise TypeError(
                f"DataLoader: a data set must have {method}, {type(dataset).__name__} has not; what gives samples in "
                "a row can be made a list, or an IterableDataset"
            )
