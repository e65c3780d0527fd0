"""The walk back through the graph: reverse mode, with all that may be asked of it (`engine.core` has the idea)."""

from __future__ import annotations

import collections
import heapq
import operator
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl import backend
from minidl.backend import dims
from minidl.backend.forks import Lock
from minidl.backend.memory import SMALLEST
from minidl.backend.modes import enable_grad, no_grad
from minidl.engine.arrivals import Arrivals, Receiving
from minidl.engine.core import Edge, Node, Tensor, as_tuple, origin, wrap
from minidl.engine.hooks import hooked
from minidl.engine.watch import watch
from minidl.engine.writes import write

deposit_lock = Lock()


class Step(NamedTuple):
    """One op of the backward pass: the gradient that came `incoming`, and those it sent `outgoing` along `edges`."""

    name: str
    edges: Sequence[Edge]
    incoming: Any
    outgoing: list[Any]

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The shapes of the arguments that a gradient was sent to."""
        return tuple(parent.shape for _, parent in self.edges)


def walk(
    outputs: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    grads: dict[Any, Any],
    inputs: set[Node | Tensor] | None,
    retain_graph: bool | None,
    create_graph: bool,
    unfold: bool = False,
    arrivals: Arrivals | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Reverse mode: from `outputs` back to `inputs` (None: every leaf), whose gradients are left in `grads`.

    Gradients are raw arrays on the way, or Tensors where the pass itself shall be recorded (`create_graph`). `unfold`:
    what a kernel did in one go is shown op by op, as its reference would do it. `arrivals` are handed over on the way.
    """
    retain = create_graph if retain_graph is None else retain_graph
    needed = inputs and leading_to(inputs, outputs)
    heap: list[tuple[int, Node]] = []

    def give(edges: Sequence[Edge], gradients: Sequence[Any]) -> None:
        for (_, parent), g in zip(edges, gradients):  # noqa: B905
            before = grads.get(parent)
            grads[parent] = g if before is None else added(before, g)
            if before is None and isinstance(parent, Node):
                heapq.heappush(heap, (-parent.serial, parent))

    seeds = [seed(output, gradient, create_graph) for output, gradient in zip(outputs, gradients, strict=True)]
    give([(0, origin(output)) for output in outputs], seeds)
    while heap:
        _, node = heapq.heappop(heap)
        g = grads.pop(node)
        if node.hooks:
            g = hooked(node.hooks, g)
        if inputs and node in inputs:
            grads[node] = g
        edges = node.edges if needed is None else [edge for edge in node.edges if edge[1] in needed]
        if needed is not None and not edges:
            continue  # an input, or an output that leads to none: what lies behind it stays as it is
        if unfold and node.op.unfolds and not create_graph:
            outgoing = yield from node.op.steps(node, g, edges)
            give(edges, outgoing)
        else:
            outgoing = node.op.pull(node, g, edges) if watch.by is None else watch.by.pull(node, g, edges)
            give(edges, outgoing)
            yield node.op.name, edges, g, outgoing
        if arrivals is not None:
            arrivals.after(node, grads)
        if node.op.saves and not retain:
            node.kept, node.edges = None, ()
        del node, g, edges, outgoing
    own(grads, seeds)
    for parent, gradient in grads.items():
        if isinstance(parent, Tensor) and parent.ties is not None and parent.ties.hooks:
            grads[parent] = hooked(parent.ties.hooks, gradient)


def added(a: Any, b: Any) -> Any:
    """a + b, of arrays or Tensors; of arrays on a GPU, and of large ones, by the op: kernels serve it."""
    if isinstance(a, Tensor) or not (backend.on_gpu(a) or a.nbytes >= SMALLEST):
        add = operator.add
    else:
        add = by_op
    if watch.by is not None and not backend.on_gpu(a):
        return watch.by.op("sum of gradients", add, a, b)
    return add(a, b)


def by_op(a: Any, b: Any) -> Any:
    return (wrap(a) + wrap(b)).array


def backward(
    tensor: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradient of a tensor, weighted by `gradient`, to ``.grad`` of every leaf that requires one.

    Parameters
    ----------
    gradient : Tensor, optional
        Of the tensor's shape. May be left out for a scalar only, where it is 1.
    retain_graph : bool, optional
        Keep what the nodes saved, for another backward. Default: `create_graph`.
    create_graph : bool
        Record the backward pass itself, so that the gradients can be differentiated again.
    inputs : Tensor or sequence of Tensors, optional
        Those that shall get a gradient in ``.grad``, leaves or not. Default: every leaf.

    Raises
    ------
    RuntimeError
        For a non-scalar without `gradient`, a tensor without history, a second backward through freed buffers,
        or a saved array that was written in place after it was read.
    """
    consume(into_leaves((tensor,), (gradient,), retain_graph, create_graph, inputs), create_graph)


def backward_steps(
    tensor: Tensor, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False
) -> Iterator[Step]:
    """`backward`, op by op: yields a `Step` after each. Leaves get their gradients when it is exhausted.

    What a kernel did in one go unfolds into the ops that it stands for. Abandoned before its end, it leaves no
    gradients, and a graph that is freed as far as it came.
    """
    steps = into_leaves((tensor,), (gradient,), retain_graph, create_graph, unfold=True)
    yield from step_by_step(steps, create_graph)


def into_leaves(
    outputs: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
    retain_graph: bool | None,
    create_graph: bool,
    inputs: Tensor | Sequence[Tensor] | None = None,
    unfold: bool = False,
) -> Iterator[tuple[Any, ...]]:
    """`walk`, and at its end the gradients added to ``.grad`` of `inputs`, or of all leaves; receivers take theirs."""
    if create_graph:
        warnings.warn(
            "backward(create_graph=True) makes a cycle through .grad, which only the garbage collector frees; "
            "md.grad(..., create_graph=True) makes none",
            stacklevel=4,
        )
    takers = None if inputs is None else {origin(x): x for x in differentiable(as_tuple(inputs))}
    wanted = None if takers is None else set(takers)
    grads: dict[Any, Tensor] = {}
    arrivals = Arrivals(outputs, wanted) if Receiving.ever else None
    try:
        yield from walk(outputs, gradients, grads, wanted, retain_graph, create_graph, unfold, arrivals)
        with deposit_lock, enable_grad():
            for leaf, g in grads.items():
                taker = leaf if takers is None else takers.get(leaf)
                if taker is not None and taker.tracked:  # still
                    deposit(taker, g)
        if arrivals is not None:
            arrivals.finish()
    except BaseException:
        if arrivals is not None:
            arrivals.fail()
        raise


def deposit(taker: Tensor, g: Tensor) -> None:
    """Add a gradient to ``.grad``: in place, as PyTorch does, where neither is part of a graph."""
    kept = taker.grad
    if kept is None:
        taker.grad = g
    elif kept.tracked or g.tracked:
        taker.grad = kept + g
    else:
        write(kept.array, added(kept.array, g.array))


def differentiable(inputs: tuple[Any, ...]) -> tuple[Tensor, ...]:
    """The inputs of a backward pass, which must be tensors that require grad."""
    if not inputs:
        raise ValueError("backward: inputs is empty; leave it out to reach every leaf")
    for x in inputs:
        if not isinstance(x, Tensor):
            raise TypeError(f"backward: expected tensors as inputs, got {type(x).__name__}")
        if not x.tracked:
            raise RuntimeError("backward: an input does not require grad; set requires_grad before it is used")
    return inputs


def consume(steps: Iterator[tuple[Any, ...]], create_graph: bool) -> None:
    """Run a backward pass to its end, without holding a step, and with it two gradients, while the next is computed."""
    with np.errstate(all="ignore"), enable_grad() if create_graph else no_grad():
        collections.deque(steps, maxlen=0)


def step_by_step(steps: Iterator[tuple[Any, ...]], create_graph: bool) -> Iterator[Step]:
    """The steps of a backward pass; between them, the caller has the modes that it had."""
    while True:
        with np.errstate(all="ignore"), enable_grad() if create_graph else no_grad():
            step = next(steps, None)
        if step is None:
            return
        yield Step(*step)
        del step


def seed(output: Tensor, gradient: Tensor | None, create_graph: bool) -> Any:
    """The gradient that the walk starts from."""
    if not output.tracked:
        raise RuntimeError("backward: this tensor has no history and does not require grad")
    if gradient is None:
        if output.array.size != 1:
            raise RuntimeError(
                f"backward: gradient may be left out for a scalar only, the shape is {dims(output.shape)}"
            )
        one = backend.full_like(output.array, 1)
        return wrap(one) if create_graph else one
    if not isinstance(gradient, Tensor):
        raise TypeError(f"backward: gradient must be a Tensor, got {type(gradient).__name__}")
    if gradient.shape != output.shape or gradient.device != output.device:
        raise RuntimeError(
            f"backward: gradient must be a tensor of shape {dims(output.shape)} on {output.device}, "
            f"got {dims(gradient.shape)} on {gradient.device}"
        )
    gradient = gradient if gradient.dtype == output.dtype else gradient.to(output.dtype)
    return gradient if create_graph else gradient.array


def leading_to(inputs: set[Node | Tensor], outputs: Sequence[Tensor]) -> set[Node | Tensor]:
    """The nodes and leaves below `outputs` through which a gradient must pass to reach `inputs`.

    RuntimeError for a node that was freed, unless it is the one input: what lies behind it is not known any more.
    """
    seen: set[Node | Tensor] = set()
    stack = [origin(output) for output in outputs]
    while stack:
        parent = stack.pop()
        if parent not in seen:
            seen.add(parent)
            if isinstance(parent, Node) and inputs != {parent}:
                parent.alive()
                stack.extend(above for _, above in parent.edges)
    nodes = sorted((parent for parent in seen if isinstance(parent, Node)), key=lambda node: node.serial)
    needed = set(inputs)
    for node in nodes:
        if any(parent in needed for _, parent in node.edges):
            needed.add(node)
    return needed


def own(grads: dict[Any, Any], seeds: list[Any]) -> None:
    """Make each gradient a Tensor on memory of its own: no two leaves, and no caller, may share one."""
    taken = {id(g.array if isinstance(g, Tensor) else g) for g in seeds}
    for parent, g in grads.items():
        array = g.array if isinstance(g, Tensor) else g
        if not isinstance(g, Tensor):
            g = wrap(g if backend.on_gpu(g) else np.asarray(g))
        if id(array) in taken or g.array.base is not None:
            g = g.clone()
        taken.add(id(array))
        grads[parent] = g


def gradients(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    cotangents: Sequence[Tensor | None],
    retain_graph: bool | None,
    create_graph: bool,
) -> list[Tensor | None]:
    """The gradient of the outputs, weighted by their cotangents, for each input; None where they don't depend on it."""
    grads: dict[Any, Tensor] = {}
    consume(walk(outputs, cotangents, grads, {origin(x) for x in inputs}, retain_graph, create_graph), create_graph)
    return [grads.get(origin(x)) for x in inputs]
