"""Labelled images for a network: a data set by its name, or a folder of pictures, in the form that the network takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from minidl.data import CIFAR10, MNIST, DataLoader, Dataset, FashionMNIST, ImageFolder, Subset
from minidl.data.dataset import take
from minidl.engine.core import Tensor
from minidl.functional import interpolate

NAMED = {"mnist": MNIST, "fashion-mnist": FashionMNIST, "cifar10": CIFAR10}
HELD_OUT = ("test", "val", "valid", "validation")  # folders beside one that is called train
MEASURED = 5000  # images that mean and deviation are taken from
LUMA = np.array([0.299, 0.587, 0.114], np.float32).reshape(1, 3, 1, 1)  # ITU-R BT.601, as Pillow has it
Size = tuple[int, int, int]


class Prepared(Dataset):
    """Images (C, H, W) of a network's size, less `mean` and over `std`, each of (C,), and their labels."""

    def __init__(self, dataset: Any, size: Size, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        self.dataset, self.size = dataset, size
        self.mean, self.std = (Tensor(np.float32(value).reshape(1, -1, 1, 1)) for value in (mean, std))

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        images, labels = self.stacked(np.array([index]))
        return images[0], labels[0]

    def stacked(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """A batch: images (n, C, H, W) and labels (n,)."""
        images, labels = take(self.dataset, indices.tolist())
        return (fitted(images, self.size) - self.mean) / self.std, labels


def fitted(images: Tensor, size: Size) -> Tensor:
    """Images (n, C, H, W) in [0, 1] with the channels and the size of a network."""
    channels, *sides = size
    if images.shape[1] == 3 and channels == 1:
        images = (images * Tensor(LUMA)).sum(1, keepdim=True)
    elif images.shape[1] == 1 and channels == 3:
        images = images.expand(-1, 3, -1, -1)
    return images if [*images.shape[2:]] == sides else interpolate(images, tuple(sides), mode="bilinear")


def found(where: str, size: Size, seed: int = 0) -> tuple[Any, Any]:
    """The images to learn from and those that are held out, of a data set by its name or of a folder.

    A folder has pictures in a folder for each class; or it has ``train``, and ``test`` or ``val``, that have. Without
    these, a fifth of each class is held out, which the seed draws.
    """
    if where in NAMED:
        return NAMED[where](train=True), NAMED[where](train=False)
    folder = Path(where)
    if not folder.is_dir():
        raise FileNotFoundError(f"--data {where}: expected {', '.join(NAMED)}, or a folder of pictures by class")
    if (folder / "train").is_dir():
        held_out = next((folder / name for name in HELD_OUT if (folder / name).is_dir()), None)
        if held_out is None:
            raise FileNotFoundError(f"--data {where}: beside train there is none of {', '.join(HELD_OUT)}")
        learnt, other = pictures(folder / "train", size), pictures(held_out, size)
        require_classes(str(held_out), other.classes, learnt.classes)
        return learnt, other
    whole = pictures(folder, size)
    chosen = held_out_of(np.array(whole.targets), seed)
    return tuple(Labelled(whole, np.flatnonzero(part).tolist()) for part in (~chosen, chosen))


class Labelled(Subset):
    """A part of a data set that still knows the names of its classes."""

    def __init__(self, dataset: Any, indices: Any) -> None:
        super().__init__(dataset, indices)
        self.classes = dataset.classes


def held_out_of(targets: np.ndarray, seed: int) -> np.ndarray:
    """Which samples are held out: a fifth of each class, one at least where it has two."""
    chosen = np.zeros(len(targets), bool)
    stream = np.random.Generator(np.random.Philox(seed))
    for label in np.unique(targets):
        members = stream.permutation(np.flatnonzero(targets == label))
        chosen[members[: max(len(members) // 5, len(members) > 1)]] = True
    return chosen


def pictures(folder: Path, size: Size) -> ImageFolder:
    """The pictures of a folder, by class, in the size of a network."""
    return ImageFolder(folder, transform=lambda picture: pixels(picture, size))


def pixels(picture: Any, size: Size) -> np.ndarray:
    """A picture of Pillow's as float32 (C, H, W) in [0, 1]."""
    channels, height, width = size
    array = np.asarray(picture.convert("L" if channels == 1 else "RGB").resize((width, height)), np.float32) / 255
    return array.reshape(height, width, channels).transpose(2, 0, 1)


def require_classes(where: str, classes: Any, known: Any) -> None:
    """Raise ValueError unless the classes are those that are known."""
    if tuple(classes) != tuple(known):
        raise ValueError(
            f"--data {where}: its classes are {listed(classes)}; the network learnt to tell {listed(known)}"
        )


def listed(classes: Any) -> str:
    """The names of classes, or the first of them."""
    names = list(classes)
    return ", ".join(names[:5]) + (f", … ({len(names)})" if len(names) > 5 else "")


def measured(dataset: Any, size: Size) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel, over images that are spread over a data set."""
    some = Subset(dataset, np.unique(np.linspace(0, len(dataset) - 1, min(MEASURED, len(dataset))).astype(int)))
    count, total, squares = 0, np.zeros(size[0]), np.zeros(size[0])
    for images, _ in DataLoader(Prepared(some, size, (0,) * size[0], (1,) * size[0]), batch_size=250):
        values = images.numpy().astype(np.float64)
        count += values.size // size[0]
        total += values.sum((0, 2, 3))
        squares += (values**2).sum((0, 2, 3))
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return tuple(mean.tolist()), tuple(np.where(std < 1e-6, 1, std).tolist())
