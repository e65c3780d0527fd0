"""What Python and NumPy can ask of a tensor: its numbers, its length, its text. Most of it waits for a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl import backend
from minidl.backend import Array, dims, dtypes, transfer
from minidl.engine.printing import printed


class Values:
    """The base of Tensor, for all that looks at the array and leaves the graph alone."""

    __slots__ = ()
    array: Array
    node: Any
    tracked: bool
    shape: Any
    ndim: Any
    dtype: Any
    device: Any

    if TYPE_CHECKING:

        def __getitem__(self, index: Any) -> Any: ...

    def numel(self) -> int:
        """How many elements it has."""
        return self.array.size

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The array on the CPU, sharing memory if it is there already. `force` takes it without its history.

        Raises
        ------
        RuntimeError
            If the tensor requires a gradient, which NumPy would lose.
        ValueError, IndexError
            From a GPU: for labels or indices out of range in earlier calls, which are only looked at now.
        """
        if self.tracked and not force:
            raise RuntimeError("numpy: this tensor requires grad; use .detach().numpy(), or .numpy(force=True)")
        return transfer.move(self.array, "cpu")

    def item(self) -> bool | int | float:
        """The value of a one-element tensor as a Python number (ValueError for any other size).

        From a GPU, errors of earlier calls are raised as by `numpy`.
        """
        if self.array.size != 1:
            raise ValueError(f"item: expected one element, the shape is {dims(self.shape)}")
        return transfer.move(self.array, "cpu").item()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False and backend.on_gpu(self.array):
            raise ValueError("array: a tensor on a GPU must be copied; got copy=False")
        return np.array(self.numpy(), dtype, copy=copy)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len: a 0-d tensor has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ValueError(
                f"bool: a tensor of shape {dims(self.shape)} is neither true nor false; compare or reduce it"
            )
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "bui":
            raise TypeError(f"index: only integer tensors can be used as an index, this is {self.dtype}")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        notes = [printed(transfer.move(self.array, "cpu"), "tensor(")]
        if self.dtype not in (dtypes.default_float, dtypes.int64, dtypes.bool_):
            notes.append(f"dtype={self.dtype}")
        if self.device != "cpu":
            notes.append(f"device='{self.device}'")
        if self.node is not None:
            notes.append(f"grad_fn=<{self.node.op.name}>")
        elif self.tracked:
            notes.append("requires_grad=True")
        return f"tensor({', '.join(notes)})"
