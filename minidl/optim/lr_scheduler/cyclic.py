"""Schedules that go up and down, batch by batch, and take the momentum the other way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Literal

from minidl.optim.lr_scheduler.scheduler import (
    LRScheduler,
    numbers_per_group,
    parts,
    put_rate,
    require_number,
    require_optimizer,
)
from minidl.optim.optimizer import Optimizer


class _Cycling(LRScheduler):
    """What changes a momentum, too: SGD's and RMSprop's, or β₁ of those that have betas."""

    cycle_momentum: bool

    def _begin_momentum(self, base: Any, top: Any, last_epoch: int) -> None:
        """Let each group know the least and the largest momentum; the first is the largest."""
        defaults = self.optimizer.defaults
        if "momentum" not in defaults and "betas" not in defaults:
            raise ValueError(
                f"{type(self).__name__}: {type(self.optimizer).__name__} has no momentum; use cycle_momentum=False"
            )
        self.use_beta1 = "betas" in defaults
        ends = (numbers_per_group(self, *given) for given in (("base_momentum", base), ("max_momentum", top)))
        pairs = zip(*ends, strict=True)
        for group, (least, most) in zip(self.optimizer.param_groups, pairs, strict=True):
            if last_epoch == -1:
                self._put_momentum(group, most)
                group["base_momentum"], group["max_momentum"] = least, most

    def _put_momentum(self, group: dict[str, Any], momentum: float) -> None:
        if self.use_beta1:
            group["betas"] = (momentum, *group["betas"][1:])
        else:
            group["momentum"] = momentum


class CyclicLR(_Cycling):
    """From `base_lr` up to `max_lr` in `step_size_up` steps, down again in `step_size_down`, and so on.

    Smith (2017), "Cyclical learning rates for training neural networks". Step it after each batch.

    Parameters
    ----------
    optimizer : Optimizer
    base_lr, max_lr : float, or a list of one for each group
    step_size_up, step_size_down : int
        Batches; down as many as up where it is None.
    mode : "triangular", "triangular2" or "exp_range"
        Cycles are all as high; each is half as high as the one before; or by ``gamma ** batch``.
    gamma : float
    scale_fn, scale_mode : function, and "cycle" or "iterations"
        In the place of a mode: the height by the number of the cycle, from 1 on, or of the batch.
    cycle_momentum : bool
        Whether the momentum goes from `max_momentum` to `base_momentum` and back meanwhile.
    base_momentum, max_momentum : float, or a list of one for each group
    last_epoch : int
        The last batch, -1 to begin with.

    Raises
    ------
    TypeError, ValueError
        For options of another type or out of range, and for an optimizer without momentum, where it is to be changed.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | list[float],
        max_lr: float | list[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: Literal["cycle", "iterations"] = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.8,
        max_momentum: float | list[float] = 0.9,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = require_optimizer(self, optimizer)
        down = step_size_up if step_size_down is None else step_size_down
        require_number(self, 0, math.inf, open=True, step_size_up=step_size_up)
        require_number(self, 0, math.inf, step_size_down=down)
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError(
                f"CyclicLR: mode must be 'triangular', 'triangular2' or 'exp_range' without scale_fn, got {mode!r}"
            )
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"CyclicLR: scale_mode must be 'cycle' or 'iterations', got {scale_mode!r}")
        require_number(self, -math.inf, math.inf, gamma=gamma)
        base_lrs, self.max_lrs = (
            numbers_per_group(self, name, rates, least=0) for name, rates in (("base_lr", base_lr), ("max_lr", max_lr))
        )
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, base_lrs, strict=True):
                put_rate(group, rate)
        self.total_size = float(step_size_up) + float(down)
        self.step_ratio = float(step_size_up) / self.total_size
        self.mode, self.gamma, self._scale_fn_custom = mode, gamma, scale_fn
        self.scale_mode = scale_mode if scale_fn else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.base_momentums = numbers_per_group(self, "base_momentum", base_momentum)
            self.max_momentums = numbers_per_group(self, "max_momentum", max_momentum)
            self._begin_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The height of a cycle, by its number or by that of the batch."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        return {"triangular": 1.0, "triangular2": 1 / 2.0 ** (x - 1), "exp_range": self.gamma**x}[self.mode]

    def _rates(self) -> list[Any]:
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            ends = zip(self.base_momentums, self.max_momentums, strict=True)
            for group, (least, most) in zip(self.optimizer.param_groups, ends, strict=True):
                self._put_momentum(group, most - (most - least) * height * scale)
        return [low + (top - low) * height * scale for low, top in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """All that it knows but the optimizer; of a `scale_fn` what `vars` says of a callable object, else None."""
        return super().state_dict() | {"_scale_fn_custom": parts(self._scale_fn_custom)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """As `LRScheduler` does; a callable object gets what is saved of it."""
        custom = self._scale_fn_custom
        super().load_state_dict(state_dict)
        self._scale_fn_custom = custom
        if state_dict["_scale_fn_custom"] is not None:
            vars(custom).update(state_dict["_scale_fn_custom"])


class OneCycleLR(_Cycling):
    """From max_lr / div_factor up to `max_lr`, and down to a fraction of where it began: one cycle of `total_steps`.

    Smith & Topin (2018), "Super-convergence: very fast training of neural networks using large learning rates". Step it
    after each batch.

    Parameters
    ----------
    optimizer : Optimizer
    max_lr : float, or a list of one for each group
    total_steps : int
        Batches; ``epochs * steps_per_epoch`` where it is None.
    epochs, steps_per_epoch : int
    pct_start : float in [0, 1]
        The share of the steps in which the rate rises.
    anneal_strategy : "cos" or "linear"
    cycle_momentum : bool
        Whether the momentum goes from `max_momentum` to `base_momentum` and back meanwhile.
    base_momentum, max_momentum : float, or a list of one for each group
    div_factor : float
        The first rate is max_lr / div_factor.
    final_div_factor : float
        The last one is the first / final_div_factor.
    three_phase : bool
        Down to the first rate in as many steps as up, and from there to the last in what is left.
    last_epoch : int
        The last batch, -1 to begin with.

    Raises
    ------
    TypeError, ValueError
        For options of another type or out of range, for an optimizer without momentum, where it is to be changed, and
        from `step` beyond the last of total_steps.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | list[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | list[float] = 0.85,
        max_momentum: float | list[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = require_optimizer(self, optimizer)
        self.total_steps = self._count(total_steps, epochs, steps_per_epoch)
        require_number(self, 0, 1, pct_start=pct_start)
        require_number(self, 0, math.inf, open=True, div_factor=div_factor, final_div_factor=final_div_factor)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        up, down = float(pct_start * self.total_steps) - 1, float(2 * pct_start * self.total_steps) - 2
        end = self.total_steps - 1
        if three_phase:
            self._schedule_phases = [
                phase(up, "initial_lr", "max_lr", "max_momentum", "base_momentum"),
                phase(down, "max_lr", "initial_lr", "base_momentum", "max_momentum"),
                phase(end, "initial_lr", "min_lr", "max_momentum", "max_momentum"),
            ]
        else:
            self._schedule_phases = [
                phase(up, "initial_lr", "max_lr", "max_momentum", "base_momentum"),
                phase(end, "max_lr", "min_lr", "base_momentum", "max_momentum"),
            ]
        self._anneal_func_type = anneal_strategy
        for group, top in zip(optimizer.param_groups, numbers_per_group(self, "max_lr", max_lr, least=0), strict=True):
            if last_epoch == -1:
                group["initial_lr"], group["max_lr"] = top / div_factor, top
                group["min_lr"] = group["initial_lr"] / final_div_factor
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self._begin_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)

    def _count(self, total_steps: Any, epochs: Any, steps_per_epoch: Any) -> int:
        """How many steps there are."""
        if total_steps is None and (epochs is None or steps_per_epoch is None):
            raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
        parts = {"epochs": epochs, "steps_per_epoch": steps_per_epoch} if total_steps is None else {}
        for name, value in (parts or {"total_steps": total_steps}).items():
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"OneCycleLR: {name} must be an int of at least 1, got {value!r}")
        return total_steps if total_steps is not None else epochs * steps_per_epoch

    def _rates(self) -> list[Any]:
        step, rates = self.last_epoch, []
        if step > self.total_steps:
            raise ValueError(
                f"OneCycleLR: step {step} of a schedule of {self.total_steps}; step once a batch, and give total_steps "
                "or epochs and steps_per_epoch, by what is trained"
            )
        now, start = self._schedule_phases[0], 0.0
        for following in self._schedule_phases[1:]:
            if step > now["end_step"]:
                now, start = following, now["end_step"]
        length = now["end_step"] - start
        share = (step - start) / length if length else 1.0  # a phase of no steps is at its end
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[now["start_lr"]], group[now["end_lr"]], share))
            if self.cycle_momentum:
                ends = group[now["start_momentum"]], group[now["end_momentum"]]
                self._put_momentum(group, self._between(*ends, share))
        return rates

    def _between(self, start: Any, end: Any, share: float) -> Any:
        """What lies between two values, at a share of the way."""
        if self._anneal_func_type == "cos":
            return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)
        return (end - start) * share + start


def phase(end: float, start_lr: str, end_lr: str, start_momentum: str, end_momentum: str) -> dict[str, Any]:
    """A part of a cycle up to a step, between values that groups have under these names."""
    return {
        "end_step": end, "start_lr": start_lr, "end_lr": end_lr, "start_momentum": start_momentum,
        "end_momentum": end_momentum,
    }  # fmt: skip
