"""Layers that pad."""

from collections.abc import Sequence

from minidl import functional as F
from minidl.engine.core import Tensor
from minidl.nn.module import Module


class _Pad(Module):
    """`minidl.functional.pad` of the last dimensions: one size for all sides, or (left, right, top, bottom)."""

    _rank: int
    _mode: str

    def __init_subclass__(cls, rank: int, mode: str) -> None:
        cls._rank, cls._mode = rank, mode
        cls.__doc__ = _Pad.__doc__

    def __init__(self, padding: int | Sequence[int]) -> None:
        self.padding = (padding,) * 2 * self._rank if isinstance(padding, int) else tuple(padding)
        if len(self.padding) != 2 * self._rank:
            raise ValueError(f"{type(self).__name__}: expected one size or {2 * self._rank}, got {padding}")

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ReflectionPad1d(_Pad, rank=1, mode="reflect"): ...


class ReflectionPad2d(_Pad, rank=2, mode="reflect"): ...


class ReplicationPad1d(_Pad, rank=1, mode="replicate"): ...


class ReplicationPad2d(_Pad, rank=2, mode="replicate"): ...


class CircularPad1d(_Pad, rank=1, mode="circular"): ...


class CircularPad2d(_Pad, rank=2, mode="circular"): ...


class ZeroPad1d(_Pad, rank=1, mode="constant"):
    value = 0.0


class ZeroPad2d(ZeroPad1d, rank=2, mode="constant"): ...


class ConstantPad1d(_Pad, rank=1, mode="constant"):
    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad2d(ConstantPad1d, rank=2, mode="constant"): ...
