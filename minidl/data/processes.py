"""Workers whose batches are made in a process of their own, where the interpreter's lock is theirs alone."""

from __future__ import annotations

import contextlib
import pickle
import random
import signal
import traceback
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

from minidl.backend import set_default_device
from minidl.data import workers
from minidl.data.collate import default_collate, default_convert, on_default_device
from minidl.data.fetcher import Task
from minidl.data.workers import Work, Worker


def context_of(name: Any) -> Any:
    """How processes are started: a context of `multiprocessing`, or the one of that name.

    Raises
    ------
    ValueError, TypeError
        For a name that this platform doesn't have, and for what is neither.
    """
    if isinstance(name, str):
        if name not in get_all_start_methods():
            known = ", ".join(get_all_start_methods())
            raise ValueError(f"DataLoader: multiprocessing_context must be one of {known}, got {name!r}")
        return get_context(name)
    if not isinstance(name, BaseContext):
        raise TypeError(
            "DataLoader: multiprocessing_context must be a context of multiprocessing or the name of a way to start "
            f"processes, got {type(name).__name__}"
        )
    return name


class ProcessWorker(Worker):
    """A thread that hands its tasks on to a process, and waits for what comes back."""

    def __init__(self, work: Work, context: Any) -> None:
        super().__init__(work)
        self.near, far = context.Pipe()
        self.process = context.Process(target=serve, args=(far, self.near, work), name=self.name, daemon=True)
        try:
            self.process.start()
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            self.near.close()
            raise TypeError(
                "DataLoader: the data set, collate_fn and worker_init_fn must be such as can be pickled, for processes "
                f"that are not forked: {error}; define functions at the top of a module"
            ) from error
        finally:
            far.close()

    def load(self, task: Task) -> Any:
        answer = None
        with contextlib.suppress(EOFError, OSError):
            self.near.send(task)
            answer = self.near.recv()
        if answer is None:
            raise RuntimeError(f"its process {self.process.pid} {self.fate()}")
        batch, error, lines = answer
        if error is not None:
            try:
                raise error from RuntimeError(f"in the worker's process:\n{lines}")
            finally:
                del error, answer  # whose traceback holds this frame
        own = self.work.fetch.collate_fn not in (default_collate, default_convert)  # type: ignore[attr-defined]
        return batch if own else on_default_device(batch)

    def fate(self) -> str:
        """How the process ended."""
        self.process.join(workers.GRACE)
        code = self.process.exitcode
        how = f" ({signal.Signals(-code).name})" if code is not None and code < 0 else ""
        return f"ended, with exit code {code}{how}"

    def end(self) -> None:
        if self.is_alive():  # its process keeps it waiting
            self.process.kill()
            self.join()
        with contextlib.suppress(OSError):
            self.near.send(None)
        self.near.close()
        self.process.join()
        self.process.close()


def serve(far: Connection, near: Connection, work: Work) -> None:
    """What the process does: make one batch after the other, until it is told to end, or nobody is left to ask."""
    near.close()  # the copy that a fork makes, which would hide that nobody is left
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent answers it
    set_default_device("cpu")
    random.seed(work.info.seed)
    np.random.seed(np.random.SeedSequence(work.info.seed).generate_state(4))
    with contextlib.suppress(EOFError, OSError):
        while (task := far.recv()) is not None:
            far.send_bytes(answer(work, task))


def answer(work: Work, task: Task) -> Any:
    """A batch, or the error in its place and its traceback in words, as bytes."""
    try:
        return ForkingPickler.dumps((work(task), None, ""))
    except Exception as error:
        lines = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return ForkingPickler.dumps((None, portable(error), lines))


def portable(error: Exception) -> Exception:
    """The error, or its words, if it can't be pickled and made again."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
