"""Stop when nothing improves any more."""

from __future__ import annotations

from typing import Any

from minidl.backend.modes import require_flag
from minidl.data.sampler import require_count, require_number
from minidl.train.callbacks.callback import Logs
from minidl.train.callbacks.monitor import Monitor
from minidl.train.metrics.metric import own


class EarlyStopping(Monitor):
    """Ends a training when the number that it watches has stopped improving (``keras.callbacks.EarlyStopping``).

    Parameters
    ----------
    monitor : str, default "val_loss"
    min_delta : float, default 0
        A change by less is no improvement. Its sign does not matter.
    patience : int, default 0
        It stops after so many epochs without improvement.
    verbose : {0, 1}
        1: say when it acts.
    mode : {"auto", "min", "max"}
        Whether lower values are better, or higher; "auto": lower of a loss, of a metric as it says itself.
    baseline : float, optional
        A value that must be improved on, too, for patience to begin anew.
    restore_best_weights : bool, default False
        Whether the network ends with the weights and buffers of its best epoch, also where it was not stopped, and
        where no epoch improved on `baseline`.
    start_from_epoch : int, default 0
        Epochs before this one are not looked at.

    Raises
    ------
    ValueError, TypeError
        For an argument of another type, or out of range; in training, where "auto" can't tell what is better.
    """

    kept = ("best", "best_epoch", "best_weights", "stopped_epoch", "wait")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        name, self.verbose = type(self).__name__, verbose
        self.patience = require_count(name, "patience", patience, least=0)
        self.start_from_epoch = require_count(name, "start_from_epoch", start_from_epoch, least=0)
        self.baseline = None if baseline is None else require_number(name, "baseline", baseline)
        self.restore_best_weights = require_flag(name, "restore_best_weights", restore_best_weights)

    def on_train_begin(self, logs: Logs) -> None:
        self.direction()
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = None
        self.best_weights: dict[str, Any] | None = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        value = self.current(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.improves(value, self.best):
            self.best, self.best_epoch = value, epoch
            if self.restore_best_weights:
                self.best_weights = {name: own(tensor) for name, tensor in self.model.state_dict().items()}
            if self.improves(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.trainer.stop_training = True

    def on_train_end(self, logs: Logs) -> None:
        if self.stopped_epoch and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch: {self.best_epoch + 1}")
            self.model.load_state_dict(self.best_weights)
