"""Ops: a function of raw arrays, and beside it one rule for each argument that it can be differentiated by.

    @elementwise(promotes=True, floats=True)
    def div(xp, x, y):
        return x / y

    div.vjp(x=lambda g, y: g / y, y=lambda g, x, y: -g * (x / y / y))

A rule's parameters name what is kept for it; what no rule names is not kept. Rules are polymorphic: on raw arrays
they compute, on Tensors (``create_graph=True``) every call in them records itself, and so there is a next order.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy import ndarray

from minidl import backend
from minidl.backend import Array, dims, dtypes, transfer
from minidl.backend.modes import mode
from minidl.backend.sums import total
from minidl.engine.core import Edge, Node, Tensor, wrap
from minidl.engine.declaration import Declaration
from minidl.engine.require import explained, refuse_bools, require_arrays, same_device, same_dtype
from minidl.engine.views import tie
from minidl.engine.watch import watch

Function = TypeVar("Function", bound=Callable[..., Any])
# Where 1/0 and log 0 are inf, as on a GPU, and no warning: `np.errstate` takes 0.84 µs a call, a copied context 0.09.
quiet = contextvars.Context()
quiet.run(np.seterr, all="ignore")
registry: dict[str, Op] = {}
LARGE = 1 << 14  # elements of an array whose memory is worth keeping


class Rule(NamedTuple):
    """A partial derivative: ``function(g, *names)``, and the keyword parameters (`rest`) that it passes on whole."""

    function: Callable[..., Any]
    names: tuple[str, ...]
    rest: tuple[str, ...]


class Op(Declaration):
    """A function of raw arrays with its derivative rules: what `op` makes of a declaration."""

    def __init__(
        self, forward: Callable, broadcasts: bool, promotes: bool, floats: bool, wraps: bool, elementwise: bool
    ) -> None:
        super().__init__(forward.__name__, list(inspect.signature(forward).parameters.values())[1:])
        self.forward = forward
        self.broadcasts = broadcasts or (elementwise and promotes)
        self.promotes = promotes
        self.floats = floats
        self.wraps = wraps
        self.elementwise = elementwise
        self.large = forward  # what computes it on NumPy's arrays, the first of them LARGE: perhaps a kernel
        self.cuda: Callable[..., Any] | None = None  # what computes it on CuPy's arrays, if a kernel does
        self.rules: dict[str, Rule] = {}

    def vjp(self, **rules: Callable[..., Any]) -> None:
        """Declare ``argument=rule``: the vector-Jacobian product with respect to that argument.

        A rule's first parameter is the incoming gradient; the others name what it needs: arguments, the result ``z``,
        the argument's own ``shape``, options; ``**k`` stands for all other options. In a variadic op, ``i`` is the
        argument's position and ``shapes`` all shapes. Rules must be linear and differentiable in the gradient.
        """
        for argument, function in rules.items():
            if argument not in self.arguments:
                raise ValueError(f"{self.name}: no argument {argument!r} to differentiate by; it has {self.arguments}")
            _, *parameters = inspect.signature(function).parameters.values()
            names = tuple(p.name for p in parameters if p.kind is not p.VAR_KEYWORD)
            rest = self.options if len(names) < len(parameters) else ()
            self.rules[argument] = Rule(function, names, tuple(name for name in rest if name not in names))
            places = {name: i for i, name in enumerate(self.arguments)} | {"z": -1}
            needs = tuple((name, places[name]) for name in names if name in places)
            self.needs[self.arguments.index(argument)] = needs
            self.saves = self.saves or bool(needs)

    def plain(self, args: tuple[Any, ...]) -> list[Array] | None:
        """The arrays, if all are of one floating dtype on NumPy, or Python numbers beside them: the common case."""
        arrays: list[Any] = []
        dtype, numbers = None, False
        for a in args:
            if isinstance(a, Tensor):
                array = a.array
                if type(array) is not ndarray:
                    return None
                if array.dtype is not dtype:
                    if array.dtype.kind != "f" or (dtype is not None and array.dtype != dtype):
                        return None
                    dtype = array.dtype
                arrays.append(array)
            elif self.promotes and (type(a) is float or type(a) is int):
                numbers = True
                arrays.append(a)
            else:
                return None
        if dtype is None:
            return None
        if numbers:
            try:
                arrays = [a if type(a) is ndarray else quiet.copy().run(np.array, a, dtype) for a in arrays]
            except OverflowError:
                raise dtypes.out_of_range(self.name, max(a for a in args if type(a) is int), dtype) from None
        return arrays

    def unify(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Bring the operands to one device and one dtype; a scalar takes the dtype of the arrays beside it."""
        same_device(self.name, *args)
        args = tuple(backend.plain(self.name, a) if backend.is_array(a) else a for a in args)
        operands = [a for i, a in enumerate(args) if not self.rules or self.differentiable(i)]
        require_arrays(self.name, *operands, scalars=self.promotes)
        require_arrays(self.name, *[a for i, a in enumerate(args) if self.rules and not self.differentiable(i)])
        if mode.recording and any(isinstance(a, Tensor) and a.tracked for a in args):
            args = tuple(clone(a) if backend.is_array(a) else a for a in args)  # writes are noticed of Tensors alone
        if not (self.promotes or self.floats):
            same_dtype(self.name, *operands)
            return args
        dtype = dtypes.result_type(tuple(operands))
        if self.floats and dtype.kind != "f":
            dtype = dtypes.default_float
        if not (self.rules or self.wraps) and dtype.kind in "ui":
            dtype = dtypes.int64  # a comparison sees a scalar as it is
        xp = backend.namespace(*[a.array for a in args if isinstance(a, Tensor)])
        unified = []
        for i, a in enumerate(args):
            if self.rules and not self.differentiable(i):
                unified.append(a)
            elif isinstance(a, Tensor):
                unified.append(a if a.array.dtype == dtype else cast(a, dtype))
            else:
                if dtype.kind in "iu" and not self.wraps and not backend.is_array(a):
                    dtypes.require_room(self.name, a, dtype)
                unified.append(as_operand(self.name, a, dtype, xp))
        return tuple(unified)

    def forward_on_gpu(self, xp: Any, *arrays: Any, **options: Any) -> Any:
        """What it computes on CuPy's arrays, on the device where they are."""
        with next(a for a in arrays if backend.on_gpu(a)).device:
            if self.cuda is not None and mode.fused:
                return self.cuda(*arrays, **options)
            if self.elementwise:
                return backend.in_memory_order(functools.partial(self.forward, xp, **options), *arrays)
            return self.forward(xp, *arrays, **options)

    def pull(self, node: Node, g: Any, edges: Sequence[Edge]) -> list[Any]:
        """The gradients of the arguments at `edges`, from the gradient `g` of the result."""
        array = g.array if isinstance(g, Tensor) else g
        if not backend.on_gpu(array):
            return self.by_rules(node, g, edges)
        with array.device:
            if array is not g:
                return self.by_rules(node, g, edges)
            return [d.array for d in self.by_rules(node, wrap(g), edges)]  # by ops, which keep memory in order

    def by_rules(self, node: Node, g: Any, edges: Sequence[Edge]) -> list[Any]:
        """`pull`, on the current device."""
        kept = node.recall(as_tensors=isinstance(g, Tensor))
        outgoing = []
        for i, parent in edges:
            shape = kept["shape"] = parent.shape
            kept["i"] = i
            function, names, rest = self.rules[self.arguments[0 if self.variadic else i]]
            if rest:
                d = function(g, *[kept[name] for name in names], **{name: kept[name] for name in rest})
            elif len(names) == 1:  # like most: 0.2 µs less
                d = function(g, kept[names[0]])
            else:
                d = function(g, *map(kept.__getitem__, names))
            if d.shape != shape and self.broadcasts:
                d = sum_to(d, shape)
            if d.shape != shape or d.dtype is not parent.dtype or mode.anomaly:
                d = checked(self, i, d, shape, parent.dtype)
            outgoing.append(d)
        return outgoing


def as_operand(name: str, a: Any, dtype: np.dtype, xp: Any) -> Any:
    """An array or a number, in `dtype`. Beside CuPy's arrays a number stays one: an array would take two launches.

    ValueError, in the name of an op, for an integer beyond what 64 bits, or a float, hold.
    """
    try:
        if xp is not np and isinstance(a, dtypes.SCALARS):
            return quiet.copy().run(np.asarray(a).astype, dtype)[()]
        with backend.current(a):
            return quiet.copy().run(xp.asarray(a).astype, dtype, copy=False)
    except OverflowError:
        raise dtypes.out_of_range(name, a, dtype) from None


def checked(op: Any, position: int, d: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """A gradient as its argument needs it: of the same shape, or the engine is wrong; cast to the same dtype."""
    if d.shape != shape:
        raise RuntimeError(
            f"{op.name}: its rule for {op.argument(position)} gave a gradient of shape {dims(d.shape)}, "
            f"the argument is {dims(shape)}: a fault of the engine, please report it"
        )
    if mode.anomaly and mode.check_nan and bool((d != d).sum()):
        raise RuntimeError(f"{op.name}: the gradient of {op.argument(position)} is NaN")
    return d if d.dtype == dtype else cast(d, dtype)


def op(
    forward: Any = None,
    *,
    broadcasts: bool = False,
    promotes: bool = False,
    floats: bool = False,
    wraps: bool = False,
    elementwise: bool = False,
    views: bool = False,
    bools: bool = True,
) -> Any:
    """Declare an op: ``forward(xp, *arrays, **options)`` on raw arrays, `xp` being NumPy or CuPy.

    Parameters
    ----------
    forward : function
        Parameters without default are arrays; those with one, or behind ``*``, are options.
    broadcasts : bool
        Its operands broadcast; gradients are summed back to their shapes.
    promotes : bool
        Operands of different dtypes are brought to their common one, which is an error otherwise.
    floats : bool
        Its result is floating-point: integer operands become the default float first.
    wraps : bool
        Integers are taken modulo the range of their dtype; a number out of it is refused otherwise.
    elementwise : bool
        Each element of its result comes from one element of each operand; operands that promote broadcast, too.
    views : bool
        Its result may lie in the memory of its only array, and then changes with it.
    bools : bool
        Its operands may be of bools.

    Returns
    -------
    A plain function: on arrays it computes; on Tensors it computes and records. Its ``vjp`` declares the derivatives.
    """
    if forward is None:
        flags = dict(broadcasts=broadcasts, promotes=promotes, floats=floats, wraps=wraps, elementwise=elementwise)
        return functools.partial(op, views=views, bools=bools, **flags)
    self = Op(forward, broadcasts, promotes, floats, wraps, elementwise)
    arity = len(self.arguments)

    @functools.wraps(forward)
    def call(*args: Any, **options: Any) -> Any:
        if options or len(args) != arity:
            args, options = self.bind(args, options)
        else:
            options = self.defaults
        arrays, xp = self.plain(args), np
        if arrays is None:
            if {*map(type, args)} == {ndarray}:  # as in rules
                return (forward if args[0].size < LARGE else self.large)(np, *args, **options)
            if not any([isinstance(a, Tensor) for a in args]):
                require_arrays(self.name, *args, scalars=True)
                same_device(self.name, *args)
                xp = backend.namespace(*args)
                z = forward(np, *args, **options) if xp is np else self.forward_on_gpu(xp, *args, **options)
                return z[()] if isinstance(z, ndarray) and not any(map(backend.is_array, args)) else z  # a number, too
            if not bools:
                refuse_bools(self.name, args)
            if len(args) > 1 or (floats and args[0].array.dtype.kind != "f"):
                args = self.unify(args)
            arrays = [a.array if isinstance(a, Tensor) else a for a in args]
            xp = backend.namespace(*arrays)
        try:
            seen = () if watch.by is None else (watch.by.op, self.name)
            on_cpu = forward if self.large is forward or arrays[0].size < LARGE else self.large
            z = quiet.copy().run(*seen, on_cpu if xp is np else self.forward_on_gpu, xp, *arrays, **options)
            z = z if type(z) is ndarray or backend.on_gpu(z) else np.asarray(z)  # where NumPy gives a scalar
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            if str(error).startswith(f"{self.name}:") or transfer.is_late(error):
                raise
            raise explained(self.name, arrays, error) from None
        result = record(self, args, arrays, options, z)
        if views:
            tie(result, args[0], call, options)
        return result

    call.__signature__ = self.signature  # type: ignore[attr-defined]
    call.op = self  # type: ignore[attr-defined]
    call.vjp = self.vjp  # type: ignore[attr-defined]
    registry[self.name] = self
    return call


elementwise = functools.partial(op, elementwise=True)


def on_cuda(function: Callable[..., Any]) -> Callable[[Function], Function]:
    """Declare what computes an op, or a `by_device` function, on CuPy's arrays: ``kernel(*arrays, **options)``."""
    replaced: Any = getattr(function, "op", function)

    def register(kernel: Function) -> Function:
        replaced.cuda = kernel
        return kernel

    return register


def record(
    op: Declaration, args: tuple[Any, ...], arrays: list[Array], options: dict[str, Any], array: Array
) -> Tensor:
    """Wrap a result, with a Node where a gradient may be wanted: it keeps what the rules name, and the options."""
    z = wrap(array)
    if mode.recording and array.dtype.kind == "f":
        edges, kept = [], dict(options)
        for i, a in enumerate(args):
            if isinstance(a, Tensor) and a.tracked:
                needs = op.needs.get(0 if op.variadic else i)
                if needs is not None:
                    edges.append((i, a.node or a))
                    for name, place in needs:
                        kept[name] = array if place < 0 else arrays[place]
        if edges:
            if op.variadic:
                kept["shapes"] = tuple(a.shape for a in arrays)
            z.node, z.tracked = Node(op, edges, kept, array), True
    return z


# --- the ops that the engine itself needs -----------------------------------------------------------------------------


@op(views=True)
def alias(xp, x):
    """x itself, by another name: a place in the graph of its own."""
    return x


alias.vjp(x=lambda g: g)


@op(views=True)
def tap(xp, x, *, hook):
    """x itself; its gradient, a Tensor, passes through `hook`, which returns one in its place."""
    return x


def _shown(g: Any, hook: Callable[[Tensor], Tensor]) -> Any:
    return hook(g) if isinstance(g, Tensor) else hook(Tensor(backend.namespace(g).asarray(g))).array


tap.vjp(x=_shown)


@op
def clone(xp, x):
    """A copy of x, in memory of its own."""
    return x.copy(order="K")


clone.vjp(x=lambda g: g)


@op
def cast(xp, x, *, dtype):
    """x in another dtype."""
    return x.astype(dtype, copy=False)


cast.vjp(x=lambda g: g)  # back in the argument's own dtype, as every gradient is


@op
def sum_to(xp, x, *, size):
    """x summed over the dimensions in which `size` has been broadcast."""
    lead = x.ndim - len(size)
    axes = tuple(i for i in range(x.ndim) if i < lead or size[i - lead] == 1 != x.shape[i])
    return total(xp, x, axes, dtypes.wide(x.dtype), keepdims=True).astype(x.dtype, copy=False).reshape(size)


@op(views=True)
def expand(xp, x, *, size):
    """x repeated, without a copy, along new leading dimensions and those of size 1; a size of -1 stays as it is."""
    lead = len(size) - x.ndim
    if lead < 0:
        raise ValueError(f"expand: {dims(x.shape)} has more dimensions than the requested {size}")
    if -1 in size:
        size = tuple(x.shape[i - lead] if n == -1 and i >= lead else n for i, n in enumerate(size))
    try:
        return xp.broadcast_to(x, size)
    except ValueError:
        raise ValueError(
            f"expand: {dims(x.shape)} does not expand to {size}; only dimensions of size 1 can grow"
        ) from None


sum_to.vjp(x=lambda g, shape: expand(g, shape))
expand.vjp(x=lambda g, shape: sum_to(g, shape))
