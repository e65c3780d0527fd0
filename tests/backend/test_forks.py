"""A child of a fork is not held up by locks of threads that it does not have."""

import contextlib
import os
import signal
import threading
import time

import numpy as np
import pytest

import minidl as md
from minidl.backend import forks, memory, random, threads, transfer
from minidl.engine import walk, writes

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]
OWN = md.Generator()
SECONDS = 20


def backward():
    x = md.ones(2, requires_grad=True)
    (x * 2).sum().backward()
    return x.grad.numpy().tolist() == [2, 2]


def draws(generator):
    return lambda: md.rand(3, generator=generator).shape == (3,)


# What holds a lock, and what needs it.
HELD = {
    "the global stream": (lambda: md.default_generator.numpy.bit_generator.lock, draws(None)),
    "a generator": (lambda: OWN.numpy.bit_generator.lock, draws(OWN)),
    "gradients' deposit": (lambda: walk.deposit_lock, backward),
    "writes": (lambda: writes._lock, lambda: md.zeros(2).fill_(1).sum().item() == 2),
    "memory": (lambda: memory.blocks.lock, lambda: memory.empty((1 << 20,), np.float32).size == 1 << 20),
    "ranges that wait": (lambda: transfer.lock, lambda: transfer.check_ranges() is None),
    "workers": (lambda: threads.workers.lock, lambda: threads.parallel(abs, [-1, -2]) == [1, 2]),
    "BLAS": (lambda: threads.blas().lock, lambda: threads.matmul(*np.ones((2, 200, 200))).sum() == 200**3),
    "the making of BLAS": (lambda: threads.making, lambda: threads.made.clear() or threads.get_num_threads() > 0),
}


@contextlib.contextmanager
def held(lock):
    """Another thread holds the lock within."""
    taken, done = threading.Event(), threading.Event()

    def hold():
        with lock:
            taken.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


def passes_in_a_child(check):
    """Whether a forked process finds that `check` is true, in time."""
    child = os.fork()
    if not child:
        try:
            os._exit(0 if check() else 1)
        finally:
            os._exit(2)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status == 0
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


@pytest.mark.parametrize("name", HELD)
def test_a_lock_of_another_thread_is_free_in_a_child(name, monkeypatch):
    monkeypatch.setattr(threads, "get_num_threads", lambda: 2) if name == "workers" else None
    lock, check = HELD[name]
    with held(lock()):
        assert passes_in_a_child(check)
    assert name == "the making of BLAS" or check()


def test_a_lock_of_the_thread_that_forks_stays_its_own():
    lock = forks.Lock()
    with lock:
        assert passes_in_a_child(lambda: not forks.is_stuck(lock.lock) and taken_elsewhere(lock))
    assert not taken_elsewhere(lock)


def taken_elsewhere(lock):
    """Whether another thread finds it taken."""
    found = []
    thread = threading.Thread(target=lambda: found.append(forks.is_stuck(lock.lock)))
    thread.start()
    thread.join()
    return found[0]


def test_who_asks_whether_a_lock_is_stuck_leaves_it_free():
    lock = forks.Lock()
    assert not forks.is_stuck(lock.lock) and not taken_elsewhere(lock)


def test_a_child_of_a_chunk_has_threads_of_its_own():
    counts, number = threads.blas().counts(), md.get_num_threads()
    md.set_num_threads(2)
    own = threads.blas().counts()
    try:
        found = threads.parallel(
            lambda i: i or passes_in_a_child(lambda: not threads.here.working and threads.blas().counts() == own),
            range(2),
        )
    finally:
        md.set_num_threads(number)
        for library, count in zip(threads.blas().libraries, counts, strict=True):
            library.set_num_threads(count)
    assert found == [True, 1]


def test_a_stream_goes_on_in_a_child_from_where_it_stands():
    generator = md.Generator().manual_seed(3)
    md.rand(5, generator=generator)
    state = generator.get_state()
    then = generator.numpy.random(4)
    generator.set_state(state)
    with held(generator.numpy.bit_generator.lock):
        assert passes_in_a_child(lambda: np.array_equal(generator.numpy.random(4), then))


def test_every_lock_of_the_package_is_among_them():
    listed = {id(lock()) for lock, _ in HELD.values()}
    assert {id(lock) for lock in forks._locks} <= listed
    assert random.default_generator in random._generators
