"""A network as a list: its layers in the order in which they run, each with the numbers that it has learned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.backend import dims
from minidl.backend.modes import no_fusion, no_grad
from minidl.draw.kinds import Layer, described, known
from minidl.engine.core import Tensor
from minidl.engine.watch import watched
from minidl.nn import Module
from minidl.nn.modes import modes_kept
from minidl.nn.summary import blank
from minidl.nn.tree import require_module
from minidl.profiler.work import arrays_in

BATCH = 2  # inputs of the run that is watched; a layer that is given another number has mixed them


def layers(network: Module, size: tuple[int, ...]) -> list[Layer]:
    """The layers of a network that is a chain of them.

    What a layer gives goes to the next, as it is or flattened. Dropout and whatever else does nothing in evaluation is
    no layer.

    Parameters
    ----------
    network : Module
        Run once, in evaluation mode, and left as it was.
    size : the shape of one input, without the batch

    Raises
    ------
    TypeError
        For what is no Module.
    ValueError
        For a layer that the page does not know, and for a network that does anything else: adds, or goes two ways.
    """
    require_module("draw", network)
    like = blank(network, (BATCH, *size))
    chain = Chain(network, like)
    with no_grad(), no_fusion(), modes_kept(network), watched(chain):
        scores = network.eval()(like)
    chain.ends(scores)
    return chain.layers


class Chain:
    """Watches a network run forward, and refuses what is no chain of layers."""

    def __init__(self, network: Module, start: Tensor) -> None:
        self.paths = {module: path for path, module in network.named_modules()}
        self.layers: list[Layer] = []
        self.array = start.array  # what the last layer gave

    def layer(self, modules: Sequence[Any], function: Callable[..., Any], *args: Any) -> Any:
        """Run a module; one that the page knows is the next of the chain."""
        (module,) = modules  # nothing is served at once without fusion
        if not known(module):
            return function(*args)
        _, given, _ = args
        if len(given) != 1 or not self.is_next(arrays_in([given[0].array])):
            after = self.layers[-1].path if self.layers else "the input"
            raise ValueError(f"its input is not what came before it, from {after}; the page draws chains of layers")
        with watched(None):
            output = function(*args)
            self.layers.append(described(module, self.paths[module], given[0], output))
        self.array = output.array
        return output

    def op(self, name: str, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Compute an op outside of layers; none but another shape of what came last is part of a chain."""
        if name != "reshape" or not self.is_next(arrays_in(args)):
            after = f"what comes after {self.layers[-1].path}" if self.layers else "the input"
            raise ValueError(f"{name}: computes with {after}; the page draws nothing but layers, one after another")
        self.array = function(*args, **options)
        return self.array

    def is_next(self, arrays: list[Any]) -> bool:
        """Whether something is computed from what the last layer gave, and nothing else, sample by sample."""
        return len(arrays) == 1 and arrays[0] is self.array and len(self.array) == BATCH

    def ends(self, scores: Any) -> None:
        """Raise ValueError unless the network gives what its last layer gave, a number for each class."""
        if not isinstance(scores, Tensor) or scores.array is not self.array or scores.ndim != 2 or not self.layers:
            got = dims(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
            raise ValueError(f"draw: expected scores N×classes, of the network's last layer, got {got}")
