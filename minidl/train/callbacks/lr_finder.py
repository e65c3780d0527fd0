"""Which learning rate to begin with: try all of them, once (Smith 2017)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.backend.extras import extra
from minidl.backend.random import default_generator
from minidl.data.sampler import require_count
from minidl.train.callbacks.callback import Callback, Logs
from minidl.train.metrics.metric import own


class LRFinder(Callback):
    """Raises the learning rate from batch to batch, and ends when the loss explodes.

    All is then as it was before: network, optimizer, scheduler and the global random stream. Smith (2017), "Cyclical
    Learning Rates for Training Neural Networks", section 3.3, with rates in equal ratios.

        finder = LRFinder(steps=100)
        trainer.fit(train_set, epochs=100, callbacks=[finder], verbose=0)
        print(finder.suggestion())

    Parameters
    ----------
    min_lr, max_lr : float
        The first rate, and the last.
    steps : int, default 100
        The number of batches; as many epochs as these need are to be asked for.
    smoothing : float, default 0.9
        How much of the loss before goes into each that is kept, from 0 to less than 1.
    divergence : float, default 4
        It ends when the loss is so many times the lowest one, d. Where that is not above 0: when it is above it by
        d − 1 times the first loss or the lowest, whichever is larger without its sign.

    Attributes
    ----------
    rates, losses : list of float
        The rates, and the smoothed losses.

    Raises
    ------
    ValueError
        For numbers that are out of range.
    """

    def __init__(
        self,
        min_lr: float = 1e-6,
        max_lr: float = 1.0,
        steps: int = 100,
        smoothing: float = 0.9,
        divergence: float = 4.0,
    ) -> None:
        if not 0 < min_lr < max_lr < math.inf:
            raise ValueError(f"LRFinder: min_lr and max_lr must be 0 < min_lr < max_lr, got {min_lr!r} and {max_lr!r}")
        if not 0 <= smoothing < 1 < divergence:
            raise ValueError(
                "LRFinder: smoothing must be in [0, 1) and divergence more than 1, "
                f"got {smoothing!r} and {divergence!r}"
            )
        self.min_lr, self.max_lr, self.smoothing, self.divergence = min_lr, max_lr, smoothing, divergence
        self.steps = require_count("LRFinder", "steps", steps, least=2)
        self.before: Any = None

    def on_train_begin(self, logs: Logs) -> None:
        self.rates: list[float] = []
        self.losses: list[float] = []
        self.mean = 0.0
        parts = [part for part in (self.model, self.trainer.optimizer, self.trainer.scheduler) if part is not None]
        self.before = [(part, copied(part.state_dict())) for part in parts], default_generator.get_state()

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        rate = self.min_lr * (self.max_lr / self.min_lr) ** (len(self.rates) / (self.steps - 1))
        self.rates.append(rate)
        for group in self.trainer.optimizer.param_groups:
            group["lr"] = rate

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        loss = self.trainer.loss_value.item()  # type: ignore[union-attr]
        self.mean = self.smoothing * self.mean + (1 - self.smoothing) * loss
        self.losses.append(self.mean / (1 - self.smoothing ** len(self.rates)))
        lowest = min(self.losses)
        scale = lowest if lowest > 0 else max(abs(self.losses[0]), abs(lowest))
        exploded = not self.losses[-1] - lowest <= (self.divergence - 1) * scale
        self.trainer.stop_training |= exploded or len(self.rates) == self.steps

    def cleanup(self) -> None:
        if self.before:
            states, random = self.before
            for part, state in states:
                part.load_state_dict(state)
            default_generator.set_state(random)
            self.before = None

    def suggestion(self) -> float:
        """The rate at which the loss falls fastest, over the rate's logarithm, before it is lowest.

        Raises
        ------
        ValueError
            Before it has run, and where the loss does not fall.
        """
        losses = np.array(getattr(self, "losses", []))
        falling = losses[: int(np.argmin(np.nan_to_num(losses, nan=np.inf))) + 1] if len(losses) else losses
        if len(falling) < 2:
            raise ValueError("LRFinder: the loss does not fall; fit first, over more batches, or from a lower min_lr")
        return self.rates[int(np.argmin(np.gradient(falling)))]

    def plot(self) -> Any:
        """A matplotlib Figure of the losses over the rates; ImportError without matplotlib."""
        figure, axes = extra("matplotlib.pyplot", "train", "LRFinder.plot").subplots(layout="constrained")
        axes.semilogx(self.rates[: len(self.losses)], self.losses)
        axes.set(xlabel="learning rate", ylabel="loss, smoothed")
        return figure


def copied(value: Any) -> Any:
    """A state, with tensors on memory of their own."""
    if isinstance(value, dict):
        return {key: copied(part) for key, part in value.items()}
    return own(value)
