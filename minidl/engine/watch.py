"""Who watches what is computed: nobody, but within ``md.profiler.profile()``. Ops, the walk and layers ask here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol


class Watcher(Protocol):
    """What a profiler is told; each of these calls the function, on the thread that it watches with a clock."""

    def op(self, name: str, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """The function of an op, on raw arrays."""

    def pull(self, node: Any, g: Any, edges: Sequence[Any]) -> list[Any]:
        """A node's ``op.pull``: the gradients of its arguments."""

    def layer(self, modules: Sequence[Any], function: Callable[..., Any], *args: Any) -> Any:
        """What a module does, or several that are served at once."""

    def timed(self, name: str) -> AbstractContextManager[Any]:
        """What stands in a ``with`` block, as an op of that name."""

    def sent(self, name: str, request: Any) -> Any:
        """A message on its way to other ranks; what stands in for its request, so that its end is seen."""


class Watch:
    """Where a watcher is found: ``watch.by``, None where there is none."""

    __slots__ = ("by",)

    def __init__(self) -> None:
        self.by: Watcher | None = None


watch = Watch()


@contextlib.contextmanager
def watched(watcher: Any) -> Iterator[None]:
    """A ``with`` block that a `Watcher` sees, or what has those of its methods that are called there, or nobody."""
    before, watch.by = watch.by, watcher
    try:
        yield
    finally:
        watch.by = before


def timed(name: str) -> AbstractContextManager[Any]:
    """A ``with`` block as an op of that name, where somebody watches."""
    return contextlib.nullcontext() if watch.by is None else watch.by.timed(name)
