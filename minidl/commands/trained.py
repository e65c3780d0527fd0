"""Weights with all that using them takes: which network, which classes, and how images are prepared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from minidl import files
from minidl.backend import dims
from minidl.backend.modes import no_grad
from minidl.commands.images import prepare
from minidl.commands.networks import built, find
from minidl.data.transforms import Compose, Transform
from minidl.engine.core import Tensor
from minidl.nn import Module
from minidl.nn.modes import modes_kept

WEIGHTS = "weights.safetensors"  # in the folder of a run
TEXT = "minidl.trained"  # under this name it stands in a file's metadata


@dataclass(frozen=True)
class Trained:
    """What weights are of."""

    network: str
    size: tuple[int, int, int]
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    data: str
    bgr: bool = False

    def prepare(self, augment: Sequence[Transform] = ()) -> Compose:
        """What is done to images before the network sees them, and to those that it learns from in between."""
        return prepare(self.size, self.mean, self.std, augment, self.bgr)

    def build(self) -> Module:
        """The network, with first values.

        Raises
        ------
        ValueError
            If it can't be built for images of this size and so many classes.
        """
        model = built(self.network, self.size, len(self.classes))
        try:
            with modes_kept(model), no_grad():
                scores = model.eval()(Tensor(np.zeros((1, *self.size), np.float32)))
        except (ValueError, TypeError, RuntimeError) as error:
            raise ValueError(f"{self.network} does not take images {dims(self.size)}: {error}") from error
        if getattr(scores, "shape", None) != (1, len(self.classes)):
            raise ValueError(
                f"{self.network} gives {dims(scores.shape[1:])} scores, and {self.data} has {len(self.classes)} classes"
            )
        return model

    def save(self, model: Module, path: Path) -> None:
        """Write the weights, and this beside them."""
        files.save(model.state_dict(), path, {TEXT: json.dumps(vars(self))})


def load(path: Path, unsaid: Trained | None = None) -> tuple[Module, Trained]:
    """A network with the weights of a file, or of the folder of a run.

    Parameters
    ----------
    path : of the file, or of the folder
    unsaid : what weights are of that do not say it; without it they are refused

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, or of another network than it is said to be, or was not made by ``minidl train`` or
        ``minidl transfer``.
    """
    file = path / WEIGHTS if path.is_dir() else path
    weights = files.load(file)
    text = files.metadata(file).get(TEXT)
    if text is not None:
        trained = parsed(text, file)
    elif unsaid is not None:
        trained = unsaid
    else:
        raise ValueError(f"{file} does not say which network it is of; weights of `minidl train` do")
    if unsaid is not None and find(trained.network) != find(unsaid.network):
        raise ValueError(f"{file} says that it is of {trained.network}, not of {unsaid.network}")
    model = trained.build()
    try:
        model.load_state_dict(weights)
    except (ValueError, TypeError, RuntimeError, KeyError) as error:
        raise ValueError(f"{file} has other weights than {trained.network}: {error}") from error
    return model, trained


def parsed(text: str, file: Path) -> Trained:
    """What weights are of, from its text; ValueError where that is not whole."""
    try:
        said: dict[str, Any] = json.loads(text)
        values = {field.name: said[field.name] for field in fields(Trained) if field.name in said}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        trained = Trained(**values)
        channels, *sides = trained.size
        numbers = [*trained.mean, *trained.std]
        fits = [
            isinstance(trained.network, str) and isinstance(trained.data, str) and isinstance(trained.bgr, bool),
            len(sides) == 2 and all(isinstance(side, int) and side > 0 for side in trained.size),
            len(trained.mean) == len(trained.std) == channels and min(trained.std) > 0,
            all(isinstance(number, (int, float)) for number in numbers),
            len(trained.classes) > 0 and all(isinstance(name, str) for name in trained.classes),
        ]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{file}: the text that says which network it is of is damaged: {error!r}") from error
    if not all(fits):
        raise ValueError(f"{file}: the text that says which network it is of is damaged: {text}")
    return trained
