"""Multilayer perceptrons."""

from __future__ import annotations

from minidl.models.registry import register_model
from minidl.nn import Flatten, Linear, Module, ReLU, Sequential


def mlp(*widths: int) -> Sequential:
    """Dense layers from ``widths[0]`` inputs to ``widths[-1]`` scores, with relu between: (N, …) to (N, widths[-1]).

    Raises
    ------
    ValueError
        For fewer than two widths.
    """
    if len(widths) < 2:
        raise ValueError(f"mlp: expected at least two widths, inputs and outputs, got {widths}")
    layers: list[Module] = [Flatten()]
    for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
        layers += [Linear(inputs, outputs), ReLU()]
    return Sequential(*layers[:-1])


@register_model(1, 28, 28)
def fc64(num_classes: int = 10) -> Sequential:
    """The lecture's FC64 for (N, 1, 28, 28): 50,890 parameters."""
    return mlp(784, 64, num_classes)


@register_model(1, 28, 28)
def fc256_fc256(num_classes: int = 10) -> Sequential:
    """The lecture's FC256-FC256 for (N, 1, 28, 28): 269,322 parameters."""
    return mlp(784, 256, 256, num_classes)
