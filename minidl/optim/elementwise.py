"""Optimizers that go element by element: the numbers of a step first, then its rule, which kernels stand in for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from minidl import backend
from minidl.backend import Array, memory
from minidl.backend.threads import parallel
from minidl.engine.core import Tensor
from minidl.optim.optimizer import Optimizer
from minidl.optim.state import SCALARS

CHUNK = 1 << 19  # elements worked on at a time: with fewer, threads wait for each other more than they work
Numbers = tuple[float, ...]


class Elementwise(Optimizer):
    """An optimizer of which a subclass defines `begin` and `rule`."""

    remembered: ClassVar[dict[str, bool]]
    rule: ClassVar[Callable[..., None]]
    """``rule(xp, p, g, *kept, *numbers)`` changes a parameter and what is `kept` of it in place, and g not."""

    @staticmethod
    def begin(p: Array, state: dict[str, Any], group: dict[str, Any]) -> Numbers:
        """Count a step of a parameter, whose state is made at the first; returns the numbers that the rule takes."""
        raise NotImplementedError

    @classmethod
    def kept(cls, p: Array, state: dict[str, Any]) -> list[Array]:
        """The arrays of a state, in the order of `remembered`; p for one that isn't there, which no rule then uses."""
        return [state[name].array if name in state else p for name in cls.remembered if name not in SCALARS]

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        xp, numbers = backend.namespace(p), self.begin(p, state, group)
        in_chunks(lambda *arrays: self.rule(xp, *arrays, *numbers), p, g, *self.kept(p, state))


def in_chunks(update: Callable[..., None], *arrays: Array) -> None:
    """``update(*arrays)``, which goes element by element: large arrays in slices, several at a time."""
    first = arrays[0]
    if first.size <= CHUNK or backend.on_gpu(first):
        update(*arrays)
    else:
        step = max(1, CHUNK * len(first) // first.size)
        parallel(lambda i: update(*[a[i : i + step] for a in arrays]), range(0, len(first), step))


def zeros(p: Array) -> Tensor:
    """What is kept of a parameter, to begin with."""
    return Tensor(backend.namespace(p).zeros_like(p))


def scratch(p: Array) -> Array:
    """Memory for something in the shape and dtype of `p`."""
    return backend.cupy().empty_like(p) if backend.on_gpu(p) else memory.empty(p.shape, p.dtype)


def decayed(xp: Any, p: Array, g: Array, decay: float) -> Array:
    """g + decay · p, in memory of its own; g itself where there is no decay."""
    if not decay:
        return g
    t = scratch(p)
    return xp.add(xp.multiply(p, decay, out=t), g, out=t)


def averaged(xp: Any, mean: Array, x: Array, share: float) -> None:
    """Move a running mean, which keeps this share of itself, to x."""
    mean *= share
    mean += xp.multiply(x, 1 - share, out=scratch(x))


def averaged_square(xp: Any, mean: Array, x: Array, share: float) -> None:
    """Move a running mean, which keeps this share of itself, to x²."""
    t = scratch(x)
    mean *= share
    mean += xp.multiply(xp.multiply(x, x, out=t), 1 - share, out=t)
