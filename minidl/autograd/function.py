"""``autograd.Function``: an op whose derivative is written by hand, as PyTorch's users write one.

The library's own ops are declared in fewer words (see `engine.op`)::

    @op
    def cube(xp, x):
        return x**3

    cube.vjp(x=lambda g, x: 3 * g * x * x)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import dims
from minidl.backend.modes import mode, no_grad
from minidl.engine.core import Edge, Node, Tensor, attach, origin, wrap
from minidl.engine.op import cast
from minidl.ops.joining import cat
from minidl.ops.shape import reshape


class Context:
    """What ``forward`` leaves for ``backward``, both of which get it as ``ctx``; it takes attributes of any name.

    Attributes
    ----------
    needs_input_grad : tuple of bool
        For each argument, whether a gradient of it is wanted.
    """

    def __init__(self, args: Sequence[Any]) -> None:
        self.needs_input_grad = tuple(isinstance(a, Tensor) and a.tracked for a in args)
        self.to_save: tuple[Tensor | None, ...] = ()
        self.without_gradient: tuple[Tensor, ...] = ()
        self.saved: tuple[Tensor | None, ...] = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors; a write into one of them before backward is then noticed. TypeError for anything else."""
        for t in tensors:
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(f"save_for_backward: expected tensors, got {type(t).__name__}; set ctx.name for others")
        self.to_save = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What was saved, within ``backward``."""
        return self.saved

    saved_variables = saved_tensors  # its name of old, which networks still read

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs have no gradient."""
        self.without_gradient = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Refused, but for True: gradients of outputs that nothing came from are zeros here, never None."""
        if value is not True:
            raise RuntimeError("set_materialize_grads: gradients that did not come are zeros here; test for those")

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Refused: RuntimeError."""
        raise RuntimeError("mark_dirty: a Function can't write into its arguments; return a new tensor")


class Function:
    """A function with a derivative of its own: subclass it, and call ``apply``.

    ``forward(ctx, *args)`` computes, without being recorded, and gives a Tensor or a tuple of them;
    ``backward(ctx, *gradients)`` gets a gradient for each output, zeros for those that have none, and gives one for
    each argument, None where there is none. Where a subclass has ``setup_context(ctx, inputs, output)``, ``forward`` is
    called without `ctx`. Under ``create_graph=True`` the ops in ``backward`` are recorded, and so it can be
    differentiated in its turn.
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("Function: a subclass needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise NotImplementedError("Function: a subclass needs a static method backward(ctx, *gradients)")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(f"{type(self).__name__}: a Function is not made; call {type(self).__name__}.apply(…)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Compute ``forward`` of the arguments, and record it.

        Raises
        ------
        TypeError
            For outputs that are no Tensors, or differ in dtype.
        """
        ctx, named = Context(args), cls.__name__
        with no_grad():
            setup = getattr(cls, "setup_context", None)
            output = cls.forward(*args) if setup else cls.forward(ctx, *args)
            if setup:
                setup(ctx, args, output)
        outputs = output if isinstance(output, tuple) else (output,)
        for z in outputs:
            if not isinstance(z, Tensor):
                raise TypeError(f"{named}: forward must return tensors, got {type(z).__name__}")
        if not (mode.recording and any(ctx.needs_input_grad)):
            return output
        made = [z for z in outputs if z.dtype.kind == "f" and not any(z is t for t in ctx.without_gradient)]
        if not made:
            return output
        if len({z.dtype for z in made}) > 1:
            raise TypeError(f"{named}: outputs of different dtypes, {' and '.join(str(z.dtype) for z in made)}")
        with no_grad():
            joined = made[0] if len(made) == 1 else cat([reshape(z, (z.numel(),)) for z in made])
        kinds = [(z.shape, z.dtype, any(z is m for m in made)) for z in outputs]
        op = Call(cls, ctx, kinds)
        edges = [(i, origin(a)) for i, a in enumerate(args) if ctx.needs_input_grad[i]]
        held = {"saved": tuple(t if t is None else t.array for t in ctx.to_save)}
        node = Node(op, edges, held, joined.array)
        op.places = [op.place_of(t, args, made) for t in ctx.to_save]
        ctx.to_save = ctx.without_gradient = ()
        tracked = iter(op.parted(attach(joined.array, node)))
        results = tuple(next(tracked) if learns else z for z, (_, _, learns) in zip(outputs, kinds, strict=True))
        return results if isinstance(output, tuple) else results[0]


class Call:
    """One call of a Function, as the graph sees an op."""

    unfolds = False
    saves = True
    places: list[int | None]  # of what was saved: the argument that it is, −1 for the output, or None

    def __init__(
        self, function: type[Function], ctx: Context, outputs: list[tuple[tuple[int, ...], np.dtype, bool]]
    ) -> None:
        self.function, self.ctx = function, ctx
        self.outputs = outputs  # the shape and the dtype of each, and whether it has a gradient
        self.shapes = [shape for shape, _, learns in outputs if learns]
        self.name = function.__name__

    def argument(self, position: int) -> str:
        """How errors call the argument at a position."""
        return f"argument {position}"

    def place_of(self, saved: Tensor | None, args: Sequence[Any], made: Sequence[Tensor]) -> int | None:
        """Where in the graph a saved tensor belongs."""
        if len(made) == 1 and saved is made[0]:
            return -1
        return next((i for i, a in enumerate(args) if a is saved and self.ctx.needs_input_grad[i]), None)

    def parted(self, joined: Tensor) -> list[Tensor]:
        """The outputs, or their gradients, from the one vector that they are recorded as."""
        if len(self.shapes) == 1:
            return [joined]
        parts, start = [], 0
        for shape in self.shapes:
            stop = start + math.prod(shape)
            parts.append(reshape(joined[start:stop], shape))
            start = stop
        return parts

    def pull(self, node: Node, g: Any, edges: Sequence[Edge]) -> list[Any]:
        """The gradients of the arguments at `edges`, from the gradient `g` of the result."""
        arrays = node.read()["saved"]
        parents = dict(node.edges) | {-1: node}
        array = g.array if isinstance(g, Tensor) else g
        with backend.current(array):
            zeros = backend.namespace(array).zeros
            parts = iter(self.parted(g if isinstance(g, Tensor) else wrap(g)))
            gradients = [next(parts) if learns else wrap(zeros(*kind)) for *kind, learns in self.outputs]
        self.ctx.saved = tuple(
            a if a is None else wrap(a) if p is None or not isinstance(g, Tensor) else attach(a, parents[p])
            for a, p in zip(arrays, self.places, strict=True)
        )
        try:
            given = self.function.backward(self.ctx, *gradients)
        finally:
            self.ctx.saved = ()
        given = given if isinstance(given, tuple) else (given,)
        wanted = len(self.ctx.needs_input_grad)
        if len(given) < wanted or any(d is not None for d in given[wanted:]):
            raise RuntimeError(
                f"{self.name}: backward must return {wanted} gradients, one an argument; got {len(given)}"
            )
        with backend.current(array):
            found = [self.checked(i, given[i], parent, zeros) for i, parent in edges]
        return found if isinstance(g, Tensor) else [d.array for d in found]

    def checked(self, i: int, d: Any, parent: Node | Tensor, zeros: Any) -> Tensor:
        """What `backward` gave for one argument, in its shape and dtype; zeros for None."""
        if d is None:
            return wrap(zeros(tuple(parent.shape), parent.dtype))
        if not isinstance(d, Tensor):
            raise TypeError(f"{self.name}: backward must return tensors or None, got {type(d).__name__}")
        if d.shape != parent.shape:
            raise RuntimeError(
                f"{self.name}: backward gave a gradient of shape {dims(d.shape)} for argument {i}, "
                f"which is {dims(parent.shape)}"
            )
        return d if d.dtype == parent.dtype else cast(d, parent.dtype)
