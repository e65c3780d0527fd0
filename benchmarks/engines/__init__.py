"""The engines: minidl, and its peers where they are installed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from benchmarks.engines.cupy import Cuda as Cuda
from benchmarks.engines.engine import Engine as Engine
from benchmarks.engines.engine import Lacking as Lacking
from benchmarks.engines.engine import Work as Work
from benchmarks.engines.minidl import Minidl as Minidl
from benchmarks.engines.model import Model as Model

PEERS = {  # what is imported, or a variant of it: the adapter's module, and the engines in it
    "torch": ("pytorch", ["PyTorch", "ChannelsLast"]),
    "torch.compile": ("pytorch", ["Compiled"]),
    "mygrad": ("mygrad", ["MyGrad"]),
    "tinygrad": ("tinygrad", ["Tinygrad"]),
    "jax": ("jax", ["Jax"]),
}
DEFAULT = [peer for peer in PEERS if peer != "torch.compile"]  # which takes minutes to compile


def installed(peer: str) -> bool:
    """Whether a peer can be imported."""
    return find_spec(peer.partition(".")[0]) is not None


def of_package(peer: str, device: str = "cpu") -> list[Engine]:
    """minidl, or the engines of an installed peer; those of PyTorch on another device, where that is asked for."""
    if peer == "minidl":
        return [Minidl()]
    module, names = PEERS[peer]
    adapter = import_module(f"benchmarks.engines.{module}")
    if peer == "torch" and device != "cpu":
        return [adapter.TorchCuda(device), adapter.TorchCudaChannelsLast(device)]
    return [getattr(adapter, name)() for name in names]
