"""End a training that has gone wrong, and say where."""

from __future__ import annotations

import math

from minidl.backend.random import default_generator
from minidl.engine.core import Tensor
from minidl.train.anomaly import first_unfit, unfit
from minidl.train.callbacks.callback import Callback, Logs


class TerminateOnNaN(Callback):
    """Ends a training when a loss or a gradient is NaN or infinite (``keras.callbacks.TerminateOnNaN``).

    The parameters stay as they were before that batch. It is computed again, op by op, to say which op of which layer
    gave the first such number. Both are looked at in each batch, for which a GPU is waited.

    Parameters
    ----------
    raise_error : bool, default False
        Raise RuntimeError, rather than set ``trainer.stop_training``.

    Attributes
    ----------
    reason : str
        What was found, and printed; empty where nothing was.

    Raises
    ------
    RuntimeError
        In training, if `raise_error`.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error
        self.reason = ""

    def on_train_begin(self, logs: Logs) -> None:
        self.reason = ""

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        self.random = default_generator.get_state()

    def on_before_optimizer_step(self, batch: int, logs: Logs) -> None:
        if self.reason:
            return
        numbers = [self.trainer.loss_value, *[p.grad for p in self.model.parameters()]]
        if not all(finite(tensor) for tensor in numbers if tensor is not None):
            self._end(batch)

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        loss = self.trainer.loss_value
        if not self.reason and loss is not None and not math.isfinite(loss.item()):
            self._end(batch)

    def _end(self, batch: int) -> None:
        trainer, now = self.trainer, default_generator.get_state()
        inputs, targets, weights = trainer.current
        self.model.zero_grad()
        default_generator.set_state(self.random)
        parts = inputs if isinstance(inputs, (tuple, list)) else [inputs]
        where = first_unfit(
            self.model, parts, lambda: trainer.loss_of(trainer.run(inputs), targets, weights).backward()
        )
        default_generator.set_state(now)
        self.model.zero_grad()  # so that the step that follows moves nothing
        self.reason = f"Batch {batch}: not all numbers are finite, training ends; {where}"
        if self.raise_error:
            raise RuntimeError(self.reason)
        print(self.reason)
        trainer.stop_training = True


def finite(tensor: Tensor) -> bool:
    """Whether all numbers are: their sum is then, too, unless it is too large."""
    return math.isfinite(tensor.sum().item()) or not unfit(tensor)
