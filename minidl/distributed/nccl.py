"""Sums over the GPUs of all ranks by NCCL, where CuPy has it and each rank has a GPU of its own."""

from __future__ import annotations

import importlib
import platform
from typing import Any

from minidl import backend
from minidl.distributed.collectives import objects
from minidl.distributed.group import Group, joined


class Line:
    """What sums arrays of this rank's GPU with those of the others, on a stream of its own."""

    def __init__(self, group: Group, device: str) -> None:
        self.device = device
        with backend.gpu(device):
            nccl = importlib.import_module("cupyx.distributed").NCCLBackend
            self.comm = nccl(group.size, group.rank, use_mpi=True)
            self.stream = backend.cupy().cuda.Stream(non_blocking=True)

    def empty(self, size: int, dtype: Any) -> Any:
        """Memory of the GPU for as many elements."""
        with backend.gpu(self.device):
            return backend.cupy().empty(size, dtype)

    def summed(self, buffer: Any) -> Summing:
        """Begin to sum an array in its place, when what was computed until now is there."""
        with backend.gpu(self.device):
            self.stream.wait_event(backend.cupy().cuda.get_current_stream().record())
            self.comm.all_reduce(buffer, buffer, "sum", self.stream)
            return Summing(self.stream.record())


class Summing:
    """A sum on its way, asked like a request of MPI's."""

    def __init__(self, event: Any) -> None:
        self.event = event

    def Test(self) -> bool:
        """Whether it is done."""
        return bool(self.event.done)


def line(device: str) -> Line | None:
    """The line of this rank's device; none unless each rank has NCCL, and a GPU of its own. All ranks ask."""
    group = joined()
    if device not in group.lines:
        own = gpu(device) if device != "cpu" and is_available() else None
        gpus = objects(group, own, "the search for NCCL")
        group.lines[device] = None if None in gpus or len(set(gpus)) < group.size else Line(group, device)
    return group.lines[device]


def is_available() -> bool:
    """Whether CuPy finds NCCL."""
    try:
        return bool(importlib.import_module("cupy.cuda.nccl").available)
    except ImportError:
        return False


def gpu(device: str) -> tuple[str, str]:
    """What tells a GPU from all others: the machine, and its place there, whatever its number is for this process."""
    with backend.gpu(device) as found:
        return platform.node(), found.pci_bus_id
