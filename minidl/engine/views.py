"""Views: tensors in the memory of another, and what a recorded write into shared memory means for the graph.

Such a write gives the *base*, whose memory it is, a new place in the graph, and every view of it that is alive is
derived anew from there. So all names that see the memory change have the history of the change.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minidl.backend.modes import mode
from minidl.engine.core import Tensor, Ties
from minidl.engine.hooks import move
from minidl.engine.writes import owner_of

Steps = tuple[tuple[Callable[..., Any], dict[str, Any]], ...]  # ops, with their options, one after the other


class View(NamedTuple):
    """Where a tensor lies in the memory of its base: the steps lead there, from the base's shape.

    Without a base it was made under no_grad(), where no graph is to be kept alive.
    """

    base: Any  # a Tensor, or None
    shape: tuple[int, ...]
    steps: Steps


def tie(z: Tensor, x: Tensor, function: Callable[..., Any], options: dict[str, Any]) -> None:
    """Note that ``z = function(x, **options)`` is a view, if it shares the memory of x."""
    if owner_of(z.array) is not owner_of(x.array):
        return
    base, shape, steps = view_of(x) or (x, x.array.shape, ())
    recording = mode.recording
    z.ties = Ties()
    z.ties.view = View(base if recording else None, shape, (*steps, (function, options)))
    if not recording or base is None or z.array.dtype.kind != "f":
        return
    if base.ties is None:
        base.ties = Ties()
    if base.ties.views is None:
        base.ties.views = {}
    views, key = base.ties.views, id(z)
    views[key] = weakref.ref(z, lambda _: views.pop(key, None))


def view_of(x: Tensor) -> View | None:
    """Where x lies in another tensor's memory; None for one that is its own base."""
    return None if x.ties is None else x.ties.view


def follow(x: Any, steps: Steps) -> Any:
    """What the steps make of a tensor or an array."""
    for function, options in steps:
        x = function(x, **options)
    return x


def can_be_seen_as(x: Tensor, size: tuple[int, ...]) -> bool:
    """Whether x would have that shape without a copy if its base lay in row-major memory, as all of PyTorch's do.

    Here images lie channels-last; what is a view there may be a copy here.
    """
    view = view_of(x) or View(x, x.array.shape, ())
    rows = follow(np.empty(view.shape, np.int8), view.steps)
    return owner_of(rows.reshape(size)) is owner_of(rows)


def replant(base: Tensor, node: Any) -> None:
    """Give a base another place in the graph, and its views with it. None: it has no history from now on."""
    move(base, node)
    views = base.ties.views if base.ties is not None else None
    for reference in tuple((views or {}).values()):
        view = reference()
        if view is not None:
            move(view, follow(base, view.ties.view.steps).node)


def forget(x: Tensor) -> None:
    """Let views have no history, where x has been written and lies in memory that has none: as after `detach_`."""
    view = view_of(x)
    base = x if view is None else view.base
    if base is not None and base.ties is not None and base.ties.views and not base.tracked:
        replant(base, None)
