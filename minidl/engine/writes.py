"""In-place writes, and how backward notices them.

One clock numbers everything: a node's serial says when it read its arguments, and a write through the engine says
when it changed an array. A saved array that was written after it was read would give a wrong gradient.
"""

import itertools
import weakref
import zlib
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array, transfer
from minidl.backend.forks import Lock

clock = itertools.count(1)
_newest = 0  # the time of the last write
_lock = Lock()
_written: dict[int, tuple[Any, int]] = {}  # id of the memory's owner -> (reference to it, when it was last written)
_replaced: dict[int, tuple[Any, int]] = {}  # id of a leaf -> (reference to it, when its .data got another shape)


def owner_of(array: Array) -> Any:
    """The object that owns an array's memory; views share it."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array


def write(array: Array, values: Any, index: Any = ...) -> None:
    """``array[index] = values``, on the record. The only way the engine writes into an array that a node may keep.

    Raises
    ------
    RuntimeError
        For memory that can't be written, such as that of an expanded tensor.
    """
    if not backend.on_gpu(array) and not array.flags.writeable:
        raise RuntimeError(
            "in-place write: this tensor's memory can't be written: several of its elements are one, as after expand, "
            "or it is a read-only array's; write into a .clone()"
        )
    with backend.current(array):
        array[index] = values
    written(array)


def written(array: Array) -> None:
    """Put on record that an array has just been written in place."""
    note(_written, owner_of(array))


def replaced(leaf: Any) -> None:
    """Put on record that a leaf has just been given an array of another shape or dtype."""
    note(_replaced, leaf)


def note(times: dict[int, tuple[Any, int]], changed: Any) -> None:
    """Let `times` say that an object has just been changed, for as long as it lives."""
    global _newest
    key = id(changed)
    try:
        reference = weakref.ref(changed, lambda _: times.pop(key, None))
    except TypeError:  # memory of a kind that takes no weak references is kept, so that its id stays its own
        reference = changed
    with _lock:  # or an older write of another thread could come to stand for the newest
        _newest = next(clock)
        times[key] = (reference, _newest)


def written_since(array: Array, time: int) -> bool:
    """Whether the memory of an array has been written in place since a time of the clock."""
    return _written.get(id(owner_of(array)), (None, 0))[1] > time


def refuse_overwritten(node: Any) -> None:
    """Raise RuntimeError if an array that `node` keeps was written after it was read."""
    if _newest > node.serial:
        kept = [(name, a) for name, value in node.kept.items() for a in (value if type(value) is tuple else (value,))]
        for name, a in kept:
            if backend.is_array(a) and written_since(a, node.serial):
                raise RuntimeError(
                    f"{node.op.name}: {name}, needed for its gradient, was changed in place after it was read; "
                    "change a .clone() instead"
                )
        for position, parent in node.edges:
            if _replaced.get(id(parent), (None, 0))[1] > node.serial:
                raise RuntimeError(
                    f"{node.op.name}: the .data of {node.op.argument(position)}, a leaf, was given another shape or "
                    "dtype after it was read"
                )
    if node.prints is not None and node.prints != fingerprints(node.kept):
        raise RuntimeError(f"{node.op.name}: an array needed for its gradient was written through .array")


def fingerprints(kept: dict[str, Any]) -> dict[str, int]:
    """A checksum of each kept array."""
    arrays = {name: transfer.move(value, "cpu") for name, value in kept.items() if backend.is_array(value)}
    return {name: zlib.crc32(np.ascontiguousarray(array).tobytes()) for name, array in arrays.items()}
