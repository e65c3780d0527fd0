"""Data sets: the two protocols, those that hold tensors, and parts of others, others in a row and side by side."""

from __future__ import annotations

import bisect
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

import numpy as np

from minidl.data.collate import default_collate, placed
from minidl.data.indexing import require_within, samples, stacks, take
from minidl.data.transforms.transform import takes_batches
from minidl.engine.core import Tensor

Sample = TypeVar("Sample", covariant=True)


class Dataset(Generic[Sample]):
    """Samples by index: a subclass defines ``__getitem__(index)`` and ``__len__()``; ``a + b`` is one after the other.

    Where many samples can be had faster at once, it may define ``stacked(indices)``: the batch that `default_collate`
    makes of the samples at an array of indices, each in [-N, N). It is used unless a subclass overrides
    ``__getitem__`` alone. ``__getitems__(indices)`` is PyTorch's: the list of the samples at a list of indices.
    """

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__}: a data set must define __getitem__(index)")

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])

    def with_transform(
        self, transform: Callable[[Any], Any], target_transform: Callable[[Any], Any] | None = None
    ) -> TransformedDataset:
        """A data set of the same samples with their images transformed; this one stays as it is."""
        return TransformedDataset(self, transform, target_transform)


class IterableDataset(Dataset[Sample]):
    """Samples in a row, such as those of a stream: a subclass defines ``__iter__()``, and may define ``__len__()``."""

    def __iter__(self) -> Iterator[Any]:
        raise NotImplementedError(f"{type(self).__name__}: a data set of this kind must define __iter__()")

    def __add__(self, other: Any) -> Any:
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """Samples along the first dimension of tensors: ``dataset[i]`` is ``(t[i] for t in tensors)``, a tuple.

    Parameters
    ----------
    *tensors : Tensor or ndarray (N, ...)
        Arrays become tensors on the same memory; uint8 stays uint8.

    Raises
    ------
    ValueError
        If there are none, or they don't agree in N.
    """

    def __init__(self, *tensors: Tensor | np.ndarray) -> None:
        shapes: list[tuple[int, ...]] = [getattr(tensor, "shape", ()) for tensor in tensors]
        if not shapes or () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise ValueError(f"TensorDataset: wants tensors that agree in their first dimension, got shapes {shapes}")
        self.tensors = tuple(tensor if isinstance(tensor, Tensor) else Tensor(tensor) for tensor in tensors)

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def stacked(self, indices: np.ndarray) -> list[Any]:
        """The samples at `indices` as one batch."""
        return [tensor[indices] for tensor in self.tensors]


class Subset(Dataset):
    """The samples of `dataset` at `indices`.

    Parameters
    ----------
    dataset : Dataset
    indices : sequence of int (n,)
        Each in [-N, N) for a data set of N samples; repeats are allowed.

    Raises
    ------
    TypeError
        If the indices are not one list of integers; a mask is not.
    IndexError
        If one is out of range.
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | np.ndarray) -> None:
        array = np.asarray(indices)
        if array.ndim != 1 or array.size and array.dtype.kind not in "iu":
            raise TypeError(f"Subset: indices must be one list of integers, not {array.dtype} of shape {array.shape}")
        require_within("Subset", array, len(dataset))
        self.dataset = dataset
        self.indices: list[int] = array.tolist()

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.indices[operator.index(index)]]

    def stacked(self, indices: np.ndarray) -> Any:
        """The samples at `indices` as one batch."""
        return take(self.dataset, [self.indices[i] for i in indices])


class ConcatDataset(Dataset):
    """The samples of several data sets, one after the other.

    Raises
    ------
    ValueError
        If there are none.
    TypeError
        If one is an `IterableDataset`.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: wants at least one data set, got none")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise TypeError("ConcatDataset: an IterableDataset has no samples by index")
        self.cumulative_sizes = list(accumulate(map(len, self.datasets)))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> Any:
        number = operator.index(index)
        require_within("ConcatDataset", np.array([number]), len(self))
        number %= len(self)
        which = bisect.bisect_right(self.cumulative_sizes, number)
        return self.datasets[which][number - [0, *self.cumulative_sizes][which]]


class TransformedDataset(Dataset):
    """The samples of `dataset`, the first field of each transformed: ``train.with_transform(augment)``.

    Validation takes the samples of `dataset` itself, or those of another split, so that nothing is transformed there.
    A `Transform` gets whole batches where a loader makes them of tensors, and draws for each image of them; arrays,
    Pillow's images, and whatever a function of one's own is for, are given one by one, as the data set gives them.

    Parameters
    ----------
    dataset : Dataset
        Of images, or of tuples that begin with one.
    transform : callable of an image
    target_transform : callable of the second field of a sample, optional

    Raises
    ------
    TypeError
        For what can't be called; when a sample is asked for that is a dict.
    """

    def __init__(
        self, dataset: Any, transform: Callable[[Any], Any], target_transform: Callable[[Any], Any] | None = None
    ) -> None:
        if transform is None:
            raise TypeError("TransformedDataset: transform must be a function, got NoneType")
        require_functions("TransformedDataset", transform=transform, target_transform=target_transform)
        self.dataset, self.transform, self.target_transform = dataset, transform, target_transform

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        return transformed(self.dataset[index], self.transform, self.target_transform)

    def stacked(self, indices: np.ndarray) -> Any:
        """The samples at `indices` as one batch, transformed at once where each function knows of batches."""
        numbers = indices.tolist()
        if not of_batches(self.transform, self.target_transform):
            return default_collate([self[index] for index in numbers])
        if stacks(self.dataset):
            return transformed(take(self.dataset, numbers), self.transform, self.target_transform)
        several = samples(self.dataset, numbers)
        if all(isinstance(image_of(sample), Tensor) for sample in several):
            return transformed(default_collate(several), self.transform, self.target_transform)
        return default_collate([transformed(sample, self.transform, self.target_transform) for sample in several])


def require_functions(name: str, **functions: Any) -> None:
    """Raise TypeError, in the name of its caller, for an argument that is neither a function nor None."""
    for argument, function in functions.items():
        if function is not None and not callable(function):
            raise TypeError(f"{name}: {argument} must be a function, got {type(function).__name__}")


def transformed(sample: Any, transform: Any, target_transform: Any) -> Any:
    """A sample, or a batch, with its image and its label transformed by what is not None."""
    image = image_of(sample)
    if transform is not None:
        image = transform(placed(image) if isinstance(image, Tensor) else image)
    if not isinstance(sample, (tuple, list)):
        return image
    rest = [*sample[1:]]
    if rest and target_transform is not None:
        rest[0] = target_transform(rest[0])
    return (image, *rest) if isinstance(sample, tuple) else [image, *rest]


def image_of(sample: Any) -> Any:
    """The image of a sample: itself, or the first of a tuple; TypeError for a dict."""
    if isinstance(sample, Mapping):
        raise TypeError("transform: wants images, or tuples that begin with one, got a dict")
    return sample[0] if isinstance(sample, (tuple, list)) else sample


def of_batches(*functions: Any) -> bool:
    """Whether each of the functions, but for None, may be given whole batches."""
    return all(function is None or takes_batches(function) for function in functions)


class StackDataset(Dataset):
    """The samples of several data sets side by side: ``dataset[i]`` is a tuple of the i-th of each, or a dict.

    Parameters
    ----------
    *args : Dataset
        For tuples.
    **kwargs : Dataset
        For dicts, by name; instead of `args`.

    Raises
    ------
    ValueError
        If there are none, or both kinds, or they differ in length.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("StackDataset: wants data sets, either by position or by name")
        self.datasets: Any = kwargs or args
        lengths = [len(dataset) for dataset in self._each()]
        if len(set(lengths)) > 1:
            raise ValueError(f"StackDataset: data sets must be of one length, got {lengths}")

    def __len__(self) -> int:
        return len(next(iter(self._each())))

    def __getitem__(self, index: int) -> Any:
        return self._named(tuple(dataset[index] for dataset in self._each()))

    def stacked(self, indices: np.ndarray) -> Any:
        """The samples at `indices` as one batch."""
        return self._named([take(dataset, indices.tolist()) for dataset in self._each()])

    def _each(self) -> Iterable[Any]:
        return self.datasets.values() if isinstance(self.datasets, dict) else self.datasets

    def _named(self, fields: Any) -> Any:
        return dict(zip(self.datasets, fields, strict=True)) if isinstance(self.datasets, dict) else fields


class ChainDataset(IterableDataset):
    """The samples of several iterable data sets, one after the other.

    Raises
    ------
    TypeError
        When it is gone through, if one is no `IterableDataset`.
    """

    def __init__(self, datasets: Iterable[IterableDataset]) -> None:
        self.datasets = datasets

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            yield from self._checked(dataset)

    def __len__(self) -> int:
        return sum(len(self._checked(dataset)) for dataset in self.datasets)

    @staticmethod
    def _checked(dataset: Any) -> Any:
        if not isinstance(dataset, IterableDataset):
            raise TypeError(f"ChainDataset: wants iterable data sets, got {type(dataset).__name__}; see ConcatDataset")
        return dataset
