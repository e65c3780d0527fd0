"""Downloading that leaves a whole file or none."""

from __future__ import annotations

import gzip
import ssl
import sys
import tarfile
import threading
import time
import zlib
from collections.abc import Collection, Iterator
from concurrent import futures
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from http.client import HTTPException, HTTPResponse
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen
from uuid import uuid4

TIMEOUT = 5.0  # seconds that a server may take to answer, and to send the next bytes
STALE = 60.0  # seconds without a write that show a .part file to be a dead download's: a live one gives up earlier
NETWORK_ERRORS = (URLError, HTTPException, ConnectionError, TimeoutError, ssl.SSLError)  # OSErrors, but not the disk's


@contextmanager
def download(url: str, target: Path) -> Iterator[Path]:
    """Stream `url` to a temporary file beside `target`, for the block to verify and move; one of NETWORK_ERRORS if not.

    A progress bar shows where tqdm is installed and stderr is a terminal.
    """
    with _open(url) as response, part_file(target) as part:
        total = int(response.headers.get("Content-Length") or 0)
        with part.open("xb") as file, _progress(target.name, total) as bar:
            while chunk := response.read1(1 << 16):
                file.write(chunk)
                if bar is not None:
                    bar.update(len(chunk))
            received = file.tell()
        if total and received != total:
            raise ConnectionError(f"{target.name} broke off after {received:,} of {total:,} bytes")
        yield part


@contextmanager
def part_file(target: Path) -> Iterator[Path]:
    """A unique path beside `target` to write to, removed after the block, as are those of dead downloads."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{uuid4().hex[:8]}.part")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
        for other in target.parent.glob(f".{target.name}.*.part"):
            with suppress(FileNotFoundError):  # another process may be tidying too
                if time.time() - other.stat().st_mtime > STALE:
                    other.unlink()


def members(archive: Path, names: Collection[str], where: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and contents of each file of a tar archive that has one of `names`; ValueError if it is damaged."""
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                name = member.name.rpartition("/")[2]
                if name in names and (content := tar.extractfile(member)):
                    yield name, content.read()
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{where}: not a whole tar archive ({error})") from error


def _open(url: str) -> HTTPResponse:
    """Open `url` within TIMEOUT: `urlopen` alone may take it for each address of a host, and forever to look it up."""
    answer: futures.Future[HTTPResponse] = futures.Future()

    def work() -> None:
        try:
            answer.set_result(urlopen(url, timeout=TIMEOUT))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        return answer.result(TIMEOUT)
    except futures.TimeoutError:
        raise TimeoutError(f"no answer in {TIMEOUT:g} seconds") from None


def _progress(name: str, total: int) -> AbstractContextManager[Any]:
    if not (sys.stderr.isatty() and find_spec("tqdm")):
        return nullcontext()
    from tqdm import tqdm

    return tqdm(desc=name, total=total or None, unit="B", unit_scale=True)
