"""Checkpoints: the whole state of a training in a file, from which it goes on bit for bit.

A checkpoint is a .safetensors file that any library can read. Among the texts beside its tensors is the SHA-256 of the
file, taken with that text blank. It is written beside its place, flushed to disk and then renamed, so that a process
which is killed, or a machine that loses its power, leaves a whole checkpoint or none.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from minidl import files
from minidl.distributed.collectives import on_first
from minidl.train import streams
from minidl.train.stateful import Part, all_or_none, load_part, part_state

BLANK = "0" * 64
SEAL = "sha256"
NAME = re.compile(r"step-(\d{8,})\.safetensors")
STEPS = 10**15  # what a step must stay below


class Checkpoints:
    """The last checkpoints of a training, in a folder.

    The state of a training is its parts' (model, optimizer, schedule, loader: whatever has ``state_dict()`` and
    ``load_state_dict()``, and generators), and where the global random streams stand: minidl's, Python's and NumPy's.
    A loop that is killed at any moment goes on from the last checkpoint, to the same bits as if it had not been::

        checkpoints = Checkpoints("runs/a", keep=3)
        step = checkpoints.restore(model=model, optimizer=optimizer, loader=loader) or 0
        while step < steps:
            for images, labels in loader:  # goes on within the epoch
                ...
                step += 1
                if step % 100 == 0:
                    checkpoints.save(step, model=model, optimizer=optimizer, loader=loader)

    One process at a time may write to a folder. Of the ranks of a process group, which all call these methods, rank 0
    writes its own parts, and reads for all: those must be what the ranks have in common, such as the module within a
    `DistributedDataParallel`, or a `Trainer`.

    Parameters
    ----------
    folder : path
        Made with the first checkpoint, where it is missing.
    keep : int or None, default 3
        How many of the last are kept; None: all. With one, there is none before it to use if it is damaged.
    best : {"min", "max"}, optional
        Keeps, beside the last, the one with the lowest or the highest score, too.

    Raises
    ------
    ValueError
        For another `keep` or `best`.
    NotADirectoryError
        If `folder` is a file.
    """

    def __init__(self, folder: files.PathLike, keep: int | None = 3, best: str | None = None) -> None:
        if keep is not None and (isinstance(keep, bool) or not isinstance(keep, (int, np.integer)) or keep < 1):
            raise ValueError(f"Checkpoints: keep must be an integer of 1 or more, or None for all, got {keep!r}")
        if best not in (None, "min", "max"):
            raise ValueError(f"Checkpoints: best must be 'min', 'max' or None, got {best!r}")
        self.folder, self.keep, self._best = Path(folder), keep, best
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(f"Checkpoints: {self.folder} is a file; give a folder")
        self._at: int | None = None  # where the training stands that saves here

    @property
    def steps(self) -> list[int]:
        """The steps that there are checkpoints of, in order."""
        names = map(NAME.fullmatch, (path.name for path in self.folder.glob("step-*")))
        return sorted(int(name[1]) for name in names if name)

    @property
    def best(self) -> int | None:
        """The step of the best score, the first where several are equal; None where no checkpoint has a score."""
        if self._best is None:
            raise ValueError("Checkpoints: best of what? Say best='min' or 'max' when they are made")
        sign = 1 if self._best == "min" else -1
        scores = [(sign * score, step) for step in self.steps if not math.isnan(score := self.score(step))]
        return min(scores)[1] if scores else None

    def score(self, step: int) -> float:
        """The score that was saved with a step; NaN where none was, or where the file is damaged."""
        try:
            return float(files.metadata(self.path(step)).get("score", "nan"))
        except ValueError:
            return math.nan

    def path(self, step: int) -> Path:
        """The file of a step."""
        return self.folder / f"step-{step:08}.safetensors"

    def save(self, step: int, *, score: float | None = None, **parts: Part) -> Path:
        """Write a checkpoint, then remove those that are no longer kept.

        Those of later steps are removed, too, if the training has gone back before them by `restore`.

        Parameters
        ----------
        step : int
            How far the training is.
        score : float, optional
            How good it is, for `best`.
        **parts : what has a state

        Returns
        -------
        Path
            The file.

        Raises
        ------
        FileExistsError
            If there are checkpoints of later steps, and nothing was restored: another training's.
        TypeError
            For a part without a state, or whose state a file can't hold.
        ValueError
            For a step that is no integer of 0 or more, a score that is no number, or no parts.
        OSError
            If it can't be written; the checkpoints before it are still there.
        """
        step = require_step("save", step)
        require_parts("save", parts)
        if score is not None and (isinstance(score, bool) or not isinstance(score, (int, float, np.number))):
            raise ValueError(f"Checkpoints.save: score must be a number, got {score!r}")
        state = {name: part_state(part) for name, part in parts.items()}
        on_first(lambda: self._write(step, score, state), "Checkpoints.save")
        self._at = step
        return self.path(step)

    def _write(self, step: int, score: float | None, state: dict[str, Any]) -> None:
        """Write the file of a step, and remove what is not kept."""
        if self._at is None and self.steps and self.steps[-1] >= step:
            raise FileExistsError(
                f"Checkpoints.save: {self.folder} has a checkpoint of step {self.steps[-1]}, of another training; "
                "restore(…) goes on from it, or give another folder"
            )
        texts = {"step": str(step), SEAL: BLANK} | ({} if score is None else {"score": repr(float(score))})
        arrays, texts = files.contents({"parts": state, "streams": streams.global_state()}, texts)
        self.folder.mkdir(parents=True, exist_ok=True)
        with files.beside(self.path(step)) as part:
            safetensors.numpy.save_file(arrays, part, texts)
            with part.open("r+b") as file:
                place, digest = seal_of(part)
                file.seek(place)
                file.write(digest.encode())
                file.flush()
                os.fsync(file.fileno())
        flush_names(self.folder)
        self._tidy(step)

    def clear(self) -> None:
        """Remove all checkpoints, and the folder, if nothing else is in it."""
        on_first(self._clear, "Checkpoints.clear")
        self._at = None

    def _clear(self) -> None:
        for step in self.steps:
            self.path(step).unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _tidy(self, step: int) -> None:
        """Remove the checkpoints that are not kept, and what processes that were killed have left half written."""
        past = [other for other in self.steps if other <= step]
        kept = set(past if self.keep is None else past[-self.keep :])
        for later in set(self.steps) - set(past):
            self.path(later).unlink(missing_ok=True)
        if self._best and (best := self.best) is not None:
            kept.add(best)
        for other in set(past) - kept:
            self.path(other).unlink(missing_ok=True)
        for part in self.folder.glob(".*.part"):
            part.unlink(missing_ok=True)

    def restore(self, *, step: int | None = None, **parts: Part) -> int | None:
        """Let parts, and the global random streams, go on from a checkpoint.

        Parameters
        ----------
        step : int, optional
            Which; by default the last that is whole. A warning names each that is not.
        **parts : the parts, by the names that they were saved under, or some of them

        Returns
        -------
        int or None
            The step; None where there are no checkpoints, and nothing is changed.

        Raises
        ------
        FileNotFoundError
            If there is none of this `step`.
        ValueError
            If it is damaged, or all are; if it has no part of a name, or a part can't go on from its state. The parts
            are then as they were.
        TypeError
            For a part without a state.
        """
        require_parts("restore", parts)
        if step is None:
            found = on_first(self._last_whole, "Checkpoints.restore")
            if found is None:
                return None
            step, state = found
        else:
            step = require_step("restore", step)
            state = on_first(lambda: read(self.path(step)), "Checkpoints.restore")
        if unknown := sorted(parts.keys() - state["parts"].keys()):
            raise ValueError(
                f"Checkpoints.restore: {self.path(step)} has no part {', '.join(unknown)}; "
                f"it has {', '.join(state['parts'])}"
            )
        with all_or_none(list(parts.values())):
            for name, part in parts.items():
                try:
                    load_part(part, state["parts"][name])
                except (ValueError, TypeError, KeyError, RuntimeError, AttributeError) as error:
                    raise ValueError(f"Checkpoints.restore: {self.path(step)}: {name}: {error}") from error
        streams.set_global_state(state["streams"])
        self._at = step
        return step

    def _last_whole(self) -> tuple[int, dict[str, Any]] | None:
        """The last step whose file is whole, and what it holds; None where there are no files."""
        steps = self.steps
        for step in reversed(steps):
            try:
                return step, read(self.path(step))
            except ValueError as error:
                warnings.warn(f"{error}; the one before it is used", stacklevel=4)
        if steps:
            raise ValueError(f"Checkpoints.restore: all {len(steps)} checkpoints in {self.folder} are damaged")
        return None


def require_step(method: str, step: Any) -> int:
    """A step as an int; ValueError for any other value."""
    if isinstance(step, bool) or not isinstance(step, (int, np.integer)) or not 0 <= step < STEPS:
        raise ValueError(f"Checkpoints.{method}: step must be an integer from 0 to {STEPS:.0e}, got {step!r}")
    return int(step)


def require_parts(method: str, parts: Mapping[str, Any]) -> None:
    """Raise ValueError if there are none, TypeError if one has no state."""
    if not parts:
        raise ValueError(f"Checkpoints.{method}: expected parts by name, such as model=model, got none")
    for name, part in parts.items():
        if isinstance(part, type) or not isinstance(part, Part):
            kind = f"the class {part.__name__}" if isinstance(part, type) else type(part).__name__
            raise TypeError(
                f"Checkpoints.{method}: {name} is {kind}, expected what has state_dict() and load_state_dict(), or a "
                "Generator"
            )


def read(path: Path) -> dict[str, Any]:
    """What a checkpoint holds; ValueError, with its name, unless every bit is as it was written."""
    if not path.is_file():
        raise FileNotFoundError(f"Checkpoints.restore: no checkpoint {path}")
    said = files.metadata(path).get(SEAL)
    if not isinstance(said, str) or len(said) != len(BLANK):
        raise ValueError(f"Checkpoints.restore: {path} is damaged, or no checkpoint: it has no checksum")
    _, digest = seal_of(path, said)
    if digest != said:
        raise ValueError(f"Checkpoints.restore: {path} is damaged: its SHA-256 is {digest[:12]}…, not {said[:12]}…")
    state = files.load(path)
    if not isinstance(state, dict) or not {"parts", "streams"} <= state.keys():
        raise ValueError(f"Checkpoints.restore: {path} is no checkpoint: it holds no parts and streams")
    return state


def seal_of(path: Path, said: str = BLANK) -> tuple[int, str]:
    """Where in a file its checksum stands, and what it must be: the SHA-256 of the file with zeros there."""
    header = files.beginning(path)
    text = f'"{SEAL}":"{said}"'.encode()
    place = header.find(text) + len(text) - len(said) - 1
    digest = hashlib.sha256(header[:place] + BLANK.encode() + header[place + len(said) :])
    for chunk in rest(path, len(header)):
        digest.update(chunk)
    return place, digest.hexdigest()


def flush_names(folder: Path) -> None:
    """Wait until the names in a folder are on disk, where the system can do that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def rest(path: Path, start: int) -> Iterator[bytes]:
    """The bytes of a file from a place on, by the megabyte."""
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(1 << 20):
            yield chunk
