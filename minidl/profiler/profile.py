"""The profiler: it keeps the time of every op, layer and range on one thread, and of products of matrices in them."""

from __future__ import annotations

import bisect
import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import cuda
from minidl.engine.watch import watch
from minidl.engine.writes import clock
from minidl.profiler.events import Event, EventList, Shares, by_layer, by_name
from minidl.profiler.roofline import Peaks, measure_peaks, roofline
from minidl.profiler.work import PRODUCTS, arrays_in, elements, made, traffic


class profile:
    """Profile what this thread computes in a ``with`` block (``torch.profiler.profile``).

    An op's time is that of its function on arrays: what is between ops counts as Python, the checks of arguments and
    the graph included. Products are those by ``numpy.matmul``; what a compiled kernel multiplies inside counts with
    the kernel, and of the threads that share an op this one stands for all. On a GPU each op is waited for, so that
    its time is its own.

    Raises
    ------
    RuntimeError
        If a profile is running already, in any thread.
    """

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._stack: list[Event] = []
        self._layers: tuple[str, ...] = ()
        self._root: Any = None
        self._paths: dict[int, str] = {}
        # What was going on when a node was made: its serial number lies behind a mark's. Each mark has the layers, the
        # op that was computed last, and its operations if it multiplies matrices.
        self._serials: list[int] = []
        self._marks: list[tuple[tuple[str, ...], str, int]] = []
        self._started = self._ended = 0.0

    def __enter__(self) -> profile:
        if watch.by is not None:
            raise RuntimeError("profile: another profile is running; end it first")
        self._thread = threading.get_ident()
        self._matmul = np.matmul
        np.matmul = self._product  # type: ignore
        watch.by = self
        self._started = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended = time.perf_counter()
        watch.by = None
        np.matmul = self._matmul

    # --- what the engine tells (see `engine.watch`) -------------------------------------------------------------------

    def op(self, name: str, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Compute an op, or the forward of a kernel."""
        if self._elsewhere():
            return function(*args, **options)
        arrays = arrays_in(args)
        with self._event(name, "op", self._layers) as event:
            result = function(*args, **options)
            wait(result)
        event.input_shapes = tuple(a.shape for a in arrays)
        if not event.nested:
            results = made(arrays, [result[0] if isinstance(result, tuple) else result])
            product = PRODUCTS[name](*arrays, **options) if name in PRODUCTS else 0
            event.flops, event.bytes = product or elements(arrays, results), traffic(arrays, results)
            self._mark(name, product)
        return result

    def pull(self, node: Any, g: Any, edges: Sequence[Any]) -> list[Any]:
        """Compute the gradients of a node's arguments."""
        if self._elsewhere():
            return node.op.pull(node, g, edges)
        layers, flops = self._recorded(node)
        arrays = arrays_in([getattr(g, "array", g), *node.read().values()])
        with self._event(f"{node.op.name} backward", "op", layers, backward=True) as event:
            outgoing = node.op.pull(node, g, edges)
            wait(*outgoing)
        event.input_shapes = (g.shape,)
        if not event.nested:
            results = made(arrays, [getattr(d, "array", d) for d in outgoing])
            product = flops * sum(i < 2 for i, _ in edges)  # by image and by weight
            event.flops, event.bytes = product or elements(arrays[:1], results), traffic(arrays, results)
        return outgoing

    def layer(self, modules: Sequence[Any], function: Callable[..., Any], *args: Any) -> Any:
        """Run a module, or several in a row; None of several means that they can't be run at once."""
        if self._elsewhere():
            return function(*args)
        before = self._layers
        if not before and modules[0] is not self._root:
            self._root = modules[0]
            self._paths = {id(module): path for path, module in self._root.named_modules()}
        name = self._label(modules)
        self._layers = (*before, name)
        self._mark()
        try:
            with self._event(name, "layer", self._layers):
                result = function(*args)
        finally:
            self._layers = before
            self._mark()
        if result is None and len(modules) > 1:
            self._events.pop()
        return result

    def timed(self, name: str) -> contextlib.AbstractContextManager[Any]:
        """A ``with`` block as an op."""
        return contextlib.nullcontext() if self._elsewhere() else self._event(name, "op", self._layers)

    def sent(self, name: str, request: Any) -> Any:
        """A message that goes to other ranks, as its request."""
        return request if self._elsewhere() else Sent(self, name, request)

    # --- how it keeps it ----------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return time.perf_counter() - self._started

    def _elsewhere(self) -> bool:
        return threading.get_ident() != self._thread

    @contextlib.contextmanager
    def _event(self, name: str, kind: str, layers: tuple[str, ...], backward: bool = False) -> Iterator[Event]:
        nested = any(event.kind == "op" for event in self._stack)
        event = Event(name, kind, layers, backward, nested)
        self._stack.append(event)
        event.start = self._now()
        try:
            yield event
        finally:
            event.end = self._now()
            self._stack.pop()
            if self._stack:
                self._stack[-1].inner += event.seconds
            self._events.append(event)

    def _product(self, *args: Any, **options: Any) -> Any:
        """``numpy.matmul``, whose time is added to that of the op around it."""
        if self._elsewhere() or not self._stack:
            return self._matmul(*args, **options)
        started = time.perf_counter()
        try:
            return self._matmul(*args, **options)
        finally:
            self._stack[-1].products += time.perf_counter() - started

    def _mark(self, name: str = "", flops: int = 0) -> None:
        self._serials.append(next(clock))
        self._marks.append((self._layers, name, flops))

    def _recorded(self, node: Any) -> tuple[tuple[str, ...], int]:
        """The layers in which a node was made, and the operations of its forward if it is a product of matrices."""
        place = bisect.bisect(self._serials, node.serial)
        layers, name, flops = self._marks[place - 1] if place else ((), "", 0)
        return layers, flops if name == node.op.name else 0

    def _label(self, modules: Sequence[Any]) -> str:
        """The path of a module and its type; of several, from the first to the last."""
        paths = [self._paths.get(id(module), "") for module in modules]
        types = ", ".join(type(module).__name__ for module in modules)
        path = paths[0] if len(paths) == 1 else f"{paths[0]}–{paths[-1].rpartition('.')[2]}"
        return f"{path} ({types})" if path else types

    # --- what it found ------------------------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        """How long the block took, all in all."""
        return self._ended - self._started

    def events(self) -> list[Event]:
        """Everything that was seen, in the order in which it ended."""
        return list(self._events)

    def shares(self) -> Shares:
        """How much of the time went into products of matrices, into other loops over arrays, and into Python."""
        ops = [event for event in self._events if event.kind == "op"]
        products = sum(event.products for event in ops)
        loops = sum(event.seconds for event in ops if not event.nested) - products
        whole = self.seconds or 1.0
        return Shares(products / whole, loops / whole, 1 - (products + loops) / whole)

    def key_averages(self, group_by_input_shape: bool = False) -> EventList:
        """Ops and ranges by name, forward and backward apart.

        Parameters
        ----------
        group_by_input_shape : bool
            Keep calls with other shapes apart, too.
        """
        averages = by_name(self._events, group_by_input_shape)
        return EventList(averages, self.seconds, self.shares(), shapes=group_by_input_shape)

    def layers(self) -> EventList:
        """Modules by their path from the one that was called first; layers that one kernel serves stand together.

        A module's time has that of the modules in it.
        """
        return EventList(by_layer(self._events), self.seconds, self.shares(), of_layers=True)

    def roofline(self, peaks: Peaks | None = None, row_limit: int = 20) -> str:
        """A table of the ops that took longest: what they reach of what the machine can do.

        Parameters
        ----------
        peaks : Peaks, optional
            What the machine can do. Default: it is measured now, which takes a second or two.
        row_limit : int
            At most so many rows.
        """
        return roofline(self.key_averages().averages, peaks or measure_peaks(), row_limit)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write all events in the form that chrome://tracing and Perfetto show; messages are on tracks of their own."""
        traced = []
        for number, event in enumerate(sorted(self._events, key=lambda event: event.start)):
            row = {"name": event.name, "cat": event.kind, "pid": os.getpid(), "tid": self._thread}
            if event.kind == "message":
                begun, ended = 1e6 * event.start, 1e6 * event.end
                traced += [row | {"id": number, "ph": p, "ts": at} for p, at in (("b", begun), ("e", ended))]
            else:
                said = {"layer": " > ".join(event.layers), "flops": event.flops, "bytes": event.bytes}
                traced.append(row | {"ph": "X", "ts": 1e6 * event.start, "dur": 1e6 * event.seconds, "args": said})
        Path(path).write_text(json.dumps({"traceEvents": traced, "displayTimeUnit": "ms"}), "utf-8")


class Sent:
    """The request of a message, whose event ends where it is first seen to be done."""

    def __init__(self, by: profile, name: str, request: Any) -> None:
        self.by, self.request = by, request
        self.event = Event(name, "message", by._layers, start=by._now())

    def Test(self) -> bool:
        """Whether it is done."""
        done = self.request.Test()
        if done and not self.event.end:
            self.event.end = self.by._now()
            self.by._events.append(self.event)
        return done


class record_function(contextlib.ContextDecorator):
    """A range with a name in a profile, as a ``with`` block or a decorator; nothing where there is none.

    Parameters
    ----------
    name : str
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> record_function:
        by = watch.by
        self._range = by._event(self.name, "range", ()) if isinstance(by, profile) and not by._elsewhere() else None
        if self._range is not None:
            self._range.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        if self._range is not None:
            self._range.__exit__(*exception)

    def _recreate_cm(self) -> record_function:  # each call of a decorated function is a range of its own
        return record_function(self.name)


def wait(*results: Any) -> None:
    """Wait for a GPU that computes these."""
    for result in results:
        array = getattr(result, "array", result)
        if backend.is_array(array) and backend.on_gpu(array):
            cuda.synchronize(backend.device_of(array))
            return
