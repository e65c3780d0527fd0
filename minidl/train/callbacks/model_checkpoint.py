"""Save the network, or the whole training, again and again."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

from minidl.backend.modes import require_flag
from minidl.data.sampler import require_count, require_number
from minidl.distributed.collectives import on_first
from minidl.distributed.group import joined
from minidl.files import save
from minidl.train.callbacks.callback import Logs
from minidl.train.callbacks.monitor import Monitor


class ModelCheckpoint(Monitor):
    """Saves after each epoch, or after so many batches (``keras.callbacks.ModelCheckpoint``).

    Parameters
    ----------
    filepath : path
        Of a .safetensors file, whose folders are made; it may hold ``{epoch}``, from 1, ``{batch}``, where `save_freq`
        is a number, and names of the logs, each with a format: ``"runs/{epoch:02d}-{val_loss:.2f}.safetensors"``.
    monitor : str, default "val_loss"
    verbose : {0, 1}
        1: say when it saves.
    save_best_only : bool, default False
        Whether to save only if the number that it watches is better than ever before.
    save_weights_only : bool, default False
        True: ``model.state_dict()``, which any library can read. False: ``trainer.state_dict()``, all that a training
        can go on from.
    mode : {"auto", "min", "max"}
        Whether lower values are better, or higher; "auto": lower of a loss, of a metric as it says itself.
    save_freq : "epoch" or int
        The number of batches after which it saves, also from one epoch to the next.
    initial_value_threshold : float, optional
        A value that the first to be saved must be better than, with `save_best_only`.

    Raises
    ------
    ValueError, TypeError
        For a file that is not called .safetensors, a name that is no template, another argument of another type or out
        of range; in training, where "auto" can't tell what is better, and where the name asks for what is not among the
        logs.
    """

    last = 1
    kept = ("best", "batches")

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        if not self.filepath.endswith(".safetensors"):
            raise ValueError(f"ModelCheckpoint: filepath must end in .safetensors, got {self.filepath!r}")
        try:
            self.filepath.format_map(defaultdict(int))  # an int goes where a float does
        except ValueError as error:
            raise ValueError(f"ModelCheckpoint: filepath {self.filepath!r}: {error}") from None
        except (TypeError, AttributeError):  # a part of something that is known once it is measured
            pass
        name, self.verbose = type(self).__name__, verbose
        self.save_best_only = require_flag(name, "save_best_only", save_best_only)
        self.save_weights_only = require_flag(name, "save_weights_only", save_weights_only)
        self.save_freq = save_freq if save_freq == "epoch" else require_count(name, "save_freq", save_freq)
        threshold = initial_value_threshold
        self.best = None if threshold is None else require_number(name, "initial_value_threshold", threshold)
        self.batches = 0  # since it saved

    def on_train_begin(self, logs: Logs) -> None:
        if self.save_best_only:
            self.direction()

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self.batches += 1
        if self.batches == self.save_freq:
            self.batches = 0
            logs = self.trainer.measured.of_all_ranks()  # so that all ranks decide alike
            self._save({"epoch": self.trainer.epoch + 1, "batch": batch + 1}, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        if self.save_freq == "epoch":
            self._save({"epoch": epoch + 1}, logs)

    def _save(self, numbers: dict[str, int], logs: Logs) -> None:
        if not self._wanted(logs):
            return
        try:
            path = Path(self.filepath.format(**logs, **numbers))
        except (KeyError, IndexError) as error:
            known = ", ".join([*numbers, *logs])
            raise ValueError(f"ModelCheckpoint: {self.filepath!r} asks for {error}; there are {known}") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"ModelCheckpoint: filepath {self.filepath!r}: {error}") from None
        state = self.model.state_dict() if self.save_weights_only else self.trainer.state_dict()
        on_first(lambda: write(state, path), "ModelCheckpoint")
        if self.verbose and joined().rank == 0:
            print(f"Epoch {numbers['epoch']}: saved {path}")

    def _wanted(self, logs: Logs) -> bool:
        """Whether this is to be saved; if only the best is, it is the best from now on."""
        if not self.save_best_only:
            return True
        if self.monitor not in logs:
            warnings.warn(f"ModelCheckpoint: saved, as there is no {self.monitor!r} to tell the best by", stacklevel=5)
            return True
        if not self.improves(logs[self.monitor], self.best):
            return False
        self.best = logs[self.monitor]
        return True


def write(state: dict[str, Any], path: Path) -> None:
    """Save a state in a file whose folders may be missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save(state, path)
