"""Weights in files: safetensors, which the ecosystem reads and which can hold nothing but arrays."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from minidl.backend import transfer
from minidl.engine.core import Tensor


def save(
    state_dict: Mapping[str, Tensor], path: str | os.PathLike[str], metadata: dict[str, str] | None = None
) -> None:
    """Write a state dict to a .safetensors file; the file appears whole or not at all.

    Parameters
    ----------
    state_dict : name to Tensor, such as ``model.state_dict()``
    path : where to
    metadata : short texts to keep beside the tensors

    Raises
    ------
    TypeError
        For values that are not tensors.
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"save: expected a state dict, got {type(state_dict).__name__}; save(model.state_dict(), path)")
    if not all(isinstance(text, str) for pair in (metadata or {}).items() for text in pair):
        raise TypeError(f"save: metadata must be texts by name, got {metadata!r}")
    arrays = {}
    for name, value in state_dict.items():
        if not isinstance(name, str):
            raise TypeError(f"save: the name {name!r} is {type(name).__name__}, expected a text")
        if not isinstance(value, Tensor):
            raise TypeError(f"save: {name} is {type(value).__name__}, expected a Tensor")
        arrays[name] = np.asarray(transfer.move(value.array, "cpu"), order="C")
    if not Path(path).parent.is_dir():
        raise FileNotFoundError(f"save: no folder {Path(path).parent}")
    part = Path(f"{os.fspath(path)}.{os.getpid()}.part")
    try:
        safetensors.numpy.save_file(arrays, part, metadata)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Read a .safetensors file, of minidl or of any other library, as a dict of tensors on the CPU.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a whole safetensors file, or holds a dtype that NumPy lacks.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"load: no file {os.fspath(path)}")
    try:
        arrays: dict[str, Any] = safetensors.numpy.load_file(path)
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"load: {os.fspath(path)} is not a safetensors file that NumPy can hold: {error}") from error
    return {name: Tensor(array) for name, array in arrays.items()}
