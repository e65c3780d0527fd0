"""Data sets by index: the protocol, and the two that hold arrays and parts of others."""

from __future__ import annotations

import numbers
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from minidl.engine.core import Tensor


class Dataset(Protocol):
    """Whatever has ``len(dataset)`` and ``dataset[i]``: an array, Tensor or number, or a tuple of them.

    It may also have ``__getitems__(indices)``: the batch at an array of indices, its fields stacked.
    """

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, index: int) -> Any: ...


class TensorDataset(Dataset):
    """Samples along the first dimension of tensors: ``dataset[i]`` is ``(t[i] for t in tensors)``, a tuple.

    Parameters
    ----------
    *tensors : Tensor or ndarray (N, ...)
        Fields are returned as they are: uint8 stays uint8.

    Raises
    ------
    ValueError
        If there are none, or they don't agree in N.
    """

    def __init__(self, *tensors: Tensor | np.ndarray) -> None:
        shapes: list[tuple[int, ...]] = [getattr(tensor, "shape", ()) for tensor in tensors]
        if not shapes or () in shapes or len({shape[0] for shape in shapes}) > 1:
            raise ValueError(f"TensorDataset: wants tensors that agree in their first dimension, got shapes {shapes}")
        self.tensors = tensors

    def __len__(self) -> int:
        return self.tensors[0].shape[0]

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __getitems__(self, indices: np.ndarray) -> tuple[Any, ...]:
        return tuple(tensor[indices] for tensor in self.tensors)


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

    def __init__(self, dataset: Dataset, indices: Sequence[int] | np.ndarray) -> None:
        array = np.asarray(indices)
        if array.ndim != 1 or array.size and array.dtype.kind not in "iu":
            raise TypeError(f"Subset: indices must be one list of integers, not {array.dtype} of shape {array.shape}")
        outside = array[(array < -len(dataset)) | (array >= len(dataset))]
        if outside.size:
            raise IndexError(f"Subset: index {outside[0]} is out of range for {len(dataset)} samples")
        self.dataset = dataset
        self.indices = array.astype(np.intp)

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        return self.dataset[int(self.indices[index])]

    def __getitems__(self, indices: np.ndarray) -> Any:
        return take(self.dataset, self.indices[indices])


def take(dataset: Dataset, indices: np.ndarray) -> Any:
    """The samples at `indices` as one batch, in the data set's own way if it has one."""
    if hasattr(dataset, "__getitems__"):
        return dataset.__getitems__(indices)
    return collate([dataset[int(index)] for index in indices])


def collate(samples: list[Any]) -> Any:
    """Stack samples, field by field where they are tuples or lists; integers become int64, floats float32.

    Tensors are stacked detached. Raises TypeError for what is no array or number, ValueError for unequal shapes.
    """
    first = samples[0]
    if isinstance(first, (tuple, list)):
        if len({len(sample) for sample in samples}) > 1:
            raise ValueError("collate: the samples of a batch differ in their number of fields")
        return tuple(collate(list(field)) for field in zip(*samples, strict=True))
    if isinstance(first, numbers.Number):
        array = np.asarray(samples)
        return array.astype({"i": np.int64, "f": np.float32}.get(array.dtype.kind, array.dtype))
    arrays = [sample.array if isinstance(sample, Tensor) else sample for sample in samples]
    if not all(hasattr(array, "shape") for array in arrays):
        raise TypeError(f"collate: can't stack samples of type {type(first).__name__}: use arrays, numbers or tuples")
    if shapes := {array.shape for array in arrays} - {arrays[0].shape}:
        raise ValueError(f"collate: can't stack samples of shapes {arrays[0].shape} and {shapes.pop()}")
    return np.stack(arrays)
