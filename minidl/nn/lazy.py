"""Layers that learn the size of their inputs from the first of them; from then on they are the ordinary ones."""

import inspect
from typing import Any

from minidl.engine.core import Tensor
from minidl.nn.convolution import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from minidl.nn.layers import Linear, Shaped
from minidl.nn.module import blank
from minidl.nn.normalisation import BatchNorm1d, BatchNorm2d, InstanceNorm1d, InstanceNorm2d


class Lazy(Shaped):
    """A layer without the argument that says how many features its inputs have.

    Its parameters have no shape, until the first forward, or until a state is loaded that has them. Run the network
    once on a batch before its parameters are counted or initialised; an optimizer may be made before.
    """

    _lazy = True
    becomes: type[Shaped]

    def __init_subclass__(cls, becomes: type[Shaped], **defaults: Any) -> None:
        cls.becomes = becomes
        _, *others = inspect.signature(becomes).parameters.values()
        others = [p.replace(default=defaults.get(p.name, p.default)) for p in others]
        cls.__signature__ = inspect.Signature(others)  # type: ignore[attr-defined]
        cls.__doc__ = f"`{becomes.__name__}`, which learns the size of its inputs from the first of them."

    def __init__(self, *args: Any, **options: Any) -> None:
        bound = inspect.signature(type(self)).bind(*args, **options)
        bound.apply_defaults()
        super().__init__(0, *bound.args, **bound.kwargs)  # type: ignore[call-arg]

    def has_uninitialized_params(self) -> bool:
        """Whether its parameters and buffers have no shapes yet."""
        return any(map(blank, [*self.parameters(recurse=False), *self.buffers(recurse=False)]))

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the size of the inputs from one of them, and give the parameters their shapes and first values."""
        self.take_inputs(input)
        if self.has_uninitialized_params():
            members = {**self._parameters, **self._buffers}
            for name, shape in self.shapes().items():
                if blank(members.get(name)):
                    members[name].materialize(shape)
            self.reset_parameters()

    def forward(self, input: Tensor, *args: Any) -> Any:
        self.initialize_parameters(input)
        self.__class__ = self.becomes  # type: ignore[assignment]
        return self.forward(input, *args)


class LazyLinear(Lazy, Linear, becomes=Linear): ...


class LazyConv1d(Lazy, Conv1d, becomes=Conv1d): ...


class LazyConv2d(Lazy, Conv2d, becomes=Conv2d): ...


class LazyConvTranspose1d(Lazy, ConvTranspose1d, becomes=ConvTranspose1d): ...


class LazyConvTranspose2d(Lazy, ConvTranspose2d, becomes=ConvTranspose2d): ...


class LazyBatchNorm1d(Lazy, BatchNorm1d, becomes=BatchNorm1d): ...


class LazyBatchNorm2d(Lazy, BatchNorm2d, becomes=BatchNorm2d): ...


class LazyInstanceNorm1d(Lazy, InstanceNorm1d, becomes=InstanceNorm1d, affine=True, track_running_stats=True): ...


class LazyInstanceNorm2d(Lazy, InstanceNorm2d, becomes=InstanceNorm2d, affine=True, track_running_stats=True): ...
