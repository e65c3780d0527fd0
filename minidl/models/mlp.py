"""Multilayer perceptrons."""

from __future__ import annotations

from minidl.nn import Flatten, Linear, Module, ReLU, Sequential


def mlp(*widths: int) -> Sequential:
    """Dense layers from ``widths[0]`` inputs to ``widths[-1]`` scores, with relu between: (N, …) to (N, widths[-1]).

    ``mlp(784, 64, 10)`` is the lecture's FC64 with 50,890 parameters, ``mlp(784, 256, 256, 10)`` its FC256-FC256 with
    269,322.

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
