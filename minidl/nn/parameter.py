"""Tensors that a module learns, and those that wait for the first forward to know their shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl import backend
from minidl.backend.dtypes import get_default_dtype
from minidl.engine.core import Tensor


class Parameter(Tensor):
    """A tensor that a module learns: an attribute of this class is one of its parameters.

    Parameters
    ----------
    data : Tensor or array
    requires_grad : bool

    Raises
    ------
    ValueError
        For memory that can't be written, as an optimizer would.
    """

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        array = data.array if isinstance(data, Tensor) else data
        super().__init__(array, requires_grad)
        if not backend.on_gpu(array) and not array.flags.writeable:
            raise ValueError(
                "Parameter: its memory can't be written: several of its elements are one, as after expand, or it is a "
                "read-only array's; give a .clone(), or md.tensor(array)"
            )


class Uninitialized:
    """What has no shape yet, and so no values: a tensor that knows its dtype and its device alone.

    `materialize` makes it an ordinary tensor in its place, so that an optimizer may hold it before.
    """

    __slots__ = ()
    becomes: type[Tensor]

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        with backend.using(device) as xp:
            Tensor.__init__(self, xp.empty(0, dtype or get_default_dtype()), requires_grad)  # type: ignore[arg-type]

    def _missing(self) -> Any:
        raise RuntimeError(
            "this tensor has no shape yet: run the network once on a batch, which gives its lazy layers their sizes"
        )

    held = Tensor.array
    array = property(_missing, held.__set__)
    dtype = property(lambda self: self.held.dtype)
    device = property(lambda self: backend.device_of(self.held))

    def detach(self) -> Tensor:
        """What stands for it where a module is moved: no elements, of its dtype and on its device."""
        return Tensor(self.held)

    data = property(detach, lambda self, data: setattr(self, "array", data.array))

    def materialize(self, shape: Sequence[int]) -> None:
        """Give it memory of that shape, whose values are yet to be written: from now on it is an ordinary tensor."""
        with backend.using(self.device) as xp:
            array = xp.empty(tuple(shape), self.dtype)
        self.__class__ = self.becomes  # type: ignore[assignment]
        self.array = array

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        new = memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)  # type: ignore[attr-defined]
        return new

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, self.device, self.dtype)  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(Uninitialized, Parameter):
    """A parameter of a lazy layer before its first forward."""

    __slots__ = ()
    becomes = Parameter


class UninitializedBuffer(Uninitialized, Tensor):
    """A buffer of a lazy layer before its first forward."""

    __slots__ = ()
    becomes = Tensor

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> None:
        super().__init__(requires_grad, device, dtype)
