"""Say how far a training is."""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from typing import Any

from minidl.backend.extras import extra
from minidl.train.callbacks.callback import Callback, Logs
from minidl.train.history import is_number, shown

VERBOSE = ("auto", 0, 1, 2)


class Progress(Callback):
    """Prints a line after each epoch and, where somebody looks on, shows a bar within it (``verbose=`` of `fit`).

    Parameters
    ----------
    verbose : {"auto", 0, 1, 2}
        0: nothing. 1: a bar, by tqdm, and a line for each epoch. 2: lines alone. "auto": 1 on a terminal and in
        notebooks where tqdm is installed, 2 elsewhere.

    Raises
    ------
    ValueError
        For another value.
    ImportError
        For 1 where tqdm is not installed.
    """

    first_rank_only = True

    def __init__(self, verbose: str | int = "auto") -> None:
        if verbose not in VERBOSE or isinstance(verbose, bool):
            raise ValueError(f"Progress: verbose must be one of {', '.join(map(repr, VERBOSE))}, got {verbose!r}")
        watched = (sys.stderr.isatty() or "ipykernel" in sys.modules) and find_spec("tqdm") is not None
        self.verbose = (1 if watched else 2) if verbose == "auto" else verbose
        self.make_bar = extra("tqdm.auto", "train", "Progress(verbose=1)").tqdm if self.verbose == 1 else None
        self.bar: Any = None
        self.started: float | None = None

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        if self.started is None:  # of an epoch that is gone on with, too
            self.started = time.perf_counter()
            if self.make_bar:
                self.bar = self.make_bar(initial=batch, total=self.params["steps"], unit="batch", leave=False)

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        if self.bar is not None and self.bar.update():
            self.bar.set_postfix_str(numbers(logs), refresh=False)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any]) -> None:
        seconds = time.perf_counter() - (self.started or time.perf_counter())
        self.cleanup()
        if self.verbose:
            print(f"Epoch {epoch + 1}/{self.params['epochs']}: {numbers(logs)} ({seconds:.1f} s)", flush=True)

    def cleanup(self) -> None:
        if self.bar is not None:
            self.bar.close()
        self.bar = self.started = None


def numbers(logs: Logs) -> str:
    """The numbers among the logs, on a line."""
    return ", ".join(f"{name} {shown(value)}" for name, value in logs.items() if is_number(value))
