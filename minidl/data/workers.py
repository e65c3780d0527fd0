"""Workers that make batches ahead of the loop that asks for them, each on a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from queue import Empty, SimpleQueue
from typing import Any

from minidl.backend import random, threads
from minidl.backend.modes import mode
from minidl.data.fetcher import End, Task
from minidl.data.indexing import located

GRACE = 5.0  # seconds that a worker may take to finish its batch when no more are wanted


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker of a `DataLoader` is told of itself (``torch.utils.data.WorkerInfo``).

    Attributes
    ----------
    id, num_workers : int
        Its number, from 0, and how many there are.
    seed : int
        The first epoch's seed plus its number: of what is drawn in ``worker_init_fn``.
    dataset : Dataset
        Its own copy: a shallow one on a thread, a whole one in a process.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


class Here(threading.local):
    """Which worker this thread is, if it is one."""

    info: WorkerInfo | None = None


here = Here()


def get_worker_info() -> WorkerInfo | None:
    """In a worker of a `DataLoader`, what it is; elsewhere None (``torch.utils.data.get_worker_info``)."""
    return here.info


class Work:
    """What a worker does: it prepares itself, then makes one batch after the other."""

    def __init__(self, fetch: Callable[[Task], Any], info: WorkerInfo, init: Callable[[int], Any] | None) -> None:
        self.fetch, self.info, self.init = fetch, info, init
        self.modes = dict(vars(mode))  # of the thread that asks
        self.prepared = False

    def __call__(self, task: Task) -> Any:
        if not self.prepared:
            here.info, threads.here.working = self.info, True
            vars(mode).update(self.modes)
            if self.init is not None:
                with random.using(random.Generator().manual_seed(self.info.seed)):
                    self.init(self.info.id)
            self.prepared = True
        return self.fetch(task)


class Worker(threading.Thread):
    """A thread that takes one task after the other, and puts what becomes of it where it was told."""

    def __init__(self, work: Work) -> None:
        super().__init__(name=f"minidl-loader-{work.info.id}", daemon=True)
        self.work, self.number = work, work.info.id
        self.jobs: SimpleQueue[Any] = SimpleQueue()  # (task, queue for the result, whether it is over), at last None

    def load(self, task: Task) -> Any:
        """The batch of a task."""
        return self.work(task)

    def run(self) -> None:
        while (job := self.jobs.get()) is not None:
            task, results, over = job
            if over.is_set():
                continue
            try:
                results.put((self, self.load(task), None))
            except BaseException as error:
                results.put((self, None, located(error, f"batch {task.number}, DataLoader worker {self.number}")))

    def end(self) -> None:
        """Free what is left when the thread has ended, or its time is over."""


def stop(workers: list[Any]) -> None:
    """Let workers finish the batch that they are at, and end."""
    for worker in workers:
        worker.jobs.put(None)
    deadline = time.monotonic() + GRACE
    for worker in workers:
        worker.join(max(0.0, deadline - time.monotonic()))
        worker.end()


def ahead(
    workers: list[Any], task_for: Callable[[int], Task | None], factor: int, in_order: bool, timeout: float
) -> Iterator[Any]:
    """Batches that workers make, each of them `factor` tasks ahead.

    ``task_for(number)`` is the next task for a worker, None if there are no more. In order, workers take turns;
    otherwise whoever is first is.
    """
    common: SimpleQueue[Any] = SimpleQueue()
    results = {worker: SimpleQueue() if in_order else common for worker in workers}
    handed = dict.fromkeys(workers, 0)
    over = threading.Event()  # tasks that are not begun by then never are

    def hand(worker: Worker) -> None:
        if (task := task_for(worker.number)) is not None:
            handed[worker] += 1
            worker.jobs.put((task, results[worker], over))

    try:
        for worker in [worker for _ in range(factor) for worker in workers]:
            hand(worker)
        turns = cycle(workers)
        while any(handed.values()):
            worker = next(worker for worker in turns if handed[worker])
            try:
                worker, batch, error = results[worker].get(timeout=timeout or None)
            except Empty:
                who = f"worker {worker.number}" if in_order else "any worker"
                raise RuntimeError(f"DataLoader: no batch of {who} within the timeout of {timeout:g} seconds") from None
            handed[worker] -= 1
            if error is not None:
                try:
                    raise error
                finally:
                    del error  # whose traceback holds this frame, and with it the loader
            if batch is not End:
                hand(worker)
                yield batch
            del batch
    finally:
        over.set()
