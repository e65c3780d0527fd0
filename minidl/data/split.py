"""Data sets cut into parts: at random, into folds, and with each class's share in each part."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from minidl.backend import random
from minidl.backend.modes import require_flag
from minidl.backend.random import Generator
from minidl.data.dataset import ConcatDataset, Subset, TensorDataset, TransformedDataset
from minidl.data.sampler import require_count, require_generator
from minidl.engine.core import Tensor


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: Generator | None = None, *, stratify: Any = None
) -> list[Subset]:
    """The samples in a random order, cut into parts (``torch.utils.data.random_split``).

    Parameters
    ----------
    dataset : Dataset
    lengths : sequence of int, or of float
        How many samples each part gets; or their fractions, which sum to 1. These are rounded down, and what is left
        goes to the first parts, one sample each in turn; a warning says where a part gets none.
    generator : Generator, optional
        Draws the order; by default the global one.
    stratify : sequence of labels (N,), or True, optional
        Let each class have its share in each part, up to one or two samples; True finds the labels in the data set
        (see `labels_of`). PyTorch has no such argument.

    Raises
    ------
    ValueError
        If the lengths don't sum to that of the data set, or one is negative; if a fraction is not in [0, 1].
    """
    n = len(dataset)
    counts: list[Any] = list(lengths)
    if math.isclose(sum(counts), 1) and sum(counts) <= 1:
        if any(fraction < 0 for fraction in counts):
            raise ValueError(f"random_split: a fraction must be in [0, 1], got {counts}")
        counts = [math.floor(n * fraction) for fraction in counts]
        for i in range(n - sum(counts)):
            counts[i % len(counts)] += 1
        if 0 in counts:
            warnings.warn(f"random_split: part {counts.index(0)} gets none of the {n} samples", stacklevel=2)
    if sum(counts) != n or not all(isinstance(count, (int, np.integer)) and count >= 0 for count in counts):
        raise ValueError(
            f"random_split: lengths must be integers that sum to the {n} samples, or fractions that sum to 1, "
            f"got {list(lengths)}"
        )
    order = random.stream(generator).permutation(n)
    if stratify is not None:
        order = spread(order, classes("random_split", dataset, stratify))
    ends = [int(end) for end in accumulate(counts)]
    return [Subset(dataset, order[end - count : end]) for count, end in zip(counts, ends, strict=True)]


def spread(order: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """The order, with each class moved to equal distances in it: whatever is cut out has its share of each."""
    place = np.empty(len(order))
    for kind in np.unique(kinds):
        members = order[kinds[order] == kind]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return order[np.argsort(place[order], kind="stable")]


class KFold:
    """Cut a data set into folds, each of which is once what the rest is tested on (``sklearn.model_selection.KFold``).

    Parameters
    ----------
    n_splits : int, default 5
        How many folds; the first ones have one sample more, where they can't be of one size.
    shuffle : bool, default False
        Whether folds are of random samples, drawn when they are cut; otherwise of samples in a row.
    generator : Generator, optional
        Draws them; by default the global one.

    Raises
    ------
    ValueError, TypeError
        If `n_splits` is no integer of 2 or more, or another argument of another type.
    """

    def __init__(self, n_splits: int = 5, *, shuffle: bool = False, generator: Generator | None = None) -> None:
        name = type(self).__name__
        require_generator(name, generator)
        self.n_splits = require_count(name, "n_splits", n_splits, least=2)
        self.shuffle, self.generator = require_flag(name, "shuffle", shuffle), generator

    def split(self, dataset: Any, y: Any = None) -> Iterator[tuple[Subset, Subset]]:
        """The pairs of what is learnt from and what it is tested on, `n_splits` of them.

        Raises
        ------
        ValueError
            If there are fewer samples than folds.
        """
        if len(dataset) < self.n_splits:
            raise ValueError(f"{type(self).__name__}: can't cut {len(dataset)} samples into {self.n_splits} folds")
        folds = self._folds(dataset, y)
        for fold in range(self.n_splits):
            yield Subset(dataset, np.flatnonzero(folds != fold)), Subset(dataset, np.flatnonzero(folds == fold))

    def _folds(self, dataset: Any, y: Any) -> np.ndarray:
        """The fold of each sample."""
        folds = np.sort(np.arange(len(dataset)) % self.n_splits)
        return random.stream(self.generator).permutation(folds) if self.shuffle else folds


class StratifiedKFold(KFold):
    """`KFold` with each class's share in each fold, up to one sample (``sklearn.model_selection.StratifiedKFold``).

    ``split(dataset, y)`` takes the labels, or finds them in the data set (see `labels_of`).
    """

    def _folds(self, dataset: Any, y: Any) -> np.ndarray:
        kinds = classes(type(self).__name__, dataset, True if y is None else y)
        most = np.bincount(kinds).max()
        if most < self.n_splits:
            raise ValueError(f"StratifiedKFold: {self.n_splits} folds, but no class has more than {most} samples")
        in_order = np.sort(kinds)
        shares = np.array(
            [np.bincount(in_order[i :: self.n_splits], minlength=kinds.max() + 1) for i in range(self.n_splits)]
        )
        folds = np.empty(len(kinds), int)
        for kind, share in enumerate(shares.T):
            own = np.repeat(np.arange(self.n_splits), share)
            folds[kinds == kind] = random.stream(self.generator).permutation(own) if self.shuffle else own
        return folds


def classes(name: str, dataset: Any, labels: Any) -> np.ndarray:
    """The number of each sample's class, of those that come first; ValueError for labels that aren't one a sample."""
    labels = np.asarray(labels_of(dataset) if labels is True else labels)
    if labels.shape != (len(dataset),):
        raise ValueError(f"{name}: wants one label for each of {len(dataset)} samples, got shape {labels.shape}")
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def labels_of(dataset: Any) -> np.ndarray:
    """The label of each sample, without loading it, as an array (N,).

    It is found in ``targets``, or in a `TensorDataset`'s last tensor; also of a `Subset`, a `ConcatDataset` or a
    `TransformedDataset` of such.

    Raises
    ------
    ValueError
        If it isn't there.
    """
    if isinstance(dataset, Subset):
        return labels_of(dataset.dataset)[dataset.indices]
    if isinstance(dataset, TransformedDataset) and dataset.target_transform is None:
        return labels_of(dataset.dataset)
    if isinstance(dataset, ConcatDataset):
        return np.concatenate([labels_of(part) for part in dataset.datasets])
    found = dataset.tensors[-1] if isinstance(dataset, TensorDataset) else getattr(dataset, "targets", None)
    if found is None:
        raise ValueError(f"labels: {type(dataset).__name__} has no `targets`; give the labels themselves")
    return np.asarray(found.numpy() if isinstance(found, Tensor) else found)
