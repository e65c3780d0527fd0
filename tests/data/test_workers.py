"""Workers: the same batches for any number of them, ahead of the loop; what they are told."""

import multiprocessing
import random
import threading
from collections import namedtuple

import numpy as np
import pytest
from loading import FORKS, KINDS, Noisy, Shards, nothing_is_left_behind, numbers, values  # noqa: F401
from standin import standin  # noqa: F401

import minidl as md
from minidl.backend import threads
from minidl.data import DataLoader, Dataset, TensorDataset, get_worker_info

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")  # of forks, since Python 3.12
Pair = namedtuple("Pair", "x y")


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_batches(kind):
    """To the bit, in the same order, for any number of workers; with a state taken while they are ahead."""

    def epochs(**options):
        md.manual_seed(3)
        loader = DataLoader(Noisy(), 4, shuffle=True, **options)
        return [*values(loader), *values(loader), md.rand(1).item()]

    expected = epochs()
    for number, factor, keep in [(1, None, False), (2, 1, True), (3, 5, False)]:
        options = {"prefetch_factor": factor, "persistent_workers": keep, "multiprocessing_context": kind}
        assert epochs(num_workers=number, **options) == expected
    md.manual_seed(3)
    batches = iter(DataLoader(Noisy(), 4, shuffle=True, num_workers=2, multiprocessing_context=kind))
    first, second = next(batches), next(batches)
    assert values([first, second]) == expected[:2]
    md.manual_seed(3)
    loader = DataLoader(Noisy(), 4, shuffle=True, num_workers=2, multiprocessing_context=kind)
    ahead = iter(loader)
    next(ahead), next(ahead)
    state = loader.state_dict()
    other = DataLoader(Noisy(), 4, shuffle=True)
    other.load_state_dict(state)
    assert values(other) == expected[2:6]
    loader.load_state_dict(state)
    assert values(loader) == expected[2:6]


def test_a_process_that_starts_afresh():
    data = TensorDataset(np.arange(10))
    loader = DataLoader(data, 4, num_workers=1, multiprocessing_context="spawn", collate_fn=len)
    assert list(loader) == [4, 4, 2]
    with pytest.raises(TypeError, match="DataLoader: the data set, .* must be such as can be pickled, .*lambda"):
        list(DataLoader(data, collate_fn=lambda samples: 1, num_workers=1, multiprocessing_context="spawn"))


@pytest.mark.parametrize("kind", KINDS)
def test_samples_in_a_row(kind):
    """Workers take turns, as PyTorch's do, until each has come to the end of its part."""

    def batches(n, size, workers, **options):
        return numbers(DataLoader(Shards(n), size, num_workers=workers, multiprocessing_context=kind, **options))

    assert batches(10, 2, 2) == [[0, 2], [1, 3], [4, 6], [5, 7], [8], [9]]
    assert batches(9, 2, 2) == [[0, 2], [1, 3], [4, 6], [5, 7], [8]]
    assert batches(9, 2, 2, drop_last=True, prefetch_factor=3) == [[0, 2], [1, 3], [4, 6], [5, 7]]
    assert batches(5, 1, 3) == [[0], [1], [2], [3], [4]] and batches(2, 1, 4) == [[0], [1]]
    assert list(DataLoader(Shards(4), None, num_workers=2, multiprocessing_context=kind)) == [0, 1, 2, 3]
    loader = DataLoader(Shards(10), 2, num_workers=2, multiprocessing_context=kind, persistent_workers=True)
    given = iter(loader)
    next(given), next(given), next(given)
    loader.load_state_dict(loader.state_dict())
    assert numbers(loader) == [[5, 7], [8], [9]]
    assert numbers(loader)[:2] == [[0, 2], [1, 3]]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_worker_is_told(kind):
    """A number, a seed, a copy of the data set that is its own; its stream for worker_init_fn comes of the seed."""

    class Told(Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            info = get_worker_info()
            return info.id, info.num_workers, info.seed, info.dataset is self, self.drawn, threads.here.working

    data = Told()

    def prepare(number):
        assert get_worker_info().id == number
        who = multiprocessing.current_process() if kind else threading.current_thread()
        assert who.name == f"minidl-loader-{number}" and who.daemon
        get_worker_info().dataset.drawn = md.rand(1).item()

    loader = DataLoader(data, None, num_workers=2, worker_init_fn=prepare, multiprocessing_context=kind)
    md.manual_seed(5)
    told = list(loader)
    assert [(t[0], t[1], t[3], t[5]) for t in told] == [(i % 2, 2, True, True) for i in range(6)]
    assert told[1][2] == told[0][2] + 1 and not hasattr(data, "drawn") and get_worker_info() is None
    assert told[0][4] == told[2][4] != told[1][4]
    md.manual_seed(5)
    assert list(loader) == told
    assert told[0][4] == md.rand(1, generator=md.Generator().manual_seed(told[0][2])).item()


def test_streams_of_python_and_numpy_differ_between_processes():
    if not FORKS:
        pytest.skip("no fork on this platform")

    class Foreign(Noisy):
        def __getitem__(self, index):
            return random.random(), np.random.random()

    md.manual_seed(1)
    drawn = [list(map(tuple, DataLoader(Foreign(), None, num_workers=2, multiprocessing_context="fork")))]
    md.manual_seed(1)
    drawn += [list(map(tuple, DataLoader(Foreign(), None, num_workers=2, multiprocessing_context="fork")))]
    assert len({x for sample in drawn[0] for x in sample}) == 46 and drawn[0] == drawn[1]


def test_persistent_workers_are_kept():
    class Counted(Dataset):
        calls = 0

        def __len__(self):
            return 4

        def __getitem__(self, index):
            self.calls += 1
            return self.calls

    begun = []
    loader = DataLoader(Counted(), 1, num_workers=2, worker_init_fn=begun.append, persistent_workers=True)
    assert [numbers(loader) for _ in range(2)] == [[[1], [1], [2], [2]], [[3], [3], [4], [4]]] and sorted(begun) == [
        0,
        1,
    ]
    for _ in loader:
        break  # what was not begun is taken back
    assert len(numbers(loader)) == 4 and sorted(begun) == [0, 1]
    del loader
    fresh = DataLoader(Counted(), 1, num_workers=2, worker_init_fn=begun.append)
    assert [numbers(fresh) for _ in range(2)] == [[[1], [1], [2], [2]]] * 2 and sorted(begun[2:]) == [0, 0, 1, 1]


def test_what_was_not_begun_is_never_made():
    """Where a loop was left early, and the workers are kept."""
    made, waits = [], threading.Event()

    class Waiting(Noisy):
        def __getitem__(self, index):
            made.append(index)
            assert index == 0 or waits.wait(20)
            return index

    loader = DataLoader(Waiting(), None, num_workers=1, prefetch_factor=4, persistent_workers=True)
    batches = iter(loader)
    assert next(batches) == 0
    batches.close()
    waits.set()
    assert list(loader) == list(range(23)) and made in ([0, *range(23)], [0, 1, *range(23)])


def test_two_iterations_at_once():
    """One that ends takes nothing from the other; of samples in a row, the later one alone goes on."""
    for options in ({}, {"persistent_workers": True, "prefetch_factor": 4}):
        loader = DataLoader(range(9), 2, num_workers=2, **options)
        whole, first = iter(loader), iter(loader)
        assert [next(whole).numpy().tolist(), next(first).numpy().tolist()] == [[0, 1]] * 2
        first.close()
        assert numbers(whole) == [[2, 3], [4, 5], [6, 7], [8]]
        assert [a.numpy().tolist() == b.numpy().tolist() for a, b in zip(loader, loader, strict=True)] == [True] * 5
    rows = DataLoader(Shards(40), 2, num_workers=2, persistent_workers=True)
    first = iter(rows)
    next(first)
    second = iter(rows)
    assert next(second).numpy().tolist() == [0, 2]
    with pytest.raises(RuntimeError, match="a later iteration has begun; persistent workers .* for one at a time"):
        list(first)
    assert len(list(second)) == 19


def test_modes_are_those_of_the_loop():
    class Recorded(Noisy):
        def __getitem__(self, index):
            return md.is_grad_enabled()

    for number in (0, 2):
        with md.no_grad():
            assert not any(DataLoader(Recorded(), None, num_workers=number))
        assert all(DataLoader(Recorded(), None, num_workers=number))


def test_how_far_ahead():
    """So many batches of each worker are made or begun before the loop has taken any more, and no further ones."""
    asked = []

    class Order:
        def __iter__(self):
            return (asked.append(i) or i for i in range(50))

    batches = iter(DataLoader(range(50), None, sampler=Order(), num_workers=2, prefetch_factor=3))
    assert next(batches) == 0 and len(asked) == 7
    assert next(batches) == 1 and len(asked) == 8
    assert next(iter(DataLoader(range(50), None, sampler=Order(), num_workers=2))) == 0 and len(asked) == 8 + 5


def test_whoever_is_first():
    slow = threading.Event()

    class Uneven(Noisy):
        def __getitem__(self, index):
            if index == 0:
                assert slow.wait(20)
            return index

    loader = DataLoader(Uneven(), None, num_workers=2, in_order=False)
    given = []
    for index in loader:
        given.append(index)
        if len(given) == 20:
            slow.set()
        if len(given) < 20:
            assert index
    assert sorted(given) == list(range(23)) and given.index(0) >= 20
    with pytest.raises(RuntimeError, match="with in_order=False, a number doesn't tell which batches are left"):
        loader.state_dict()
    assert sorted(numbers(DataLoader(Shards(9), 2, num_workers=2, in_order=False))) == [
        [0, 2], [1, 3], [4, 6], [5, 7], [8]
    ]  # fmt: skip


@pytest.mark.parametrize("context, error, said", [
    ("forks", ValueError, "DataLoader: multiprocessing_context must be one of .*spawn.*, got 'forks'"),
    (3, TypeError, "DataLoader: multiprocessing_context must be a context of multiprocessing or .*, got int"),
])  # fmt: skip
def test_ways_to_start_that_there_are_none_of(context, error, said):
    with pytest.raises(error, match=said):
        DataLoader([1], num_workers=1, multiprocessing_context=context)


def test_a_context():
    context = multiprocessing.get_context("spawn")
    assert DataLoader([1], num_workers=1, multiprocessing_context=context).multiprocessing_context is context


def test_batches_of_processes_are_of_the_same_kinds():
    if not FORKS:
        pytest.skip("no fork on this platform")
    sample = {"a": np.ones(2, "f"), "b": ("name", b"x", 1), "c": [1.5, md.tensor([True])]}
    one, other = (
        next(iter(DataLoader([sample] * 2, 2, num_workers=n, multiprocessing_context="fork" if n else None)))
        for n in (0, 1)
    )
    assert repr(one) == repr(other)


@pytest.mark.parametrize("kind", KINDS)
def test_batches_are_put_on_the_default_device(kind, standin):  # noqa: F811
    """Also those of processes, which come by way of the CPU; what a collate_fn has made is left alone."""
    sample = {"a": np.ones(2, "f"), "b": Pair(1, "x"), "c": [md.tensor([True], device="cpu")]}
    before = md.get_default_device()
    try:
        md.set_default_device("cuda")
        batch = next(iter(DataLoader([sample] * 2, 2, num_workers=1, multiprocessing_context=kind)))
        assert {batch["a"].device, batch["b"].x.device, batch["c"][0].device} == {"cuda:0"}
        assert type(batch["b"]) is Pair and batch["b"].y == ("x", "x")
        own = DataLoader([1], collate_fn=lambda samples: md.ones(1, device="cpu"), num_workers=1)
        assert next(iter(own)).device == "cpu"
    finally:
        md.set_default_device(before)
