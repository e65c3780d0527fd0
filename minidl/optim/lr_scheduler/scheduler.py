"""What schedules share: the rates at the start, the epoch, and a state to go on from."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from types import FunctionType
from typing import Any, ClassVar

import numpy as np

from minidl.engine.core import Tensor
from minidl.optim.optimizer import Optimizer

EARLY = (
    "{}: step() comes before the first optimizer.step(); call optimizer.step() first, or the first rate is passed over"
)
ASKED = "{}: get_lr() makes the next rates, and is for step() alone; get_last_lr() has those of now"
BY_EPOCH = "{}: step(epoch) is deprecated; step() goes on by one"


class LRScheduler:
    """A schedule of the rates of an optimizer's groups. A subclass defines ``get_lr``.

    Making it sets the rates of the first epoch; each `step` sets those of the next. To go on from a saved state, make
    optimizer and schedule anew, and load the states of both.

    Parameters
    ----------
    optimizer : Optimizer
    last_epoch : int
        The epoch that was the last, -1 to begin with; then each group must have an ``"initial_lr"``.

    Attributes
    ----------
    base_lrs : list of float or Tensor
        The rates that the groups had first.
    last_epoch : int

    Raises
    ------
    TypeError
        For anything but an optimizer.
    ValueError
        For a last_epoch that begins within a schedule, though groups don't know their first rates.
    """

    _is_initial = False  # while it is made
    _get_lr_called_within_step = False
    _loose: ClassVar[tuple[str, ...]] = ()  # what may be in another form in a state than it is here

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = require_optimizer(self, optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise ValueError(
                    f"{type(self).__name__}: group {i} has no 'initial_lr' to go on from at last_epoch={last_epoch}; "
                    "load the optimizer's state first, or begin with last_epoch=-1"
                )
        self.base_lrs = [copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def get_lr(self) -> list[Any]:
        """The rates of the groups in the epoch that begins; for `step` to call."""
        if not self._get_lr_called_within_step:
            warnings.warn(ASKED.format(type(self).__name__), stacklevel=2)
        return self._rates()

    def _rates(self) -> list[Any]:
        """The same, where a subclass does not define `get_lr`."""
        raise NotImplementedError(f"{type(self).__name__} must define get_lr()")

    def _closed_form(self) -> list[Any] | None:
        """The rates by `base_lrs` and `last_epoch` alone, None where they depend on the epochs before."""
        return None

    def get_last_lr(self) -> list[Any]:
        """The rates of the groups, as set last; copies, where they are tensors."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Set the rates of the next epoch, after the optimizer's steps of this one.

        Warns
        -----
        UserWarning
            If the optimizer has made no step yet; and for an `epoch` to jump to, which PyTorch deprecates.
        """
        name = type(self).__name__
        plain = type(self.optimizer).step is Optimizer.step  # whether it would know of its steps
        if self._step_count == 1 and plain and not self.optimizer.has_stepped:
            warnings.warn(EARLY.format(name), stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(BY_EPOCH.format(name), stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        """Set the rates of the next epoch, or of this one."""
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = None if epoch is None else self._closed_form()
        self._set(self._asked() if closed is None else closed)

    def _asked(self) -> list[Any]:
        """What `get_lr` says."""
        self._get_lr_called_within_step = True
        try:
            return self.get_lr()
        finally:
            self._get_lr_called_within_step = False

    def _set(self, rates: list[Any]) -> None:
        """Give each group its rate; one that is a tensor is written."""
        groups = self.optimizer.param_groups
        if len(rates) != len(groups):
            raise ValueError(
                f"{type(self).__name__}: {len(rates)} rates for {len(groups)} groups; "
                "make the schedule after the last add_param_group()"
            )
        for group, rate in zip(groups, rates, strict=True):
            put_rate(group, rate)
        self._last_lr = rates_of(self.optimizer)

    def state_dict(self) -> dict[str, Any]:
        """All that it knows but the optimizer, by name."""
        return {name: value for name, value in vars(self).items() if name != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a `state_dict` of a schedule of the same kind, made for as many groups.

        Raises
        ------
        TypeError, ValueError
            If it is no dict, is of another kind of schedule, or of other groups, or if a value is not of the form of
            what stands here. Nothing is then loaded.
        """
        self._require_state(state_dict)
        vars(self).update(state_dict)

    def _require_state(self, state_dict: Any) -> None:
        """Raise TypeError or ValueError unless a state is of such a schedule, of as many groups."""
        own, where = self.state_dict(), f"{type(self).__name__}: load_state_dict"
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"{where}: expected a dict, got {type(state_dict).__name__}")
        if own.keys() != state_dict.keys():
            missing, unknown = sorted(own.keys() - state_dict.keys()), sorted(state_dict.keys() - own.keys())
            wrong = f"no {', '.join(missing)}" if missing else ", ".join(unknown)
            raise ValueError(f"{where}: the state has {wrong}; is it of another kind of schedule?")
        groups, rates = len(self.optimizer.param_groups), state_dict["_last_lr"]
        if form(rates) == "a list" and len(rates) != groups:
            raise ValueError(f"{where}: the state is of {len(rates)} groups, the optimizer has {groups}")
        for name, value in own.items():
            if name not in self._loose and (expected := misfit(value, state_dict[name])):
                raise ValueError(f"{where}: {name} is {state_dict[name]!r}, expected {expected}")


def require_optimizer(schedule: LRScheduler, optimizer: Any) -> Optimizer:
    """An optimizer; TypeError, in the name of a schedule, for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(schedule).__name__}: expected an optimizer, got {type(optimizer).__name__}")
    return optimizer


def require_number(schedule: LRScheduler, least: float, most: float, *, open: bool = False, **numbers: Any) -> None:
    """Raise TypeError or ValueError, in the name of a schedule, for what is no number between these, or at them.

    `open`: the least itself is out of range.
    """
    for name, value in numbers.items():
        if not isinstance(value, (int, float, np.number)):
            raise TypeError(f"{type(schedule).__name__}: {name} must be a number, got {value!r}")
        if not least <= value <= most or (open and value == least):
            limit = f"{'more than' if open else 'at least'} {least:g}" + (
                f", at most {most:g}" if most < np.inf else ""
            )
            raise ValueError(f"{type(schedule).__name__}: {name} must be {limit}, got {value}")


def per_group(schedule: LRScheduler, name: str, value: Any) -> list[Any]:
    """A value for each group: one for all of them, or a list of as many; ValueError for another length."""
    groups = len(schedule.optimizer.param_groups)
    values = value if isinstance(value, (list, tuple)) else [value] * groups
    if len(values) != groups:
        raise ValueError(f"{type(schedule).__name__}: {name} has {len(values)} values, the optimizer {groups} groups")
    return [copied(each) for each in values]


def numbers_per_group(schedule: LRScheduler, name: str, value: Any, least: float = -math.inf) -> list[Any]:
    """`per_group` of numbers, or tensors of one; TypeError or ValueError for anything else, and below the least."""
    values = per_group(schedule, name, value)
    for each in values:
        number: Any = {name: each.item() if isinstance(each, Tensor) else each}
        require_number(schedule, least, math.inf, **number)
    return values


FORMS: list[tuple[Any, str]] = [
    (bool, "True or False"), ((int, float, np.number, Tensor), "a number"), (str, "a text"), (Mapping, "a dict"),
    ((list, tuple), "a list"), (type(None), "None"),
]  # fmt: skip


def form(value: Any) -> str:
    """Of which form a value of a state is: a number, a text, a list and so on."""
    return next((said for kind, said in FORMS if isinstance(value, kind)), type(value).__name__)


def misfit(own: Any, saved: Any) -> str | None:
    """What is expected in place of a saved value, where its form is another than that of what a schedule has."""
    if form(own) != form(saved):
        return form(own)
    if form(own) != "a list" or not own:
        return None
    if form(own[0]) == "a number" and len(own) != len(saved):
        return f"{len(own)} numbers"
    for i, each in enumerate(saved):
        if wrong := misfit(own[min(i, len(own) - 1)], each):
            return f"{wrong} at index {i}"
    return None


def parts(function: Any) -> dict[str, Any] | None:
    """What can be saved of a callable: the attributes of an object, None of a function, and where there is none."""
    return None if isinstance(function, FunctionType) or not hasattr(function, "__dict__") else dict(vars(function))


def copied(rate: Any) -> Any:
    """A rate as it is now: a tensor can be written."""
    return rate.detach().clone() if isinstance(rate, Tensor) else rate


def rates_of(optimizer: Optimizer) -> list[Any]:
    """The rates of the groups as they are now."""
    return [copied(group["lr"]) for group in optimizer.param_groups]


def put_rate(group: dict[str, Any], rate: Any) -> None:
    """Give a group a rate; one that is a tensor is written."""
    if isinstance(group["lr"], Tensor):
        group["lr"].detach().fill_(float(rate))
    else:
        group["lr"] = rate
