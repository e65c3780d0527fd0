"""Workers that fail, die, hang or are interrupted: who is at fault is named, and nothing is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from loading import FORKS, KINDS, Noisy, Shards, nothing_is_left_behind  # noqa: F401

from minidl.data import DataLoader, workers

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # of forks, since Python 3.12


class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a}, {b}")


class Faulty(Noisy):
    """Breaks at one sample, in one way."""

    def __init__(self, how):
        self.how = how

    def __getitem__(self, index):
        if index == 9:
            return self.how()
        return index


def fail(error, *args):
    def how(*_):
        raise error(*args)

    return how


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how, error, said", [
    (fail(ValueError, "bad pixel"), ValueError, r"^bad pixel \(sample 9\) \(batch 2, DataLoader worker 0\)$"),
    (fail(IndexError, "far"), IndexError, r"^far \(sample 9\) \(batch 2, DataLoader worker 0\)$"),
    (fail(BrokenPipeError, 32, "Broken pipe"), BrokenPipeError, "Broken pipe"),
    (fail(OSError, 2, "Gone", "a.png"), FileNotFoundError, "Gone: 'a.png'"),
    (fail(Odd, 1, 2), (Odd, RuntimeError), r"1, 2 \(sample 9\).*batch 2, DataLoader worker 0"),
    (lambda: {1}, TypeError, r"expected numbers, got set \(batch 2, DataLoader worker 0\)$"),
])  # fmt: skip
def test_an_error_names_the_worker_and_the_sample(kind, how, error, said):
    """It has its own type, as without workers; the loop gets what came before."""
    loader = DataLoader(Faulty(how), 4, num_workers=2, multiprocessing_context=kind)
    given = []
    with pytest.raises(error, match=said) as caught:
        for batch in loader:
            given.append(batch)
    assert len(given) == 2
    if kind:
        assert "in the worker's process:\nTraceback" in str(caught.value.__cause__)
    notes = getattr(caught.value, "__notes__", [])
    assert "worker 0" in str(caught.value) + "".join(notes) or sys.version_info < (3, 11)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_of_other_places(kind):
    def refuse(number):
        raise ValueError("unprepared")

    options = {"num_workers": 2, "multiprocessing_context": kind}
    with pytest.raises(ValueError, match=r"^unprepared \(batch 0, DataLoader worker 0\)$"):
        list(DataLoader(Noisy(), worker_init_fn=refuse, **options))
    with pytest.raises(ZeroDivisionError):
        list(DataLoader(Noisy(), sampler=(1 // i for i in (1, 0)), **options))
    with pytest.raises(ZeroDivisionError):
        for _ in DataLoader(Noisy(), **options):
            1 / 0  # noqa: B018
    with pytest.raises(KeyboardInterrupt):
        for _ in DataLoader(Noisy(), **options):
            raise KeyboardInterrupt


@pytest.mark.skipif(not FORKS, reason="no fork on this platform")
@pytest.mark.parametrize("how, said", [
    (lambda: os._exit(3), "exit code 3"), (lambda: os.kill(os.getpid(), signal.SIGKILL), r"exit code -9 \(SIGKILL\)"),
    (sys.exit, "exit code 0"),
], ids=["exit", "kill", "sys.exit"])  # fmt: skip
def test_a_process_that_dies(how, said):
    loader = DataLoader(Faulty(how), 4, num_workers=2, multiprocessing_context="fork")
    said = rf"^its process \d+ ended, with {said} \(batch 2, DataLoader worker 0\)$"
    with pytest.raises(RuntimeError, match=said):
        list(loader)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_that_does_not_come(kind, monkeypatch):
    monkeypatch.setattr(workers, "GRACE", 0.05)
    released = threading.Event()
    loader = DataLoader(Faulty(lambda: released.wait(20)), 4, num_workers=1, timeout=0.2, multiprocessing_context=kind)
    said = "^DataLoader: no batch of worker 0 within the timeout of 0.2 seconds$"
    with pytest.raises(RuntimeError, match=said):
        list(loader)
    released.set()
    while any(thread.name == "minidl-loader-0" for thread in threading.enumerate()):
        time.sleep(0.01)


INTERRUPTED = """
import os, signal, sys, time
import minidl as md

signal.signal(signal.SIGINT, signal.default_int_handler)  # which the shell of a background job has switched off

class Slow(md.data.Dataset):
    def __len__(self):
        return 1000

    def __getitem__(self, index):
        time.sleep(0.01)
        return os.getpid()

kind = sys.argv[1]
loader = md.data.DataLoader(Slow(), 1, num_workers=2, multiprocessing_context=None if kind == "None" else kind)
print(os.getpid(), flush=True)
try:
    for n, batch in enumerate(loader):
        print(batch.item(), flush=True)
except KeyboardInterrupt:
    import multiprocessing, threading
    print("left", len(multiprocessing.active_children()), threading.active_count(), flush=True)
    sys.exit(130)
"""


@pytest.mark.skipif(not FORKS, reason="signals of POSIX")
@pytest.mark.parametrize("kind, sent", [
    ("fork", signal.SIGINT), pytest.param("None", signal.SIGINT, marks=pytest.mark.deep),
    pytest.param("fork", signal.SIGKILL, marks=pytest.mark.deep),
])  # fmt: skip
def test_ctrl_c_and_a_kill_leave_nothing(kind, sent):
    """The signal goes to the whole group, as a terminal's does; a kill to the parent alone."""
    command = [sys.executable, "-W", "ignore", "-c", INTERRUPTED, kind]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as run:
        ids = {int(run.stdout.readline()) for _ in range(6)}
        (os.killpg if sent == signal.SIGINT else os.kill)(run.pid, sent)
        rest, errors = run.communicate(timeout=20)
    assert errors == "" and run.returncode == (130 if sent == signal.SIGINT else -sent)
    if sent == signal.SIGINT:
        assert rest.splitlines()[-1] == "left 0 1"
    deadline = time.monotonic() + 10
    while any(alive(number) for number in ids):
        assert time.monotonic() < deadline, f"still there: {ids}"
        time.sleep(0.02)


def alive(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{number}/stat") as file:
        return file.read().rsplit(")")[-1].split()[0] != "Z"


@pytest.mark.parametrize("number", [0, 1])
def test_an_end_that_a_sample_claims_is_none(number):
    """A StopIteration of a sample's, or a collate_fn's, does not end the loop as if there were no more."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        list(DataLoader(Faulty(fail(StopIteration)), 4, num_workers=number))
    with pytest.raises(RuntimeError, match="StopIteration"):
        list(DataLoader(Shards(), 4, num_workers=number, collate_fn=fail(StopIteration, 1)))
