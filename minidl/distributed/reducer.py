"""Gradients that are averaged over all ranks while backward goes on."""

from __future__ import annotations

from bisect import bisect
from collections import deque
from itertools import pairwise
from typing import Any

import numpy as np

from minidl.backend import Array, current, transfer
from minidl.backend.dtypes import float16, float32
from minidl.distributed.buckets import FIRST, Schedule, planned
from minidl.distributed.collectives import reduced
from minidl.distributed.group import joined, require_group
from minidl.distributed.nccl import line
from minidl.engine.core import Node, Tensor, wrap
from minidl.engine.watch import watch
from minidl.engine.writes import clock, write
from minidl.nn.parameter import Parameter


class Modes:
    """Which forwards let their gradients be averaged, by the clock of the graph: `no_sync` is about them."""

    def __init__(self) -> None:
        self.since: deque[tuple[int, bool]] = deque([(0, True)], maxlen=1000)  # changes that are remembered

    def begin(self, averages: bool) -> None:
        """Note that a forward begins."""
        if self.since[-1][1] != averages:
            self.since.append((next(clock), averages))

    def averaged(self, node: Node) -> bool:
        """Whether a node is of a forward, or follows one, whose gradients are averaged."""
        place = bisect(self.since, node.serial, key=lambda change: change[0])
        return self.since[max(place - 1, 0)][1]


class Reducer:
    """Takes gradients as they become whole, sends each bucket when it is full, and leaves means in ``.grad``.

    What a parameter's ``.grad`` holds when its gradient arrives is averaged with it, as in PyTorch: what `no_sync` has
    gathered on each rank, or what is the same on all. The last bucket goes when the walk has come to its end: behind
    its gradients travel the number of ranks whose backward has failed, and by how many each parameter is used. Buckets
    lie on the GPU where NCCL sums, and else on the CPU.
    """

    def __init__(self, parameters: dict[str, Parameter], cap: int, find_unused: bool, modes: Modes) -> None:
        self.names, self.parameters = list(parameters), list(parameters.values())
        self.number = {id(p): i for i, p in enumerate(self.parameters)}
        self.find_unused, self.modes, self.partly = find_unused, modes, False
        dtypes = [float32 if p.dtype == float16 else p.dtype for p in self.parameters]  # which MPI has not
        sizes = [p.array.size * dtype.itemsize for p, dtype in zip(self.parameters, dtypes, strict=True)]
        buckets, end = planned(sizes, dtypes, min(FIRST, cap), cap), len(self.parameters)
        self.schedule = Schedule([*buckets[:-1], [*buckets[-1], end]])
        devices = {p.device for p in self.parameters}
        self.line = line(devices.pop()) if len(devices) == 1 else None
        self.place = self.line.device if self.line else "cpu"
        self.buffers: list[Array] = []
        self.views: dict[int, Array] = {}
        behind = 1 + find_unused * len(self.parameters)
        for bucket in buckets:
            ends = np.cumsum([0, *(self.parameters[i].array.size for i in bucket)]).tolist()
            size = ends[-1] + behind * (bucket is buckets[-1])
            self.buffers.append(self.empty(size, dtypes[bucket[0]], self.parameters[bucket[0]].device))
            parts = [self.buffers[-1][start:end] for start, end in pairwise(ends)]
            self.views |= {i: part.reshape(self.parameters[i].shape) for i, part in zip(bucket, parts, strict=True)}
        rest = self.buffers[-1][-behind:]
        self.failures, self.used = rest[:1], rest[1:]
        self.requests: list[Any] = []

    def empty(self, size: int, dtype: Any, device: str) -> Array:
        """Memory for a bucket of gradients of a device."""
        return self.line.empty(size, dtype) if self.line else transfer.staged(size, dtype, device)

    def begun(self, readers: dict[Tensor, list[Node]], partly: bool) -> bool:
        """Begin anew, unless all that the walk comes to was computed within `no_sync`."""
        if not any(self.modes.averaged(node) for nodes in readers.values() for node in nodes):
            return False
        self.arrive()  # those of a walk that has failed
        self.schedule.start()
        self.partly = partly
        with current(self.failures):
            self.failures[...], self.used[...] = 0, 1
        return True

    def arrived(self, leaf: Tensor, g: Any) -> None:
        """Put a gradient into its bucket, and send those that are full."""
        number = self.number[id(leaf)]
        view = self.views[number]
        transfer.put(g.array if isinstance(g, Tensor) else g, view)
        if leaf.grad is not None:
            with current(view):
                view += transfer.move(leaf.grad.array, self.place)
        self.send(number)

    def send(self, number: int) -> None:
        """Send the buckets that are full with a parameter, or the end; those under way get on by the way."""
        group = require_group("backward")
        for request in self.requests:
            request.Test()
        for bucket in self.schedule.arrived(number):
            buffer = self.buffers[bucket]
            request = self.line.summed(buffer) if self.line else reduced(group, buffer, comm=group.gradients)
            if watch.by is not None:
                request = watch.by.sent(f"all_reduce of {buffer.nbytes:,} bytes", request)
            self.requests.append(request)
            group.hold(request, buffer)

    def arrive(self) -> None:
        """Wait for all that is on its way."""
        while self.requests:
            require_group("backward").wait(self.requests[0], "backward")
            del self.requests[0]

    def finished(self) -> None:
        """Wait for the means, and leave them with the parameters."""
        *absent, end = self.schedule.missing()
        if absent:
            if not self.find_unused:
                raise RuntimeError(self.missing([self.names[i] for i in absent]))
            with current(self.used):
                for number in absent:
                    kept = self.parameters[number].grad
                    self.views[number][...] = 0 if kept is None else transfer.move(kept.array, self.place)
                    self.used[number] = 0
        for number in (*absent, end):
            self.send(number)
        self.arrive()
        size = joined().size
        if failed := int(transfer.move(self.failures, "cpu")[0]):
            raise RuntimeError(
                f"backward: it has failed on {failed} of {size} ranks, whose own errors say why; no gradients are left"
            )
        used = transfer.move(self.used, "cpu")
        for number, parameter in enumerate(self.parameters):
            if not self.find_unused or used[number]:
                self.leave(parameter, self.views[number], size)

    def failed(self) -> None:
        """Send what is left, so that no other rank waits for it, and let all know, unless all has gone."""
        if joined().size > 1 and (missing := self.schedule.missing()):
            with current(self.failures):
                self.failures[...] = 1
            for number in missing:
                self.send(number)

    def missing(self, names: list[str]) -> str:
        """What to say of parameters that the walk has not come to."""
        if self.partly:
            return (
                f"DistributedDataParallel: backward(inputs=…) leaves out {', '.join(names)}; leave `inputs` away, or "
                "give all parameters, or use md.grad, which averages nothing"
            )
        return (
            f"DistributedDataParallel: the loss does not depend on {', '.join(names)}; find_unused_parameters=True "
            "allows for that, requires_grad=False before the network is wrapped leaves out what never learns"
        )

    def leave(self, parameter: Parameter, total: Array, size: int) -> None:
        """Put the mean of so many ranks into ``.grad``, in its place if there is one."""
        with current(total):
            mean = transfer.move((total / size).astype(parameter.dtype, copy=False), parameter.device)
        if parameter.grad is None:
            parameter.grad = wrap(mean)
        else:
            write(parameter.grad.array, mean)
