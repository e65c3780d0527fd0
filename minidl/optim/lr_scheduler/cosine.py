"""Schedules along a cosine: down once, or down and up again, and with restarts."""

from __future__ import annotations

import math
from typing import Any

from minidl.optim.lr_scheduler.scheduler import LRScheduler, rates_of, require_number
from minidl.optim.optimizer import Optimizer


class CosineAnnealingLR(LRScheduler):
    """eta_min + (base − eta_min) · (1 + cos(π · epoch / T_max)) / 2: from the first rates to `eta_min` at `T_max`.

    Loshchilov & Hutter (2017), "SGDR: stochastic gradient descent with warm restarts", equation 5, without restarts:
    after T_max the rates rise again. Each rate is made from the one before, so that schedules can be chained.

    Raises
    ------
    TypeError, ValueError
        Unless T_max is a number above 0, and eta_min one.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        require_number(self, 0, math.inf, open=True, T_max=T_max)
        require_number(self, -math.inf, math.inf, eta_min=eta_min)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        rates, low = rates_of(self.optimizer), self.eta_min
        if self._is_initial:
            return rates
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:  # the rate before is eta_min, a multiple of 0
            rise = 1 - math.cos(math.pi / self.T_max)
            return [rate + (base - low) * rise / 2 for rate, base in zip(rates, self.base_lrs, strict=True)]
        now, before = (1 + math.cos(math.pi * epoch / self.T_max) for epoch in (self.last_epoch, self.last_epoch - 1))
        return [now / before * (rate - low) + low for rate in rates]

    def _closed_form(self) -> list[Any]:
        share = 1 + math.cos(math.pi * self.last_epoch / self.T_max)
        return [self.eta_min + (base - self.eta_min) * share / 2 for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """eta_min + (base − eta_min) · (1 + cos(π · T_cur / T_i)) / 2: down to `eta_min` in `T_0` epochs, and anew.

    T_cur counts epochs since the last restart; T_i, the epochs between two, starts at `T_0` and is multiplied by
    `T_mult` at each. Loshchilov & Hutter (2017), "SGDR: stochastic gradient descent with warm restarts", equation 5.

    Raises
    ------
    TypeError, ValueError
        Unless T_0 and T_mult are ints of at least 1, and eta_min is a number.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        for name, value in {"T_0": T_0, "T_mult": T_mult}.items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"CosineAnnealingWarmRestarts: {name} must be an int of at least 1, got {value!r}")
        require_number(self, -math.inf, math.inf, eta_min=eta_min)
        self.T_0, self.T_i, self.T_mult, self.eta_min = T_0, T_0, T_mult, eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def _rates(self) -> list[Any]:
        share = 1 + math.cos(math.pi * self.T_cur / self.T_i)
        return [self.eta_min + (base - self.eta_min) * share / 2 for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Set the rates of the next epoch, or of `epoch`, which may be a fraction: ``epoch + batch / batches``.

        Raises
        ------
        ValueError
            For a negative epoch.
        """
        if epoch is None and self.last_epoch >= 0:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur %= self.T_i
                self.T_i *= self.T_mult
        else:
            epoch = epoch or 0
            if epoch < 0:
                raise ValueError(f"CosineAnnealingWarmRestarts: expected an epoch of at least 0, got {epoch}")
            self._restart(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self._asked())

    def _restart(self, epoch: float) -> None:
        """Find T_cur and T_i in an epoch."""
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**n
