"""``mpiexec -n N minidl train …``: the same command on several ranks."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Any

from minidl.distributed import (
    DistributedDataParallel,
    SyncBatchNorm,
    barrier,
    get_node_local_rank,
    init_process_group,
    is_initialized,
)
from minidl.distributed.collectives import objects
from minidl.distributed.group import Group, joined, launched
from minidl.nn import Module


def started() -> Group:
    """The ranks that ``mpiexec`` has started, or this process alone; several say which process each of them is.

    ``mpiexec`` names a process that was killed by its number, and ends the others.
    """
    if launched() and not is_initialized():
        init_process_group()
    group = joined()
    processes = objects(group, f"{os.getpid()} of {platform.node()}", "train")
    if group.size > 1 and group.rank == 0:
        print("ranks: " + ", ".join(f"{rank} is process {of}" for rank, of in enumerate(processes)), flush=True)
    return group


def first_alone(call: Callable[[], Any]) -> Any:
    """What a call gives on each rank, made on rank 0 before the others: they find what it has downloaded."""
    if joined().size == 1:
        return call()
    if joined().rank:
        barrier()
    try:
        value = call()
    finally:
        if not joined().rank:
            barrier()
    barrier()  # before anything is written that the call looks for
    return value


def parallel(model: Module) -> Module:
    """The network as all ranks train it, with the gradients and norms of the whole batch; one alone as it is."""
    if joined().size == 1:
        return model
    return DistributedDataParallel(SyncBatchNorm.convert_sync_batchnorm(model))


def device_of_rank(device: str) -> str:
    """Where this rank computes: of several on a machine each has a GPU of its own."""
    return f"cuda:{get_node_local_rank()}" if device == "cuda" and joined().size > 1 else device


def part(batch_size: int) -> int:
    """How many images of a step are this rank's; ValueError where they are not as many on each."""
    size = joined().size
    if batch_size % size:
        raise ValueError(f"--batch-size {batch_size}: {size} ranks can't have equal parts of it")
    return batch_size // size
