"""Set the learning rate by a function of the epoch."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable

from minidl.train.callbacks.callback import Callback, Logs


class LearningRateScheduler(Callback):
    """Sets the learning rate of each epoch, before it begins (``keras.callbacks.LearningRateScheduler``).

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch, lr)``, or ``schedule(epoch)``, gives the rate of an epoch, from 0; `lr` is that of the one
        before, of each group of parameters its own.
    verbose : {0, 1}
        1: say what it is set to.

    Raises
    ------
    TypeError
        For what can't be called so.
    ValueError
        In training, if the schedule gives anything but a number.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        try:
            parameters = inspect.signature(schedule)
            self.with_lr = accepts(parameters, 0, 0.0)
            fits = self.with_lr or accepts(parameters, 0)
        except (TypeError, ValueError):  # what is no function, and functions of C that do not tell
            fits = False
        if not fits:
            raise TypeError(f"LearningRateScheduler: schedule must be a function of epoch and lr, got {schedule!r}")
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        for group in self.trainer.optimizer.param_groups:
            rate = self.schedule(epoch, float(group["lr"])) if self.with_lr else self.schedule(epoch)
            if not isinstance(rate, numbers.Real) or not float(rate) >= 0:
                raise ValueError(f"LearningRateScheduler: the schedule must give a number, not negative, got {rate!r}")
            group["lr"] = float(rate)
            if self.verbose:
                print(f"Epoch {epoch + 1}: the learning rate is set to {group['lr']:.4g}")


def accepts(signature: inspect.Signature, *args: object) -> bool:
    """Whether a function can be called with these arguments."""
    try:
        signature.bind(*args)
    except TypeError:
        return False
    return True
