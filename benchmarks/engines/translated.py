"""Networks for libraries with functions instead of layers: minidl's layers say what to do, and functions do it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from benchmarks.engines.engine import Lacking
from benchmarks.engines.model import Model
from minidl import nn


class Layer:
    """A layer: ``function(options, x, *own)`` with minidl's layer as `options`, and parameters of the library."""

    def __init__(self, function: Callable[..., Any], options: nn.Module) -> None:
        self.function, self.options = function, options
        self.own: list[Any] = []

    def __call__(self, x: Any) -> Any:
        return self.function(self.options, x, *self.own)


class Module:
    """What networks inherit from, as from ``nn.Module``."""

    def __call__(self, x: Any) -> Any:
        return self.forward(x)

    def forward(self, x: Any) -> Any:
        raise NotImplementedError

    def leaves(self) -> Iterator[Layer]:
        """The layers, in the order in which they became attributes."""
        for child in vars(self).values():
            yield from [child] if isinstance(child, Layer) else child.leaves()


class Sequential(Module):
    """Layers one after the other."""

    def __init__(self, *layers: Any) -> None:
        vars(self).update({str(i): layer for i, layer in enumerate(layers)})

    def forward(self, x: Any) -> Any:
        for layer in vars(self).values():
            x = layer(x)
        return x


class Namespace:
    """What stands for ``nn``: layers with minidl's names and arguments, and `functions` by these names.

    Raises
    ------
    Lacking
        When a layer is asked for that has no function.
    """

    Module, Sequential = Module, Sequential

    def __init__(self, functions: Mapping[str, Callable[..., Any]]) -> None:
        self.functions = functions

    def __getattr__(self, name: str) -> Callable[..., Layer]:
        if name not in self.functions:
            raise Lacking(name)
        return lambda *args, **options: Layer(self.functions[name], getattr(nn, name)(*args, **options))


def translate(
    model: Model, functions: Mapping[str, Callable[..., Any]], training: bool
) -> tuple[Module, list[np.ndarray]]:
    """The network, in that mode, and its parameters in order; running statistics stay in the layers."""
    network = model.layers(Namespace(functions))
    weights, parameters = iter(model.weights), []
    for layer in network.leaves():
        layer.options.train(training)
        for value in layer.options.state_dict().values():
            value.array[...] = next(weights)
        parameters += [p.array for p in layer.options.parameters()]
    return network, parameters


def forward(network: Module, parameters: Iterable[Any], x: Any) -> Any:
    """What the network gives with these parameters."""
    rest = iter(parameters)
    for layer in network.leaves():
        layer.own = [next(rest) for _ in layer.options.parameters()]
    return network(x)


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """One number for both dimensions, or one for each."""
    return (value, value) if isinstance(value, int) else value
