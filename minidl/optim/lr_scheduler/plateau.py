"""A schedule by what is measured."""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal

from minidl.optim.lr_scheduler.scheduler import (
    BY_EPOCH,
    LRScheduler,
    numbers_per_group,
    put_rate,
    rates_of,
    require_number,
    require_optimizer,
)
from minidl.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """After more than `patience` epochs in which a metric was not better, the rates are multiplied by `factor`.

    Parameters
    ----------
    optimizer : Optimizer
    mode : "min" or "max"
        Whether less is better, or more.
    factor : float below 1
    patience : int
        Epochs that are waited for.
    threshold, threshold_mode : float, and "rel" or "abs"
        By how much a metric must be better than the best so far: as a share of that, or as it is.
    cooldown : int
        Epochs after a reduction that don't count.
    min_lr : float, or a list of one for each group
        No rate is reduced below it.
    eps : float
        No rate is reduced by less, or by that much.

    Raises
    ------
    TypeError, ValueError
        For options of another type, or out of range.
    """

    _loose = ("min_lrs", "default_min_lr")  # as min_lr was given, and before or after all groups were there

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float | list[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        self.optimizer = require_optimizer(self, optimizer)
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: mode must be 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"ReduceLROnPlateau: threshold_mode must be 'rel' or 'abs', got {threshold_mode!r}")
        require_number(self, 0, math.inf, factor=factor, patience=patience, cooldown=cooldown, eps=eps)
        require_number(self, -math.inf, math.inf, threshold=threshold)
        if factor >= 1:
            raise ValueError(f"ReduceLROnPlateau: factor must be below 1, got {factor}")
        self.min_lrs = numbers_per_group(self, "min_lr", min_lr)
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.factor, self.patience, self.cooldown, self.eps = factor, patience, cooldown, eps
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.last_epoch = 0
        self._last_lr = rates_of(optimizer)
        self._reset()

    def _reset(self) -> None:
        """Forget the epochs so far."""
        self.best, self.cooldown_counter, self.num_bad_epochs = self.mode_worse, 0, 0

    @property
    def in_cooldown(self) -> bool:
        """Whether epochs don't count by now."""
        return self.cooldown_counter > 0

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take in what was measured in an epoch, a number or a tensor of one; NaN is not better than anything."""
        current = float(metrics)
        if epoch is not None:
            warnings.warn(BY_EPOCH.format("ReduceLROnPlateau"), stacklevel=2)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._is_better(current):
            self.best, self.num_bad_epochs = current, 0
        else:
            self.num_bad_epochs += 1
        if self.in_cooldown:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = rates_of(self.optimizer)

    def _is_better(self, current: float) -> bool:
        """Whether a metric is better than the best so far."""
        sign = 1 if self.mode == "max" else -1
        if self.threshold_mode == "rel":
            bound = self.best * (1.0 + sign * self.threshold)
        else:
            bound = self.best + sign * self.threshold
        return current > bound if self.mode == "max" else current < bound

    def _reduce(self) -> None:
        """Multiply the rates."""
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise ValueError(
                    f"ReduceLROnPlateau: min_lr has {len(self.min_lrs)} values, the optimizer {len(groups)} groups "
                    "by now; set .min_lrs to a list of one for each"
                )
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, least in zip(groups, self.min_lrs, strict=True):
            old = float(group["lr"])
            new = max(old * self.factor, least)
            if old - new > self.eps:
                put_rate(group, new)
