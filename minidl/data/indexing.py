"""The samples of a data set at given indices."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from minidl.data.collate import default_collate, default_convert


def require_within(name: str, indices: np.ndarray, n: int) -> None:
    """Raise IndexError, in the name of its caller, unless each index is in [-n, n)."""
    outside = indices[(indices < -n) | (indices >= n)]
    if outside.size:
        raise IndexError(f"{name}: index {outside[0]} is out of range for {n} samples")


def samples(dataset: Any, indices: list[Any]) -> list[Any]:
    """The samples at `indices`."""
    several = getattr(dataset, "__getitems__", None)
    return several(indices) if several else [sample(dataset, index) for index in indices]


def sample(dataset: Any, index: Any) -> Any:
    """The sample at an index, which is named in an error."""
    try:
        return dataset[index]
    except Exception as error:
        raise located(error, f"sample {index}")  # noqa: B904


def located(error: Any, place: str) -> Any:
    """The error, with the place that it came from after its message."""
    if len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = (f"{error.args[0]} ({place})",)
    elif hasattr(error, "add_note"):  # since Python 3.11
        error.add_note(f"({place})")
    return error


def stacks(dataset: Any) -> bool:
    """Whether a data set makes batches in its own way; not so one whose class gives other samples than that way's."""
    for kind in type(dataset).__mro__:
        if "stacked" in vars(kind):
            return True
        if "__getitem__" in vars(kind):
            return False
    return False


def take(dataset: Any, indices: list[Any]) -> Any:
    """The samples at `indices` as one batch, in the data set's own way if it has one."""
    if not stacks(dataset):
        return default_collate(samples(dataset, indices))
    array = np.array([operator.index(index) for index in indices], np.intp)
    require_within(type(dataset).__name__, array, len(dataset))
    return default_convert(dataset.stacked(array))
