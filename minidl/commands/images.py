"""Labelled images for a network: a data set by its name, or a folder of pictures, in the form that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.data import DataLoader, ImageFolder, Subset
from minidl.data.folder import pil_loader
from minidl.data.sources import NAMED
from minidl.data.transforms import Compose, Lambda, Normalize, ToTensor, Transform
from minidl.data.transforms.functional import grayscale_to_rgb, resize, rgb_to_grayscale
from minidl.engine.core import Tensor
from minidl.ops.shape import flip

HELD_OUT = ("test", "val", "valid", "validation")  # folders beside one that is called train
MEASURED = 5000  # images that mean and deviation are taken from
Size = tuple[int, int, int]
Numbers = tuple[float, ...]


class Fit(Transform):
    """Images with the channels, height and width of a network."""

    def __init__(self, size: Size) -> None:
        self.size = size

    def transform(self, images: Tensor, params: dict[str, Any]) -> Tensor:
        """A batch (N, 1 or 3, H, W), in gray or in colours, and resized."""
        return resize((rgb_to_grayscale if self.size[0] == 1 else grayscale_to_rgb)(images), self.size[1:])


def prepare(size: Size, mean: Numbers, std: Numbers, augment: Sequence[Transform] = (), bgr: bool = False) -> Compose:
    """What is done to images before a network sees them, and to those that it learns from in between.

    With `bgr` blue comes first.
    """
    reverse = [Lambda(lambda images: flip(images, (-3,)))] if bgr else []
    return Compose([Fit(size), *augment, Normalize(mean, std), *reverse])


def opened(path: Path, prepared: Compose) -> Tensor:
    """A picture, prepared, as a batch (1, C, H, W); OSError, with its name, if it can't be read."""
    return prepared(ToTensor()(pil_loader(str(path))))[None]


def place(where: str) -> str:
    """A data set by its name, or the path of a folder wherever one is."""
    return where if where in NAMED or not where else str(Path(where).absolute())


def found(where: str, size: Size, option: str = "--data") -> tuple[Any, Any]:
    """The images to learn from and those that are held out, of a data set by its name or of a folder.

    A folder has pictures in a folder for each class; or it has ``train``, and ``test`` or ``val``, that have. Without
    these, the first fifth of each class is held out, by the names of the files.
    """
    if where in NAMED:
        return NAMED[where](train=True), NAMED[where](train=False)
    folder = Path(where)
    if not where or not folder.is_dir():
        raise FileNotFoundError(f"{option} {where}: expected {', '.join(NAMED)}, or a folder of pictures by class")
    transform = Compose([ToTensor(), Fit(size)])
    if (folder / "train").is_dir():
        beside = [folder / name for name in HELD_OUT if (folder / name).is_dir()]
        if not beside:
            raise FileNotFoundError(f"{option} {where}: beside train there is none of {', '.join(HELD_OUT)}")
        learnt, held_out = (ImageFolder(part, transform) for part in (folder / "train", beside[0]))
        require_classes(str(beside[0]), held_out.classes, learnt.classes)
    else:
        parts = ("training", "validation")
        learnt, held_out = (ImageFolder(folder, transform, validation_split=0.2, subset=part) for part in parts)
    if len(learnt.classes) < 2 or not len(held_out):
        raise ValueError(f"{option} {where}: expected pictures of two classes or more, five at least of one of them")
    return learnt, held_out


def require_classes(where: str, classes: Any, known: Any) -> None:
    """Raise ValueError unless the classes are those that are known."""
    if list(classes) != list(known):
        raise ValueError(f"--data {where}: its classes are {some(classes)}; what is learnt are {some(known)}")


def some(names: Any) -> str:
    """Names, or the first of them."""
    return ", ".join(names[:5]) + (f", … ({len(names)})" if len(names) > 5 else "")


def spread(dataset: Any, count: int) -> Subset:
    """So many samples at equal distances, or all there are."""
    return Subset(dataset, np.linspace(0, len(dataset) - 1, min(count, len(dataset))).astype(int))


def measured(dataset: Any, size: Size) -> tuple[Numbers, Numbers]:
    """Mean and deviation of each channel, over images that are spread over a data set."""
    count, total, squares = 0, np.zeros(size[0]), np.zeros(size[0])
    for images, _ in DataLoader(spread(dataset, MEASURED).with_transform(Fit(size)), batch_size=250):
        values = images.numpy().astype(np.float64)
        count += values.size // size[0]
        total += values.sum((0, 2, 3))
        squares += (values**2).sum((0, 2, 3))
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return tuple(mean.tolist()), tuple(np.where(std < 1e-6, 1, std).tolist())
