"""The engine: an array with a history.

An op (see `op`) computes on raw arrays; called on Tensors it also leaves a `Node`, which keeps just the arrays that its
derivative rules name, and knows where its arguments came from. Every node carries a rising serial number, so the newest
one left is always safe to differentiate next: all that used its result is newer, and done. Reverse mode is no more::

    def backward(z):                                  # dz/dx, for every leaf x that z was computed from
        gradients, heap = {z.node: 1.0}, [z.node]
        while heap:
            node = pop_newest(heap)
            g = gradients.pop(node)
            for parent, rule in node.edges:
                push(heap, parent)
                gradients[parent] = gradients.get(parent, 0.0) + rule(g, *node.kept)
        return gradients

`engine.walk` is this loop, with all that may be asked of it: several outputs, some of the inputs, gradients of
gradients, memory that goes as the walk passes, one step at a time.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from minidl import backend
from minidl.backend import Array, dims, transfer
from minidl.backend.modes import mode
from minidl.engine.size import Size
from minidl.engine.values import Values
from minidl.engine.writes import clock, fingerprints, refuse_overwritten, replaced

Method = Callable[..., Any]


class Tensor(Values):
    """An array (``.array``) that can remember how it was computed.

    Parameters
    ----------
    data : numpy.ndarray or cupy.ndarray
        The array itself, not copied. `minidl.tensor` makes one from lists, numbers, or in another dtype.
    requires_grad : bool
        Whether ``backward`` shall leave a gradient in ``.grad``. Floating-point arrays only.
    *sizes : int
        Refused, as all but arrays: PyTorch's ``Tensor(2, 3, 4)`` is ``md.empty(2, 3, 4)``.

    Attributes
    ----------
    array : array
        The raw array. Writing into it between forward and backward cannot be seen (see `minidl.detect_anomaly`).
    """

    __slots__ = ("array", "gradient", "node", "tracked", "ties", "__dict__", "__weakref__")
    __array_ufunc__ = None  # so that NumPy leaves `array * tensor` to the Tensor

    # Arithmetic, functions and shape methods are ops, and `backward` is of the walk: `minidl.ops.methods` binds them,
    # in one table.
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

    def __init__(self, data: Array, requires_grad: bool = False, *sizes: int) -> None:
        if not backend.is_array(data) or sizes:
            raise TypeError(
                f"Tensor: expected an array, got {type(data).__name__}; "
                "md.tensor(data) makes one of numbers, md.empty(sizes) one of a size"
            )
        self.array = backend.plain("Tensor", data)
        self.gradient: Tensor | None = None
        self.node: Node | None = None
        self.tracked = False
        self.ties: Ties | None = None
        if requires_grad:
            self.requires_grad = True

    shape = property(lambda self: Size(self.array.shape), doc="Its size along each dimension, a tuple (see `Size`).")
    ndim = property(attrgetter("array.ndim"), doc="How many dimensions it has.")
    dtype = property(attrgetter("array.dtype"), doc="A NumPy dtype: ``md.float32``, ``md.int64``, …")
    device = property(lambda self: backend.device_of(self.array), doc='``"cpu"`` or ``"cuda:N"``.')
    is_cuda = property(lambda self: backend.on_gpu(self.array), doc="Whether it lies on a GPU.")
    is_sparse = property(lambda self: False, doc="False: tensors are dense. Optimizers of one's own ask.")
    is_leaf = property(lambda self: self.node is None, doc="True where no recorded op made it.")
    grad_fn = property(attrgetter("node"), doc="The `Node` of the op that made it; None for a leaf.")

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to it. May be set on leaves of a floating-point dtype only."""
        return self.tracked

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self.node is not None and not value:
            raise RuntimeError("requires_grad: can be set on leaves only; .detach() cuts a computed tensor off")
        if value and self.dtype.kind != "f":
            raise RuntimeError(f"requires_grad: only floating-point tensors can have gradients, this is {self.dtype}")
        self.tracked = bool(value)

    @property
    def grad(self) -> Tensor | None:
        """The sum of all gradients that have reached this leaf, or a tensor of which `retain_grad` was asked.

        It may be set to None, or to a Tensor of this one's shape, dtype and device: TypeError, RuntimeError.
        """
        return self.gradient

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(f"grad: expected a Tensor or None, got {type(value).__name__}")
            if not backend.alike(value.array, self.array):
                raise RuntimeError(
                    f"grad: expected a gradient of {dims(self.shape)}, {self.dtype}, on {self.device}; "
                    f"got {dims(value.shape)}, {value.dtype}, on {value.device}"
                )
        self.gradient = value

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set ``requires_grad`` and return the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def data(self) -> Tensor:
        """A Tensor on the same memory, without its history. Setting it gives this tensor the memory of another."""
        return wrap(self.array)

    @data.setter
    def data(self, data: Tensor) -> None:
        if not isinstance(data, Tensor):
            raise TypeError(f"data: expected a Tensor, got {type(data).__name__}; md.tensor() makes one")
        if self.tracked and data.dtype.kind != "f":
            raise RuntimeError(f"data: this tensor requires grad, which a tensor of {data.dtype} can't")
        if self.tracked and (data.shape, data.dtype) != (self.shape, self.dtype):
            replaced(self)
        if self.array is data.array:
            return  # as at the end of x.data += 1
        if self.ties is not None:  # which is of the memory that it leaves
            if self.ties.view is not None and self.ties.view.base is not None:
                self.ties.view.base.ties.views.pop(id(self), None)
            self.ties.view = self.ties.views = None
        self.array = data.array

    def detach(self) -> Tensor:
        """A Tensor on the same memory, without its history."""
        return wrap(self.array)

    def detach_(self) -> Tensor:
        """Forget the history, and return the tensor: a leaf that requires no gradient. RuntimeError for a view."""
        if self.ties is not None and self.ties.view is not None:
            raise RuntimeError("detach_: this is a view of another tensor; .detach() gives a tensor without history")
        self.node, self.tracked = None, False
        return self

    def __getstate__(self) -> dict[str, Any]:
        """What pickle keeps: the value, with its gradient; what has been computed comes back as a leaf."""
        array = transfer.move(self.array, "cpu")
        return dict(array=array, device=self.device, grad=self.grad, requires_grad=self.tracked, more=self.__dict__)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.array, self.tracked = transfer.move(state["array"], state["device"]), state["requires_grad"]
        self.grad, self.node, self.ties = state["grad"], None, None
        self.__dict__.update(state["more"])

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.node is not None:
            raise RuntimeError("deepcopy: only leaves can be copied with what they are; .detach() or .clone() others")
        new = memo[id(self)] = type(self).__new__(type(self))
        with backend.current(self.array):
            new.array, new.node, new.tracked, new.ties = self.array.copy(), None, self.tracked, None
        new.gradient = None if self.grad is None else self.grad.detach().clone()
        new.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return new


Edge = tuple[int, Any]  # the position of an argument, and where it came from: the Node that made it, or the leaf itself


class Node:
    """A recorded call: its op, when it read its arguments, where they came from, and what its rules asked to keep.

    It holds raw arrays, never its own output, of which it knows shape and dtype: no cycle forms, and memory goes when
    the last name goes.
    """

    __slots__ = ("serial", "op", "edges", "kept", "shape", "dtype", "prints", "hooks", "__weakref__")

    def __init__(self, op: Any, edges: Sequence[Edge], kept: dict[str, Any], z: Array) -> None:
        self.serial = next(clock)
        self.op = op
        self.edges = edges
        self.kept: Any = kept  # a dict; or a function that computes it anew; None once it is freed
        self.shape: tuple[int, ...] = z.shape
        self.dtype: np.dtype = z.dtype
        self.prints = fingerprints(kept) if mode.anomaly else None
        self.hooks: list[Callable[[Tensor], Any]] | None = None

    def alive(self) -> Any:
        """What was kept, or computes it anew, unless a backward has freed it: RuntimeError."""
        if self.kept is None:
            raise RuntimeError(
                f"{self.op.name}: backward a second time through a graph whose buffers are freed; "
                "keep them with backward(retain_graph=True)"
            )
        return self.kept

    def read(self) -> dict[str, Any]:
        """What was kept, or is computed anew; RuntimeError if it was written in place since the op read it."""
        kept = self.alive()
        if callable(kept):
            return kept()
        refuse_overwritten(self)
        return kept

    def recall(self, as_tensors: bool) -> dict[str, Any]:
        """What was kept; `as_tensors`: arguments and result tied to the graph again, so that rules record."""
        kept = dict(self.read())
        if as_tensors:
            parents = {self.op.argument(i): parent for i, parent in self.edges} | {"z": self}
            kept |= {name: attach(kept[name], parent) for name, parent in parents.items() if name in kept}
        return kept

    def name(self) -> str:
        """The name of the op."""
        return self.op.name

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """Where its gradients go: the nodes of its arguments, or `AccumulateGrad` for a leaf, each paired with 0."""
        return tuple((p if isinstance(p, Node) else AccumulateGrad(p), 0) for _, p in self.edges)

    def __repr__(self) -> str:
        return f"<{self.op.name}>"


class AccumulateGrad(NamedTuple):
    """The end of the graph at a leaf, whose ``.grad`` takes up what arrives."""

    variable: Tensor

    def __repr__(self) -> str:
        return "<AccumulateGrad>"


class Ties:
    """What few tensors have: a place in another's memory, views that others have of its own, hooks of its gradient, and
    who takes it.
    """

    __slots__ = ("view", "views", "hooks", "receiver")

    def __init__(self) -> None:
        self.view: Any = None  # a `views.View`
        self.views: Any = None  # a weak set of tensors
        self.hooks: list[Callable[[Tensor], Any]] | None = None  # of a leaf; a computed tensor has them at its node
        self.receiver: Any = None  # an `arrivals.Receiver`


def wrap(array: Array) -> Tensor:
    """A Tensor on an array that is known to be one, without the checks of the constructor."""
    tensor = Tensor.__new__(Tensor)
    tensor.array, tensor.gradient, tensor.node, tensor.tracked, tensor.ties = array, None, None, False, None
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


def as_tuple(tensors: Any) -> tuple[Any, ...]:
    """One tensor, or several of them, as a tuple."""
    return tuple(tensors) if isinstance(tensors, Iterable) and not isinstance(tensors, Tensor) else (tensors,)
