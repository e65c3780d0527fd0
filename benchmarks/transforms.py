"""Transforms beside torchvision's, which draws once for a batch: so it is asked image by image, too.

All are timed on one thread, by the processor's time: what others do on the machine meets them little.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.case import Asked, Case, benchmark
from benchmarks.engines import Engine, Minidl, Work
from benchmarks.engines.engine import Lacking
from benchmarks.timing import spent
from minidl.data import transforms as ours

DEFINED: list[Any] = []  # ops last as long as the library that defines them
# of photographs as large as CIFAR-10's; then of larger ones. Each is given the module of the transforms
SMALL: dict[str, Callable[[Any], Any]] = {
    "crop, flip, normalise": lambda t: t.Compose([
        t.RandomCrop(32, padding=4), t.RandomHorizontalFlip(), t.Normalize([0.49, 0.48, 0.45], [0.25, 0.24, 0.26])
    ]),
    "RandomHorizontalFlip": lambda t: t.RandomHorizontalFlip(),
    "RandomCrop": lambda t: t.RandomCrop(32, padding=4),
    "RandomResizedCrop": lambda t: t.RandomResizedCrop(32),
    "RandomRotation": lambda t: t.RandomRotation(15, "bilinear"),
    "RandomAffine": lambda t: t.RandomAffine(15, (0.1, 0.1), (0.9, 1.1), 5),
    "RandomPerspective": lambda t: t.RandomPerspective(p=1.0),
    "ColorJitter": lambda t: t.ColorJitter(0.3, 0.3, 0.3, 0.1),
    "RandomGrayscale": lambda t: t.RandomGrayscale(0.5),
    "RandomAutocontrast": lambda t: t.RandomAutocontrast(1.0),
    "RandomAdjustSharpness": lambda t: t.RandomAdjustSharpness(1.5, 1.0),
    "GaussianBlur": lambda t: t.GaussianBlur(3),
    "GaussianNoise": lambda t: t.GaussianNoise(),
    "RandomErasing": lambda t: t.RandomErasing(1.0),
    "Normalize": lambda t: t.Normalize([0.49, 0.48, 0.45], [0.25, 0.24, 0.26]),
}  # fmt: skip
LARGE: dict[str, Callable[[Any], Any]] = {
    "Resize to 128": lambda t: t.Resize(128),
    "RandomResizedCrop to 224": lambda t: t.RandomResizedCrop(224),
    "ColorJitter": lambda t: t.ColorJitter(0.3, 0.3, 0.3, 0.1),
    "GaussianBlur of 23": lambda t: t.GaussianBlur(23),
}


@benchmark
def transforms(asked: Asked) -> Iterator[Case]:
    """Transforms of a batch of images, float32, each image with parameters of its own, in processor time."""
    for made, n, size in ((SMALL, 128, 32), (LARGE, 16, 256)):
        n = 2 if asked.quick else n
        images = np.random.default_rng(0).random((n, 3, size, size), np.float32)
        for name, make in made.items():
            yield Case(
                f"{name}, {n} images 3×{size}×{size}",
                functools.partial(together, make, images),
                baselines={"torchvision, image by image": functools.partial(one_by_one, make, images)},
                unit="CPU s",
                threads=1,
            )


def together(make: Callable[[Any], Any], images: np.ndarray, engine: Engine) -> Work:
    """The whole batch in one call. What is drawn can't be compared: `tests/` do, on the same parameters."""
    if isinstance(engine, Minidl):
        return Work(functools.partial(spent, functools.partial(make(ours), engine.tensor(images))))
    if engine.name != "PyTorch":
        raise Lacking("transforms")
    return Work(functools.partial(spent, functools.partial(make(torchvision()), engine.tensor(images))))


def one_by_one(make: Callable[[Any], Any], images: np.ndarray, engine: Engine) -> Work:
    """An image a call, as torchvision's users do in a data set."""
    transform, torch = make(torchvision()), importlib.import_module("torch")
    tensors = list(torch.from_numpy(images))
    return Work(functools.partial(spent, lambda: torch.stack([transform(image) for image in tensors])))


@functools.cache
def torchvision() -> Any:
    """Its transforms; Lacking where it is not installed."""
    try:
        return importlib.import_module("torchvision.transforms.v2")
    except ImportError:
        raise Lacking("torchvision") from None
    except RuntimeError:  # it misses its compiled ops, if they are of another PyTorch; transforms don't need them
        DEFINED.append(importlib.import_module("torch").library.Library("torchvision", "DEF"))
        for name in ("nms", "qnms"):
            DEFINED[0].define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return importlib.import_module("torchvision.transforms.v2")
