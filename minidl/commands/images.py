"""Labelled images for a network: a data set by its name, or a folder of pictures, in the form that it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from minidl.backend.extras import extra
from minidl.data import CIFAR10, MNIST, DataLoader, Dataset, FashionMNIST, Subset
from minidl.data.dataset import take
from minidl.data.transforms.conversion import ToTensor
from minidl.data.transforms.functional import grayscale_to_rgb, normalize, resize, rgb_to_grayscale
from minidl.engine.core import Tensor

NAMED = {"mnist": MNIST, "fashion-mnist": FashionMNIST, "cifar10": CIFAR10}
HELD_OUT = ("test", "val", "valid", "validation")  # folders beside one that is called train
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
MEASURED = 5000  # images that mean and deviation are taken from
Size = tuple[int, int, int]


class Prepared(Dataset):
    """Images (C, H, W) of a network's size, less `mean` and over `std`, each of (C,), and their labels."""

    def __init__(self, dataset: Any, size: Size, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        self.dataset, self.size, self.mean, self.std = dataset, size, mean, std

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        images, labels = self.stacked(np.array([index]))
        return images[0], labels[0]

    def stacked(self, indices: np.ndarray) -> tuple[Tensor, Tensor]:
        """A batch: images (n, C, H, W) and labels (n,)."""
        images, labels = take(self.dataset, indices.tolist())
        return normalize(fitted(images, self.size), self.mean, self.std), labels


class Folder(Dataset):
    """Pictures in a folder for each class, in the size of a network."""

    def __init__(self, folder: Path, size: Size) -> None:
        self.classes = tuple(sorted(path.name for path in folder.iterdir() if path.is_dir()))
        self.size = size
        self.samples: list[tuple[Path, int]] = []
        for label, name in enumerate(self.classes):
            files = sorted(path for path in (folder / name).rglob("*") if path.suffix.lower() in PICTURES)
            if not files:
                raise FileNotFoundError(f"--data {folder}: no pictures in {folder / name} ({' '.join(PICTURES)})")
            self.samples += [(path, label) for path in files]
        if len(self.classes) < 2:
            raise FileNotFoundError(f"--data {folder}: expected a folder of pictures for each of two classes or more")
        self.targets = [label for _, label in self.samples]

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path, label = self.samples[index]
        return opened(path, self.size), label


class Part(Subset):
    """A part of a data set, which knows the names of its classes."""

    def __init__(self, dataset: Any, indices: Any) -> None:
        super().__init__(dataset, indices)
        self.classes = dataset.classes


def fitted(images: Tensor, size: Size) -> Tensor:
    """Images (n, 1 or 3, H, W) with the channels, height and width of a network."""
    return resize((rgb_to_grayscale if size[0] == 1 else grayscale_to_rgb)(images), size[1:])


def opened(path: Path, size: Size) -> Tensor:
    """A picture as (C, H, W) in [0, 1], of a network's size; ValueError, with its name, if it can't be read."""
    if not path.is_file():
        raise FileNotFoundError(f"no picture {path}")
    pillow = extra("PIL.Image", "images", "reading pictures")
    try:
        with pillow.open(path) as picture:
            image = ToTensor()(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
        raise ValueError(f"{path} is no picture that can be read: {error}") from error
    return fitted(image[None], size)[0]


def found(where: str, size: Size, seed: int = 0) -> tuple[Any, Any]:
    """The images to learn from and those that are held out, of a data set by its name or of a folder.

    A folder has pictures in a folder for each class; or it has ``train``, and ``test`` or ``val``, that have. Without
    these, a fifth of each class is held out, which the seed draws.
    """
    if where in NAMED:
        return NAMED[where](train=True), NAMED[where](train=False)
    folder = Path(where)
    if not where or not folder.is_dir():
        raise FileNotFoundError(f"--data {where}: expected {', '.join(NAMED)}, or a folder of pictures by class")
    if not (folder / "train").is_dir():
        whole = Folder(folder, size)
        chosen = held_out(np.array(whole.targets), seed)
        return Part(whole, np.flatnonzero(~chosen)), Part(whole, np.flatnonzero(chosen))
    beside = [folder / name for name in HELD_OUT if (folder / name).is_dir()]
    if not beside:
        raise FileNotFoundError(f"--data {where}: beside train there is none of {', '.join(HELD_OUT)}")
    learnt, other = Folder(folder / "train", size), Folder(beside[0], size)
    require_classes(str(beside[0]), other.classes, learnt.classes)
    return learnt, other


def held_out(targets: np.ndarray, seed: int) -> np.ndarray:
    """Which samples are held out: a fifth of each class, one at least."""
    chosen = np.zeros(len(targets), bool)
    stream = np.random.Generator(np.random.Philox(seed))
    for label in np.unique(targets):
        members = stream.permutation(np.flatnonzero(targets == label))
        chosen[members[: max(len(members) // 5, 1)]] = True
    return chosen


def require_classes(where: str, classes: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Raise ValueError unless the classes are those that are known."""
    if classes != known:
        raise ValueError(f"--data {where}: its classes are {some(classes)}; what is learnt are {some(known)}")


def some(names: tuple[str, ...]) -> str:
    """Names, or the first of them."""
    return ", ".join(names[:5]) + (f", … ({len(names)})" if len(names) > 5 else "")


def measured(dataset: Any, size: Size) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel, over images that are spread over a data set."""
    spread = np.unique(np.linspace(0, len(dataset) - 1, min(MEASURED, len(dataset))).astype(int))
    count, total, squares = 0, np.zeros(size[0]), np.zeros(size[0])
    for images, _ in DataLoader(Subset(dataset, spread), batch_size=250):
        values = fitted(images, size).numpy().astype(np.float64)
        count += values.size // size[0]
        total += values.sum((0, 2, 3))
        squares += (values**2).sum((0, 2, 3))
    mean = total / count
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return tuple(mean.tolist()), tuple(np.where(std < 1e-6, 1, std).tolist())
