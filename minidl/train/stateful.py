"""What can be saved, and gone on with."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Stateful(Protocol):
    """What says its state, and goes on from one: a module, an optimizer, a schedule, a loader, a metric, a Trainer."""

    def state_dict(self) -> Mapping[str, Any]:
        """What it can go on from."""

    def load_state_dict(self, state_dict: Any, /) -> Any:
        """Go on from a state."""
