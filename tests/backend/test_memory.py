"""Memory that is used again: never while a view of it is left, and never more than was in use at once."""

import gc
import itertools
import threading

import numpy as np
import pytest

from minidl.backend import memory
from minidl.backend.memory import SMALLEST

BIG = (SMALLEST // 4,)


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(memory, "blocks", memory.Blocks())


def address(a):
    return a.__array_interface__["data"][0]


def test_memory_is_used_again_when_the_last_view_is_gone():
    a = memory.empty(BIG, np.float32)
    a[:] = 7
    where, view = address(a), a.reshape(2, -1)[:, 3:].T[::2]
    del a
    other = memory.empty(BIG, np.float32)
    assert address(other) != where and (view == 7).all()
    del view
    assert address(memory.empty(BIG, np.float32)) == where


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[1:],
        lambda a: a.reshape(2, -1).T,
        lambda a: np.asarray(a).view(np.int32),
        lambda a: np.lib.stride_tricks.as_strided(a, (3,), (4,)),
        lambda a: np.moveaxis(a.reshape(4, 4, -1), 0, 2).reshape(4, -1)[:1].base,
        lambda a: memoryview(a),
        lambda a: np.frombuffer(a, np.uint8),
        lambda a: a.astype(np.float32, copy=False).ravel(),
    ],
)
def test_a_view_of_any_kind_keeps_it(view):
    a = memory.empty(BIG, np.float32)
    start, end = address(a), address(a) + a.nbytes
    kept = view(a)
    inside = start <= address(np.asarray(kept)) < end
    del a
    other = memory.empty(BIG, np.float32)
    assert (address(other) != start) or not inside
    del kept


def test_it_is_what_numpy_gives():
    for shape, dtype in (((3, 5), "f4"), ((), "f8"), ((0, 4), "f4"), ((300, 500), "f8"), ((1 << 18,), "?")):
        a = memory.empty(shape, dtype)
        assert type(a) is np.ndarray and a.shape == shape and a.dtype == dtype
        assert a.flags.c_contiguous and a.flags.writeable and a.flags.aligned


def test_little_more_is_held_than_was_in_use_at_once():
    sizes = [(SMALLEST * n,) for n in (25, 1, 3, 2, 50, 4, 90, 6)]
    two = [memory.empty(sizes[-2], np.uint8), memory.empty(sizes[-4], np.uint8)]
    most = memory.blocks.used
    del two
    for shape in sizes * 3:
        memory.empty(shape, np.uint8)
        assert memory.blocks.used == 0 and memory.blocks.held <= 1.25 * most
        assert memory.blocks.held == sum(map(len, memory.blocks.free))
    kept = memory.empty(sizes[0], np.uint8)
    memory.empty_cache()
    assert memory.blocks.held == memory.blocks.used > 0 and not memory.blocks.free
    del kept
    memory.empty_cache()
    assert memory.blocks.held == 0 and not memory.blocks.free


def test_what_was_in_use_at_once_is_kept_though_less_is_asked_for_now():
    kept = [memory.empty((SMALLEST * n,), np.uint8) for n in (20, 30)]
    most = memory.blocks.held
    del kept
    for n in (1, 3, 7):
        memory.empty((SMALLEST * n,), np.uint8)
    assert memory.blocks.most == most and {SMALLEST * 20, SMALLEST * 30} <= set(map(len, memory.blocks.free))


def test_the_largest_that_is_free_makes_room():
    kept = [memory.empty((SMALLEST * n,), np.uint8) for n in (2, 30)]
    del kept
    memory.empty((SMALLEST * 10,), np.uint8)
    assert list(map(len, memory.blocks.free)) == [SMALLEST * 2, SMALLEST * 10]


def test_what_fits_best_is_used():
    kept = {n: memory.empty((SMALLEST * n,), np.uint8) for n in (2, 3, 9, 4)}
    addresses = {n: address(a) for n, a in kept.items()}
    del kept
    assert address(memory.empty((SMALLEST * 2 + 1,), np.uint8)) == addresses[3]
    assert address(memory.empty((SMALLEST * 4,), np.uint8)) == addresses[4]
    assert address(memory.empty((SMALLEST,), np.uint8)) not in addresses.values()  # half of it would be wasted


@pytest.mark.parametrize("moment", range(5))
def test_the_collector_may_give_at_any_moment(moment, monkeypatch):
    """It may run after any call, since Python 3.12: here after one of those of `len`, while a thread takes."""

    class Cycle:
        pass

    calls = itertools.count()

    def measured(a):
        length = len(a)
        if next(calls) == moment:
            gc.collect()
        return length

    gc.disable()
    try:
        cycle, larger = Cycle(), memory.empty((SMALLEST * 3,), np.uint8)
        cycle.itself, cycle.array = cycle, memory.empty((SMALLEST,), np.uint8)
        del cycle, larger
        monkeypatch.setattr(memory, "len", measured, raising=False)
        taken = memory.empty((SMALLEST * 2,), np.uint8)
    finally:
        gc.enable()
    assert taken.shape == (SMALLEST * 2,)
    del taken
    gc.collect()
    assert memory.blocks.used == 0 and memory.blocks.held == sum(map(len, memory.blocks.free))


def test_threads_may_take_and_give():
    def work():
        for i in range(300):
            a = memory.empty((SMALLEST * (1 + i % 3),), np.uint8)
            a[:8] = n = threading.get_ident() % 251
            assert (a[:8] == n).all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert memory.blocks.used == 0
    assert memory.blocks.held == sum(map(len, memory.blocks.free))
