"""Ctrl-C: a training ends after its batch, once all is saved."""

from __future__ import annotations

import signal
import sys
from typing import Any

from minidl.distributed.collectives import anywhere
from minidl.distributed.group import joined
from minidl.train.callbacks import BackupAndRestore, Callback
from minidl.train.callbacks.callback import Logs


class Interruptible(Callback):
    """Lets Ctrl-C end a training when it can be saved whole, by KeyboardInterrupt; a second one ends it at once."""

    last = 2

    def __init__(self, backup: BackupAndRestore) -> None:
        self.backup, self.asked = backup, False
        self.previous: Any = None

    def on_train_begin(self, logs: Logs) -> None:
        self.previous = signal.signal(signal.SIGINT, self.note)

    def note(self, *_: Any) -> None:
        """Remember that an end was asked for."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if joined().rank == 0:
            print("\nminidl: stopping when all is saved; Ctrl-C again stops at once", file=sys.stderr)

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        if anywhere(self.asked):
            self.backup.save()
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        if anywhere(self.asked):  # the backup comes before this, and has saved
            raise KeyboardInterrupt

    def cleanup(self) -> None:
        if self.previous is not None:
            signal.signal(signal.SIGINT, self.previous)
