"""What a worker's process does, done in this one: whose numbers it draws, what it answers, and when it ends."""

import multiprocessing
import random
import signal

import numpy as np
import pytest

from minidl.backend import threads
from minidl.data import default_convert, processes, workers
from minidl.data.fetcher import MapFetcher, Task
from minidl.data.workers import Work, WorkerInfo


class Odd(Exception):
    """What can be pickled, and not made again."""

    def __init__(self, a, b):
        super().__init__(f"{a}, {b}")


class Drawn:
    """Samples that other libraries draw; at 1 and 2 errors."""

    def __getitem__(self, index):
        if index == 0:
            return random.random(), np.random.random()
        raise ValueError("bad pixel") if index == 1 else Odd(1, 2)


@pytest.fixture
def asked(monkeypatch):
    """What is asked of signals and devices; what a process changes for itself is as before afterwards."""
    calls, python, numpys = [], random.getstate(), np.random.get_state()
    monkeypatch.setattr(signal, "signal", lambda *args: calls.append(args))
    monkeypatch.setattr(processes, "set_default_device", calls.append)
    monkeypatch.setattr(workers.here, "info", None)
    monkeypatch.setattr(threads.here, "working", False, raising=False)
    yield calls
    random.setstate(python)
    np.random.set_state(numpys)


def serve(tasks, ends=True):
    """The answers to tasks, of a process that is told to end, or that nobody asks any more."""
    (near, far), (copy, _) = multiprocessing.Pipe(), multiprocessing.Pipe()
    for task in [*tasks, None] if ends else tasks:
        near.send(task)
    if not ends:
        near.close()
    data = Drawn()
    processes.serve(far, copy, Work(MapFetcher(data, default_convert, False), WorkerInfo(0, 1, 7, data), None))
    assert copy.closed
    return [near.recv() for _ in tasks]


def test_it_draws_by_its_own_seed(asked):
    (((python, numpys), error, lines),) = serve([Task(3, 0, 0)])
    assert asked == [(signal.SIGINT, signal.SIG_IGN), "cpu"] and (error, lines) == (None, "")
    assert python == random.Random(7).random()
    assert numpys == np.random.RandomState(np.random.SeedSequence(7).generate_state(4)).random()


def test_its_errors_come_with_what_python_says_of_them(asked):
    """One that can't be made again comes as its words."""
    (batch, bad, lines), (_, odd, _) = serve([Task(3, 0, 1), Task(3, 1, 2)])
    assert batch is None and type(bad) is ValueError and bad.args == ("bad pixel (sample 1)",)
    assert lines.startswith("Traceback") and lines.endswith("ValueError: bad pixel (sample 1)\n")
    assert type(odd) is RuntimeError and odd.args[0].startswith("Odd: 1, 2")


def test_it_ends_when_nobody_is_left_to_ask(asked):
    assert serve([], ends=False) == []
