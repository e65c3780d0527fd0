"""Gradients that are averaged over all ranks while backward goes on."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import transfer
from minidl.backend.dtypes import float16, float32
from minidl.distributed.buckets import Schedule, planned
from minidl.distributed.collectives import reduced
from minidl.distributed.group import joined
from minidl.engine.core import Tensor, wrap
from minidl.engine.writes import write
from minidl.nn.parameter import Parameter


class Reducer:
    """Takes gradients as they become whole, sends each bucket when it is full, and leaves means in ``.grad``.

    What a parameter's ``.grad`` holds when its gradient arrives is averaged with it, as in PyTorch: what `no_sync` has
    gathered on each rank, or what is the same on all.
    """

    def __init__(self, parameters: dict[str, Parameter], cap: int, find_unused: bool) -> None:
        self.names, self.parameters = list(parameters), list(parameters.values())
        self.number = {id(p): i for i, p in enumerate(self.parameters)}
        self.find_unused = find_unused
        dtypes = [float32 if p.dtype == float16 else p.dtype for p in self.parameters]  # which MPI has not
        sizes = [p.array.size * dtype.itemsize for p, dtype in zip(self.parameters, dtypes, strict=True)]
        self.schedule = Schedule(planned(sizes, dtypes, cap=cap))
        self.buffers: list[np.ndarray] = []
        self.views: dict[int, np.ndarray] = {}
        for bucket in self.schedule.buckets:
            shapes = [self.parameters[i].shape for i in bucket]
            ends = np.cumsum([self.parameters[i].array.size for i in bucket])
            self.buffers.append(np.empty(ends[-1], dtypes[bucket[0]]))
            parts = np.split(self.buffers[-1], ends[:-1])
            self.views |= {i: part.reshape(shape) for i, part, shape in zip(bucket, parts, shapes, strict=True)}
        self.requests: list[Any] = []

    def arrived(self, leaf: Tensor, g: Any) -> None:
        """Put a gradient into its bucket, and send those that are full."""
        number = self.number[id(leaf)]
        view = self.views[number]
        view[...] = transfer.move(g.array if isinstance(g, Tensor) else g, "cpu")
        if leaf.grad is not None:
            view += transfer.move(leaf.grad.array, "cpu")
        self.send(number)

    def send(self, number: int) -> None:
        """Send the buckets that are full with a parameter; those under way get on by the way."""
        for request in self.requests:
            request.Test()
        for bucket in self.schedule.arrived(number):
            self.requests.append(reduced(joined(), self.buffers[bucket], comm=joined().gradients))

    def finished(self) -> None:
        """Wait for the means, and leave them with the parameters."""
        absent = self.schedule.missing()
        if absent and not self.find_unused:
            self.schedule.start()
            self.requests = []
            raise RuntimeError(
                f"DistributedDataParallel: the loss does not depend on {', '.join(self.names[i] for i in absent)}; "
                "find_unused_parameters=True allows for that, requires_grad=False before the network is wrapped leaves "
                "out what never learns"
            )
        for number in absent:
            kept = self.parameters[number].grad
            self.views[number][...] = 0 if kept is None else transfer.move(kept.array, "cpu")
            self.send(number)
        used = np.ones(len(self.parameters), np.int8)
        used[absent] = 0
        if self.find_unused:
            joined().wait(reduced(joined(), used, comm=joined().gradients), "backward")
        for buffer, request in zip(self.buffers, self.requests, strict=True):
            joined().wait(request, "backward")
            buffer /= joined().size
        for number, parameter in enumerate(self.parameters):
            if used[number]:
                self.leave(parameter, self.views[number])
        self.schedule.start()
        self.requests = []

    def leave(self, parameter: Parameter, mean: np.ndarray) -> None:
        """Put a mean into ``.grad``, in its place if there is one."""
        mean = transfer.move(mean.astype(parameter.dtype), parameter.device)
        if parameter.grad is None:
            parameter.grad = wrap(mean)
        else:
            write(parameter.grad.array, mean)
