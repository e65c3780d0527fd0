"""What may stand in the brackets of ``x[...]``, with PyTorch's meaning, and the place in x that it names."""

import operator
import warnings
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array, dims, dtypes, transfer
from minidl.engine.core import Tensor

COUNTING = ("i", 8), ("i", 4), ("u", 1), ("b", 1)  # kinds and sizes of what a tensor that is an index may be of
MANY = (Tensor, np.ndarray, list, tuple, range)  # what names several places, beside CuPy's arrays


def raw_index(index: Any, name: str = "getitem") -> tuple[Any, ...]:
    """An index as a tuple of integers, slices, None, ``...``, bools, and arrays of integers or bools.

    As in PyTorch an array of uint8 is a mask, and one integer in a tensor a number. Arrays are copies: a node may keep
    them.

    Raises
    ------
    IndexError, TypeError, ValueError
        In the name of an op, for anything else; for a slice that goes backward, and two ``...``.
    """
    if isinstance(index, list) and any([part is None or part is ... or _is_many(part) for part in index]):
        raise TypeError(
            f"{name}: an index that is a list may hold numbers alone; write x[tuple(index)] for one index a dimension, "
            "or x[md.tensor(index)]"
        )
    parts = tuple([_part(part, name) for part in (index if isinstance(index, tuple) else (index,))])
    if sum([part is ... for part in parts]) > 1:
        raise IndexError(f"{name}: an index can have one ... only")
    return parts


def _is_many(part):
    return isinstance(part, (slice, *MANY)) or backend.on_gpu(part)


def _part(part, name):
    if part is None or part is ... or isinstance(part, (bool, np.bool_)):
        return bool(part) if isinstance(part, np.bool_) else part
    if isinstance(part, (int, np.integer)):
        return int(part)
    if isinstance(part, slice):
        return _forward(part, name)
    if not _is_many(part):
        given = type(part).__name__
        raise IndexError(f"{name}: expected integers, slices, None, ..., bools or tensors as an index, got {given}")
    array = part.array if isinstance(part, Tensor) else part
    if not backend.is_array(array):
        array = _from_sequence(array, name)
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind not in "bui" or (isinstance(part, Tensor) and array.ndim and (kind, size) not in COUNTING):
        given = f"{array.dtype}; convert with .to(md.int64)"
        raise IndexError(f"{name}: expected an index of integers (int64, int32) or bools, got {given}")
    if (kind, size) == ("u", 1):
        say = "say which with .to(md.bool_) or .to(md.int64)"
        warnings.warn(f"{name}: an index of uint8 is a mask, it does not count places; {say}", stacklevel=5)
        kind = "b"
    with backend.current(array):
        if array.ndim == 0 and kind != "b":
            return int(transfer.move(array, "cpu"))
        return array.astype(dtypes.bool_ if kind == "b" else dtypes.int64)


def _forward(part, name):
    """A slice of Python's integers, which goes forward."""
    try:
        bounds = [None if bound is None else operator.index(bound) for bound in (part.start, part.stop, part.step)]
    except TypeError:
        raise TypeError(f"{name}: the bounds of a slice must be integers, got {part}") from None
    if bounds[2] is not None and bounds[2] < 1:
        raise ValueError(
            f"{name}: the step of a slice must be at least 1, got {bounds[2]}; flip() turns a tensor round"
        )
    return slice(*bounds)


def _from_sequence(part, name):
    try:
        array = np.asarray(part)
    except ValueError:
        raise ValueError(f"{name}: the rows of {part} are not of one length") from None
    return array if array.size else array.astype(dtypes.int64)


def is_pick(part: Any) -> bool:
    """Whether a part of a `raw_index` names places one by one: it is an array, or a bool."""
    return isinstance(part, bool) or backend.is_array(part)


def is_mask(part: Any) -> bool:
    """Whether a part of a `raw_index` is an array of bools."""
    return backend.is_array(part) and part.dtype.kind == "b"


def span(part: Any) -> int:
    """How many dimensions a part of a `raw_index` other than ``...`` stands for."""
    if part is None or part is ... or isinstance(part, bool):
        return 0
    return part.ndim if is_mask(part) else 1


def located(x: Array, index: tuple[Any, ...]) -> tuple[Array, tuple[Any, ...]]:
    """The view of x that integers, slices and None of a `raw_index` name, and the places in it that are picked.

    They are taken one after the other, as PyTorch does. To NumPy an integer beside arrays is one of them, and where
    they stand apart their dimensions come first.

    Raises
    ------
    IndexError
        For what is out of range, or more than there are dimensions.
    """
    picked = list(map(is_pick, index))
    if not any(picked):
        dotted = index if any([part is ... for part in index]) else (*index, ...)
        return x[dotted], ()  # one element is a view, too
    if not any([isinstance(part, int) or is_mask(part) for part in index]):
        return x, index  # which means the same to NumPy
    left = x.ndim - sum(map(span, index))
    if left < 0:
        raise IndexError(f"too many indices: {x.ndim - left} for {x.ndim} dimensions")
    views: list[Any] = []
    picks: list[Any] = []
    dim = 0
    for part, pick in zip(index, picked, strict=True):
        n = left if part is ... else span(part)
        whole, seen = [slice(None)] * n, x.shape[dim : dim + n]
        if is_mask(part) and part.shape != seen:
            raise IndexError(f"a mask of {dims(part.shape)} does not fit {dims(seen)} of {dims(x.shape)}")
        views += whole if pick or part is ... else [part]
        picks += [part] if pick else whole if part is ... else [] if isinstance(part, int) else [slice(None)]
        dim += n
    return x[tuple([*views, ...])], tuple(picks)


def without_lead(value: Array) -> Array:
    """A value to be written, without the dimensions of size 1 that it begins with: PyTorch has no use for them."""
    lead = next((i for i, n in enumerate(value.shape) if n != 1), value.ndim)
    return value.reshape(value.shape[lead:])


def within(name: str, x: Tensor, index: tuple[Any, ...]) -> tuple[Any, ...]:
    """A `raw_index` whose arrays must name places of x. NumPy refuses others itself; CuPy takes them modulo size.

    Raises
    ------
    IndexError
        On a GPU, and there when a value is fetched the next time.
    """
    if backend.on_gpu(x.array):
        require_places(name, x.shape, index)
    return index


def require_places(name: str, shape: tuple[int, ...], index: tuple[Any, ...]) -> None:
    """Raise IndexError, in the name of an op, for integer arrays in an index that name no place of a shape."""
    dim, left = 0, len(shape) - sum(map(span, index))
    for part in index if left >= 0 else ():
        if backend.is_array(part) and not is_mask(part):
            _require_place(name, part, dim, shape)
        dim += left if part is ... else span(part)


def _require_place(name, index, dim, shape):
    n = shape[dim]
    transfer.require_range(
        index,
        -n,
        n - 1,
        lambda low, high: IndexError(
            f"{name}: index from {low} to {high} is out of range for dim {dim} of {dims(shape)}"
        ),
    )
