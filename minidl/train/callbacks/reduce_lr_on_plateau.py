"""Learn more slowly when nothing improves any more."""

from __future__ import annotations

from typing import Any

from minidl.data.sampler import require_count, require_number
from minidl.train.callbacks.callback import Logs
from minidl.train.callbacks.monitor import Monitor


class ReduceLROnPlateau(Monitor):
    """Reduces the learning rate when what it watches stops improving (``keras.callbacks.ReduceLROnPlateau``).

    Parameters
    ----------
    monitor : str, default "val_loss"
    factor : float, default 0.1
        What the rate of each group is multiplied by; less than 1.
    patience : int, default 10
        It acts after so many epochs without improvement.
    verbose : {0, 1}
        1: say when it acts.
    mode : {"auto", "min", "max"}
        Whether lower values are better, or higher; "auto": lower of a loss, of a metric as it says itself.
    min_delta : float, default 1e-4
        A change by less is no improvement. Its sign does not matter.
    cooldown : int, default 0
        Epochs after a reduction that don't count.
    min_lr : float, default 0
        No rate gets below it.

    Raises
    ------
    ValueError, TypeError
        For an argument of another type, or out of range; in training, where "auto" can't tell what is better.
    """

    kept = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        name, self.verbose = type(self).__name__, verbose
        self.factor = require_number(name, "factor", factor, least=0)
        if factor >= 1:
            raise ValueError(f"{name}: factor must be at least 0 and less than 1, got {factor!r}")
        self.patience = require_count(name, "patience", patience, least=0)
        self.cooldown = require_count(name, "cooldown", cooldown, least=0)
        self.min_lr = require_number(name, "min_lr", min_lr, least=0)

    def on_train_begin(self, logs: Logs) -> None:
        self.direction()
        self.best, self.wait, self.cooldown_counter = None, 0, 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        value = self.current(logs)
        if value is None:
            return
        self.cooldown_counter = max(self.cooldown_counter - 1, 0)
        if self.improves(value, self.best):
            self.best, self.wait = value, 0
        elif self.cooldown_counter == 0:
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.wait, self.cooldown_counter = 0, self.cooldown

    def _reduce(self, epoch: int) -> bool:
        """Reduce the rates; whether any was above the least."""
        high = [group for group in self.trainer.optimizer.param_groups if group["lr"] > self.min_lr]
        for group in high:
            group["lr"] = max(group["lr"] * self.factor, self.min_lr)
            if self.verbose:
                print(f"Epoch {epoch + 1}: the learning rate is reduced to {group['lr']:.4g}")
        return bool(high)
