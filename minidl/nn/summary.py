"""A table of a network's layers, in the manner of Keras."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np

from minidl.backend import dims
from minidl.backend.modes import no_grad
from minidl.engine.core import Tensor
from minidl.engine.watch import watched
from minidl.engine.writes import owner_of
from minidl.nn.modes import modes_kept
from minidl.nn.module import Module
from minidl.nn.tree import require_module
from minidl.profiler.work import PRODUCTS, arrays_in

INPUT = "input"
SHOWN = 3  # layers in a cell; of more, the first and the last
COLUMNS = ("layer", "output shape", "parameters", "statistics", "multiply-adds", "connected to")


class Call(NamedTuple):
    """A layer that was run: its name, its type, where its inputs come from, what it gave, and what that took."""

    name: str
    kind: str
    sources: tuple[str, ...]
    shape: tuple[int, ...]
    parameters: int
    statistics: int
    multiply_adds: int


class Tracer:
    """Watches a network run: which layers are called, and, by the arrays that ops are given, by way of which others."""

    def __init__(self, model: Module) -> None:
        self.rows = {
            module: path
            for path, module in model.named_modules()
            if not any(True for _ in module.children()) or any(True for _ in module.parameters(recurse=False))
        }
        self.calls: list[Call] = []
        self.times: Counter[Module] = Counter()
        self.sources: dict[int, tuple[str, ...]] = {}  # of an array: the layers that it was computed from
        self.arrays: list[Any] = []  # those above, which so keep their identity
        self.outputs: dict[int, int] = {}  # bytes of memory that outputs of layers lie in
        self.multiply_adds = 0
        self.running: list[int] = []  # multiply-adds of each layer that is running

    def op(self, name: str, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Compute an op."""
        result = function(*args, **options)
        arrays = arrays_in(args)
        work = PRODUCTS[name](*arrays, **options) // 2 if name in PRODUCTS else 0
        self.multiply_adds += work
        self.running[-1:] = [own + work for own in self.running[-1:]]
        self.come(arrays_in(result if isinstance(result, tuple) else [result]), self.origins(arrays))
        return result

    def pull(self, node: Any, g: Any, edges: Sequence[Any]) -> list[Any]:
        """Compute the gradients of a node's arguments."""
        return node.op.pull(node, g, edges)

    def timed(self, name: str) -> AbstractContextManager[Any]:
        """What stands in a ``with`` block."""
        return contextlib.nullcontext()

    def sent(self, name: str, request: Any) -> Any:
        """A message to other ranks, as it is."""
        return request

    def layer(self, modules: Sequence[Any], function: Callable[..., Any], *args: Any) -> Any:
        """Run a module; several are not run at once."""
        if len(modules) > 1:
            return None
        (module,) = modules
        if module not in self.rows:
            return function(*args)
        sources = self.origins(arrays_of(args))
        self.running.append(0)
        output = function(*args)
        self.note(module, sources, output, self.running.pop())
        return output

    def note(self, module: Module, sources: tuple[str, ...], output: Any, multiply_adds: int) -> None:
        """Keep what a layer has done."""
        again = self.times[module]
        self.times[module] += 1
        name = self.rows[module] + (f"_{again}" if again else "")
        own = () if again else module.parameters(recurse=False)
        buffers = () if again else module.buffers(recurse=False)
        arrays = arrays_of([output])
        shape = arrays[0].shape if arrays else ()
        counts = sum(p.array.size for p in own), sum(b.array.size for b in buffers if b.dtype.kind == "f")
        self.calls.append(Call(name, type(module).__name__, sources, shape, *counts, multiply_adds))
        self.come(arrays, (name,))
        self.outputs |= {id(owner_of(array)): owner_of(array).nbytes for array in arrays}

    def come(self, arrays: Iterable[Any], sources: tuple[str, ...]) -> None:
        """Remember what arrays were computed from."""
        for array in arrays:
            self.sources[id(array)] = sources
            self.arrays += [array, owner_of(array)]

    def origins(self, arrays: Iterable[Any]) -> tuple[str, ...]:
        """The layers that arrays were computed from, each once."""
        return tuple(dict.fromkeys(name for array in arrays for name in self.sources.get(id(array), ())))


def arrays_of(values: Iterable[Any]) -> list[Any]:
    """The arrays of tensors, in tuples and lists, too."""
    parts = [
        arrays_of(v) if isinstance(v, (tuple, list)) else [v.array] if isinstance(v, Tensor) else [] for v in values
    ]
    return [array for part in parts for array in part]


def summary(model: Module, input_size: tuple[int, ...]) -> str:
    """The layers in the order in which they run, with their shapes, counts and inputs; then the totals.

    Parameters
    ----------
    model : Module
    input_size : the shape of one input, without the batch: (C, H, W)

    Returns
    -------
    str
        A row for each call of a layer, in evaluation mode: its path and type; its output shape (N for the batch); its
        parameters; its statistics, which are floating buffers, where there are any; its multiply-adds for one input, of
        products of matrices and convolutions; and, where the network is no chain, the layers that its inputs were
        computed from, by way of functions. A layer that is called anew is counted once; its name is followed by a
        number (``relu_1``). Below: the totals, those of functions between layers included; how many parameters are
        frozen; the memory of the outputs of layers for one input.
    """
    require_module("summary", model)
    tracer, like = Tracer(model), blank(model, (1, *input_size))
    tracer.come([like.array], (INPUT,))
    with no_grad(), modes_kept(model), watched(tracer):
        model.eval()(like)
    return "\n".join([*table(tracer.calls), *totals(model, tracer)])


def blank(model: Module, shape: tuple[int, ...]) -> Tensor:
    """Zeros, of the dtype of a network's parameters and where these are."""
    parameter = next(model.parameters(), None)
    like = Tensor(np.zeros(shape, np.float32 if parameter is None else parameter.dtype))
    return like if parameter is None else like.to(parameter.device)


def table(calls: list[Call]) -> list[str]:
    """The rows, with a rule above and below."""
    names = [INPUT, *(call.name for call in calls)]
    chain = all(call.sources == (name,) for call, name in zip(calls, names, strict=False))
    left_out = ["statistics"] * (not any(call.statistics for call in calls)) + ["connected to"] * chain
    kept = [i for i, name in enumerate(COLUMNS) if name not in left_out]
    cells = [[row[i] for i in kept] for row in (COLUMNS, *map(cells_of, calls))]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    sides = ["<" if COLUMNS[i] in ("layer", "output shape", "connected to") else ">" for i in kept]
    lines = [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in cells
    ]
    rule = "─" * max(map(len, lines))
    return [lines[0], rule, *lines[1:], rule]


def cells_of(call: Call) -> tuple[str, ...]:
    """A row as texts."""
    counts = (call.parameters, call.statistics, call.multiply_adds)
    sources = ", ".join(call.sources)
    if len(call.sources) > SHOWN:
        sources = f"{call.sources[0]}, …, {call.sources[-1]} ({len(call.sources)})"
    return f"{call.name} ({call.kind})".strip(), f"N×{dims(call.shape[1:])}", *(f"{n:,}" for n in counts), sources


def totals(model: Module, tracer: Tracer) -> list[str]:
    """How many parameters, statistics among them, as Keras counts them; what an input takes, in work and in memory."""
    sizes = [(p.array.size, p.requires_grad) for p in model.parameters()]
    learned, frozen = sum(n for n, _ in sizes), sum(n for n, learns in sizes if not learns)
    statistics = sum(b.array.size for b in model.buffers() if b.dtype.kind == "f")
    text = f"parameters: {learned:,}"
    if statistics:
        text = f"parameters: {learned + statistics:,} = {learned:,} learned + {statistics:,} statistics"
    weights = sum(tensor.array.nbytes for tensor in (*model.parameters(), *model.buffers()))
    outputs = sum(tracer.outputs.values())
    return [
        f"{text}; {frozen:,} of them frozen" if frozen else text,
        f"multiply-adds: {tracer.multiply_adds:,} for one input",
        f"memory: {size(weights)} of parameters and statistics, {size(outputs)} of outputs of layers",
    ]


def size(count: int) -> str:
    """Bytes in the unit that fits."""
    scale, unit = next((pair for pair in ((1e6, "MB"), (1e3, "kB")) if count >= pair[0]), (1, "B"))
    return f"{count / scale:,.{scale > 1:d}f} {unit}"
