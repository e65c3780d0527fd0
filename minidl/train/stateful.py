"""What can be saved, and gone on with."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from typing import Any, Protocol, runtime_checkable

from minidl.train import streams


@runtime_checkable
class Stateful(Protocol):
    """What says its state, and goes on from one: a module, an optimizer, a schedule, a loader, a metric, a Trainer."""

    def state_dict(self) -> Mapping[str, Any]:
        """What it can go on from."""

    def load_state_dict(self, state_dict: Any, /) -> Any:
        """Go on from a state."""


Part = Stateful | streams.Stream


def part_state(part: Part) -> Any:
    """What a part goes on from."""
    return part.state_dict() if isinstance(part, Stateful) else streams.state(part)


def load_part(part: Part, state: Any) -> None:
    """Let a part go on from its state."""
    if isinstance(part, Stateful):
        part.load_state_dict(state)
    else:
        streams.set_state(part, state)


@contextmanager
def all_or_none(parts: Sequence[Part]) -> Iterator[None]:
    """A ``with`` block in which parts go on from states, in turn; after an error they stand as they did before."""
    before = [(part, deepcopy(part_state(part)), getattr(part, "saved", None)) for part in parts]
    try:
        yield
    except Exception:
        for part, state, saved in before:
            with suppress(Exception):  # a lazy module keeps the shapes that it got
                load_part(part, state)
            if hasattr(part, "saved"):
                part.saved = saved  # of a Trainer: what its next `fit` goes on from
        raise
