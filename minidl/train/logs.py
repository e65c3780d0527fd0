"""What has been measured so far: computed when it is read, so that nobody waits for a GPU who does not look."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from minidl.distributed.collectives import objects
from minidl.distributed.group import joined
from minidl.engine.core import Tensor
from minidl.train.metrics.metric import Mean, MeanLoss, Metric


class Measured(Mapping[str, Any]):
    """The mean loss, and each metric, by name: numbers, or lists of numbers for metrics of several."""

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self.loss = Mean()
        self.metrics = {name: copy.deepcopy(metric) for name, metric in metrics.items()}
        for metric in self.metrics.values():
            metric.reset()

    def update(self, outputs: Any, targets: Any, loss: Tensor, count: int) -> None:
        """Add a batch of `count` samples."""
        self.loss.update(loss, count)
        for metric in self.metrics.values():
            metric.update(outputs, targets)

    def __getitem__(self, name: str) -> Any:
        value = (self.loss if name == "loss" else self.metrics[name]).compute()
        return value.item() if value.ndim == 0 else value.tolist()

    def __iter__(self) -> Iterator[str]:
        return iter(["loss", *self.metrics])

    def __len__(self) -> int:
        return 1 + len(self.metrics)

    def of_all_ranks(self) -> Measured:
        """What the ranks of a process group have measured together; all of them must ask."""
        group = joined()
        if group.size == 1:
            return self
        total = Measured(self.metrics)
        for state in objects(group, self.state_dict(), "metrics"):
            part = Measured(self.metrics)
            part.load_state_dict(state)
            total.loss.merge_state([part.loss])
            for name, metric in total.metrics.items():
                metric.merge_state([part.metrics[name]])
        return total

    def state_dict(self) -> dict[str, Any]:
        """The state of each."""
        return {"loss": self.loss.state_dict(), **{k: metric.state_dict() for k, metric in self.metrics.items()}}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from the states of the same metrics; ValueError for others."""
        if list(state_dict) != list(self):
            raise ValueError(f"fit: the state has the metrics {list(state_dict)}, the trainer {list(self)}")
        self.loss.load_state_dict(state_dict["loss"])
        for name, metric in self.metrics.items():
            metric.load_state_dict(state_dict[name])


def named(metrics: Mapping[str, Any] | Iterable[Any] | None) -> dict[str, Metric]:
    """Metrics by name; a function of outputs and targets becomes the mean of what it gives.

    Raises
    ------
    TypeError
        For anything else, and for a class in place of a metric.
    ValueError
        For a name that is taken, or that logs have no room for.
    """
    if isinstance(metrics, Metric):
        metrics = [metrics]
    pairs: Any = metrics.items() if isinstance(metrics, Mapping) else [(None, metric) for metric in metrics or ()]
    found: dict[str, Metric] = {}
    for given, metric in pairs:
        if isinstance(metric, type):
            raise TypeError(f"Trainer: the metric {metric.__name__} is a class; give an instance, {metric.__name__}()")
        if not isinstance(metric, Metric):
            metric = function(metric)
        name = given or metric.name
        if (
            not isinstance(name, str)
            or not re.fullmatch(r"(?!val_)\w+", name)
            or name in (*found, "loss", "learning_rate", "epoch", "batch")
        ):
            raise ValueError(
                f"Trainer: {name!r} can't be the name of a metric, or is taken; metrics={{name: metric}} gives another"
            )
        found[name] = metric
    return found


def function(metric: Callable[[Any, Any], Tensor]) -> MeanLoss:
    """The mean over all samples of a function of outputs and targets."""
    if not callable(metric):
        raise TypeError(f"Trainer: a metric is a Metric or a function of outputs and targets, got {metric!r}")
    return MeanOf(metric)


class MeanOf(MeanLoss):
    """A mean of which it is not known whether it should be low."""

    direction = None
