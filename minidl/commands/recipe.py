"""What ``minidl train`` has names for: optimizers, schedules of their rates, and ways to augment images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl import optim
from minidl.data import transforms
from minidl.data.transforms import Transform
from minidl.nn import Module
from minidl.optim import Optimizer, lr_scheduler

OPTIMIZERS: dict[str, tuple[Any, float, float, dict[str, Any]]] = {  # with learning rate, weight decay, what else
    "adam": (optim.Adam, 1e-3, 0.0, {}),
    "adamw": (optim.AdamW, 1e-3, 1e-2, {}),
    "nadam": (optim.NAdam, 2e-3, 0.0, {}),
    "rmsprop": (optim.RMSprop, 1e-3, 0.0, {}),
    "sgd": (optim.SGD, 0.05, 0.0, {"momentum": 0.9}),
}
CONSTANT = "constant"
SCHEDULES: dict[str, tuple[str, Callable[[Optimizer, float, int], Any]]] = {  # over so many steps of the optimizer
    CONSTANT: ("stays (the default)", lambda *_: None),
    "cosine": (
        "down to 0 (CosineAnnealingLR)",
        lambda optimizer, rate, steps: lr_scheduler.CosineAnnealingLR(optimizer, steps),
    ),
    "linear": (
        "down to 0 (LinearLR)",
        lambda optimizer, rate, steps: lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps),
    ),
    "one-cycle": (
        "from a 25th up to the rate, and down to nothing (OneCycleLR)",
        lambda optimizer, rate, steps: lr_scheduler.OneCycleLR(
            optimizer, rate, steps, cycle_momentum=not isinstance(optimizer, optim.RMSprop)
        ),
    ),
    "step": (
        "a tenth after each third (StepLR)",
        lambda optimizer, rate, steps: lr_scheduler.StepLR(optimizer, -(-steps // 3)),
    ),
}
AUGMENTATIONS: dict[str, tuple[str, Callable[[int, int], Transform]]] = {  # of images so high and so wide
    "crop": (
        "moved by up to an eighth each way (RandomCrop)",
        lambda height, width: transforms.RandomCrop((height, width), padding=(max(1, width // 8), max(1, height // 8))),
    ),
    "flip": ("as in a mirror, one of two (RandomHorizontalFlip)", lambda *_: transforms.RandomHorizontalFlip()),
    "rotate": ("by up to 15° (RandomRotation)", lambda *_: transforms.RandomRotation(15, "bilinear")),
    "zoom": (
        "a part of half the area or more (RandomResizedCrop)",
        lambda height, width: transforms.RandomResizedCrop((height, width), scale=(0.5, 1.0)),
    ),
    "color": (
        "brightness, contrast, saturation, by a fifth (ColorJitter)",
        lambda *_: transforms.ColorJitter(0.2, 0.2, 0.2),
    ),
    "erase": ("a rectangle in black, one of two (RandomErasing)", lambda *_: transforms.RandomErasing()),
}


def optimizer_of(model: Module, name: str, lr: float, weight_decay: float) -> Optimizer:
    """An optimizer by its name."""
    kind, _, _, options = OPTIMIZERS[name]
    return kind(model.parameters(), lr=lr, weight_decay=weight_decay, **options)


def augmentations(names: tuple[str, ...], height: int, width: int) -> list[Transform]:
    """What is done to images that are learnt from, by the names of it."""
    return [AUGMENTATIONS[name][1](height, width) for name in names]
