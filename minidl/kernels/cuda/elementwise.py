"""Activations, each in one launch and one back, and in the memory order of their argument."""

from __future__ import annotations

from typing import Any

from minidl import backend
from minidl.backend import Array
from minidl.functional import activations
from minidl.functional.activations import GELU_CUBE, GELU_SCALE, SELU_ALPHA, SELU_SCALE
from minidl.kernels.cuda.source import constants, kernel, suits

NUMBERS = constants("elementwise")  # of the activations


def laid_out(a: Array, like: Array) -> Array:
    """`a` in the memory order of `like`, which has no gaps: itself where it is so already, a copy otherwise."""
    if a.strides == like.strides:
        return a
    copy = backend.cupy().empty_like(like)
    copy[...] = a
    return copy


class Activation:
    """A kernel for a composite of one array, by the name that the source gives it, its options and `parameters`."""

    def __init__(self, name: str, *parameters: float) -> None:
        self.which = NUMBERS[name]
        self.parameters = parameters

    def when(self, x: Any, **options: Any) -> bool:
        """An array that kernels are made for; options that are numbers."""
        return suits(x) and all(isinstance(value, (int, float)) for value in options.values())

    def arguments(self, options: dict[str, float]) -> tuple[int, float, float]:
        """What the source calls which, a and b: of a and b, 1 where the activation has no such parameter."""
        given = [float(value) for value in (*options.values(), *self.parameters)]
        a = given[0] if given else 1.0
        b = given[1] if len(given) > 1 else 1.0
        return self.which, a, b

    def forward(self, x, **options):  # noqa: D102
        z = backend.cupy().empty_like(x)
        kernel("elementwise", "activate", x.dtype).each(x.size, laid_out(x, z), z, *self.arguments(options))
        return z, None

    def backward(self, g, saved, needs, x, **options):  # noqa: D102
        dx = backend.cupy().empty_like(x)
        inputs = laid_out(g, dx), laid_out(x, dx)
        kernel("elementwise", "activate_gradient", x.dtype).each(x.size, *inputs, dx, *self.arguments(options))
        return (dx,)


serving: dict[Any, Activation] = {
    activations.leaky_relu: Activation("LEAKY_RELU"),
    activations.elu: Activation("ELU"),
    activations.selu: Activation("ELU", SELU_ALPHA, SELU_SCALE),
    activations.silu: Activation("SILU"),
    activations.hardswish: Activation("HARDSWISH"),
    activations.gelu_by_erf: Activation("GELU"),
    activations.gelu_by_tanh: Activation("GELU_BY_TANH", GELU_SCALE, GELU_CUBE),
}
for composite, activation in serving.items():
    composite.kernels.append(activation)
