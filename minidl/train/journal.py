"""A search on record, from which it can go on."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from minidl.files import PathLike
from minidl.train.results import Outcome


class Numbered(Protocol):
    """A trial, as far as it is asked here."""

    @property
    def number(self) -> int:
        """Which."""

    @property
    def params(self) -> dict[str, Any]:
        """Its hyperparameters."""

    @property
    def seed(self) -> int:
        """Its seed."""


class Journal:
    """A file to which each outcome is added as a line of JSON, after a first one that says of which search.

    Raises
    ------
    ValueError
        If the file is of another search, or of none, or a line but the last, which may have been cut off, can't be
        read.
    """

    def __init__(self, path: PathLike | None, trials: Sequence[Numbered], mode: str, **options: Any) -> None:
        self.path = None if path is None else Path(path)
        self.known: dict[tuple[int, int | None], Outcome] = {}
        self.params = {trial.number: trial.params for trial in trials}
        settled = [{"number": trial.number, "params": trial.params, "seed": trial.seed} for trial in trials]
        try:
            self.search = json.loads(json.dumps({"mode": mode, **options, "trials": settled}))
        except TypeError as error:
            if self.path:
                raise TypeError(f"search: a journal holds numbers, texts and lists of them alone: {error}") from None
        self.file: Any = None

    def __enter__(self) -> Journal:
        if self.path is None:
            return self
        whole = 0
        if self.path.exists():
            content = self.path.read_bytes()
            whole = content.rfind(b"\n") + 1  # what follows was cut off
            if not whole and not line_of(self.search).startswith(content):
                raise ValueError(f"search: {self.path} is no journal of a search; give another file")
            self._read(content[:whole].splitlines())
        self.file = self.path.open("ab")
        self.file.truncate(whole)
        if not whole:
            self._write(self.search)
        return self

    def __exit__(self, *_: Any) -> None:
        if self.file is not None:
            self.file.close()

    def _read(self, lines: list[bytes]) -> None:
        for number, line in enumerate(lines, 1):
            try:
                said = json.loads(line)
                if number > 1:
                    score = math.nan if said["score"] is None else said["score"]
                    outcome = Outcome(**{**said, "score": score, "params": self.params[said["number"]]})
                    self.known[outcome.number, outcome.budget] = outcome
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(f"search: {self.path}: line {number} is damaged: {error}") from error
            if number == 1 and said != self.search:
                raise ValueError(
                    f"search: {self.path} is of another search, by its space, seed or options; give another file"
                )

    def _write(self, line: Any) -> None:
        self.file.write(line_of(line))
        self.file.flush()
        os.fsync(self.file.fileno())

    def of(self, number: int, budget: int | None) -> Outcome | None:
        """What has come of a trial, if it is done."""
        return self.known.get((number, budget))

    def add(self, outcome: Outcome) -> None:
        """Put an outcome on record."""
        self.known[outcome.number, outcome.budget] = outcome
        if self.file is not None:
            self._write(asdict(outcome) | {"score": None if math.isnan(outcome.score) else outcome.score})


def line_of(said: Any) -> bytes:
    """A line of JSON."""
    return json.dumps(said).encode() + b"\n"
