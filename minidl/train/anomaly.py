"""Where the first number came from that is not finite: by op and by layer, forward and backward."""

from __future__ import annotations

import bisect
import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from minidl import backend
from minidl.backend.modes import detect_anomaly
from minidl.engine.core import Tensor, clock
from minidl.engine.watch import watch
from minidl.nn.module import Module
from minidl.ops.compare import isinf, isnan


class Tracer:
    """Watches ops, and remembers the first that made an infinite number, and the first that made NaN."""

    def __init__(self, model: Module) -> None:
        self.paths = {id(module): f"{path} ({type(module).__name__})".strip() for path, module in model.named_modules()}
        self.layers: list[str] = []
        self.found: dict[str, str] = {}
        # A node was made in the layers of the last mark before its serial number.
        self.serials: list[int] = []
        self.marks: list[list[str]] = []

    def op(self, name: str, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Compute an op."""
        result = function(*args, **options)
        self.look(name, self.layers, result)
        return result

    def pull(self, node: Any, g: Any, edges: Sequence[Any]) -> list[Any]:
        """Compute the gradients of a node's arguments."""
        outgoing = node.op.pull(node, g, edges)
        place = bisect.bisect(self.serials, node.serial)
        self.look(f"the backward of {node.op.name}", self.marks[place - 1] if place else [], *outgoing)
        return outgoing

    def sent(self, name: str, request: Any) -> Any:
        """A message to other ranks, as it is."""
        return request

    def layer(self, modules: Sequence[Any], function: Callable[..., Any], *args: Any) -> Any:
        """Run a module."""
        self.layers = [*self.layers, self.paths.get(id(modules[0]), type(modules[0]).__name__)]
        self.mark()
        try:
            return function(*args)
        finally:
            self.layers = self.layers[:-1]
            self.mark()

    def timed(self, name: str) -> AbstractContextManager[Any]:
        """What stands in a ``with`` block, which is not looked at."""
        return contextlib.nullcontext()

    def mark(self) -> None:
        """Remember in which layers nodes are from now on made."""
        self.serials.append(next(clock))
        self.marks.append(self.layers)

    def look(self, name: str, layers: list[str], *results: Any) -> None:
        """Remember an op, if it is the first to give what is not finite."""
        where = f"{name}, in {layers[-1]}" if layers else name
        for result in results:
            for kind in unfit(result):
                self.found.setdefault(kind, where)


def unfit(value: Any) -> list[str]:
    """Which kinds of numbers that are not finite a tensor or an array holds: "infinite", "NaN"."""
    tensor = value if isinstance(value, Tensor) else Tensor(value) if backend.is_array(value) else None
    if tensor is None or tensor.dtype.kind != "f":
        return []
    return [kind for kind, test in (("infinite", isinf), ("NaN", isnan)) if bool(test(tensor.detach()).any())]


def first_unfit(model: Module, inputs: Sequence[Any], again: Callable[[], Any]) -> str:
    """Where numbers that are not finite begin in what `again` computes: a forward and a backward pass of a network.

    Parameters
    ----------
    inputs : the tensors that it is computed from, beside the parameters

    Returns
    -------
    str
        Such as "NaN first from div, in 2 (Softmax); infinite before from exp, in 2 (Softmax)".
    """
    given: dict[str, Any] = {f"parameter {name}": p for name, p in model.named_parameters()}
    given |= {f"input {i}": x for i, x in enumerate(inputs)}
    for name, tensor in given.items():
        if kinds := unfit(tensor):
            return f"{kinds[-1]} stands in {name}"
    tracer, before = Tracer(model), watch.by
    watch.by = tracer
    try:
        with detect_anomaly(check_nan=False):
            again()
    finally:
        watch.by = before
    found = [f"{kind} first from {where}" for kind, where in reversed(tracer.found.items())]
    return "; ".join(found) or "it was not found again"
