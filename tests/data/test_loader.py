"""The loader: which samples come when, what a batch is made of, and which of its arguments exclude each other."""

import numpy as np
import pytest
from counted import CountedStream, Stream, listed, numbers, order

import minidl as md
from minidl.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    TensorDataset,
)

# --- order and size ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n, drop_last, sizes", [
    (10, False, [4, 4, 2]), (10, True, [4, 4]), (11, True, [4, 4]), (9, True, [4, 4]),
])  # fmt: skip
def test_batches(n, drop_last, sizes):
    loader = DataLoader(numbers(n), batch_size=4, drop_last=drop_last)
    assert [len(x.array) for x, _ in loader] == sizes and len(loader) == len(sizes)
    assert order(loader) == order(loader) == list(range(sum(sizes)))
    x, y = batch = next(iter(loader))
    assert type(batch) is list and isinstance(x, md.Tensor) and isinstance(y, md.Tensor)
    assert x.dtype == np.int64 and y.dtype == np.uint8
    assert len(DataLoader(numbers(8), batch_size=4, drop_last=drop_last)) == 2
    assert list(DataLoader(numbers(0))) == [] and len(DataLoader(numbers(0), shuffle=True)) == 0
    assert len(DataLoader(numbers(3))) == 3


def test_shuffle():
    def loader(seed):
        return DataLoader(numbers(50), batch_size=7, shuffle=True, generator=md.Generator().manual_seed(seed))

    first, second = loader(7), loader(7)
    epochs = [order(first), order(first)]
    assert epochs == [order(second), order(second)]
    assert epochs[0] != epochs[1] != list(range(50)) and sorted(epochs[0]) == list(range(50))
    assert order(loader(8)) != epochs[0]
    md.manual_seed(7)
    assert order(DataLoader(numbers(50), batch_size=7, shuffle=True)) == epochs[0]
    seed = int(np.random.Generator(np.random.Philox(7)).integers(2**63))  # of the epoch, and of the order by it
    (word,) = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    assert epochs[0] == np.random.Generator(np.random.Philox(int(word))).permutation(50).tolist()


def test_pixels_and_labels_stay_together():
    x = np.arange(40).reshape(20, 2)
    for a, b in DataLoader(TensorDataset(x, x[:, 0]), batch_size=3, shuffle=True):
        assert np.array_equal(a.array[:, 0], b.array)


def test_arguments_by_position():
    """In PyTorch's order: dataset, batch_size, shuffle, sampler, batch_sampler, num_workers, collate_fn and so on."""
    assert order(DataLoader(numbers(4), 2, False, [3, 1], None, 0, None, False, True, 0, None, None, None)) == [3, 1]
    whole = DataLoader(numbers(3), 1, None, None, [[2], [0, 1]], 0, len)
    assert list(whole) == [1, 2] and whole.batch_size is None
    own = md.Generator().manual_seed(3)
    one = DataLoader(numbers(20), 3, True, None, None, 0, None, False, True, 0, None, None, own)
    other = DataLoader(numbers(20), 3, shuffle=True, drop_last=True, generator=md.Generator().manual_seed(3))
    assert order(one) == order(other) and len(one) == 6


@pytest.mark.parametrize("options", [
    {"num_workers": 2}, {"pin_memory": True}, {"worker_init_fn": print}, {"in_order": False},
    {"num_workers": 1, "persistent_workers": True}, {"num_workers": 1, "prefetch_factor": 4},
    {"num_workers": 1, "timeout": 15.5}, {"pin_memory_device": "cuda"},
], ids=repr)  # fmt: skip
def test_what_changes_no_batch(options):
    loader = DataLoader(numbers(10), 4, **options)
    assert order(loader) == list(range(10))
    assert all(getattr(loader, name) == value for name, value in options.items())


def test_flags_of_numpy_are_as_those_of_python():
    loader = DataLoader(numbers(3), 2, drop_last=np.True_)
    assert loader.drop_last is True and len(loader) == 1 and RandomSampler([0], np.True_).replacement is True


def test_what_loads_ahead_is_off():
    options = {"num_workers": 0, "pin_memory": False, "timeout": 0, "worker_init_fn": None, "in_order": True}
    options |= {"persistent_workers": False, "prefetch_factor": None, "multiprocessing_context": None}
    options |= {"pin_memory_device": ""}
    assert {name: getattr(DataLoader(numbers(10)), name) for name in options} == options


def test_samplers():
    assert order(DataLoader(numbers(10), 2, sampler=[5, 1, 1])) == [5, 1, 1]
    assert len(DataLoader(numbers(10), 2, sampler=[5, 1, 1])) == 2
    assert order(DataLoader(numbers(10), batch_sampler=[[], [2]])) == [2]
    assert order(DataLoader(numbers(10), 2, sampler=[])) == []
    assert order(DataLoader(numbers(10), sampler=md.tensor([7, -1]))) == [7, 9]
    assert order(DataLoader(numbers(10), 2, sampler=iter([5, 1]))) == [5, 1]
    loader = DataLoader(numbers(10), batch_sampler=[[1, 2], [3]])
    assert [x.numpy().tolist() for x, _ in loader] == [[1, 2], [3]] and len(loader) == 2

    class Squares(Dataset):  # which has no length
        def __getitem__(self, index):
            return index**2

    assert [x.item() for x in DataLoader(Squares(), sampler=[3, 5])] == [9, 25]
    assert [x.item() for x in DataLoader(Squares(), batch_sampler=[[3], [5]])] == [9, 25]

    class Downwards(Sampler):
        def __iter__(self):
            return iter(range(9, -1, -3))

        def __len__(self):
            return 4

    loader = DataLoader(numbers(10), 3, sampler=Downwards())
    assert order(loader) == [9, 6, 3, 0] and len(loader) == 2
    uncounted = type("Uncounted", (), {"__getitem__": lambda self, index: index})()
    assert listed(DataLoader(uncounted, 2, sampler=[5, 1, 1])) == [[5, 1], [1]]
    assert listed(DataLoader(uncounted, batch_sampler=[[5, 1, 1]])) == [[5, 1, 1]]
    with pytest.raises(TypeError, match="DataLoader: a data set must have __len__, Uncounted has not"):
        DataLoader(uncounted)
    keys = DataLoader({"a": 1, "b": 2}, 2, sampler=["b", "a"])
    assert listed(keys) == [[2, 1]]
    with pytest.raises(IndexError, match="TensorDataset: index 99 is out of range for 10 samples"):
        list(DataLoader(numbers(10), sampler=[99]))
    with pytest.raises(NotImplementedError, match=r"Sampler: a sampler must define __iter__\(\)"):
        list(DataLoader(numbers(10), sampler=Sampler()))


def test_the_samplers_of_a_loader():
    loader = DataLoader(numbers(10), 4, shuffle=True)
    assert type(loader.sampler) is RandomSampler and len(loader.sampler) == 10
    assert type(loader.batch_sampler) is BatchSampler and loader.batch_sampler.batch_size == 4
    assert type(DataLoader(numbers(10)).sampler) is SequentialSampler
    assert list(SequentialSampler(numbers(3))) == [0, 1, 2]
    batches = BatchSampler(SequentialSampler(range(10)), batch_size=3, drop_last=False)
    assert list(batches) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]] and len(batches) == 4
    whole = BatchSampler(range(10), 3, True)
    assert list(whole) == list(batches)[:3] and len(whole) == 3


def test_random_sampler():
    def own():
        return md.Generator().manual_seed(5)

    assert sorted(RandomSampler(range(8), generator=own())) == list(range(8))
    assert list(RandomSampler(range(8), False, None, own())) == list(RandomSampler(range(8), generator=own()))
    fewer, more = (RandomSampler(range(8), num_samples=n, generator=own()) for n in (3, 20))
    assert len(fewer) == 3 == len(set(fewer)) and len(more) == 20
    drawn = list(more)
    assert sorted(drawn[:8]) == sorted(drawn[8:16]) == list(range(8)) and len(set(drawn[16:])) == 4
    drawn = list(RandomSampler(range(8), replacement=True, num_samples=4000, generator=own()))
    counts = np.bincount(drawn, minlength=8)
    assert len(drawn) == 4000 and counts.min() > 400 and counts.max() < 600 and set(drawn[:8]) != set(range(8))
    assert list(RandomSampler([], True)) == list(RandomSampler([], True, num_samples=3)) == []
    assert len(list(RandomSampler(range(8), num_samples=9))) == 9


def test_an_iterable_data_set():
    assert listed(DataLoader(Stream(7), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert listed(DataLoader(Stream(7), 3, drop_last=True)) == [[0, 1, 2], [3, 4, 5]]
    assert list(DataLoader(Stream(3), batch_size=None)) == [0, 1, 2]
    assert list(DataLoader(Stream(3), 2, collate_fn=sum)) == [1, 2]
    assert len(DataLoader(CountedStream(7), 3)) == 3 and len(DataLoader(CountedStream(7), None)) == 7
    assert len(DataLoader(CountedStream(7), 3, drop_last=True)) == 2
    with pytest.raises(TypeError):
        len(DataLoader(Stream(7), 3))
    with pytest.raises(NotImplementedError, match=r"IterableDataset: .* must define __iter__\(\)"):
        list(DataLoader(IterableDataset()))


def test_single_samples():
    data = TensorDataset(np.arange(2), md.tensor([5.0, 6.0]))
    (a, b), _ = samples = list(DataLoader(data, batch_size=None))
    assert [type(sample) for sample in samples] == [list, list] and len(DataLoader(data, batch_size=None)) == 2
    assert a.shape == b.shape == () and (a.item(), b.item()) == (0, 5)
    assert list(DataLoader(["a", 1], batch_size=None)) == ["a", 1]
    assert list(DataLoader([[1], [2]], batch_size=None, collate_fn=len)) == [1, 1]


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options, error, said", [
    ({"batch_size": 0}, ValueError, "batch_size must be an integer of 1 or more, got 0"),
    ({"batch_size": -1}, ValueError, "batch_size .* got -1"),
    ({"batch_size": 2.0}, ValueError, "batch_size .* got 2.0"),
    ({"batch_size": True}, ValueError, "batch_size .* got True"),
    ({"shuffle": 1}, TypeError, "shuffle must be True or False, got 1"),
    ({"drop_last": None}, TypeError, "drop_last must be True or False, got None"),
    ({"generator": np.random.default_rng(0)}, TypeError, "generator must be a minidl Generator, got Generator; md.Gen"),
    ({"num_workers": -1}, ValueError, "num_workers must be an integer of 0 or more, got -1"),
    ({"num_workers": 0.5}, ValueError, "num_workers"),
    ({"pin_memory": 1}, TypeError, "pin_memory must be True or False"),
    ({"in_order": 1}, TypeError, "in_order must be True or False"),
    ({"persistent_workers": 1}, TypeError, "persistent_workers must be True or False"),
    ({"timeout": -1}, ValueError, "timeout must be a number of seconds, not negative, got -1"),
    ({"timeout": float("nan")}, ValueError, "timeout"),
    ({"timeout": "1"}, ValueError, "timeout"),
    ({"prefetch_factor": 0, "num_workers": 1}, ValueError, "prefetch_factor must be an integer of 1 or more, got 0"),
    ({"prefetch_factor": 2}, ValueError, "num_workers=0 excludes prefetch_factor"),
    ({"persistent_workers": True}, ValueError, "num_workers=0 excludes persistent_workers"),
    ({"timeout": 1.5}, ValueError, "num_workers=0 excludes timeout"),
    ({"multiprocessing_context": "fork"}, ValueError, "num_workers=0 excludes multiprocessing_context"),
    ({"collate_fn": 3}, TypeError, "collate_fn must be a function, got int"),
    ({"worker_init_fn": 3}, TypeError, "worker_init_fn must be a function, got int"),
    ({"sampler": [1], "shuffle": True}, ValueError, "sampler excludes shuffle; leave one of them out"),
    ({"batch_sampler": [[1]], "batch_size": 2}, ValueError, "batch_sampler excludes batch_size"),
    ({"timeout": True}, ValueError, "timeout must be a number of seconds, not negative, got True"),
    ({"batch_sampler": [[1]], "shuffle": True}, ValueError, "batch_sampler excludes shuffle"),
    ({"batch_sampler": [[1]], "sampler": [1]}, ValueError, "batch_sampler excludes sampler"),
    ({"batch_sampler": [[1]], "drop_last": True}, ValueError, "batch_sampler excludes drop_last"),
    ({"batch_size": None, "drop_last": True}, ValueError, "batch_size=None excludes drop_last"),
    ({"dataset": Stream(3), "shuffle": True}, ValueError, "an IterableDataset excludes shuffle"),
    ({"dataset": Stream(3), "sampler": [1]}, ValueError, "an IterableDataset excludes sampler"),
    ({"dataset": Stream(3), "batch_sampler": [[1]]}, ValueError, "an IterableDataset excludes batch_sampler"),
    ({"dataset": iter([1])}, TypeError, "a data set must have __getitem__, list_iterator has not; .* made a list"),
    ({"dataset": Dataset()}, TypeError, "a data set must have __len__, Dataset has not"),
])  # fmt: skip
def test_refused_arguments(options, error, said):
    with pytest.raises(error, match=f"DataLoader: {said}"):
        DataLoader(**{"dataset": numbers(3)} | options)


@pytest.mark.parametrize("name, value", [
    ("batch_size", 2), ("dataset", numbers(2)), ("sampler", [1]), ("batch_sampler", [[1]]), ("drop_last", True),
    ("persistent_workers", True),
])  # fmt: skip
def test_what_makes_the_batches_is_fixed(name, value):
    loader = DataLoader(numbers(3))
    with pytest.raises(ValueError, match=f"DataLoader: {name} can't be set once the loader is made; make another"):
        setattr(loader, name, value)
    loader.collate_fn = len  # this can
    assert list(loader) == [1, 1, 1]
