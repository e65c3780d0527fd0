"""The engines: minidl, and its peers where they are installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from benchmarks.engines.cupy import Cuda as Cuda
from benchmarks.engines.engine import Engine as Engine
from benchmarks.engines.engine import Lacking as Lacking
from benchmarks.engines.engine import Work as Work
from benchmarks.engines.minidl import Minidl as Minidl

PEERS = {  # by the package that is imported: the adapter's module, and the engines in it
    "torch": ("pytorch", ["PyTorch", "ChannelsLast"]),
    "mygrad": ("mygrad", ["MyGrad"]),
    "tinygrad": ("tinygrad", ["Tinygrad"]),
    "jax": ("jax", ["Jax"]),
}


def installed(package: str) -> bool:
    """Whether a peer can be imported."""
    return find_spec(package) is not None


def of_package(package: str) -> list[Engine]:
    """minidl, or the engines of an installed peer."""
    if package == "minidl":
        return [Minidl()]
    module, names = PEERS[package]
    adapter = import_module(f"benchmarks.engines.{module}")
    return [getattr(adapter, name)() for name in names]
