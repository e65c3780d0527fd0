"""The engine: an array with a history, and one walk back through it.

An op (see `op`) computes on raw arrays; called on Tensors it also leaves a `Node`, which keeps just the arrays that its
derivative rules name, and knows where its arguments came from. Every node carries a rising serial number, so
the newest one left is always safe to differentiate next: `walk` pops them off a heap, and that is reverse mode.
"""

from __future__ import annotations

import collections
import heapq
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minidl import backend
from minidl.backend import Array, dims, dtypes, transfer
from minidl.backend.modes import enable_grad, mode, no_grad
from minidl.engine.writes import clock, fingerprints, refuse_overwritten

Method = Callable[..., Any]
deposit_lock = threading.Lock()


class Tensor:
    """An array (``.array``) that can remember how it was computed.

    Parameters
    ----------
    data : numpy.ndarray or cupy.ndarray
        The array itself, not copied. `minidl.tensor` makes one from lists, numbers, or in another dtype.
    requires_grad : bool
        Whether ``backward`` shall leave a gradient in ``.grad``. Floating-point arrays only.

    Attributes
    ----------
    array : array
        The raw array. Writing into it between forward and backward cannot be seen (see `minidl.detect_anomaly`).
    grad : Tensor or None
        The sum of all gradients that have reached this leaf.
    """

    __slots__ = ("array", "grad", "node", "tracked", "__weakref__")
    __array_ufunc__ = None  # so that NumPy leaves `array * tensor` to the Tensor

    # Arithmetic, functions and shape methods are ops: `minidl.ops.methods` binds them, in one table.
    __add__: Method
    __radd__: Method
    __sub__: Method
    __rsub__: Method
    __mul__: Method
    __rmul__: Method
    __truediv__: Method
    __neg__: Method
    __getitem__: Method
    __setitem__: Method
    __lt__: Method
    __gt__: Method
    __ge__: Method

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Method: ...

    def __init__(self, data: Array, requires_grad: bool = False) -> None:
        if not backend.is_array(data):
            raise TypeError(f"Tensor: expected an array, got {type(data).__name__}; minidl.tensor() converts")
        if data.dtype.kind not in "buif":
            raise TypeError(f"Tensor: dtype {data.dtype} is not supported; use a bool, integer or floating dtype")
        self.array = data
        self.grad: Tensor | None = None
        self.node: Node | None = None
        self.tracked = False
        if requires_grad:
            self.requires_grad = True

    shape = property(attrgetter("array.shape"), doc="Its size along each dimension, a tuple.")
    ndim = property(attrgetter("array.ndim"), doc="How many dimensions it has.")
    dtype = property(attrgetter("array.dtype"), doc="A NumPy dtype: ``md.float32``, ``md.int64``, …")
    device = property(lambda self: backend.device_of(self.array), doc='``"cpu"`` or ``"cuda:N"``.')
    is_leaf = property(lambda self: self.node is None, doc="True where no recorded op made it.")

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to it. May be set on leaves of a floating-point dtype only."""
        return self.tracked

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self.node is not None:
            raise RuntimeError("requires_grad: can be set on leaves only; .detach() cuts a computed tensor off")
        if value and self.dtype.kind != "f":
            raise RuntimeError(f"requires_grad: only floating-point tensors can have gradients, this is {self.dtype}")
        self.tracked = bool(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set ``requires_grad`` and return the tensor."""
        self.requires_grad = requires_grad
        return self

    def numel(self) -> int:
        """How many elements it has."""
        return self.array.size

    @property
    def data(self) -> Tensor:
        """A Tensor on the same memory, without its history. Setting it gives this tensor another array."""
        return wrap(self.array)

    @data.setter
    def data(self, data: Tensor) -> None:
        if not isinstance(data, Tensor):
            raise TypeError(f"data: expected a Tensor, got {type(data).__name__}; md.tensor() makes one")
        if self.tracked and data.dtype.kind != "f":
            raise RuntimeError(f"data: this tensor requires grad, which a tensor of {data.dtype} can't")
        self.array = data.array

    def detach(self) -> Tensor:
        """A Tensor on the same memory, without its history."""
        return wrap(self.array)

    def numpy(self) -> np.ndarray:
        """The array on the CPU, sharing memory if it is there already.

        Raises
        ------
        RuntimeError
            If the tensor requires a gradient, which NumPy would lose.
        ValueError, IndexError
            From a GPU: for labels or indices out of range in earlier calls, which are only looked at now.
        """
        if self.tracked:
            raise RuntimeError("numpy: this tensor requires grad; use .detach().numpy()")
        return transfer.move(self.array, "cpu")

    def item(self) -> bool | int | float:
        """The value of a one-element tensor as a Python number (ValueError for any other size).

        From a GPU, errors of earlier calls are raised as by `numpy`.
        """
        if self.array.size != 1:
            raise ValueError(f"item: expected one element, the shape is {dims(self.shape)}")
        return transfer.move(self.array, "cpu").item()

    def backward(
        self, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """Add the gradient of this tensor, weighted by `gradient`, to ``.grad`` of every leaf that requires one.

        Parameters
        ----------
        gradient : Tensor, optional
            Of this tensor's shape. May be left out for a scalar only, where it is 1.
        retain_graph : bool, optional
            Keep what the nodes saved, for another backward. Default: `create_graph`.
        create_graph : bool
            Record the backward pass itself, so that the gradients can be differentiated again.

        Raises
        ------
        RuntimeError
            For a non-scalar without `gradient`, a tensor without history, a second backward through freed buffers,
            or a saved array that was written in place after it was read.
        """
        consume(into_leaves(self, gradient, retain_graph, create_graph, unfold=False), create_graph)

    def backward_steps(
        self, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False
    ) -> Iterator[Step]:
        """`backward`, op by op: yields a `Step` after each. Leaves get their gradients when it is exhausted.

        What a kernel did in one go unfolds into the ops that it stands for. Abandoned before its end, it leaves no
        gradients, and a graph that is freed as far as it came.
        """
        yield from step_by_step(into_leaves(self, gradient, retain_graph, create_graph, unfold=True), create_graph)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.node is not None:
            raise RuntimeError("deepcopy: only leaves can be copied with what they are; .detach() or .clone() others")
        new = memo[id(self)] = type(self).__new__(type(self))
        with backend.current(self.array):
            new.array, new.node, new.tracked = self.array.copy(), None, self.tracked
        new.grad = None if self.grad is None else self.grad.detach().clone()
        return new

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False and backend.on_gpu(self.array):
            raise ValueError("array: a tensor on a GPU must be copied; got copy=False")
        return np.array(self.numpy(), dtype, copy=copy)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len: a 0-d tensor has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise ValueError(
                f"bool: a tensor of shape {dims(self.shape)} is neither true nor false; compare or reduce it"
            )
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "bui":
            raise TypeError(f"index: only integer tensors can be used as an index, this is {self.dtype}")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __repr__(self) -> str:
        text = np.array2string(transfer.move(self.array, "cpu"), precision=4, separator=", ", prefix="tensor(")
        notes = [text]
        if self.dtype not in (dtypes.DEFAULT_FLOAT, dtypes.int64, dtypes.bool_):
            notes.append(f"dtype={self.dtype}")
        if self.device != "cpu":
            notes.append(f"device='{self.device}'")
        if self.node is not None:
            notes.append(f"grad_fn=<{self.node.op.name}>")
        elif self.tracked:
            notes.append("requires_grad=True")
        return f"tensor({', '.join(notes)})"


# --- what is recorded -------------------------------------------------------------------------------------------------


Edge = tuple[int, Any]  # the position of an argument, and where it came from: the Node that made it, or the leaf itself


class Node:
    """A recorded call: its op, when it read its arguments, where they came from, and what its rules asked to keep.

    It holds raw arrays, never its own output, of which it knows shape and dtype: no cycle forms, and memory goes when
    the last name goes.
    """

    __slots__ = ("serial", "op", "edges", "kept", "shape", "dtype", "prints", "__weakref__")

    def __init__(self, op: Any, edges: Sequence[Edge], kept: dict[str, Any], z: Array) -> None:
        self.serial = next(clock)
        self.op = op
        self.edges = edges
        self.kept: dict[str, Any] | None = kept
        self.shape: tuple[int, ...] = z.shape
        self.dtype: np.dtype = z.dtype
        self.prints = fingerprints(kept) if mode.anomaly else None

    def alive(self) -> dict[str, Any]:
        """What was kept, unless a backward has freed it: RuntimeError."""
        if self.kept is None:
            raise RuntimeError(
                f"{self.op.name}: backward a second time through a graph whose buffers are freed; "
                "keep them with backward(retain_graph=True)"
            )
        return self.kept

    def recall(self, as_tensors: bool) -> dict[str, Any]:
        """What was kept; `as_tensors`: arguments and result tied to the graph again, so that rules record."""
        kept = dict(self.alive())
        refuse_overwritten(self)
        if as_tensors:
            parents = {self.op.argument(i): parent for i, parent in self.edges} | {"z": self}
            kept |= {name: attach(kept[name], parent) for name, parent in parents.items() if name in kept}
        return kept


def wrap(array: Array) -> Tensor:
    """A Tensor on an array that is known to be one, without the checks of the constructor."""
    tensor = Tensor.__new__(Tensor)
    tensor.array, tensor.grad, tensor.node, tensor.tracked = array, None, None, False
    return tensor


def attach(array: Array, parent: Node | Tensor) -> Tensor:
    """A Tensor on a saved array, at its place in the graph."""
    if isinstance(parent, Tensor):
        if parent.array is not array:
            raise RuntimeError("create_graph: the .array of a leaf was replaced after it was read")
        return parent
    tensor = Tensor(array)
    tensor.node, tensor.tracked = parent, True
    return tensor


def origin(tensor: Tensor) -> Node | Tensor:
    """Where a tensor's gradient goes: to the node that made it, or to the leaf that it is."""
    return tensor if tensor.node is None else tensor.node


# --- the backward pass ------------------------------------------------------------------------------------------------


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
) -> Iterator[tuple[Any, ...]]:
    """Reverse mode: from `outputs` back to `inputs` (None: every leaf), whose gradients are left in `grads`.

    Gradients are raw arrays on the way, or Tensors where the pass itself shall be recorded (`create_graph`). `unfold`:
    what a kernel did in one go is shown op by op, as its reference would do it.
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
        g = grads[node] if inputs and node in inputs else grads.pop(node)
        edges = node.edges if needed is None else [edge for edge in node.edges if edge[1] in needed]
        if needed is not None and not edges:
            continue  # an input, or an output that leads to none: what lies behind it stays as it is
        if unfold and node.op.unfolds and not create_graph:
            outgoing = yield from node.op.steps(node, g, edges)
            give(edges, outgoing)
        else:
            outgoing = node.op.pull(node, g, edges)
            give(edges, outgoing)
            yield node.op.name, edges, g, outgoing
        if not retain:
            node.kept, node.edges = None, ()
        del node, g, edges, outgoing
    own(grads, seeds)


def added(a: Any, b: Any) -> Any:
    """a + b, of arrays or Tensors; CuPy's arrays by the op, which keeps their order in memory."""
    return (wrap(a) + wrap(b)).array if backend.on_gpu(a) else a + b


def into_leaves(
    output: Tensor, gradient: Tensor | None, retain_graph: bool | None, create_graph: bool, unfold: bool
) -> Iterator[tuple[Any, ...]]:
    """`walk` from one output, and at its end the gradients added to ``.grad`` of the leaves."""
    if create_graph:
        warnings.warn(
            "backward(create_graph=True) makes a cycle through .grad, which only the garbage collector frees; "
            "md.grad(..., create_graph=True) makes none",
            stacklevel=4,
        )
    grads: dict[Any, Tensor] = {}
    yield from walk((output,), (gradient,), grads, None, retain_graph, create_graph, unfold)
    with deposit_lock, enable_grad():
        for leaf, g in grads.items():
            leaf.grad = g if leaf.grad is None else leaf.grad + g


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
        gradient = Tensor(backend.full_like(output.array, 1))
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
    """The nodes and leaves below `outputs` through which a gradient must pass to reach `inputs`."""
    seen: set[Node | Tensor] = set()
    stack = [origin(output) for output in outputs]
    while stack:
        parent = stack.pop()
        if parent not in seen:
            seen.add(parent)
            if isinstance(parent, Node):
                stack.extend(above for _, above in parent.edges)
    nodes = sorted((parent for parent in seen if isinstance(parent, Node)), key=lambda node: node.serial)
    needed = seen & inputs
    if len(needed) < len(inputs):
        for node in nodes:
            node.alive()  # an input that can't be reached may lie behind one that was freed
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


# --- gradients as values ----------------------------------------------------------------------------------------------


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of `outputs` with respect to `inputs`, leaves or not; no ``.grad`` is touched.

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensors
    grad_outputs : Tensor or sequence, optional
        A cotangent for each output, of its shape; may be left out for scalars.
    retain_graph, create_graph : as in `Tensor.backward`
    allow_unused : give None for an input that the outputs do not depend on, instead of raising.
    materialize_grads : give zeros for it.

    Returns
    -------
    tuple of Tensor
        One gradient per input, of its shape and dtype.

    Raises
    ------
    RuntimeError
        If an input does not require grad, or is not used.
    """
    outs, ins = as_tuple(outputs), as_tuple(inputs)
    for t in (*outs, *ins):
        if not isinstance(t, Tensor):
            raise TypeError(f"grad: expected tensors, got {type(t).__name__}")
    if not outs or not ins:
        raise ValueError(f"grad: needs outputs and inputs, got {len(outs)} and {len(ins)}")
    cotangents = (None,) * len(outs) if grad_outputs is None else as_tuple(grad_outputs)
    if len(cotangents) != len(outs):
        raise ValueError(f"grad: {len(outs)} outputs need as many grad_outputs, got {len(cotangents)}")
    for x in ins:
        if not x.tracked:
            raise RuntimeError("grad: an input does not require grad; set requires_grad before it is used")
    grads: dict[Any, Tensor] = {}
    consume(walk(outs, cotangents, grads, {origin(x) for x in ins}, retain_graph, create_graph), create_graph)
    gradients = [grads.get(origin(x)) for x in ins]
    if materialize_grads:
        zeros = [Tensor(backend.full_like(x.array, 0)) for x in ins]
        return tuple(zero if g is None else g for zero, g in zip(zeros, gradients, strict=True))
    if not allow_unused and any(g is None for g in gradients):
        raise RuntimeError(
            "grad: an input is not part of the graph of the outputs; allow_unused=True gives None for it, "
            "materialize_grads=True zeros"
        )
    return tuple(gradients)


def as_tuple(tensors: Any) -> tuple[Any, ...]:
    """One tensor, or a sequence of them, as a tuple."""
    return (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)
