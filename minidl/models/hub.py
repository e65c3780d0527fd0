"""Files of the Hugging Face hub, by its own client: kept in its cache, resumed when they break off, and checked."""

from __future__ import annotations

import hashlib
import os
from importlib import import_module
from pathlib import Path

DIGITS = 64  # of a SHA-256, by which the hub's cache names large files


def offline() -> bool:
    """Whether nothing may be downloaded (MINIDL_OFFLINE)."""
    return os.environ.get("MINIDL_OFFLINE", "0") not in ("", "0")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def fetch_from_hub(repo: str, file: str) -> Path:
    """The path of a file of a repository, from the cache or downloaded into it; ``HF_ENDPOINT`` names another server.

    Raises
    ------
    ImportError
        If huggingface_hub is not installed.
    FileNotFoundError
        If the file is not in the cache and can't be downloaded; with the reason.
    ValueError
        If what is there is not what the hub says it has; it is deleted.
    """
    try:
        client = import_module("huggingface_hub")
    except ImportError as error:
        raise ImportError(f"{repo} is on the Hugging Face hub: pip install 'minidl[hub]'") from error
    try:
        path = Path(client.hf_hub_download(repo, file, local_files_only=offline()))
    except Exception as error:  # of whichever library it uses to download
        reason = "not tried (MINIDL_OFFLINE is set)" if offline() else f"{type(error).__name__}: {error}"
        raise FileNotFoundError(f"{repo}/{file}: not in the hub's cache; download: {reason}") from error
    blob = path.resolve()
    if len(blob.name) == DIGITS and (found := sha256_of(blob)) != blob.name:
        blob.unlink()
        path.unlink(missing_ok=True)
        raise ValueError(f"{path}: its SHA-256 is {found} instead of {blob.name}; it is deleted, try again")
    return path
