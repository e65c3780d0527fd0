"""Batches of a data set, in order or shuffled."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, cast

from minidl.backend import random
from minidl.backend.modes import require_flag
from minidl.backend.random import Generator
from minidl.data.collate import default_collate, default_convert
from minidl.data.dataset import IterableDataset, require_functions
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
from minidl.data.workers import Work, Worker, WorkerInfo, ahead, stop
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
    num_workers : int, default 0
        How many workers make batches ahead of the loop; with none, the loop makes them itself. The batches are the
        same for any number, random transforms among them, as long as these draw from the global stream. An
        `IterableDataset` is gone through by each worker, which takes its own part by `get_worker_info`.
    multiprocessing_context : str or context of multiprocessing, optional
        By default workers are threads, which is best where NumPy or Pillow do the work. ``"fork"``, ``"spawn"`` or
        ``"forkserver"`` gives each a process, which pays where Python does: batches then travel by pickle.
    prefetch_factor : int, optional
        How many batches each worker is ahead, by default 2.
    timeout : float, default 0
        Seconds after which a batch that does not come is a RuntimeError; 0: never.
    worker_init_fn : callable, optional
        ``worker_init_fn(id)`` is called once in each worker.
    persistent_workers : bool, default False
        Whether workers, and their copies of the data set, are kept from one iteration to the next.
    in_order : bool, default True
        Whether batches come in their order; otherwise as soon as they are made.
    pin_memory, pin_memory_device
        Are checked, and change nothing: batches are copied to the default device by the loader itself.

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
        require_functions("DataLoader", collate_fn=collate_fn, worker_init_fn=worker_init_fn)
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
            exclude("num_workers=0", prefetch_factor=prefetch_factor, timeout=timeout > 0)
        elif prefetch_factor is None:
            prefetch_factor = 2
        if multiprocessing_context is not None:
            from minidl.data.processes import context_of

            multiprocessing_context = context_of(multiprocessing_context)
        self.timeout, self.worker_init_fn = timeout, worker_init_fn
        self.prefetch_factor: Any = prefetch_factor
        self.multiprocessing_context, self.pin_memory_device = multiprocessing_context, pin_memory_device
        self.workers: list[Worker] = []  # that are persistent
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
        streamed = isinstance(self.dataset, IterableDataset)
        tasks = self._row(position) if streamed else self._tasks(position)
        batches = self._ahead(tasks, position.seed) if self.num_workers else self._in_turn(tasks)
        return islice(batches, position.batches, None) if streamed else batches

    def _tasks(self, position: Position) -> Callable[[int], Task | None]:
        """The batches that are left of an epoch, by the indices of their samples, for any worker."""
        if position.sampler is not None and position.batches:
            self._own_generator().set_state(position.sampler)
        order = drawn(self.sampler if self.batch_sampler is None else self.batch_sampler, random.child(position.seed))
        place, step = getattr(self.sampler, "rank", 0), getattr(self.sampler, "num_replicas", 1)
        numbers = count(place, step)  # each rank's batches are others', and so is what is random in them
        tasks = (Task(position.seed, number, indices) for number, indices in zip(numbers, order, strict=False))
        left = islice(tasks, position.batches, None)
        return lambda worker: next(left, None)

    def _row(self, position: Position) -> Callable[[int], Task]:
        """The batches of samples in a row, of which each worker has a row of its own."""
        numbers = [count(worker, max(self.num_workers, 1)) for worker in range(max(self.num_workers, 1))]
        return lambda worker: Task(position.seed, next(numbers[worker]))

    def _fetcher(self, dataset: Any) -> Any:
        if isinstance(dataset, IterableDataset):
            return IterableFetcher(dataset, self.collate_fn, self.batch_size, self.drop_last, self.num_workers)
        return MapFetcher(dataset, self.collate_fn, self.batch_sampler is not None)

    def _in_turn(self, tasks: Callable[[int], Task | None]) -> Iterator[Any]:
        """The batches of tasks, made when they are asked for."""
        fetch = self._fetcher(self.dataset)
        while (task := tasks(0)) is not None and (batch := fetch(task)) is not End:
            yield batch
            del batch

    def _ahead(self, tasks: Callable[[int], Task | None], seed: int) -> Iterator[Any]:
        """The batches of tasks, made by workers, who end with them unless they are persistent."""
        workers = self.workers or self._start(seed)
        try:
            yield from ahead(workers, tasks, self.prefetch_factor, self.in_order, self.timeout)
        finally:
            if not self.persistent_workers:
                stop(workers)

    def _worker(self, work: Work) -> Worker:
        if self.multiprocessing_context is None:
            return Worker(work)
        from minidl.data.processes import ProcessWorker  # with multiprocessing: 15 ms of `import minidl`

        return ProcessWorker(work, self.multiprocessing_context)

    def _start(self, seed: int) -> list[Worker]:
        """New workers."""
        started: list[Worker] = []
        try:
            for number in range(self.num_workers):
                dataset = copy.copy(self.dataset)
                info = WorkerInfo(number, self.num_workers, seed + number, dataset)
                work = Work(self._fetcher(dataset), info, self.worker_init_fn)
                started.append(self._worker(work))
        except BaseException:
            for worker in started:
                worker.end()
            raise
        for worker in started:
            worker.start()
        if self.persistent_workers:
            self.workers = started
            weakref.finalize(self, stop, started)
        return started

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

        Raises
        ------
        RuntimeError
            With several workers and ``in_order=False``: a number doesn't tell which batches are left.
        """
        if not self.in_order and self.num_workers > 1:
            raise RuntimeError(
                "DataLoader: state_dict: with in_order=False, a number doesn't tell which batches are left"
            )
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
    return None if generator is None else Tensor(generator.get_state())


def exclude(argument: str, **others: Any) -> None:
    """Raise ValueError if one of the other arguments is given too."""
    for name, given in others.items():
        if given is not None and given is not False:
            raise ValueError(f"DataLoader: {argument} excludes {name}; leave one of them out")


def require_by_index(dataset: Any, counted: bool) -> None:
    """Raise TypeError for what has no samples by index or, if they must be `counted`, no length."""
    for method in ("__getitem__", "__len__")[: 1 + counted]:
        if not hasattr(dataset, method):
            raise TypeError(
                f"DataLoader: a data set must have {method}, {type(dataset).__name__} has not; what gives samples in "
                "a row can be made a list, or an IterableDataset"
            )
