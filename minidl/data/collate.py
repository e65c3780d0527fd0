"""Samples made to one batch."""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims, dtypes
from minidl.engine.core import Tensor
from minidl.engine.require import same_device
from minidl.ops.create import tensor
from minidl.ops.joining import stack


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack the samples of a batch, field by field (``torch.utils.data.default_collate``).

    Tensors, arrays and numbers become a tensor with a first dimension of the samples: Python's floats float64, its
    integers int64; arrays and NumPy's numbers keep their dtype. Dicts become a dict, tuples and lists a list, named
    tuples one of their kind, each of what becomes of its fields. Texts and bytes stay a sequence of them.

    Tensors are on the default device, unless they were on a GPU already.

    Raises
    ------
    TypeError
        For samples of another kind, such as None.
    ValueError
        For samples that differ in shape, in their number of fields, or in lacking a key of the first; and for none.
    """
    if not len(batch):
        raise ValueError("collate: a batch of no samples")
    first = batch[0]
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        _require_alike(Mapping, batch)
        if missing := [key for key in first if any(key not in sample for sample in batch)]:
            raise ValueError(f"collate: a sample of the batch has no {missing[0]!r}, which the first has")
        return _like(first, {key: default_collate([sample[key] for sample in batch]) for key in first})
    if isinstance(first, Sequence):
        _require_alike(Sequence, batch)
        if len({len(sample) for sample in batch}) > 1:
            raise ValueError("collate: the samples of a batch differ in their number of fields")
        return _like(first, [default_collate(field) for field in zip(*batch, strict=True)])
    if isinstance(first, (bool, int, float)) and not isinstance(first, np.generic):
        return tensor(list(batch), dtype=dtypes.float64 if isinstance(first, float) else None)
    return _stacked(batch)


def default_convert(data: Any) -> Any:
    """Arrays and NumPy's numbers as tensors, also within dicts, tuples and lists; anything else as it is."""
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like(data, [default_convert(value) for value in data])
    return placed(data) if _has_dtype(data) else data


def placed(field: Any) -> Tensor:
    """A tensor, or an array as a tensor, on the default device unless it is on a GPU already."""
    field = field if isinstance(field, Tensor) else Tensor(np.asarray(field) if np.isscalar(field) else field)
    return field.to(backend.get_default_device()) if field.device == "cpu" else field


def on_default_device(batch: Any) -> Any:
    """A batch that `default_collate` has made elsewhere, with its tensors where they belong."""
    if isinstance(batch, Tensor):
        return placed(batch)
    if isinstance(batch, Mapping):
        return _like(batch, {key: on_default_device(field) for key, field in batch.items()})
    if isinstance(batch, list) or hasattr(batch, "_fields"):
        return _like(batch, [on_default_device(field) for field in batch])
    return batch


def _stacked(batch: Sequence[Any]) -> Tensor:
    """Tensors, arrays or NumPy's numbers along a new first dimension."""
    for sample in batch:
        if not _has_dtype(sample):
            kind = getattr(sample, "dtype", None) or type(sample).__name__
            raise TypeError(
                f"collate: can't stack samples of type {kind}: a sample may be a tensor, an array, a number or a text, "
                "or a tuple, list or dict of these; transforms.ToTensor() makes one of a Pillow image, and for another "
                "give the loader a collate_fn"
            )
    if shapes := {sample.shape for sample in batch} - {batch[0].shape}:
        raise ValueError(f"collate: can't stack samples of shapes {dims(batch[0].shape)} and {dims(shapes.pop())}")
    same_device("collate", *batch)
    if isinstance(batch[0], Tensor):
        return placed(stack([placed(sample) for sample in batch]))
    arrays = [sample.array if isinstance(sample, Tensor) else sample for sample in batch]
    return placed(backend.namespace(*arrays).stack(arrays))


def _has_dtype(value: Any) -> bool:
    """Whether it is a tensor, an array or a NumPy number, of a dtype that a tensor may have."""
    known = isinstance(value, (Tensor, np.generic)) or backend.is_array(value)
    return known and value.dtype.kind in "buif"


def _require_alike(kind: Any, batch: Sequence[Any]) -> None:
    """Raise ValueError unless all samples are dicts, or sequences, as the first is."""
    if others := [sample for sample in batch if not isinstance(sample, kind)]:
        kinds = f"{type(batch[0]).__name__} and {type(others[0]).__name__}"
        raise ValueError(f"collate: the samples of a batch are of different kinds, {kinds}")


def _like(sample: Any, fields: Any) -> Any:
    """Fields as a dict, a named tuple or a list: whichever the sample was."""
    if isinstance(sample, MutableMapping):
        result = copy.copy(sample)
        result.update(fields)
        return result
    return type(sample)(*fields) if hasattr(sample, "_fields") else fields
