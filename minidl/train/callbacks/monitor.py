"""What callbacks share that watch one of the numbers of an epoch."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

from minidl.data.sampler import require_number
from minidl.train.callbacks.callback import Callback, Logs

MODES = ("auto", "min", "max")


class Monitor(Callback):
    """Watches the number `monitor` of each epoch, and tells whether it has improved.

    Parameters
    ----------
    monitor : its name among the logs, such as "loss" or "val_accuracy"
    mode : {"auto", "min", "max"}
        Whether lower values are better, or higher; "auto": lower of a loss, of a metric as it says itself.
    min_delta : by more than this it must change; the sign does not matter

    Raises
    ------
    TypeError, ValueError
        For another type, or mode.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0) -> None:
        if mode not in MODES:
            raise ValueError(f"{type(self).__name__}: mode must be one of {', '.join(MODES)}, got {mode!r}")
        if not isinstance(monitor, str):
            raise TypeError(f"{type(self).__name__}: monitor must be a name among the logs, got {monitor!r}")
        self.monitor, self.mode = monitor, mode
        self.min_delta = abs(require_number(type(self).__name__, "min_delta", min_delta))
        self.best: float | None = None

    def direction(self) -> str:
        """Where better values lie: "min" or "max"; ValueError where "auto" can't tell."""
        name = self.monitor.removeprefix("val_")
        metric: Any = self.trainer.metrics.get(name) if self.mode == "auto" else None
        found = self.mode if self.mode != "auto" else "min" if name == "loss" else getattr(metric, "direction", None)
        if found is None:
            raise ValueError(
                f"{type(self).__name__}: whether {self.monitor!r} is better low or high is not known; "
                "say mode='min' or mode='max'"
            )
        return found

    def improves(self, value: float, on: float | None) -> bool:
        """Whether a value is better than another by more than `min_delta`; than None it is, unless it is NaN.

        Raises
        ------
        ValueError
            For several numbers.
        """
        if isinstance(value, list):
            raise ValueError(
                f"{type(self).__name__}: {self.monitor!r} has {len(value)} numbers, expected one to watch; "
                "give its metric an average"
            )
        if on is None:
            return not math.isnan(value)
        return value + self.min_delta < on if self.direction() == "min" else value - self.min_delta > on

    def current(self, logs: Logs) -> float | None:
        """The number as it is now; None, with a warning, where it is not among the logs."""
        if self.monitor not in logs:
            warnings.warn(
                f"{type(self).__name__}: there is no {self.monitor!r} to watch, there are: {', '.join(logs)}",
                stacklevel=4,
            )
        return logs.get(self.monitor)

    kept: tuple[str, ...] = ("best",)  # the names of its state

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.kept}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        for name in self.kept:
            setattr(self, name, state_dict[name])
