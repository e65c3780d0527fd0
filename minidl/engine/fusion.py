"""Composites, and the fast kernels that may stand in for them.

A *composite* is written with ops: the readable truth. A *kernel* computes the same on raw arrays in one go, with a
backward of its own. Under ``create_graph=True`` a composite unfolds: its reference is run again and differentiated,
so that kernels need no second derivative.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend.modes import enable_grad, mode, no_fusion
from minidl.engine.core import Edge, Node, Tensor, attach, origin, wrap
from minidl.engine.declaration import Declaration
from minidl.engine.op import alias, checked, record
from minidl.engine.walk import gradients, walk
from minidl.engine.watch import watch

composites: dict[str, Composite] = {}
runs: dict[tuple[type, ...], Callable[..., Tensor | None]] = {}  # types of layers in a row -> what serves them at once


class Composite(Declaration):
    """A function written with ops, ``reference(*arrays, **options)``, and the kernels that may serve it.

    A kernel is a class with three static methods. ``when(*arrays, **options)`` says whether it serves these raw
    arrays. ``forward(*arrays, **options)`` returns the result, what backward needs, and any auxiliary arrays.
    ``backward(g, saved, needs, *arrays, **options)`` returns one gradient per array, None where not in ``needs``, the
    positions that want one.
    """

    unfolds = True

    def __init__(self, reference: Callable[..., Any]) -> None:
        super().__init__(reference.__name__, list(inspect.signature(reference).parameters.values()))
        self.reference = reference
        self.kernels: list[Any] = []
        self.saves = True
        self.needs = dict.fromkeys(range(len(self.arguments)), ())  # zero where the reference does not use it

    def serving(self, arrays: list[Any], options: dict[str, Any]) -> Any:
        """The first kernel that serves these arrays, or None: then the reference runs."""
        if not mode.fused or mode.anomaly:  # which op a NaN comes from can be seen in the reference alone
            return None
        return next((k for k in self.kernels if k.when(*arrays, **options)), None)

    def pull(self, node: Node, g: Any, edges: Sequence[Edge]) -> list[Any]:
        """The gradients of the arguments at `edges`, from the gradient `g` of the result."""
        kept = node.recall(as_tensors=False)
        arrays = [kept[name] for name in self.arguments]
        options = {name: kept[name] for name in self.options}
        needs = {i for i, _ in edges}
        if isinstance(g, Tensor):  # on which the others may act, too, once it is differentiated
            ports, z = self.rerun(arrays, options, node.edges)
            wanted = [port for (i, _), port in zip(node.edges, ports, strict=True) if i in needs]
            found = gradients((z,), wanted, (g,), None, True)
            return [
                Tensor(backend.full_like(x.array, 0)) if d is None else d for x, d in zip(wanted, found, strict=True)
            ]
        with backend.current(arrays[0]):
            outgoing = kept["kernel"].backward(g, kept["saved"], needs, *arrays, **options)
        return [checked(self, i, outgoing[i], parent.shape, parent.dtype) for i, parent in edges]

    def steps(self, node: Node, g: Any, edges: Sequence[Edge]) -> Generator[tuple[Any, ...], None, list[Any]]:
        """`pull`, as the steps of the reference: they are yielded, and the gradients returned."""
        kept = node.recall(as_tensors=False)
        arrays, options = [kept[name] for name in self.arguments], {name: kept[name] for name in self.options}
        with enable_grad(), no_fusion():
            ports, z = self.rerun(arrays, options, edges)
        grads: dict[Any, Any] = {}
        yield from walk((z,), (wrap(g),), grads, {origin(port) for port in ports}, None, False)
        return [
            grads[origin(port)].array if origin(port) in grads else backend.full_like(port.array, 0) for port in ports
        ]

    def rerun(self, arrays: list[Any], options: dict[str, Any], edges: Sequence[Edge]) -> tuple[list[Tensor], Tensor]:
        """The reference, run anew from ports: aliases of the arguments, that keep ``f(x, x)`` two of them."""
        ports = {i: alias(attach(arrays[i], parent)) for i, parent in edges}
        with backend.current(arrays[0]):
            result = self.reference(*[ports.get(i, array) for i, array in enumerate(arrays)], **options)
        return list(ports.values()), result[0] if isinstance(result, tuple) else result


def composite(reference: Callable[..., Any]) -> Any:
    """Declare a composite. Returns a plain function; its ``kernels`` list takes the fast forms."""
    self = Composite(reference)

    @functools.wraps(reference)
    def call(*args: Any, **options: Any) -> Any:
        args, options = self.bind(args, options)
        arrays = [a.array if isinstance(a, Tensor) else a for a in args]
        kernel = self.serving(arrays, options)
        if kernel is None:
            with backend.current(arrays[0]):
                return reference(*args, **options)
        with np.errstate(all="ignore"), backend.current(arrays[0]):
            if watch.by is None:
                z, saved, *auxiliary = kernel.forward(*arrays, **options)
            else:
                z, saved, *auxiliary = watch.by.op(self.name, kernel.forward, *arrays, **options)
        if any(isinstance(a, Tensor) for a in args):
            kept = dict(zip(self.arguments, arrays, strict=True)) | options | {"kernel": kernel, "saved": saved}
            z = record(self, args, arrays, kept, z)
        return (z, *auxiliary) if auxiliary else z

    call.kernels = self.kernels  # type: ignore[attr-defined]
    composites[self.name] = self
    return call


def fuses(*layers: type) -> Callable[[Callable[..., Tensor | None]], Callable[..., Tensor | None]]:
    """Declare ``function(input, *layers)``, which does what layers of exactly these types do in a row.

    It gives None where it can't; where it raises, they run one by one, so that the error comes from the right layer.
    """

    def register(function: Callable[..., Tensor | None]) -> Callable[..., Tensor | None]:
        runs[layers] = function
        return function

    return register
