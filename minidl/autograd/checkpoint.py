"""Activation checkpointing: what a function keeps for its gradient is dropped, and computed again when it is needed.

Chen, Xu, Zhang & Guestrin (2016), "Training deep nets with sublinear memory cost".
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minidl.backend import random
from minidl.backend.modes import enable_grad, is_grad_enabled, mode, require_flag
from minidl.engine.core import Node, Tensor
from minidl.engine.writes import clock, written_since

CHECKS = "default", "none"


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool = False,
    determinism_check: str = "default",
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)``, whose ops keep nothing for backward: that calls the function again.

    Memory for the activations of a part of a network is then needed only while its own gradient is computed, for the
    price of one more forward pass. Gradients are the same, to the bit. What the function changes besides, such as the
    running statistics of batch norm, it changes twice.

    Parameters
    ----------
    function : callable
        From the same arguments it must do the same each time. It may use other tensors, such as parameters, too.
    *args, **kwargs
        What it is called with, both times.
    use_reentrant : False
        PyTorch's older form, True, is not supported.
    determinism_check : "default" or "none"
        Whether the ops of the second call must have results of the shapes and dtypes of the first.
    preserve_rng_state : bool
        Draw the same numbers from the global stream of random numbers again, as dropout needs it.

    Returns
    -------
    What the function returned.

    Raises
    ------
    TypeError, ValueError
        For options that are none of these.
    RuntimeError
        In backward: if the second call is not as the first, or an argument or a parameter that
        learns was written in place.
    """
    if use_reentrant:
        raise ValueError("checkpoint: use_reentrant=True is not supported; leave it out")
    if determinism_check not in CHECKS:
        raise ValueError(f"checkpoint: determinism_check must be 'default' or 'none', got {determinism_check!r}")
    preserve = require_flag("checkpoint", "preserve_rng_state", preserve_rng_state)
    if not is_grad_enabled():
        return function(*args, **kwargs)
    begun = next(clock)
    call = Call(function, args, kwargs, begun, preserve, determinism_check == "default")
    result = function(*args, **kwargs)
    call.forget(nodes(result, begun))
    return result


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool = False, preserve_rng_state: bool = True
) -> Any:
    """What functions make of the input, one after another: all but the last of so many segments by `checkpoint`.

    Parameters
    ----------
    functions : Sequential, or sequence of callables
    segments : int
        From 1 to the number of functions.
    input : what the first takes
    use_reentrant, preserve_rng_state : as in `checkpoint`

    Raises
    ------
    ValueError
        For a number of segments that is out of range.
    """
    if not isinstance(segments, int) or not 1 <= segments <= len(functions):
        raise ValueError(f"checkpoint_sequential: expected 1 to {len(functions)} segments, got {segments!r}")
    size = len(functions) // segments
    for start in range(0, size * (segments - 1), size):
        part = in_turn(functions[start : start + size])
        input = checkpoint(part, input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state)
    return in_turn(functions[size * (segments - 1) :])(input)


def in_turn(functions: Any) -> Callable[[Any], Any]:
    """Functions one after another, as one; a Sequential is one already."""

    def run(x: Any) -> Any:
        for function in functions:
            x = function(x)
        return x

    return functions if callable(functions) else run


class Call:
    """A call of a function, that can be made once more: then what its nodes had kept is there again."""

    def __init__(
        self, function: Callable[..., Any], args: Any, kwargs: Any, begun: int, preserve: bool, check: bool
    ) -> None:
        self.function, self.args, self.kwargs, self.begun, self.check = function, args, kwargs, begun, check
        self.state = random.current().get_state() if preserve else None
        self.modes = {name: getattr(mode, name) for name in ("fused", "anomaly")}  # which choose among kernels
        self.read = [(x, x.array) for x in tensors((args, kwargs))]
        self.promises: list[weakref.ref[Promise]] = []
        self.made: list[tuple[str, tuple[int, ...], Any]] = []

    def forget(self, recorded: Sequence[Node]) -> None:
        """Let the nodes of the call keep nothing but a promise."""
        leaves = {id(x): x for node in recorded for _, x in node.edges if isinstance(x, Tensor)}
        self.read += [(x, x.array) for x in leaves.values()]
        self.made = [(node.op.name, node.shape, node.dtype) for node in recorded]
        for node in recorded:
            node.kept = promise = Promise(self)
            self.promises.append(weakref.ref(promise))

    def again(self) -> None:
        """Call the function once more, and keep each promise."""
        if any(x.array is not array or written_since(array, self.begun) for x, array in self.read):
            raise RuntimeError(
                "checkpoint: what the function reads was changed in place, or replaced, after it was called, and its "
                "gradient needs it once more; change a .clone() instead"
            )
        with enable_grad(), self.as_before():
            begun = next(clock)
            recorded = nodes(self.function(*self.args, **self.kwargs), begun)
        made = [(node.op.name, node.shape, node.dtype) for node in recorded]
        if len(made) != len(self.made) or (self.check and made != self.made):
            first = next((pair for pair in zip(self.made, made) if pair[0] != pair[1]), (len(self.made), len(made)))  # noqa: B905
            raise RuntimeError(
                f"checkpoint: called once more for its gradient, the function did not do what it did at first: "
                f"{first[0]} was now {first[1]}; it must do the same each time"
            )
        for reference, node in zip(self.promises, recorded, strict=True):
            promise = reference()
            if promise is not None:
                promise.node = node

    @contextlib.contextmanager
    def as_before(self) -> Iterator[None]:
        """Kernels serve or do not, and random numbers are drawn, as at the call."""
        before = {name: getattr(mode, name) for name in self.modes}
        vars(mode).update(self.modes)
        try:
            if self.state is None:
                yield
            else:
                with random.using(random.Generator().set_state(self.state)):
                    yield
        finally:
            vars(mode).update(before)


class Promise:
    """What a node keeps in the place of arrays: it gives those of the node that did the same in another call."""

    __slots__ = ("call", "node", "__weakref__")

    def __init__(self, call: Call) -> None:
        self.call = call
        self.node: Any = None

    def __call__(self) -> dict[str, Any]:
        if self.node is None:
            self.call.again()
        return self.node.read()


def nodes(result: Any, begun: int) -> list[Node]:
    """The nodes since a time of the clock that tensors in a result come from, in the order in which they were made."""
    found: dict[int, Node] = {}
    waiting = [x.node for x in tensors(result)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Node) and node.serial > begun and node.serial not in found:
            found[node.serial] = node
            waiting += [parent for _, parent in node.edges]
    return [found[serial] for serial in sorted(found)]


def tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in lists, tuples and dicts of them."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from tensors(part)
