"""Data sets and samplers: parts of others, others in a row and side by side, orders that are drawn; refusals."""

import numpy as np
import pytest
from counted import CountedStream, Stream, listed, numbers, order

import minidl as md
from minidl.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)


def own(seed=1):
    return md.Generator().manual_seed(seed)


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


def test_types_of_samples_may_be_said():
    """PyTorch's base classes take them in brackets."""

    class Squares(Dataset[tuple[int, int]]):
        def __getitem__(self, index: int) -> tuple[int, int]:
            return index, index**2

        def __len__(self) -> int:
            return 4

    class Backwards(Sampler[int]):
        def __iter__(self):
            return iter([3, 2, 1, 0])

        def __len__(self):
            return 4

    (_, squares), *_ = DataLoader(Squares(), 4, sampler=Backwards())
    assert squares.numpy().tolist() == [9, 4, 1, 0] and issubclass(IterableDataset[int].__origin__, Dataset)


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


def test_one_iterable_after_the_other():
    chain = Stream(2) + CountedStream(3)
    assert type(chain) is ChainDataset and list(chain) == [0, 1, 0, 1, 2]
    assert len(ChainDataset([CountedStream(2), CountedStream(3)])) == 5
    assert listed(DataLoader(chain, 2)) == [[0, 1], [0, 1], [2]]
    for use in (list, len):
        with pytest.raises(TypeError, match="ChainDataset: wants iterable data sets, got list; see ConcatDataset"):
            use(ChainDataset([[1]]))


def test_side_by_side():
    """Samples and batches; each data set makes its part of a batch in its own way."""
    x, y = TensorDataset(np.arange(4)), [10, 11, 12, 13]
    pairs, named = StackDataset(x, y), StackDataset(a=x, b=y)
    assert len(pairs) == len(named) == 4
    assert pairs[1] == ((1,), 11) and named[-1] == {"a": (3,), "b": 13}
    ((a,), b), _ = DataLoader(pairs, 3)
    assert (a.numpy().tolist(), b.numpy().tolist()) == ([0, 1, 2], [10, 11, 12])
    *_, batch = DataLoader(named, 3)
    assert list(batch) == ["a", "b"] and batch["a"][0].numpy().tolist() == [3] and batch["b"].numpy().tolist() == [13]
    assert pairs.datasets == (x, y) and named.datasets == {"a": x, "b": y}


def test_fewer_and_more_than_there_are():
    """The beginning of an order of all; or one order of all after the other."""
    order, again, rest = np.split(list(RandomSampler(range(10), num_samples=25, generator=own())), [10, 20])
    assert list(RandomSampler(range(10), generator=own())) == order.tolist() != again.tolist()
    assert sorted(order) == sorted(again) == list(range(10)) and len({*rest}) == 5
    assert list(RandomSampler(range(10), num_samples=4, generator=own())) == order[:4].tolist()


def test_a_subset_in_random_order():
    sampler = SubsetRandomSampler([7, 1, 4, 9], own())
    orders = [list(sampler) for _ in range(20)]
    assert (
        len(sampler) == 4
        and all(sorted(order) == [1, 4, 7, 9] for order in orders)
        and len(set(map(tuple, orders))) > 8
    )
    assert list(SubsetRandomSampler([7, 1, 4, 9], generator=own())) == orders[0]
    md.manual_seed(1)
    assert list(SubsetRandomSampler([7, 1, 4, 9])) == orders[0]


def test_by_weight():
    """Frequencies are in proportion; without replacement, none comes twice."""
    weights = [1, 0, 3, 6]
    sampler = WeightedRandomSampler(weights, 4000, generator=own())
    drawn = list(sampler)
    assert len(sampler) == 4000 and type(drawn[0]) is int
    assert np.allclose(np.bincount(drawn, minlength=4) / 4000, [0.1, 0, 0.3, 0.6], atol=0.03)
    assert list(WeightedRandomSampler(md.tensor(weights), 4000, True, own())) == drawn
    md.manual_seed(1)
    assert list(WeightedRandomSampler(np.array(weights), 4000)) == drawn
    orders = [tuple(WeightedRandomSampler(weights, 3, replacement=False)) for _ in range(50)]
    assert {tuple(sorted(order)) for order in orders} == {(0, 2, 3)} and len(set(orders)) > 3


@pytest.mark.parametrize("make, error, said", [
    (lambda: RandomSampler(range(3), replacement=1), TypeError, "RandomSampler: replacement must be True or False"),
    (lambda: RandomSampler(range(3), num_samples=0), ValueError, "RandomSampler: num_samples .* 1 or more, got 0"),
    (lambda: RandomSampler(range(3), generator=7), TypeError, "RandomSampler: generator .* got int"),
    (lambda: Subset(numbers(10), [0, -11]), IndexError, "^Subset: index -11 is out of range for 10 samples"),
    (lambda: BatchSampler([1], 0, False), ValueError, "BatchSampler: batch_size .* got 0"),
    (lambda: BatchSampler([1], 1, 0), TypeError, "BatchSampler: drop_last must be True or False, got 0"),
    (lambda: ConcatDataset([]), ValueError, "ConcatDataset: wants at least one data set"),
    (lambda: ConcatDataset([Stream(1)]), TypeError, "ConcatDataset: an IterableDataset has no samples by index"),
    (lambda: (numbers(2) + numbers(1))[3], IndexError, "ConcatDataset: index 3 is out of range for 3 samples"),
    (lambda: (numbers(2) + numbers(1))[-4], IndexError, "ConcatDataset: index -4 is out of range for 3 samples"),
    (lambda: Dataset()[0], NotImplementedError, r"^Dataset: a data set must define __getitem__\(index\)"),
    (lambda: Stream(1)[0], NotImplementedError, r"^Stream: a data set must define __getitem__\(index\)"),
    (lambda: Subset(numbers(3), np.zeros((1, 2), bool)), TypeError, r"not bool of shape \(1, 2\)$"),
    (lambda: Subset(numbers(3), [3, 4]), IndexError, "^Subset: index 3 is out of range for 3 samples"),
    (lambda: StackDataset(), ValueError, "StackDataset: wants data sets, either by position or by name"),
    (lambda: StackDataset([1], a=[1]), ValueError, "StackDataset: wants data sets, either by position or by name"),
    (lambda: StackDataset([1], [1, 2]), ValueError, r"StackDataset: data sets must be of one length, got \[1, 2\]"),
    (lambda: SubsetRandomSampler([1], 3), TypeError, "SubsetRandomSampler: generator must be .* got int"),
    (lambda: WeightedRandomSampler([1], 1, generator=3), TypeError, "WeightedRandomSampler: generator .* got int"),
    (lambda: WeightedRandomSampler([1], 0), ValueError, "WeightedRandomSampler: num_samples .* 1 or more, got 0"),
    (lambda: WeightedRandomSampler([1], 1, 1), TypeError, "WeightedRandomSampler: replacement must be True or False"),
    (lambda: WeightedRandomSampler([[1]], 1), ValueError, r"weights must be a row of numbers, .* got \[\[1\]\]"),
    (lambda: WeightedRandomSampler([1, -1], 1), ValueError, "weights must be a row of numbers, not negative"),
    (lambda: WeightedRandomSampler([1, np.nan], 1), ValueError, "weights must be a row of numbers"),
    (lambda: WeightedRandomSampler([1, np.inf], 1), ValueError, "weights must be a row of numbers"),
    (lambda: WeightedRandomSampler(["a"], 1), TypeError, "expected numbers"),
    (lambda: WeightedRandomSampler([0, 0], 1), ValueError, "0 of 2 weights are positive: can't draw 1 with repl"),
    (lambda: WeightedRandomSampler([0, 2], 2, False), ValueError, "1 of 2 weights are positive: can't draw 2 without"),
])  # fmt: skip
def test_refused_parts(make, error, said):
    with pytest.raises(error, match=said):
        make()
