"""Samples in folders, one for each class."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minidl.backend.extras import extra
from minidl.backend.modes import require_flag
from minidl.data.dataset import Dataset, require_functions

IMG_EXTENSIONS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
SUBSETS = ("training", "validation")


def pil_loader(path: str) -> Any:
    """The image in a file, as Pillow's in mode RGB.

    Raises
    ------
    OSError
        For a file that is none, or broken, or decodes to more pixels than Pillow lets pass; it names the file.
    """
    images = extra("PIL.Image", "images", "ImageFolder")
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would be waited for
            raise OSError("not a file")
        with open(path, "rb") as file, images.open(file) as image:
            return image.convert("RGB")
    except Exception as error:  # of any kind, by the format
        raise OSError(f"{path!r}: can't be read as an image: {error}") from error


class DatasetFolder(Dataset):
    """Samples of classes, each in a folder of its name (``torchvision.datasets.DatasetFolder``).

    ``root/cat/1.npy`` and ``root/cat/more/2.npy`` are of class ``"cat"``. ``dataset[i]`` is ``(sample, label)``.

    Parameters
    ----------
    root : path
    loader : callable
        ``loader(path)`` is the sample in a file.
    extensions : tuple of str, optional
        What names of files end in, such as ``(".npy",)``, in lower case.
    transform, target_transform : callable, optional
        Of what the loader gives, of a label.
    is_valid_file : callable, optional
        ``is_valid_file(path)`` is whether the file counts; instead of `extensions`.
    allow_empty : bool, default False
        Whether a class may have no files.
    validation_split : float, optional
        The fraction of each class's files, in the order of their names, that is held out: its first, rounded down
        (Keras's ``flow_from_directory``); a warning says where a part is empty. Made twice with it, once for each
        `subset`, there are two data sets that have no file in common, each with transforms of its own.
    subset : {"training", "validation"}, optional
        Which of the two this is.
    skip_unreadable : bool, default False
        Whether to read each file once at the beginning and leave out those that can't be: a warning says how many.

    Attributes
    ----------
    classes : list of str
        The names of the folders, sorted.
    class_to_idx : dict
        Their labels.
    samples : list of (str, int)
        Paths, sorted, and labels.
    targets : list of int
        The labels alone.
    skipped : list of (str, str)
        The paths that were left out, and why.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, PermissionError
        If the folder, or a class's files, are not there or can't be listed.
    ValueError, TypeError
        For options that don't go together, or of another type.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        loader: Callable[[str], Any],
        extensions: Sequence[str] | None = None,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
        *,
        validation_split: float | None = None,
        subset: str | None = None,
        skip_unreadable: bool = False,
    ) -> None:
        self.name = type(self).__name__
        if (extensions is None) == (is_valid_file is None):
            raise ValueError(f"{self.name}: wants either extensions or is_valid_file")
        functions = dict(transform=transform, target_transform=target_transform, is_valid_file=is_valid_file)
        require_functions(self.name, loader=loader, **functions)
        require_share(self.name, validation_split, subset)
        allow_empty = require_flag(self.name, "allow_empty", allow_empty)
        self.root = os.path.expanduser(os.fspath(root))
        self.loader, self.transform, self.target_transform = loader, transform, target_transform
        self.extensions = extensions
        endings = tuple([extensions] if isinstance(extensions, str) else extensions or ())
        valid = is_valid_file or (lambda path: path.lower().endswith(endings))

        self.classes, self.class_to_idx = self.find_classes(self.root)
        self.samples: list[tuple[str, int]] = []
        self.skipped: list[tuple[str, str]] = []
        for name, label in self.class_to_idx.items():
            paths = [path for path in files_below(os.path.join(self.root, name)) if valid(path)]
            if not paths and not allow_empty:
                expected = f"; they end in {', '.join(endings)}" if endings else ""
                raise FileNotFoundError(
                    f"{self.name}: found no valid file in {os.path.join(self.root, name)!r}{expected}. "
                    "allow_empty=True lets a class have none"
                )
            held_out = int((validation_split or 0) * len(paths))
            paths = paths[:held_out] if subset == "validation" else paths[held_out:]
            self.samples += [(path, label) for path in paths]
        if subset is not None and not self.samples:
            warnings.warn(
                f"{self.name}: the {subset} part has no files, by validation_split={validation_split} of each class",
                stacklevel=3,
            )
        if require_flag(self.name, "skip_unreadable", skip_unreadable):
            self._skip()
        self.targets = [label for _, label in self.samples]

    def find_classes(self, directory: str) -> tuple[list[str], dict[str, int]]:
        """The names of the folders in one, sorted, and their labels; a subclass may find others."""
        if not os.path.exists(directory):
            raise FileNotFoundError(f"{self.name}: there is no folder {directory!r}")
        if not os.path.isdir(directory):
            raise NotADirectoryError(f"{self.name}: {directory!r} is a file; expected a folder with one for each class")
        classes = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir())
        if not classes:
            raise FileNotFoundError(f"{self.name}: no folder of a class in {directory!r}")
        return classes, {name: label for label, name in enumerate(classes)}

    def _skip(self) -> None:
        """Leave out what can't be loaded."""
        kept = []
        for path, label in self.samples:
            try:
                self.loader(path)
                kept.append((path, label))
            except Exception as error:
                self.skipped.append((path, str(error)))
        self.samples = kept
        if self.skipped:
            warnings.warn(
                f"{self.name}: left out {len(self.skipped)} of {len(kept) + len(self.skipped)} files, which can't be "
                f"read, such as {self.skipped[0][0]!r}; `skipped` lists them",
                stacklevel=4,
            )

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        path, label = self.samples[index]
        sample = self.loader(path)
        return (
            sample if self.transform is None else self.transform(sample),
            label if self.target_transform is None else self.target_transform(label),
        )


class ImageFolder(DatasetFolder):
    """Images of classes, each in a folder of its name (``torchvision.datasets.ImageFolder``); needs Pillow.

    ``dataset[i]`` is ``(image, label)``, the image Pillow's in mode RGB, or what `transform` makes of it:

        train = ImageFolder("flowers", augment, validation_split=0.2, subset="training")
        held_out = ImageFolder("flowers", prepare, validation_split=0.2, subset="validation")

    Parameters
    ----------
    root, transform, target_transform, is_valid_file, allow_empty, validation_split, subset, skip_unreadable
        As of `DatasetFolder`.
    loader : callable
        ``loader(path)`` is the image in a file.

    Attributes
    ----------
    classes, class_to_idx, samples, targets, skipped
        As of `DatasetFolder`.
    imgs : list of (str, int)
        `samples` by another name.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        loader: Callable[[str], Any] = pil_loader,
        is_valid_file: Callable[[str], bool] | None = None,
        allow_empty: bool = False,
        **options: Any,
    ) -> None:
        extensions = IMG_EXTENSIONS if is_valid_file is None else None
        super().__init__(root, loader, extensions, transform, target_transform, is_valid_file, allow_empty, **options)
        self.imgs = self.samples


def files_below(folder: str) -> Iterator[str]:
    """The paths of all files in a folder and those in it, sorted; of a folder that links lead to twice, once."""
    seen = set()

    def fail(error: OSError) -> None:
        raise error

    found = []
    for place, folders, names in os.walk(folder, onerror=fail, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders.sort()
        found.append((place, sorted(names)))
    return (os.path.join(place, name) for place, names in sorted(found) for name in names)


def require_share(name: str, validation_split: Any, subset: Any) -> None:
    """Raise ValueError, in the name of a data set, for a fraction and a part of it that don't make a split."""
    if (validation_split is None) != (subset is None):
        raise ValueError(f"{name}: validation_split and subset go together, got {validation_split!r} and {subset!r}")
    if subset is None:
        return
    if (
        isinstance(validation_split, bool)
        or not isinstance(validation_split, (int, float))
        or not 0 < validation_split < 1
    ):
        raise ValueError(f"{name}: validation_split must be between 0 and 1, got {validation_split!r}")
    if subset not in SUBSETS:
        raise ValueError(f"{name}: subset must be 'training' or 'validation', got {subset!r}")
