"""Schedules that multiply: the rate of the epoch before by a factor, or the first rate by what a function says."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from minidl.optim.lr_scheduler.scheduler import (
    LRScheduler,
    parts,
    per_group,
    rates_of,
    require_number,
    require_optimizer,
)
from minidl.optim.optimizer import Optimizer


class _Factor(LRScheduler):
    """A schedule of which a subclass defines `_factor`, and `_share`, the product of all factors up to an epoch.

    Rates that something else changes meanwhile are multiplied as they are: such schedules can be chained.
    """

    def _factor(self) -> float:
        """What the rates are multiplied by as `last_epoch` begins."""
        raise NotImplementedError

    def _share(self) -> float:
        """What the first rates are multiplied by in `last_epoch`."""
        raise NotImplementedError

    def _rates(self) -> list[Any]:
        factor = self._factor()
        return [rate * factor for rate in rates_of(self.optimizer)]

    def _closed_form(self) -> list[Any]:
        share = self._share()
        return [base * share for base in self.base_lrs]


class StepLR(_Factor):
    """Every `step_size` epochs the rates are multiplied by `gamma`.

    Raises
    ------
    TypeError, ValueError
        Unless step_size is a number above 0, and gamma one.
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        require_number(self, 0, math.inf, open=True, step_size=step_size)
        require_number(self, -math.inf, math.inf, gamma=gamma)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        return self.gamma if self.last_epoch and self.last_epoch % self.step_size == 0 else 1

    def _share(self) -> float:
        return self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(_Factor):
    """At each of the epochs `milestones` the rates are multiplied by `gamma`, at one that comes twice twice.

    Raises
    ------
    TypeError, ValueError
        Unless milestones are numbers of epochs, and gamma is a number.
    """

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        if not isinstance(milestones, Iterable):
            raise TypeError(f"MultiStepLR: milestones must be several epochs, got {milestones!r}; put one in a list")
        epochs = list(milestones)
        for epoch in epochs:
            require_number(self, 0, math.inf, milestones=epoch)
        require_number(self, -math.inf, math.inf, gamma=gamma)
        self.milestones, self.gamma = Counter(epochs), gamma
        super().__init__(optimizer, last_epoch)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """As `LRScheduler` does; epochs may have become texts, as in JSON."""
        super().load_state_dict(state_dict)
        self.milestones = Counter({int(epoch): times for epoch, times in state_dict["milestones"].items()})

    def _factor(self) -> float:
        return self.gamma ** self.milestones[self.last_epoch]

    def _share(self) -> float:
        return self.gamma ** bisect_right(sorted(self.milestones.elements()), self.last_epoch)


class ConstantLR(_Factor):
    """For the first `total_iters` epochs the rates are multiplied by `factor`.

    Raises
    ------
    TypeError, ValueError
        Unless factor is in (0, 1], and total_iters above 0.
    """

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        require_number(self, 0, 1, open=True, factor=factor)
        require_number(self, 0, math.inf, open=True, total_iters=total_iters)
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        return {0: self.factor, self.total_iters: 1 / self.factor}.get(self.last_epoch, 1)

    def _share(self) -> float:
        return self.factor + (self.last_epoch >= self.total_iters) * (1 - self.factor)


class LinearLR(_Factor):
    """The rates are multiplied by a factor that goes from `start_factor` to `end_factor` in `total_iters` equal steps.

    This warms up: Goyal et al. (2017), "Accurate, large minibatch SGD: training ImageNet in 1 hour", section 2.2.

    Raises
    ------
    TypeError, ValueError
        Unless start_factor is in (0, 1], end_factor in [0, 1], and total_iters above 0.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        require_number(self, 0, 1, open=True, start_factor=start_factor)
        require_number(self, 0, 1, end_factor=end_factor)
        require_number(self, 0, math.inf, open=True, total_iters=total_iters)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        if self.last_epoch == 0:
            return self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return 1
        rise = self.end_factor - self.start_factor
        return 1.0 + rise / (self.total_iters * self.start_factor + (self.last_epoch - 1) * rise)

    def _share(self) -> float:
        rise = (self.end_factor - self.start_factor) * min(self.total_iters, self.last_epoch)
        return self.start_factor + rise / self.total_iters


class ExponentialLR(_Factor):
    """Every epoch the rates are multiplied by `gamma`. TypeError or ValueError unless it is a number."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        require_number(self, -math.inf, math.inf, gamma=gamma)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        return 1 if self._is_initial else self.gamma

    def _share(self) -> float:
        return self.gamma**self.last_epoch


class PolynomialLR(_Factor):
    """The rates are multiplied by (1 − epoch / `total_iters`) to the `power`, from total_iters on by 0.

    Raises
    ------
    TypeError, ValueError
        Unless total_iters is above 0, and power a number that is not negative.
    """

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        require_number(self, 0, math.inf, open=True, total_iters=total_iters)
        require_number(self, 0, math.inf, power=power)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        if self._is_initial or self.last_epoch > self.total_iters:
            return 1
        left, before = (1.0 - epoch / self.total_iters for epoch in (self.last_epoch, self.last_epoch - 1))
        return (left / before) ** self.power

    def _share(self) -> float:
        return (1.0 - min(self.total_iters, self.last_epoch) / self.total_iters) ** self.power


class _ByFunction(LRScheduler):
    """A schedule by a function of the epoch, or one for each group.

    A state holds of each what `vars` says of a callable object, and nothing of a function: make the schedule with the
    same one again.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | list[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = require_optimizer(self, optimizer)
        self.lr_lambdas: list[Callable[[int], float]] = per_group(self, "lr_lambda", lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"{type(self).__name__}: lr_lambda must be a function, got {function!r}")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """All that it knows but the optimizer and functions."""
        return super().state_dict() | {"lr_lambdas": [parts(function) for function in self.lr_lambdas]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """As `LRScheduler` does; callable objects get what is saved of them."""
        functions = self.lr_lambdas
        super().load_state_dict(state_dict)
        self.lr_lambdas = functions
        for function, saved in zip(functions, state_dict["lr_lambdas"], strict=True):
            if saved is not None:
                vars(function).update(saved)


class LambdaLR(_ByFunction):
    """The first rates are multiplied by ``lr_lambda(epoch)``. TypeError and ValueError for what are no functions."""

    def _rates(self) -> list[Any]:
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [base * function(self.last_epoch) for base, function in pairs]


class MultiplicativeLR(_ByFunction):
    """The rates of the epoch before are multiplied by ``lr_lambda(epoch)``, which is asked from epoch 1 on.

    TypeError and ValueError for what are no functions.
    """

    def _rates(self) -> list[Any]:
        rates = rates_of(self.optimizer)
        if self._is_initial:
            return rates
        return [rate * function(self.last_epoch) for rate, function in zip(rates, self.lr_lambdas, strict=True)]
