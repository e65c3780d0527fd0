"""Parts and folds: their sizes, that nothing is in two of them, and each class's share."""

import numpy as np
import pytest

import minidl as md
from minidl.data import Dataset, KFold, StratifiedKFold, Subset, TensorDataset, labels_of, random_split

LABELS = np.array([2, 0, 1, 1, 0, 2, 2, 2, 0, 1, 2, 2, 0, 0, 2, 1, 2, 2, 2, 2, 1, 0, 2, 2, 0])  # 6, 5 and 14


def numbers(n):
    return TensorDataset(np.arange(n), np.arange(n, dtype=np.uint8))


def labelled():
    return TensorDataset(np.arange(len(LABELS)), LABELS)


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


@pytest.mark.parametrize("make, error, said", [
    (lambda: random_split(numbers(10), [7, 4]), ValueError, r"random_split: .* 10 samples, .* got \[7, 4\]"),
    (lambda: random_split(numbers(10), [0.5, 0.3]), ValueError, r"random_split: .* got \[0.5, 0.3\]"),
    (lambda: random_split(numbers(10), [-7, 17]), ValueError, r"random_split: .* got \[-7, 17\]"),
    (lambda: random_split(numbers(10), [2.5, 7.5]), ValueError, r"random_split: lengths must be integers"),
    (lambda: random_split(numbers(10), [0.5, 0.5 + 2**-52]), ValueError, r"random_split: lengths must be integers"),
    (lambda: random_split(numbers(10), [1.5, -0.5]), ValueError, r"random_split: a fraction must be in \[0, 1\]"),
    (lambda: random_split(numbers(10), [0.5, -0.5, 1.0]), ValueError, r"in \[0, 1\], got \[0.5, -0.5, 1.0\]"),
    (lambda: random_split(numbers(2), [1, 1], 7), TypeError, "generator: expected a minidl Generator, got int"),
    (lambda: random_split(numbers(2), [1, 1], stratify=[1]), ValueError, r"random_split: wants one label .* \(1,\)"),
    (lambda: random_split([1, 2], [1, 1], stratify=True), ValueError, "labels: list has no `targets`; give the labels"),
    (lambda: KFold(1), ValueError, "KFold: n_splits must be an integer of 2 or more, got 1"),
    (lambda: KFold(3, shuffle=1), TypeError, "KFold: shuffle must be True or False, got 1"),
    (lambda: KFold(3, generator=1), TypeError, "KFold: generator must be a minidl Generator, got int"),
    (lambda: list(KFold(3).split([1, 2])), ValueError, "KFold: can't cut 2 samples into 3 folds"),
    (lambda: list(StratifiedKFold(3).split([1, 2, 3, 4], [0, 0, 1, 1])), ValueError,
     "StratifiedKFold: 3 folds, but no class has more than 2 samples"),
    (lambda: list(StratifiedKFold(2).split([1, 2], [0])), ValueError, r"StratifiedKFold: wants one label .* \(1,\)"),
    (lambda: list(StratifiedKFold(2).split([1, 2])), ValueError, "labels: list has no `targets`"),
])  # fmt: skip
def test_refused(make, error, said):
    with pytest.raises(error, match=said):
        make()


@pytest.mark.parametrize("lengths", [[20, 5], [0.6, 0.2, 0.2], [13, 12], [24, 1]])
@pytest.mark.parametrize("labels", [True, LABELS, [str(x) for x in LABELS]], ids=["found", "given", "texts"])
def test_each_class_has_its_share(lengths, labels):
    parts = random_split(labelled(), lengths, stratify=labels)
    drawn = [i for part in parts for i in part.indices]
    assert sorted(drawn) == list(range(25)) and drawn != sorted(drawn)
    for part in parts:
        expected = np.bincount(LABELS) * len(part) / 25
        assert (abs(np.bincount(LABELS[part.indices], minlength=3) - expected) <= 1).all()


def test_classes_of_one_sample_fall_into_any_part():
    labels = np.array([0, 1, 2, 3, 4, 5, 5, 5, 5, 5])
    first, _ = random_split(labels, [5, 5], stratify=labels)
    assert (labels[first.indices] == 5).sum() in (2, 3)


def test_shares_of_a_large_set_are_exact():
    labels = np.arange(10_000) % 10
    parts = random_split(TensorDataset(labels), [0.9, 0.1], md.Generator().manual_seed(2), stratify=True)
    assert [np.ptp(np.bincount(labels[part.indices])) <= 2 for part in parts] == [True, True]
    again = random_split(TensorDataset(labels), [0.9, 0.1], md.Generator().manual_seed(2), stratify=labels)
    assert [part.indices for part in again] == [part.indices for part in parts]
    assert random_split(TensorDataset(labels), [0.9, 0.1], stratify=True)[0].indices != parts[0].indices


def test_folds():
    """Of samples in a row, the first ones larger; shuffled, of others each time."""
    folds = list(KFold(3).split(numbers(8)))
    assert [test.indices for _, test in folds] == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert [sorted(train.indices + test.indices) for train, test in folds] == [list(range(8))] * 3
    assert type(folds[0][0]) is Subset and folds[1][1][0] == (3, 3) and len(list(KFold().split(numbers(8)))) == 5
    shuffled = [
        [test.indices for _, test in KFold(3, shuffle=True, generator=md.Generator().manual_seed(s)).split(numbers(8))]
        for s in (1, 1, 2)
    ]
    assert shuffled[0] == shuffled[1] != shuffled[2] and [len(test) for test in shuffled[0]] == [3, 3, 2]
    assert sorted(sum(shuffled[0], [])) == list(range(8))
    md.manual_seed(1)
    assert [test.indices for _, test in KFold(3, shuffle=True).split(numbers(8))] == shuffled[0]


def test_folds_by_class():
    for shuffle in (False, True):
        tests = [test.indices for _, test in StratifiedKFold(4, shuffle=shuffle).split(labelled())]
        assert sorted(sum(tests, [])) == list(range(25))
        counts = np.array([np.bincount(LABELS[test]) for test in tests])
        assert (np.ptp(counts, 0) <= 1).all() and np.ptp(counts.sum(1)) <= 1
    rare = [test.indices for _, test in StratifiedKFold(3).split(range(7), [0, 0, 0, 0, 0, 0, 1])]
    assert rare == [[0, 1, 6], [2, 3], [4, 5]]
    given = [test.indices for _, test in StratifiedKFold(4).split(range(25), LABELS)]
    assert given == [test.indices for _, test in StratifiedKFold(4).split(labelled())] != tests


@pytest.mark.parametrize("n_splits", [2, 3, 4, 5])
def test_as_scikit_learn_cuts(n_splits):
    """The same indices, where nothing is drawn."""
    theirs = pytest.importorskip("sklearn.model_selection")
    for name, labels in (("KFold", None), ("StratifiedKFold", LABELS)):
        ours = getattr(md.data, name)(n_splits).split(labelled())
        expected = getattr(theirs, name)(n_splits).split(LABELS, labels)
        for (train, test), (their_train, their_test) in zip(ours, expected, strict=True):
            assert train.indices == their_train.tolist() and test.indices == their_test.tolist()


def test_labels():
    class Told(Dataset):
        targets = [3, 1, 2]

    tensors = TensorDataset(md.ones(2), md.tensor([5, 6]))
    assert labels_of(Told()).tolist() == [3, 1, 2] and labels_of(tensors).tolist() == [5, 6]
    assert labels_of(Subset(tensors, [1, 0, 1])).tolist() == [6, 5, 6]
    assert labels_of(tensors.with_transform(abs)).tolist() == [5, 6]
    with pytest.raises(ValueError, match="labels: TransformedDataset has no `targets`"):
        labels_of(tensors.with_transform(abs, abs))
    assert labels_of(tensors + TensorDataset(np.arange(2))).tolist() == [5, 6, 0, 1]
