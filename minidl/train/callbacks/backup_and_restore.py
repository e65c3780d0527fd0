"""Go on, bit for bit, where a training was interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl.data.sampler import require_count
from minidl.files import PathLike
from minidl.train.callbacks.callback import Callback, Logs
from minidl.train.checkpoint import Checkpoints


class BackupAndRestore(Callback):
    """Saves the whole state of a training as it goes, and goes on from it (``keras.callbacks.BackupAndRestore``).

    A `fit` with the same network, data, arguments and callbacks goes on where the one was killed that used the same
    folder, in the midst of an epoch, too, and ends in the same bits. See `Checkpoints`.

    Parameters
    ----------
    backup_dir : path or Checkpoints
        Where the state is saved: a folder of its own, or checkpoints that say how many are kept.
    save_freq : "epoch" or int
        Save after each epoch, or after each so many batches as well.
    double_checkpoint : bool
        Keep the state before the last, too, which is used if the last is damaged. Not beside `Checkpoints`.
    delete_checkpoint : bool
        Remove the states when the training has come to its end.
    monitor : str, optional
        What is the score of an epoch, for checkpoints that keep the best.

    Raises
    ------
    ValueError
        For another `save_freq`; in `fit`, if `monitor` is not measured, or what is saved does not fit.
    """

    last = 2

    def __init__(
        self,
        backup_dir: PathLike | Checkpoints,
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        *,
        monitor: str | None = None,
    ) -> None:
        if save_freq != "epoch":
            if isinstance(save_freq, str):
                raise ValueError(f"BackupAndRestore: save_freq must be 'epoch' or a number, got {save_freq!r}")
            require_count("BackupAndRestore", "save_freq", save_freq)
        if isinstance(backup_dir, Checkpoints):
            if double_checkpoint:
                raise ValueError("BackupAndRestore: double_checkpoint=True: say it by keep= of the Checkpoints")
            self.checkpoints = backup_dir
        else:
            self.checkpoints = Checkpoints(backup_dir, keep=2 if double_checkpoint else 1)
        self.save_freq, self.delete_checkpoint, self.monitor = save_freq, delete_checkpoint, monitor
        self.batches = 0  # that the training has seen, with that at hand

    def on_train_begin(self, logs: Logs) -> None:
        self.batches = 0
        self.checkpoints.restore(trainer=self.trainer)

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        self.batches += 1

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        if self.save_freq != "epoch" and self.batches % int(self.save_freq) == 0:
            self.save()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        if self.monitor is not None and self.monitor not in logs:
            raise ValueError(f"BackupAndRestore: monitor {self.monitor!r} is not among {', '.join(logs)}")
        self.save(None if self.monitor is None else logs[self.monitor])

    def on_train_end(self, logs: Logs) -> None:
        if self.delete_checkpoint:
            self.checkpoints.clear()

    def save(self, score: float | None = None) -> None:
        """Save the state as it is: after a batch, or after an epoch."""
        self.checkpoints.save(self.batches, score=score, trainer=self.trainer)

    def state_dict(self) -> dict[str, Any]:
        return {"batches": self.batches}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self.batches = state_dict["batches"]
