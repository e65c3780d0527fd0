"""Curves for TensorBoard."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from minidl.backend.extras import extra
from minidl.data.sampler import require_count
from minidl.train.callbacks.callback import Callback, Logs
from minidl.train.history import is_number


class TensorBoard(Callback):
    """Writes what TensorBoard shows (``keras.callbacks.TensorBoard``), by tensorboardX: ``tensorboard --logdir logs``.

    The numbers of each epoch go to ``log_dir/train`` and ``log_dir/validation``, as "epoch_loss" and so on.

    Parameters
    ----------
    log_dir : path, default "logs"
    histogram_freq : int, default 0
        Histograms of all parameters are written after each so many epochs; 0: never.
    write_steps_per_second : bool, default False
        Whether the speed of each epoch is written, too.
    update_freq : "epoch", "batch" or int
        "batch" or a number: what has been measured in an epoch is written after each so many batches, too, as
        "batch_loss" and so on.

    Raises
    ------
    ValueError
        For another frequency.
    ImportError
        If tensorboardX is not installed, with the command that installs it.
    """

    first_rank_only = True

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
    ) -> None:
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = require_count("TensorBoard", "histogram_freq", histogram_freq, least=0)
        self.write_steps_per_second = write_steps_per_second
        every = 1 if update_freq == "batch" else update_freq
        self.update_freq = every if every == "epoch" else require_count("TensorBoard", "update_freq", every)
        self.make_writer = extra("tensorboardX", "train", "TensorBoard").SummaryWriter
        self.writers: dict[str, Any] = {}
        self.seen = 0  # batches

    def on_train_begin(self, logs: Logs) -> None:
        self.seen = 0

    def _write(self, part: str, prefix: str, numbers: Logs, step: int) -> None:
        """Write numbers as points of curves, each under its name with a prefix."""
        if part not in self.writers:
            self.writers[part] = self.make_writer(os.path.join(self.log_dir, part), write_to_disk=True)
        for name, value in numbers.items():
            if is_number(value):
                self.writers[part].add_scalar(f"{prefix}{name}", value, step)

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        self.begun, self.before = time.perf_counter(), self.seen

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self.seen += 1
        if self.update_freq != "epoch" and self.seen % self.update_freq == 0:  # type: ignore[operator]
            self._write("train", "batch_", logs, self.seen)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        validated = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
        trained = {name: value for name, value in logs.items() if not name.startswith("val_")}
        if self.write_steps_per_second:
            trained["steps_per_second"] = (self.seen - self.before) / (time.perf_counter() - self.begun)
        self._write("train", "epoch_", trained, epoch)
        if validated:
            self._write("validation", "epoch_", validated, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for name, p in self.model.named_parameters():
                self.writers["train"].add_histogram(name, p.detach().numpy(), epoch)

    def cleanup(self) -> None:
        for writer in self.writers.values():
            writer.close()
        self.writers = {}

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self.seen = self.before = state_dict["seen"]
        self.begun = time.perf_counter()
