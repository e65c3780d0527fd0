"""Faults that are planted on purpose, one at a time, to see that the checks find them.

`wrapped` puts something wrong around a derivative rule, `syntax` changes one place in the source of a function, and
`sources` says which: rules and their helpers, composites, kernels. `checks` are what is then asked of the op, and
`trial` asks. `lines` reads faults that are written down: `engine` changes a line of the engine, as engine.txt says, and
runs the engine's tests; `cuda` does so with kernels, cuda.txt and theirs. A fault that changes nothing that can be seen
is listed in `equivalent`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True)
class Mutant:
    """A fault in an op: its place there, its kind, and what it changes. Within ``planted()`` it is there.

    One in a `kernel` is tried with that kernel alone.
    """

    op: str
    place: str
    kind: str
    change: str
    planted: Callable[[], AbstractContextManager[None]] = field(repr=False, compare=False)
    kernel: str = ""

    def __str__(self) -> str:
        return f"{self.op}.{self.place}: {self.change or self.kind}"


class Outcome(NamedTuple):
    """A fault by name, where it was planted, and whether a check found it."""

    where: str
    kind: str
    fault: str
    found: bool
