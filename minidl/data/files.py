"""The files of a data set: where they are looked for, what they must hash to."""

from __future__ import annotations

import gzip
import hashlib
import os
import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class FileSet:
    """What the files of one data set are called and hash to, and where they are mirrored.

    Parameters
    ----------
    name : str
        The data set's name on the command line: ``minidl data NAME``.
    folder : str
        The folder that holds the files, inside a data folder or the cache.
    parse : callable
        ``parse(content, where)`` decodes a file; it raises ValueError, naming `where`, if it can't.
    train, test : mapping of str to str
        For each file of the split, in reading order, its name and the SHA-256 of its *decompressed* contents
        (mirrors repackage the gzip files). A name may end in ``.gz``; the file may stand decompressed, without it.
    mirrors : tuple of str
        URLs of folders to download from, in this order, each ending in ``/``.
    archive : str, optional
        The tar file on a mirror that holds all the files; without it each lies there under its own name.
    """

    name: str
    folder: str
    parse: Callable[[bytes, str | Path], np.ndarray]
    train: Mapping[str, str]
    test: Mapping[str, str]
    mirrors: tuple[str, ...]
    archive: str | None = None

    def locate(self, files: Mapping[str, str], root: str | Path | None = None, download: bool = True) -> Path:
        """Return the first folder that has all of `files` (of `train`, `test`), else download them.

        It looks in `root` if that is given; else in ``MINIDL_DATA``, then in the user's cache. A download goes to the
        last of these; ``MINIDL_OFFLINE=1`` forbids it.

        Raises
        ------
        FileNotFoundError
            If the files are nowhere and can't be downloaded.
        TypeError
            If `root` is no path.
        ValueError
            If mirrors send something else than the pinned contents.
        """
        if root is not None and not isinstance(root, (str, os.PathLike)):
            raise TypeError(f"{self.name}: root must be a path, got {type(root).__name__}")
        roots = (
            [place for place in (os.environ.get("MINIDL_DATA"), cache_folder()) if place] if root is None else [root]
        )
        folders = [Path(place).expanduser() / self.folder for place in roots]
        for folder in folders:
            if not _missing(folder, files):
                return folder
        if not download:
            reason, remedy = "not tried (download=False)", "Let it be downloaded (download=True)"
        elif os.environ.get("MINIDL_OFFLINE", "0") not in ("", "0"):
            reason, remedy = "not tried (MINIDL_OFFLINE is set)", "Let it be downloaded (without MINIDL_OFFLINE)"
        else:
            try:
                self.download(folders[-1])
                return folders[-1]
            except ConnectionError as error:
                reason, remedy = str(error), "Try again with a network"
        ways = [remedy, f"bring these files to {folders[-1]} by hand"]
        ways += [f"set MINIDL_DATA to a folder that has them in {self.folder}/"] * (root is None)
        raise FileNotFoundError(
            f"{self.name}: data set not found\n"
            + "".join(f"  in {folder}: no {', '.join(_missing(folder, files))}\n" for folder in folders)
            + f"  download: {reason}\n{', '.join(ways[:-1])} or {ways[-1]}."
        )

    def download(self, folder: Path) -> None:
        """Bring what `folder` lacks, each file verified before it gets its name; on an error go on to the next mirror.

        Raises ValueError if a mirror sent wrong contents and no other the right ones, else ConnectionError.
        """
        from minidl.data.download import NETWORK_ERRORS  # with http and ssl: 30 ms, if minidl imported it at once

        failures: list[str] = []
        failure: type[Exception] = ConnectionError
        for mirror in self.mirrors:
            try:
                return self._download_from(mirror, folder)
            except NETWORK_ERRORS as error:
                failures.append(f"{mirror}: {getattr(error, 'reason', error)}")
            except ValueError as error:
                failures.append(str(error))
                failure = ValueError
        raise failure("; ".join(failures))

    def _download_from(self, mirror: str, folder: Path) -> None:
        from minidl.data.download import download, members, part_file

        missing = _missing(folder, {**self.train, **self.test})
        if self.archive is None:
            for name, sha256 in missing.items():
                with download(mirror + name, folder / name) as part:
                    verify(unpack(part.read_bytes(), mirror + name), sha256, mirror + name)
                    os.replace(part, folder / name)
            return
        url = mirror + self.archive
        with download(url, folder / self.archive) as archive:
            for name, content in members(archive, missing, url):
                verify(content, missing[name], f"{url}: {name}")
                with part_file(folder / name) as part:
                    part.write_bytes(content)
                    os.replace(part, folder / name)
        if absent := _missing(folder, missing):
            raise ValueError(f"{url}: the archive lacks {', '.join(absent)}")

    def read(self, folder: Path, files: Mapping[str, str]) -> list[np.ndarray]:
        """Decode and verify `files` (of `train`, `test`) in `folder`; ValueError names the one that is damaged."""
        arrays = []
        for name, sha256 in files.items():
            path = _path(folder, name)
            try:
                content = unpack(path.read_bytes(), path)
                arrays.append(self.parse(content, path))  # before the hash, which can't say what is wrong
                verify(content, sha256, path)
            except ValueError as error:
                raise ValueError(f"{error}; delete the file, and it is downloaded anew") from None
        return arrays


def cache_folder() -> Path:
    """The user's cache folder for minidl: ``$XDG_CACHE_HOME/minidl``, or where the platform keeps caches."""
    default = {"darwin": "~/Library/Caches", "win32": "~/AppData/Local"}.get(sys.platform, "~/.cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or default).expanduser() / "minidl"


def unpack(data: bytes, where: str | Path) -> bytes:
    """Decompress `data`, if the path or URL `where` ends in ``.gz``; ValueError if it is not a whole gzip file."""
    if not str(where).endswith(".gz"):
        return data
    try:
        return gzip.decompress(data)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{where}: not a whole gzip file ({error})") from error


def verify(content: bytes, sha256: str, where: str | Path) -> None:
    """Raise ValueError unless `content`, decompressed, has the pinned SHA-256."""
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise ValueError(f"{where}: contents altered, their SHA-256 is {actual} instead of {sha256}")


def _path(folder: Path, name: str) -> Path:
    decompressed = folder / name.removesuffix(".gz")
    return decompressed if decompressed.is_file() else folder / name


def _missing(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    return {name: sha256 for name, sha256 in files.items() if not _path(folder, name).is_file()}
