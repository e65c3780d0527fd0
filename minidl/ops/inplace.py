"""Writing into tensors: on the record, so that backward notices (see `engine.writes`), and never into history."""

from collections.abc import Callable
from typing import Any

from minidl import backend
from minidl.backend import dims
from minidl.backend.modes import mode
from minidl.engine.core import Tensor
from minidl.engine.require import require_arrays
from minidl.engine.writes import write
from minidl.ops.elementwise import add, mul, sub
from minidl.ops.subscript import located, raw_index, within, without_lead


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """x[index] = value, the value broadcast and cast; see `getitem` for indices.

    Raises
    ------
    RuntimeError
        While gradients are recorded, if x or the value takes part in them: minidl does not record writes.
    """
    if mode.recording and (x.tracked or (isinstance(value, Tensor) and value.tracked)):
        raise RuntimeError(
            "in-place write: gradients do not pass through writes; use where, cat or pad to build the tensor, or write "
            "under no_grad()"
        )
    require_arrays("in-place write", value, scalars=True)
    array = value.array if isinstance(value, Tensor) else value
    place = backend.device_of(array) if backend.is_array(array) else x.device
    if place != x.device:
        raise RuntimeError(f"in-place write: a value on {place} into a tensor on {x.device}; move it with .to(device)")
    index = within("in-place write", x, raw_index(index, "in-place write"))
    try:
        view, picks = located(x.array, index)
        write(view, without_lead(array) if backend.is_array(array) else array, picks)
    except (ValueError, IndexError, OverflowError) as error:
        kind = IndexError if isinstance(error, IndexError) else ValueError
        raise kind(f"in-place write into {dims(x.shape)}: {error}") from None


def copy_(x: Tensor, source: Any) -> Tensor:
    """Overwrite x with `source`, broadcast and cast."""
    setitem(x, ..., source)
    return x


def fill_(x: Tensor, value: float) -> Tensor:
    """Overwrite every element of x with a number."""
    return copy_(x, value)


def zero_(x: Tensor) -> Tensor:
    """Overwrite every element of x with 0."""
    return copy_(x, 0)


def _update(x: Tensor, function: Callable[..., Tensor], other: Any) -> Tensor:
    result = function(x, other)
    if result.dtype.kind == "f" != x.dtype.kind:
        raise TypeError(f"in-place {function.__name__}: the result is {result.dtype}, and {x.dtype} can't hold it")
    return copy_(x, result)


def add_(x: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """x += alpha · other."""
    return _update(x, add, other if alpha == 1 else other * alpha)


def sub_(x: Tensor, other: Any, *, alpha: float = 1) -> Tensor:
    """x −= alpha · other."""
    return _update(x, sub, other if alpha == 1 else other * alpha)


def mul_(x: Tensor, other: Any) -> Tensor:
    """x ·= other."""
    return _update(x, mul, other)
