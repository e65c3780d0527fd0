"""Schedules made of others: one after the other, or all at once."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minidl.optim.lr_scheduler.plateau import ReduceLROnPlateau
from minidl.optim.lr_scheduler.scheduler import LRScheduler, copied, put_rate, rates_of, require_number
from minidl.optim.optimizer import Optimizer


class _Composed(LRScheduler):
    """What consists of other schedules of one optimizer."""

    _schedulers: Sequence[LRScheduler]

    def _require(self, schedulers: Any, optimizer: Any) -> Optimizer:
        """The optimizer of all schedules; TypeError or ValueError unless they are such, and need nothing but a step."""
        name = type(self).__name__
        if not isinstance(schedulers, Sequence) or not schedulers:
            raise ValueError(f"{name}: expected a list of at least one schedule, got {schedulers!r}")
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"{name}: expected schedules, got {type(scheduler).__name__} at index {i}")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(f"{name}: ReduceLROnPlateau at index {i} needs a metric to step; step it by itself")
            optimizer = optimizer or scheduler.optimizer
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"{name}: {type(scheduler).__name__} at index {i} is of another optimizer")
        return optimizer

    def state_dict(self) -> dict[str, Any]:
        """All that it knows but the optimizer, with the states of its schedules."""
        return super().state_dict() | {"_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """As `LRScheduler` does, and as each of its schedules does."""
        schedulers = self._schedulers
        super().load_state_dict(state_dict)
        self._schedulers = schedulers
        for scheduler, state in zip(schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)

    def _require_state(self, state_dict: Any) -> None:
        super()._require_state(state_dict)
        saved, name = state_dict["_schedulers"], type(self).__name__
        if len(saved) != len(self._schedulers):
            raise ValueError(
                f"{name}: load_state_dict: the state is of {len(saved)} schedules, here are {len(self._schedulers)}"
            )
        for scheduler, state in zip(self._schedulers, saved, strict=True):
            scheduler._require_state(state)


class SequentialLR(_Composed):
    """One schedule after the other: the next begins, with the first rates, at each of the epochs `milestones`.

    Raises
    ------
    TypeError, ValueError
        For anything but schedules of this optimizer, `ReduceLROnPlateau`, a composed schedule that does not come first,
        and for milestones that are not one less and in order.
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        self.optimizer = self._require(schedulers, optimizer)
        if not isinstance(milestones, Iterable):
            raise TypeError(f"SequentialLR: milestones must be several epochs, got {milestones!r}; put one in a list")
        milestones = list(milestones)
        for epoch in milestones:
            require_number(self, 0, math.inf, milestones=epoch)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: {len(schedulers)} schedules need one milestone less, got {len(milestones)}"
            )
        if sorted(milestones) != milestones:
            raise ValueError(f"SequentialLR: milestones must be in order, got {milestones}")
        for scheduler in schedulers[1:]:
            if isinstance(scheduler, _Composed):
                raise ValueError(
                    f"SequentialLR: {type(scheduler).__name__} can only come first; list what it consists of"
                )
        self._schedulers, self._milestones = schedulers, milestones
        self.last_epoch = last_epoch + 1
        for group in self.optimizer.param_groups:
            put_rate(group, copied(group["initial_lr"]))
        for scheduler in leaves(self):
            scheduler.last_epoch -= 1  # which all have begun as they were made
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:  # type: ignore[override]
        """Let the schedule of the next epoch set its rates."""
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i > 0 and self._milestones[i - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


class ChainedScheduler(_Composed):
    """Several schedules at once: each changes the rates that the one before it leaves.

    Raises
    ------
    TypeError, ValueError
        For anything but schedules of one optimizer, and for `ReduceLROnPlateau`.
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self.optimizer = self._require(schedulers, optimizer)
        self._schedulers = schedulers
        self._last_lr = rates_of(self.optimizer)

    def step(self) -> None:  # type: ignore[override]
        """Let each schedule take a step."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = rates_of(self.optimizer)


def leaves(scheduler: LRScheduler) -> list[LRScheduler]:
    """The schedules that one consists of which are not composed themselves."""
    if not isinstance(scheduler, _Composed):
        return [scheduler]
    return [leaf for part in scheduler._schedulers for leaf in leaves(part)]
