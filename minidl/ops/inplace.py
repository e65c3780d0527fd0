"""Writing into tensors. A write is on the record, so that backward notices (see `engine.writes`); and where gradients
are recorded it is part of the graph: the tensor, and all views of its memory, take the place of the result.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array, dims, dtypes
from minidl.backend.modes import mode
from minidl.backend.random import Generator, stream
from minidl.engine.core import Node, Tensor, origin
from minidl.engine.hooks import move
from minidl.engine.op import cast, op, quiet, sum_to
from minidl.engine.require import require_arrays
from minidl.engine.views import View, follow, forget, replant, view_of
from minidl.engine.writes import clock, owner_of, replaced, write
from minidl.ops.indexing import getitem
from minidl.ops.shape import reshape
from minidl.ops.subscript import located, raw_index, within, without_lead

# --- a part of a tensor -----------------------------------------------------------------------------------------------


@op
def put(xp, x, value, *, steps, index):
    """x with `value`, broadcast, at an index of the view that the steps lead to."""
    z = xp.asarray(x).copy()  # a number, too
    if steps:
        places, picks = located(follow(xp.arange(x.size).reshape(x.shape), steps), index)
        z.reshape(-1)[places[picks]] = value
    else:
        view, picks = located(z, index)
        view[picks] = value
    return z


@op
def clear(xp, x, *, steps, index):
    """x with zeros at an index of the view that the steps lead to."""
    return put(x, xp.zeros((), x.dtype), steps=steps, index=index)


put.vjp(
    x=lambda g, steps, index: clear(g, steps=steps, index=index),
    value=lambda g, shape, steps, index: sum_to(getitem(follow(g, steps), index=index), shape),
)
clear.vjp(x=lambda g, steps, index: clear(g, steps=steps, index=index))


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """x[index] = value, the value broadcast and cast; see `getitem` for indices.

    Raises
    ------
    RuntimeError
        While gradients are recorded, for a leaf that requires one, or for a view that was made under no_grad().
    """
    require_arrays("in-place write", value, scalars=True)
    tracked = mode.recording and (x.tracked or (isinstance(value, Tensor) and value.tracked))
    if tracked:
        refuse_leaf("in-place write", x)
    if isinstance(value, dtypes.SCALARS):
        value = dtypes.number("in-place write", value, x.dtype)
    elif not isinstance(value, Tensor):
        value = backend.plain("in-place write", value)
    array = value.array if isinstance(value, Tensor) else value
    place = backend.device_of(array) if backend.is_array(array) else x.device
    if place != x.device:
        raise RuntimeError(f"in-place write: a value on {place} into a tensor on {x.device}; move it with .to(device)")
    index = within("in-place write", x, raw_index(index, "in-place write"))
    try:
        view, picks = located(x.array, index)
        quiet.copy().run(write, view, without_lead(array) if backend.is_array(array) else array, picks)
    except (ValueError, IndexError, OverflowError) as error:
        kind = IndexError if isinstance(error, IndexError) else ValueError
        said = str(error).replace("axis", "dim").replace("array", "tensor")
        if "broadcast" in said:
            said = f"a value of {dims(array.shape)} does not broadcast there"
        raise kind(f"in-place write into {dims(x.shape)}: {said}") from None
    if tracked:
        plant(x, value, index)
    elif x.ties is not None:
        forget(x)


def plant(x: Tensor, value: Any, index: Any) -> None:
    """Make what has been written into x at an index part of the graph of x, or of the base that it is a view of."""
    base, _, steps = view_of(x) or View(x, (), ())
    edges: list[Any] = [(0, origin(base))] if base.tracked else []
    if isinstance(value, Tensor) and value.tracked:
        edges.append((1, origin(reshape(value, without_lead(value.array).shape))))
    replant(base, Node(put.op, edges, dict(steps=steps, index=index), base.array))


def refuse_leaf(name: str, x: Tensor) -> None:
    """Raise RuntimeError where a recorded write into x can't be right: into leaves, and where no view is known."""
    view = view_of(x)
    if view is not None and view.base is None:
        raise RuntimeError(
            f"{name}: this tensor is a view that was made under no_grad(), so what is recorded of it would not reach "
            "the tensor that it is a view of; make it outside, or write under no_grad()"
        )
    base = x if view is None else view.base
    if base.tracked and base.node is None:
        raise RuntimeError(
            f"{name}: {'a view of ' * (view is not None)}a leaf that requires grad can't be changed in place where "
            "gradients are recorded; write under no_grad(), or into a .clone()"
        )


# --- the whole tensor -------------------------------------------------------------------------------------------------


def in_place(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The form of a function that writes its result over its first argument, and returns that.

    All names and views of the memory see the result, and where gradients are recorded its history, too. What the
    gradient of an earlier op needs must not be written over: backward raises. What the function itself needs of the
    old values is copied.
    """
    name = f"{function.__name__}_"

    @functools.wraps(function)
    def form(input: Tensor, *args: Any, **options: Any) -> Tensor:
        if not isinstance(input, Tensor):
            raise TypeError(f"{name}: expected a Tensor, got {type(input).__name__}; md.tensor() makes one")
        before = next(clock)
        z = function(input, *args, **options)
        return input if z is input else overwrite(name, input, z, before)

    form.__name__ = form.__qualname__ = name
    form.__doc__ = f"`{name[:-1]}`, written over its first argument, which is returned."
    return form


def overwrite(name: str, x: Tensor, z: Tensor, before: int) -> Tensor:
    """Write z, which was computed from x since `before`, over x; x takes its place in the graph."""
    if z.shape != x.shape:
        raise RuntimeError(f"{name}: the result is {dims(z.shape)}, and a tensor of {dims(x.shape)} can't hold it")
    if dtypes.category(z.dtype) > dtypes.category(x.dtype):
        raise TypeError(f"{name}: the result is {z.dtype}, and {x.dtype} can't hold it")
    tracked = mode.recording and (x.tracked or z.tracked)
    if tracked:
        refuse_leaf(name, x)
    z = z if z.dtype == x.dtype else cast(z, x.dtype)
    if tracked and z.node is not None:
        rescue(z.node, before, x.array)
    write(x.array, z.array)
    if not tracked:
        if x.ties is not None:
            forget(x)
        return x
    if z.node is not None and z.node.serial > before:
        hold(z.node, z.array, x.array)
    if view_of(x) is None:
        replant(x, z.node)
    else:
        plant(x, z, (...,))
    return x


def rescue(node: Node, before: int, array: Array) -> None:
    """Put copies in the place of what nodes newer than `before` keep of an array that is about to be written."""
    owner, waiting = owner_of(array), [node]
    while waiting:
        node = waiting.pop()
        if node.serial > before and node.kept is not None:
            node.kept = {name: saved(value, owner) for name, value in node.kept.items()}
            waiting += [parent for _, parent in node.edges if isinstance(parent, Node)]


def saved(value: Any, owner: Any) -> Any:
    """A kept value, with copies in the place of arrays in the memory of `owner`."""
    if isinstance(value, tuple):
        return tuple([saved(part, owner) for part in value])
    return value.copy() if backend.is_array(value) and owner_of(value) is owner else value


def hold(node: Node, result: Array, array: Array) -> None:
    """Let a node keep the array that its result has been written to, as if it had been computed there."""
    assert node.kept is not None
    node.kept = {name: array if value is result else value for name, value in node.kept.items()}
    node.serial = next(clock)


def copy_(x: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Overwrite x with `src`, broadcast and cast; from another device, too. `non_blocking` changes no result."""
    setitem(x, ..., src.to(x.device) if isinstance(src, Tensor) else src)
    return x


def fill_(x: Tensor, value: float) -> Tensor:
    """Overwrite every element of x with a number. ValueError for a tensor of more than one."""
    if isinstance(value, Tensor) and value.ndim:
        raise ValueError(f"fill_: expected one number, got a tensor of {dims(value.shape)}")
    setitem(x, ..., value)
    return x


def zero_(x: Tensor) -> Tensor:
    """Overwrite every element of x with 0."""
    return fill_(x, 0)


def fill_diagonal_(x: Tensor, fill_value: float, wrap: bool = False) -> Tensor:
    """Overwrite the elements of x whose indices are equal with a number.

    `wrap`: in a matrix of more rows than columns the diagonal begins anew, after a row between.

    Raises
    ------
    ValueError
        For a tensor that is neither a matrix nor of equal sizes.
    """
    if x.ndim < 2 or (x.ndim > 2 and len(set(x.shape)) > 1):
        raise ValueError(f"fill_diagonal_: expected a matrix, or equal sizes, got {dims(x.shape)}")
    index = (np.arange(min(x.shape)),) * x.ndim
    if wrap and x.ndim == 2:
        index = np.divmod(np.arange(0, x.array.size, x.shape[1] + 1), x.shape[1])
    setitem(x, index, fill_value)
    return x


def turned(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The form of a function that gives a view which changes its first argument into that view, and returns it."""
    name = f"{function.__name__}_"

    @functools.wraps(function)
    def form(x: Tensor, *args: Any, **options: Any) -> Tensor:
        if mode.recording and x.tracked:
            refuse_leaf(name, x)
        elif x.node is not None:
            raise RuntimeError(f"{name}: under no_grad() the history of this tensor would not fit it any more")
        if x.ties is not None and x.ties.views:
            raise RuntimeError(f"{name}: other tensors are views of this one; use {name[:-1]}, which gives a new one")
        view, z = view_of(x), function(x, *args, **options)
        if mode.recording or not x.tracked:
            move(x, z.node)
        elif z.shape != x.shape:
            replaced(x)
        x.array = z.array
        if view is not None and x.ties is not None:
            x.ties.view = view._replace(steps=view_of(z).steps)  # type: ignore[union-attr]
        return x

    form.__name__ = form.__qualname__ = name
    form.__doc__ = f"`{name[:-1]}` of x itself, which is returned."
    return form


# --- random numbers ---------------------------------------------------------------------------------------------------


def uniform_(x: Tensor, a: float = 0, b: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Overwrite x with numbers uniform in [a, b). ValueError unless a ≤ b."""
    if not a <= b:
        raise ValueError(f"uniform_: expected from ≤ to, got {a} and {b}")
    drawn = stream(generator).random(x.shape, precision(x))
    drawn *= b - a
    drawn += a
    return filled("uniform_", x, drawn)


def normal_(x: Tensor, mean: float = 0, std: float = 1, *, generator: Generator | None = None) -> Tensor:
    """Overwrite x with numbers normal with `mean` and standard deviation `std`. ValueError for a negative `std`."""
    if not std >= 0:
        raise ValueError(f"normal_: std must not be negative, got {std}")
    drawn = stream(generator).standard_normal(x.shape, precision(x))
    drawn *= std
    drawn += mean
    return filled("normal_", x, drawn)


def bernoulli_(x: Tensor, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Overwrite x with 1 with probability `p`, and 0 otherwise. ValueError unless 0 ≤ p ≤ 1."""
    if not 0 <= p <= 1:
        raise ValueError(f"bernoulli_: p must be in [0, 1], got {p}")
    return copy_(x, Tensor(np.asarray(stream(generator).random(x.shape) < p)))


def random_(x: Tensor, *bounds: int, generator: Generator | None = None) -> Tensor:
    """Overwrite x with random integers: ``random_(high)``, from 0 up to but without high, or ``random_(low, high)``.

    Raises
    ------
    TypeError, ValueError
        For bounds that are no integers, between which there is none, or that the dtype can't hold.
    """
    if len(bounds) not in (1, 2) or not all(isinstance(bound, (int, np.integer)) for bound in bounds):
        raise TypeError(f"random_: expected (high) or (low, high), integers, got {bounds}")
    low, high = (0, *bounds)[-2:]
    if low >= high:
        raise ValueError(f"random_: expected low < high, got {low} and {high}")
    for extreme in (low, high - 1):
        dtypes.require_room("random_", int(extreme), x.dtype)
    return copy_(x, Tensor(np.asarray(stream(generator).integers(low, high, x.shape))))


def precision(x: Tensor) -> Any:
    """The dtype to draw numbers in for x."""
    return np.float64 if x.dtype == dtypes.float64 else np.float32


def filled(name: str, x: Tensor, drawn: np.ndarray) -> Tensor:
    """x, overwritten with what was drawn on the CPU; TypeError, in the name of a method, unless it is floating."""
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: random numbers need a floating dtype to be written to, got {x.dtype}")
    return copy_(x, Tensor(drawn))
