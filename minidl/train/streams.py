"""Random streams: where they stand, as what a file can hold, and back there."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.random import Generator, default_generator
from minidl.engine.core import Tensor

Stream = Generator | np.random.Generator


def state(stream: Stream) -> Any:
    """Where a stream stands."""
    if isinstance(stream, Generator):
        return Tensor(stream.get_state())
    return mapped(Tensor, np.ndarray, stream.bit_generator.state)


def set_state(stream: Stream, saved: Any) -> None:
    """Let a stream stand where `state` said; ValueError or TypeError for what is of another kind of stream."""
    if isinstance(stream, Generator):
        stream.set_state(saved.numpy())
    else:
        stream.bit_generator.state = mapped(Tensor.numpy, Tensor, saved)


def global_state() -> dict[str, Any]:
    """Where the global streams stand: minidl's, Python's and NumPy's."""
    legacy = mapped(Tensor, np.ndarray, np.random.get_state(legacy=False))
    return {"minidl": state(default_generator), "python": random.getstate(), "numpy": legacy}


def set_global_state(saved: dict[str, Any]) -> None:
    """Let the global streams stand where `global_state` said."""
    set_state(default_generator, saved["minidl"])
    random.setstate(saved["python"])
    np.random.set_state(mapped(Tensor.numpy, Tensor, saved["numpy"]))


def mapped(change: Callable[[Any], Any], kind: type, value: Any) -> Any:
    """A nested dict, with each entry of a kind changed."""
    if isinstance(value, dict):
        return {key: mapped(change, kind, entry) for key, entry in value.items()}
    return change(value) if isinstance(value, kind) else value
