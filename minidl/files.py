"""Tensors in files: safetensors, which the ecosystem reads and which can hold nothing but arrays and texts.

A state dict is stored as it is. Of anything else, such as a checkpoint of a model, an optimizer and an epoch, the file
holds the tensors by their path (``model.0.weight``), and as a text what they are parts of.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from minidl import backend
from minidl.backend import transfer
from minidl.backend.modes import require_flag
from minidl.engine.core import Tensor

STRUCTURE = "minidl.structure"  # under this name the text stands in a file's metadata
RESERVED = "__metadata__"  # no tensor of a file can be called so
KNOWN = {"BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "F32", "F64"}
HEADER = 100_000_000  # bytes that a header may have, by the format
CONVERT = (
    "convert it where PyTorch is: safetensors.torch.save_file(torch.load('x.pt', weights_only=True), 'x.safetensors')"
)
FOREIGN = {  # what the files of others start with
    b"PK\x03\x04": f"a zip archive, as torch.save makes; {CONVERT}",
    b"\x80": f"a pickle, as torch.save made once, which may run code; {CONVERT}",
    b"\x93NUMPY": "an array of NumPy's; md.tensor(np.load(path)) reads it",
    b"\x89HDF": "an HDF5 file, as Keras makes; models.load_keras_weights(network, path) reads its weights",
}
PathLike = str | os.PathLike[str]


def save(obj: Any, f: PathLike | BinaryIO, metadata: Mapping[str, str] | None = None) -> None:
    """Write tensors to a .safetensors file; the file appears whole or not at all.

    Parameters
    ----------
    obj : a state dict, such as ``model.state_dict()``, which any library can read; or a Tensor, or dicts, lists and
        tuples of tensors, numbers, texts, bools and None, such as ``{"model": …, "optimizer": …, "epoch": 3}``
    f : path, or file open for writing bytes
    metadata : short texts to keep beside the tensors

    Raises
    ------
    TypeError
        For what a file can't hold, named by its place, such as a whole module.
    FileNotFoundError, IsADirectoryError
        If the folder is missing, or the path is one.
    """
    arrays, texts = contents(obj, metadata)
    if hasattr(f, "write"):
        f.write(safetensors.numpy.save(arrays, texts or None))
    else:
        with beside(f) as part:
            safetensors.numpy.save_file(arrays, part, texts or None)


def contents(obj: Any, metadata: Mapping[str, str] | None) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """What a file of `obj` holds: arrays by name, and texts."""
    texts = dict(metadata or {})
    if not all(isinstance(text, str) for pair in texts.items() for text in pair) or STRUCTURE in texts:
        raise TypeError(f"save: metadata must be texts by name, and not by {STRUCTURE!r}, got {metadata!r}")
    arrays: dict[str, np.ndarray] = {}
    try:
        structure = packed(obj, "", arrays)
    except RecursionError:
        raise ValueError("save: dicts or lists that contain themselves, or are nested too deep") from None
    plain = isinstance(obj, Mapping) and list(arrays) == list(obj)
    if not plain:
        texts[STRUCTURE] = json.dumps(structure)
    return arrays, texts


def packed(value: Any, path: str, arrays: dict[str, np.ndarray]) -> Any:
    """What a value is, in JSON's terms; its tensors are put into `arrays`, by names that it mentions."""
    if isinstance(value, Tensor):
        name = path if path and path != RESERVED else "tensor"
        while name in arrays:
            name += "_"
        arrays[name] = np.asarray(transfer.move(value.array, "cpu"), order="C")
        return {"tensor": name}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, (bool, int, float, str)):
                raise TypeError(f"save: the name {key!r} in {path or 'it'} is {type(key).__name__}, expected a text")
        return {"dict": [[key, packed(entry, joined(path, key), arrays)] for key, entry in value.items()]}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [packed(entry, joined(path, i), arrays) for i, entry in enumerate(value)]}
    hint = "; save its state_dict()" if hasattr(value, "state_dict") else ""
    expected = "a Tensor, a number, a text, or dicts and lists of these"
    raise TypeError(f"save: {path or 'it'} is {type(value).__name__}, expected {expected}{hint}")


def joined(path: str, key: Any) -> str:
    """A dotted path, one key longer."""
    return f"{path}.{key}" if path else str(key)


@contextmanager
def beside(f: PathLike) -> Iterator[Path]:
    """A file beside another to write, which takes that one's place unless the block raises.

    It gets the permissions of any new file, or of the old one.
    """
    path = Path(os.path.realpath(f))  # a link stays one
    if path.is_dir():
        raise IsADirectoryError(f"save: {os.fspath(f)!r} is a folder; give the file a name")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"save: no folder {path.parent}")
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        part.touch(exist_ok=False)
        mode = (path if path.exists() else part).stat().st_mode
        yield part
        part.chmod(mode)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load(f: PathLike | BinaryIO, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Read a .safetensors file, of minidl or of any other library: what was saved, or a dict of tensors.

    Parameters
    ----------
    f : path, or file open for reading bytes
    map_location : the device to put tensors on; by default the CPU, wherever they were
    weights_only : either way; the file can't hold anything that would be run

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a whole safetensors file, or holds a dtype that tensors can't have.
    TypeError
        For a `map_location` that is no device.
    """
    if callable(map_location) or isinstance(map_location, Mapping):
        raise TypeError(
            f"load: map_location must be a device, got {type(map_location).__name__}; without it tensors are loaded "
            "on the CPU, wherever they were"
        )
    device = "cpu" if map_location is None else backend.device_name(map_location)
    require_flag("load", "weights_only", weights_only)
    if hasattr(f, "read"):
        content = f.read()
        arrays, texts = read(lambda: safetensors.numpy.load(content), content, "the file")
    else:
        if not os.path.isfile(f):
            raise FileNotFoundError(f"load: no file {os.fspath(f)}")
        arrays, texts = read(lambda: safetensors.numpy.load_file(f), beginning(f), os.fspath(f))
    tensors = {name: Tensor(transfer.move(array, device)) for name, array in arrays.items()}
    if STRUCTURE not in texts:
        return tensors
    try:
        return unpacked(json.loads(texts[STRUCTURE]), tensors)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(
            f"load: {f}: the text that says what its tensors are parts of is damaged: {error!r}"
        ) from error


def metadata(f: PathLike) -> dict[str, str]:
    """The texts that a .safetensors file keeps beside its tensors; none where it is no such file."""
    texts = header_of(beginning(f)).get(RESERVED)
    return texts if isinstance(texts, dict) else {}


def beginning(f: PathLike) -> bytes:
    """The bytes of a file up to the end of its header."""
    with open(f, "rb") as file:
        start = file.read(8)
        return start + file.read(min(int.from_bytes(start, "little"), HEADER))


def read(arrays: Callable[[], dict[str, np.ndarray]], start: bytes, name: str) -> tuple[dict[str, np.ndarray], Any]:
    """The arrays of a file and the texts beside them; ValueError, with its name, if it is another or a damaged one."""
    header = header_of(start)
    for key, entry in header.items():
        dtype = entry.get("dtype") if isinstance(entry, dict) else None
        if key != RESERVED and isinstance(dtype, str) and dtype not in KNOWN:
            raise ValueError(
                f"load: {name}: {key} is {dtype}, a dtype that tensors here can't have; convert it where PyTorch is: "
                "{key: t.float() for key, t in …}"
            )
    try:
        return arrays(), header.get(RESERVED, {})
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        foreign = [what for magic, what in FOREIGN.items() if start.startswith(magic) and not header]
        reason = f"but {foreign[0]}" if foreign else f"that is whole: {error}"
        raise ValueError(f"load: {name} is not a safetensors file {reason}") from error


def header_of(start: bytes) -> dict[str, Any]:
    """The header of a safetensors file, from its first bytes; empty where there is none."""
    try:
        header = json.loads(start[8 : 8 + int.from_bytes(start[:8], "little")])
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


def unpacked(part: Any, tensors: dict[str, Tensor]) -> Any:
    """What `packed` has made of a value, with the tensors that it names."""
    if not isinstance(part, dict):
        return part
    ((kind, content),) = part.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: unpacked(value, tensors) for key, value in content}
    return {"list": list, "tuple": tuple}[kind](unpacked(value, tensors) for value in content)
