"""The loader: which samples come when, what a batch is made of, and which of its arguments exclude each other."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md
from minidl.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
    default_convert,
    random_split,
)

Pair = namedtuple("Pair", "x y")


def numbers(n):
    return TensorDataset(np.arange(n), np.arange(n, dtype=np.uint8))


def order(loader):
    return [int(i) for x, _ in loader for i in x.array]


class Stream(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))


class CountedStream(Stream):
    def __len__(self):
        return self.n


def listed(batches):
    return [batch.numpy().tolist() for batch in batches]


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
    {"num_workers": 2}, {"pin_memory": True}, {"timeout": 1.5}, {"worker_init_fn": print}, {"in_order": False},
    {"num_workers": 1, "persistent_workers": True}, {"num_workers": 1, "prefetch_factor": 4},
    {"num_workers": 1, "multiprocessing_context": "spawn"}, {"pin_memory_device": "cuda"},
], ids=repr)  # fmt: skip
def test_what_loads_ahead_in_pytorch_changes_nothing(options):
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


@pytest.mark.parametrize("make, error, said", [
    (lambda: RandomSampler(range(3), replacement=1), TypeError, "RandomSampler: replacement must be True or False"),
    (lambda: RandomSampler(range(3), num_samples=0), ValueError, "RandomSampler: num_samples .* 1 or more, got 0"),
    (lambda: RandomSampler(range(3), generator=7), TypeError, "RandomSampler: generator .* got int"),
    (lambda: Subset(numbers(10), [0, -11]), IndexError, "^Subset: index -11 is out of range for 10 samples"),
    (lambda: BatchSampler([1], 0, False), ValueError, "BatchSampler: batch_size .* got 0"),
    (lambda: BatchSampler([1], 1, 0), TypeError, "BatchSampler: drop_last must be True or False, got 0"),
    (lambda: ConcatDataset([]), ValueError, "ConcatDataset: wants at least one data set"),
    (lambda: ConcatDataset([Stream(1)]), TypeError, "ConcatDataset: an IterableDataset has no samples by index"),
    (lambda: Stream(1) + Stream(1), TypeError, "ConcatDataset: an IterableDataset"),
    (lambda: (numbers(2) + numbers(1))[3], IndexError, "ConcatDataset: index 3 is out of range for 3 samples"),
    (lambda: (numbers(2) + numbers(1))[-4], IndexError, "ConcatDataset: index -4 is out of range for 3 samples"),
    (lambda: Dataset()[0], NotImplementedError, r"^Dataset: a data set must define __getitem__\(index\)"),
    (lambda: Stream(1)[0], NotImplementedError, r"^Stream: a data set must define __getitem__\(index\)"),
    (lambda: Subset(numbers(3), np.zeros((1, 2), bool)), TypeError, r"not bool of shape \(1, 2\)$"),
    (lambda: Subset(numbers(3), [3, 4]), IndexError, "^Subset: index 3 is out of range for 3 samples"),
    (lambda: random_split(numbers(10), [7, 4]), ValueError, r"random_split: .* 10 samples, .* got \[7, 4\]"),
    (lambda: random_split(numbers(10), [0.5, 0.3]), ValueError, r"random_split: .* got \[0.5, 0.3\]"),
    (lambda: random_split(numbers(10), [-7, 17]), ValueError, r"random_split: .* got \[-7, 17\]"),
    (lambda: random_split(numbers(10), [2.5, 7.5]), ValueError, r"random_split: lengths must be integers"),
    (lambda: random_split(numbers(10), [0.5, 0.5 + 2**-52]), ValueError, r"random_split: lengths must be integers"),
    (lambda: random_split(numbers(10), [1.5, -0.5]), ValueError, r"random_split: a fraction must be in \[0, 1\]"),
    (lambda: random_split(numbers(10), [0.5, -0.5, 1.0]), ValueError, r"in \[0, 1\], got \[0.5, -0.5, 1.0\]"),
])  # fmt: skip
def test_refused_parts(make, error, said):
    with pytest.raises(error, match=said):
        make()


# --- data sets --------------------------------------------------------------------------------------------------------


def test_subset():
    subset = Subset(numbers(10), [7, 1, 1, -1])
    assert len(subset) == 4 and subset[0] == (7, 7) and subset[-1] == (9, 9)
    assert order(DataLoader(subset, batch_size=3)) == [7, 1, 1, 9]
    assert order(DataLoader(subset, batch_sampler=[[3, 0], [2, 1]])) == [9, 7, 1, 1]
    assert order(DataLoader(Subset(subset, [3, 0]))) == [9, 7]
    assert len(Subset(numbers(10), [])) == 0
    assert subset.indices + Subset(subset, range(2)).indices == [7, 1, 1, -1, 0, 1]
    for indices in ([True] * 10, [0.5], [[1]]):
        with pytest.raises(TypeError, match="list of integers"):
            Subset(numbers(10), indices)
    for index in (10, -11):
        with pytest.raises(IndexError, match=f"^Subset: index {index} is out of range for 10 samples"):
            Subset(numbers(10), [0, index])


def test_tensor_dataset():
    x, y = md.tensor(np.arange(6, dtype=np.uint8).reshape(3, 2)), np.arange(3)
    assert len(TensorDataset(x, y)) == 3 and TensorDataset(y)[1] == (1,)
    (batch, _), *_ = DataLoader(TensorDataset(x, y), batch_size=2)
    assert isinstance(batch, md.Tensor) and batch.dtype == np.uint8 and batch.array.tolist() == [[0, 1], [2, 3]]
    for bad in ((), (y, y[:2]), (np.float32(1),), ([1, 2],)):
        with pytest.raises(ValueError, match="first dimension"):
            TensorDataset(*bad)


def test_one_after_the_other():
    both = numbers(3) + numbers(2)
    assert type(both) is ConcatDataset and len(both) == 5 and both.cumulative_sizes == [3, 5]
    assert [both[i][0] for i in range(-5, 5)] == [0, 1, 2, 0, 1] * 2
    assert order(DataLoader(both, 2)) == [0, 1, 2, 0, 1]
    assert [ConcatDataset([[1], [], [2, 3]])[i] for i in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("lengths, sizes", [
    ([7, 3], [7, 3]), ([10], [10]), ([0, 10], [0, 10]), ([0.7, 0.3], [7, 3]), ([0.33, 0.33, 0.34], [4, 3, 3]),
    ([0.55, 0.25, 0.2], [6, 2, 2]), ([0.25, 0.75], [3, 7]), ([np.int64(4), 6], [4, 6]),
])  # fmt: skip
def test_random_split(lengths, sizes):
    parts = random_split(numbers(10), lengths, md.Generator().manual_seed(1))
    assert [type(part) for part in parts] == [Subset] * len(sizes) and [len(part) for part in parts] == sizes
    drawn = [int(x) for part in parts for x, _ in part]
    assert sorted(drawn) == list(range(10)) != drawn
    again = random_split(numbers(10), lengths, generator=md.Generator().manual_seed(1))
    assert drawn == [int(x) for part in again for x, _ in part]
    md.manual_seed(1)
    assert drawn == [int(x) for part in random_split(numbers(10), lengths) for x, _ in part]


def test_random_split_warns_of_a_part_without_samples():
    for fractions in ([0.9, 0.05, 0.05], [0.9, 0.0, 0.1]):
        with pytest.warns(UserWarning, match="random_split: part 1 gets none of the 2 samples"):
            parts = random_split(numbers(2), fractions)
        assert [len(part) for part in parts] == [2, 0, 0]


def test_a_subclass_that_overrides_samples_is_heard():
    """Though the class below could serve whole batches."""

    class Doubled(TensorDataset):
        def __getitem__(self, index):
            return (2 * super().__getitem__(index)[0],)

    class Quick(Doubled):
        def stacked(self, indices):
            return (-indices,)

    assert listed(x for (x,) in DataLoader(Doubled(np.arange(4)), 2)) == [[0, 2], [4, 6]]
    assert listed(x for (x,) in DataLoader(Subset(Doubled(np.arange(4)), [3, 1]), 2)) == [[6, 2]]
    assert listed(x for (x,) in DataLoader(Quick(np.arange(4)), 2)) == [[0, -1], [-2, -3]]


def test_several_samples_at_once_in_pytorchs_way():
    class Several(Dataset):
        def __len__(self):
            return 4

        def __getitems__(self, indices):
            return [(10 * index, "x") for index in indices]

    assert [(x.numpy().tolist(), names) for x, names in DataLoader(Several(), 2)] == [
        ([0, 10], ("x", "x")), ([20, 30], ("x", "x"))
    ]  # fmt: skip
    assert list(DataLoader(Several(), 2, collate_fn=tuple)) == [((0, "x"), (10, "x")), ((20, "x"), (30, "x"))]


# --- collate ----------------------------------------------------------------------------------------------------------


def form(batch):
    """A batch with its tensors as (dtype, values)."""
    if isinstance(batch, dict):
        return type(batch)({key: form(value) for key, value in batch.items()})
    if isinstance(batch, (list, tuple)):
        fields = [form(value) for value in batch]
        return type(batch)(*fields) if hasattr(batch, "_fields") else type(batch)(fields)
    return (str(batch.dtype), batch.numpy().tolist()) if isinstance(batch, md.Tensor) else batch


COLLATED = {
    "integers": ([1, 2], ("int64", [1, 2])),
    "floats": ([0.1, 0.2], ("float64", [0.1, 0.2])),
    "bools": ([True, False], ("bool", [True, False])),
    "an integer first": ([1, 2.5], ("float32", [1, 2.5])),
    "NumPy's numbers": ([np.float32(1), np.float32(2)], ("float32", [1, 2])),
    "NumPy's float64": ([np.float64(0.1), np.float64(2)], ("float64", [0.1, 2])),
    "NumPy's int32": ([np.int32(1), np.int32(2)], ("int32", [1, 2])),
    "arrays": ([np.ones(2, "f"), np.zeros(2, "f")], ("float32", [[1, 1], [0, 0]])),
    "mixed arrays": ([np.ones(1, "f"), np.zeros(1)], ("float64", [[1], [0]])),
    "0-d arrays": ([np.array(1.5), np.array(2.5)], ("float64", [1.5, 2.5])),
    "tensors": ([md.tensor([1, 2], dtype=md.uint8)] * 2, ("uint8", [[1, 2], [1, 2]])),
    "tensor and array": ([md.tensor([1.0]), np.zeros(1, "f")], ("float32", [[1], [0]])),
    "array and tensor": ([np.zeros(2, "f"), md.ones(2)], ("float32", [[0, 0], [1, 1]])),
    "texts": (["a", "b"], ["a", "b"]),
    "bytes": ([b"a", b"b"], [b"a", b"b"]),
    "tuples": ([(1, "a"), (2, "b")], [("int64", [1, 2]), ("a", "b")]),
    "lists": ([[1, 2], [3, 4]], [("int64", [1, 3]), ("int64", [2, 4])]),
    "nothing in it": ([(), ()], []),
    "named tuples": ([Pair(1, 2), Pair(3, 4)], Pair(("int64", [1, 3]), ("int64", [2, 4]))),
    "dicts": ([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], {"a": ("int64", [1, 2]), "b": ["x", "y"]}),
    "a key of later ones": ([{"a": 1}, {"a": 2, "b": 3}], {"a": ("int64", [1, 2])}),
    "ordered dicts": ([OrderedDict(a=1), OrderedDict(a=2)], OrderedDict(a=("int64", [1, 2]))),
    "nested": ([(1, {"k": [2.0]})] * 2, [("int64", [1, 1]), {"k": [("float64", [2, 2])]}]),
}  # fmt: skip


@pytest.mark.parametrize("samples, batch", COLLATED.values(), ids=COLLATED)
def test_collate(samples, batch):
    for made in (default_collate(samples), next(iter(DataLoader(samples, len(samples))))):
        assert form(made) == batch and type(made) is (md.Tensor if isinstance(batch, tuple) and
                                                      isinstance(batch[0], str) else type(batch))  # fmt: skip


def test_collate_keeps_the_gradient():
    x = md.ones(2, requires_grad=True)
    default_collate([x, x * 2]).sum().backward()
    assert x.grad.numpy().tolist() == [3, 3]


@pytest.mark.parametrize("samples, error, said", [
    ([None, None], TypeError, "collate: can't stack samples of type NoneType: a sample may be .* a collate_fn"),
    ([{1}, {2}], TypeError, "collate: can't stack samples of type set"),
    ([1j, 2j], TypeError, "collate: can't stack samples of type complex"),
    ([np.array("a")] * 2, TypeError, "collate: can't stack samples of type <U1"),
    ([np.ones(2), None], TypeError, "collate: can't stack samples of type NoneType"),
    ([np.ones((2, 3)), np.ones((2, 2))], ValueError, "collate: can't stack samples of shapes 2×3 and 2×2"),
    ([md.ones(2), md.ones(3)], ValueError, "collate: can't stack samples of shapes 2 and 3"),
    ([np.ones(2, complex)] * 2, TypeError, "collate: can't stack samples of type complex128"),
    ([(1, 2), (1, 2), (1,)], ValueError, "collate: the samples of a batch differ in their number of fields"),
    ([(1, 2), 1, "a"], ValueError, "collate: the samples of a batch are of different kinds, tuple and int"),
    ([{"a": 1}, (1,)], ValueError, "collate: the samples of a batch are of different kinds, dict and tuple"),
    ([{"a": 1, "b": 1}, {"c": 1}], ValueError, "collate: a sample of the batch has no 'a', which the first has"),
    ([], ValueError, "collate: a batch of no samples"),
    ((), ValueError, "collate: a batch of no samples"),
    (np.ones((0, 2)), ValueError, "collate: a batch of no samples"),
])  # fmt: skip
def test_collate_refuses(samples, error, said):
    with pytest.raises(error, match=said):
        default_collate(samples)


def test_a_collate_fn_of_ones_own_gets_samples_and_is_left_alone():
    x = np.arange(6.0).reshape(3, 2)
    loader = DataLoader(TensorDataset(md.tensor(x), np.arange(3)), 2, collate_fn=lambda samples: samples)
    first, last = loader
    assert [type(sample) for sample in first] == [tuple, tuple] and len(last) == 1
    assert isinstance(first[0][0], md.Tensor) and first[1][0].numpy().tolist() == [2, 3] and first[1][1] == 1
    assert list(DataLoader(["a", "bc"], 2, collate_fn="".join)) == ["abc"]


def test_convert():
    data = {"a": np.ones(2), "b": ("x", 1, np.int8(3)), "c": Pair(md.ones(1), None), "d": b"xy"}
    assert form(default_convert(data)) == {
        "a": ("float64", [1, 1]), "b": ["x", 1, ("int8", 3)], "c": Pair(("float32", [1]), None), "d": b"xy"
    }  # fmt: skip


def test_batches_are_put_on_the_default_device(standin):  # noqa: F811
    samples = [(np.ones(2), 1, 0.5, md.ones(1, device="cpu"), {"k": np.int8(1)}, "name")] * 2
    before = md.get_default_device()
    try:
        for device, name in (("cpu", "cpu"), ("cuda", "cuda:0")):
            md.set_default_device(device)
            a, b, c, d, nested, names = next(iter(DataLoader(samples, 2)))
            assert {t.device for t in (a, b, c, d, nested["k"])} == {name} and names == ("name", "name")
            ((x,),) = DataLoader(TensorDataset(np.ones(2)), 2)
            assert x.device == name
            assert default_convert(np.ones(1)).device == name
        md.set_default_device("cpu")
        ((x,),) = DataLoader(TensorDataset(md.ones(2, device="cuda")), 2)
        assert x.device == "cuda:0"  # where it was
        assert default_convert(x.array).device == default_collate([x.array, x]).device == "cuda:0"
        with pytest.raises(RuntimeError, match="^collate: tensors on cpu and cuda:0"):
            default_collate([md.ones(2, device="cpu"), x])
    finally:
        md.set_default_device(before)


def test_pytorchs_name_for_the_module():
    from minidl.utils.data import DataLoader as other

    assert other is DataLoader and md.utils.data.TensorDataset is TensorDataset
