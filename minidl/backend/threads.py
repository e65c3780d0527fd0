"""Chunks of work side by side: on the calling thread, and on workers beside it.

NumPy lets go of the interpreter's lock in its loops and matrix products, so threads share the cores. While they work,
BLAS is held to one thread a product. Its own threads wait for more work by spinning, and take the cores from these for
milliseconds: a training step of SimpLeNet took 1.5 times as long. So large products are divided here, too.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Any

import numpy as np

from minidl.backend.forks import Lock, in_child
from minidl.backend.memory import empty

ONE_THREAD = 1 << 18  # multiplications up to which OpenBLAS leaves a product of matrices to one thread
PIECE = 1 << 22  # multiplications that are worth the switch to another thread


def parallel(function: Callable[[Any], Any], chunks: Iterable[Any]) -> list[Any]:
    """``[function(chunk) for chunk in chunks]``, several at a time; `function` must work on raw arrays only.

    An error in one chunk is raised when those under way are finished. Within a chunk it runs one after the other.
    """
    waiting = list(chunks)
    number = min(get_num_threads(), len(waiting))
    if number < 2 or here.working:
        return [function(chunk) for chunk in waiting]
    job = Job(function, waiting)
    with blas():
        workers.offer(job, number - 1)
        job.work()
        job.finished.wait()
    if job.error is not None:
        raise job.error
    return job.results.pop()


def matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """``numpy.matmul(a, b, out=out)`` of arrays of at least two dimensions, large products in pieces.

    Every product of size is to be made by it, or in a chunk of `parallel`: else the threads of BLAS wake up, and spin.
    """
    rows, columns = a.shape[-2], b.shape[-1]
    if here.working or a.size * columns <= ONE_THREAD:
        return np.matmul(a, b, out=out)
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    work = math.prod(batch) * rows * columns * a.shape[-1]
    number = min(get_num_threads(), work // PIECE)
    if number < 2:
        with blas():
            return np.matmul(a, b, out=out)
    z = empty((*batch, rows, columns), np.result_type(a, b)) if out is None else out
    if batch and batch[0] >= number:
        a, b = np.broadcast_to(a, batch + a.shape[-2:]), np.broadcast_to(b, batch + b.shape[-2:])
        parallel(lambda i: np.matmul(a[i], b[i], out=z[i]), pieces(batch[0], number))
    elif rows >= columns:
        parallel(lambda i: np.matmul(a[..., i, :], b, out=z[..., i, :]), pieces(rows, number))
    else:
        parallel(lambda i: np.matmul(a, b[..., i], out=z[..., i]), pieces(columns, number))
    return z


def pieces(n: int, number: int) -> list[slice]:
    """Slices of range(n), at most so many, of sizes as equal as can be."""
    number = min(n, number)
    return [slice(n * i // number, n * (i + 1) // number) for i in range(number)]


def get_num_threads() -> int:
    """How many threads an operation may use.

    That is what `set_num_threads` has set, or else ``MINIDL_NUM_THREADS``, or else as many as NumPy's BLAS used when
    this was first asked.
    """
    return blas().threads


def set_num_threads(num: int) -> None:
    """Let each operation, and each matrix product of NumPy, use at most so many threads (``torch.set_num_threads``).

    Raises
    ------
    ValueError
        Unless `num` is a positive integer.
    """
    if not isinstance(num, int) or isinstance(num, bool) or num < 1:
        raise ValueError(f"set_num_threads: expected a positive integer, got {num!r}")
    blas().limit(num)


class Blas:
    """How many threads NumPy's BLAS uses, which is a setting of the whole process."""

    def __init__(self) -> None:
        from threadpoolctl import ThreadpoolController  # of which `import minidl` would notice the milliseconds

        self.libraries = ThreadpoolController().select(user_api="blas").lib_controllers
        self.lock = Lock()
        self.holders = 0
        self.before: list[int] = []
        self.threads = max(self.counts(), default=1)
        if asked := os.environ.get("MINIDL_NUM_THREADS"):
            if not asked.isdecimal() or not int(asked):
                raise ValueError(f"MINIDL_NUM_THREADS: expected a positive integer, got {asked!r}")
            self.limit(int(asked))

    def counts(self) -> list[int]:
        """The threads of each library."""
        return [library.get_num_threads() for library in self.libraries]

    def limit(self, number: int) -> None:
        """Give every library so many threads, now or when it is held no more."""
        with self.lock:
            self.threads, self.before = number, [number] * len(self.libraries)
            if not self.holders:
                self.give(self.before)

    def give(self, numbers: list[int]) -> None:
        """Set the threads of each library.

        threadpoolctl (since 3.8) heeds the first thread that sets OpenBLAS's count, and no other until that one lets
        go. Here the callers agree by a lock, and whichever comes last must be heard.
        """
        for library, number in zip(self.libraries, numbers, strict=True):
            let_go = getattr(library, "clear_controlling_thread", lambda force: None)
            let_go(force=True)
            library.set_num_threads(number)
            let_go(force=True)

    def __enter__(self) -> None:
        """One thread a library within; what the user had comes back when the last of several callers leaves."""
        with self.lock:
            self.holders += 1
            if self.holders == 1:
                self.before = self.counts()
                self.give([1] * len(self.libraries))

    def __exit__(self, *exception: object) -> None:
        with self.lock:
            self.holders -= 1
            if not self.holders:
                self.give(self.before)


class Job:
    """A function to be called on every chunk, by whichever thread is free next."""

    def __init__(self, function: Callable[[Any], Any], chunks: list[Any]) -> None:
        self.function: Any = function
        self.left = iter(enumerate(chunks))
        self.unfinished = len(chunks)
        self.results: list[list[Any]] = [[None] * len(chunks)]
        self.error: BaseException | None = None
        self.lock = threading.Lock()
        self.finished = threading.Event()

    def work(self) -> None:
        """Take one chunk after the other until none is left."""
        before, here.working = here.working, True
        try:
            while self.one():
                pass
        finally:
            here.working = before

    def one(self) -> bool:
        """Work on the next chunk; False if there is none."""
        with self.lock:
            place, chunk = next(self.left, (None, None))
        if place is None:
            return False
        try:
            if self.error is None:
                self.results[0][place] = self.function(chunk)
        except BaseException as error:
            self.error = error
        with self.lock:
            self.unfinished -= 1
            if not self.unfinished:
                self.function = None  # and with it the arrays that it works on: a worker may hold the job for longer
                self.finished.set()
        return True


class Workers:
    """Threads that wait for jobs."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[Job] = SimpleQueue()
        self.lock = Lock()
        self.number = 0

    def offer(self, job: Job, number: int) -> None:
        """Ask so many workers to take part, and start those that are missing."""
        with self.lock:
            while self.number < number:
                threading.Thread(target=self.serve, args=(self.jobs,), name="minidl", daemon=True).start()
                self.number += 1
        for _ in range(number):
            self.jobs.put(job)

    @staticmethod
    def serve(jobs: SimpleQueue[Job]) -> None:
        """What a worker does: one job after the other. Warnings of NumPy are a thread's own setting."""
        with np.errstate(all="ignore"):
            while True:
                jobs.get().work()


class Here(threading.local):
    """Whether this thread is at work on a chunk."""

    working = False


here = Here()
workers = Workers()
making = Lock()
made: list[Blas] = []


def blas() -> Blas:
    """The one `Blas` of the process, made when it is first asked for."""
    if not made:
        with making:  # a second one would take what the first has set for what the user had
            if not made:
                made.append(Blas())
    return made[0]


@in_child
def start_anew() -> None:
    """The threads of the parent are not there to work, nor to give back to BLAS the threads that it had."""
    global workers
    workers = Workers()
    here.working = False
    for one in made:
        if one.holders:
            one.holders = 0
            one.give(one.before)
