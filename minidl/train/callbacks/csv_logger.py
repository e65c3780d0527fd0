"""Write the numbers of each epoch to a file."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from typing import Any

from minidl.train.callbacks.callback import Callback, Logs


class CSVLogger(Callback):
    """Writes a line for each epoch, from 0, as soon as it has ended (``keras.callbacks.CSVLogger``).

    The columns are the names of the first epoch in alphabetic order and, if none of them is of a validation, the same
    with ``val_``; what is not measured in an epoch is "NA". Where a training is gone on with, lines that were written
    after its state was saved are taken off.

    Parameters
    ----------
    filename : path
    separator : str, default ","
    append : bool, default False
        Whether to go on at the end of the file, or to write a new one.

    Raises
    ------
    ValueError
        For a separator that is not one character.
    """

    first_rank_only = True

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        if len(separator) != 1:
            raise ValueError(f"CSVLogger: separator must be one character, got {separator!r}")
        self.filename, self.separator, self.append = os.fspath(filename), separator, append
        self.keys: list[str] = []
        self.size = 0

    def on_train_begin(self, logs: Logs) -> None:
        self.keys = []
        self.size = os.path.getsize(self.filename) if self.append and os.path.exists(self.filename) else 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        mode = "a" if self.keys or self.append else "w"
        if not self.keys:
            names = sorted(logs)
            self.keys = names if any(name.startswith("val_") for name in names) else names + [f"val_{n}" for n in names]
        with open(self.filename, mode, newline="", encoding="utf-8") as file:
            writer = csv.writer(file, delimiter=self.separator)
            if file.tell() == 0:
                writer.writerow(["epoch", *self.keys])
            writer.writerow([epoch, *[listed(logs.get(key, "NA")) for key in self.keys]])
        self.size = os.path.getsize(self.filename)

    def state_dict(self) -> dict[str, Any]:
        return {"keys": self.keys, "size": self.size}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        self.keys, self.size = list(state_dict["keys"]), state_dict["size"]
        if (self.keys or self.append) and os.path.exists(self.filename):
            os.truncate(self.filename, min(self.size, os.path.getsize(self.filename)))


def listed(value: Any) -> Any:
    """A value as it is written; of several numbers, a list in quotation marks."""
    return f'"[{", ".join(map(str, value))}]"' if isinstance(value, list) else value
