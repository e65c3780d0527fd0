"""What a run is begun with, on record in its folder: going on takes nothing but that folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from minidl.commands.recipe import AUGMENTATIONS, CONSTANT, OPTIMIZERS, SCHEDULES
from minidl.commands.trained import Trained, parsed
from minidl.files import beside

BEGUN = "run.json"
FREE = ("epochs", "workers", "save_every", "device")  # which may differ when a run goes on


@dataclass(frozen=True)
class Settings:
    """What a run is told, by the names of its options."""

    network: str
    data: str
    input: tuple[int, int, int]
    lr: float
    weight_decay: float
    optimizer: str = "adam"
    schedule: str = CONSTANT
    batch_size: int = 128
    augment: tuple[str, ...] = ()
    samples: int | None = None
    seed: int = 0
    epochs: int = 10
    workers: int = 0
    save_every: int | None = None
    device: str = "cpu"


NAMES = tuple(field.name for field in fields(Settings))


@dataclass(frozen=True)
class Run:
    """The record of a run: what it was told, what its weights are of, and how many images it learns from."""

    settings: Settings
    trained: Trained
    images: int

    def write(self, folder: Path) -> None:
        """Put it into the folder of the run."""
        folder.mkdir(parents=True, exist_ok=True)
        with beside(folder / BEGUN) as part:
            part.write_text(json.dumps(asdict(self), indent=2), "utf-8")


def begun(folder: Path) -> Run:
    """The record in a folder.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is damaged.
    """
    path = folder / BEGUN
    if not path.is_file():
        raise FileNotFoundError(f"--resume: no {path}; leave --resume out to begin there")
    try:
        said = json.loads(path.read_text("utf-8"))
        settings: dict[str, Any] = {
            name: tuple(v) if isinstance(v, list) else v for name, v in said["settings"].items()
        }
        kinds = get_type_hints(Settings)
        choices: dict[str, Any] = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES}
        for name, value in settings.items():
            if not fits(value, kinds[name]) or (name in choices and value not in choices[name]):
                raise ValueError(f"{name} is {value!r}")
        if not set(settings.get("augment", ())) <= set(AUGMENTATIONS):
            raise ValueError(f"augment is {settings['augment']!r}")
        if not fits(said["images"], int):
            raise ValueError(f"images is {said['images']!r}")
        return Run(Settings(**settings), parsed(json.dumps(said["trained"]), path), said["images"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"--resume: {path} is damaged: {error}") from error


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is of the type of a setting."""
    if isinstance(kind, UnionType):
        return any(fits(value, one) for one in get_args(kind))
    if get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(fits(each, get_args(kind)[0]) for each in value)
    return isinstance(value, kind) and not isinstance(value, bool)


def going_on(settings: Settings, given: Mapping[str, Any], folder: Path) -> Settings:
    """The settings of a run, with those that may be given anew; ValueError for another value of any other."""
    fixed = [name for name in given if name not in FREE or (name == "epochs" and settings.schedule != CONSTANT)]
    if other := [name for name in fixed if given[name] != getattr(settings, name)]:
        said = ", ".join(f"{option(name)} {shown(getattr(settings, name))}, not {shown(given[name])}" for name in other)
        why = f"; a {settings.schedule} schedule ends where it was planned to" if other == ["epochs"] else ""
        raise ValueError(f"--resume: {folder} was begun with {said}{why}; leave that out, or begin another --out")
    return replace(settings, **{name: given[name] for name in given if name in FREE})


def option(name: str) -> str:
    """How a setting is called on the command line."""
    return name if name == "network" else f"--{name.replace('_', '-')}"


def shown(value: Any) -> str:
    """A setting as one types it."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
