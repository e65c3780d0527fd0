"""One network on many ranks, each of which learns from a part of every batch."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import minidl.distributed.collectives as collective
from minidl.backend import device_name, dims, random, transfer
from minidl.backend.modes import is_grad_enabled, require_flag
from minidl.distributed.buckets import CAP, MIB
from minidl.distributed.group import differ, joined, require_group
from minidl.distributed.reducer import Modes, Reducer
from minidl.engine.arrivals import receive
from minidl.engine.core import Tensor
from minidl.engine.writes import write
from minidl.nn.module import Module
from minidl.nn.parameter import Uninitialized
from minidl.nn.tree import require_module


class DistributedDataParallel(Module):
    """Averages gradients over all ranks in backward (``torch.nn.parallel.DistributedDataParallel``).

    All ranks begin with the parameters and buffers of rank 0. Each calls the network with its own part of a batch; a
    loss that is a mean over it then gives, if the parts are of one size, the gradient of the mean over the whole batch.
    Sizes are not compared here, but by a `Trainer`: each rank's gradient counts alike.
    Buckets of gradients travel while backward computes the rest: between GPUs by NCCL, if CuPy has it on all ranks. In
    training each rank draws random numbers, such as dropout's, from a stream of its own, below the global one, which
    goes on alike on all ranks seeded alike.

    Parameters
    ----------
    module : Module
        With parameters that have a shape.
    device_ids : list of one device, optional
        Where the network is, as PyTorch's programs say it.
    broadcast_buffers : bool
        Whether the buffers of rank 0, such as running means, are put in the place of all before each forward in
        training, and before the first in evaluation.
    init_sync : bool
        Whether to compare parameters and buffers, and versions, and to begin with those of rank 0.
    bucket_cap_mb : float, optional
        How many MiB of gradients share a message, by default 25; the first has 1 MiB at most.
    find_unused_parameters : bool
        Whether the loss need not depend on all parameters; those it depends on on no rank keep their ``.grad``.

    Raises
    ------
    RuntimeError
        Without a process group; for parameters without a shape, and where none learns; in backward, if the loss does
        not depend on all parameters.
    ValueError
        If ranks have other parameters, buffers or versions; for an argument out of range.

    Attributes
    ----------
    module : Module
        The network itself, for what concerns this rank alone.
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        *,
        broadcast_buffers: bool = True,
        init_sync: bool = True,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
    ) -> None:
        group = require_group("DistributedDataParallel")
        require_module("DistributedDataParallel", module)
        if bucket_cap_mb is not None and not bucket_cap_mb > 0:
            raise ValueError(f"DistributedDataParallel: bucket_cap_mb must be positive, got {bucket_cap_mb!r}")
        if blank := [name for name, tensor in module.state_dict().items() if isinstance(tensor, Uninitialized)]:
            raise RuntimeError(f"DistributedDataParallel: {blank[0]} has no shape yet; run the network once first")
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError("DistributedDataParallel: no parameter of the network requires a gradient")
        require_place(module, device_ids)
        self.module = module
        self.broadcast_buffers = require_flag("DistributedDataParallel", "broadcast_buffers", broadcast_buffers)
        self.find_unused = require_flag("DistributedDataParallel", "find_unused_parameters", find_unused_parameters)
        self.cap = CAP if bucket_cap_mb is None else int(bucket_cap_mb * MIB)
        self.require_backward_grad_sync, self.modes = True, Modes()
        self.buffers_moved = False
        if require_flag("DistributedDataParallel", "init_sync", init_sync) and group.size > 1:
            require_alike(module)
            send_all([*module.parameters(), *module.buffers()])
        self.reducer = self.reducer_of(module)

    def reducer_of(self, module: Module) -> Reducer | None:
        """What averages the gradients of a network; nothing where there is one rank."""
        if joined().size == 1:
            return None
        learning = {name: p for name, p in module.named_parameters() if p.requires_grad}
        return Reducer(learning, self.cap, self.find_unused, self.modes)

    def _apply(self, change: Any) -> Any:
        super()._apply(change)
        self.reducer = self.reducer_of(self.module)  # for other dtypes
        return self

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        if self.reducer is not None:
            require_group("DistributedDataParallel")
            learning = [id(p) for p in self.module.parameters() if p.requires_grad]
            if learning and learning != list(self.reducer.number):
                self.reducer = self.reducer_of(self.module)  # some were frozen, or unfrozen, since the last time
        if self.reducer is None:
            return self.module(*args, **kwargs)
        learns = self.training and is_grad_enabled()
        if self.broadcast_buffers and (learns or self.buffers_moved):
            send_all(list(self.module.buffers()))
        self.buffers_moved = learns
        self.modes.begin(self.require_backward_grad_sync)
        for parameter in self.reducer.parameters:
            receive(parameter, self.reducer)
        if not self.training:
            return self.module(*args, **kwargs)
        seed = int(random.stream(None).integers(2**63))
        with random.using(random.child(seed, joined().rank)):
            return self.module(*args, **kwargs)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """A ``with`` block: gradients of what is computed in it are gathered by each rank for itself.

        Wherever its backward is called. The next backward of what was computed without averages them with its own; of a
        loss that depends on both, all are averaged.
        """
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before


def require_place(module: Module, device_ids: Sequence[Any] | None) -> None:
    """Raise ValueError if a network is elsewhere than `device_ids` says."""
    if device_ids is None:
        return
    asked = [f"cuda:{device}" if isinstance(device, int) else device_name(device) for device in device_ids]
    places = sorted({p.device for p in module.parameters()})
    if asked != places:
        raise ValueError(
            f"DistributedDataParallel: device_ids={list(device_ids)}, and the network is on {', '.join(places)}; "
            "module.to(device) moves it, and on the CPU device_ids is left out"
        )


def bare(model: Module) -> Module:
    """The network itself, without what shares it among ranks."""
    return model.module if isinstance(model, DistributedDataParallel) else model


def require_alike(module: Module) -> None:
    """Raise ValueError, on all ranks, unless all have the same versions, parameters and buffers."""
    group = joined()
    minidl = sys.modules[__name__.partition(".")[0]]
    versions = f"minidl {minidl.__version__}, NumPy {np.__version__}, Python {platform.python_version()}"
    differ("DistributedDataParallel", collective.objects(group, versions, "DistributedDataParallel"))
    named = [*module.named_buffers(), *module.named_parameters()]
    described = [
        f"no. {i}: {name} {dims(t.shape)} {t.dtype}{', to be learnt' * t.requires_grad}"
        for i, (name, t) in enumerate(named, 1)  # by which values and gradients find their place
    ]
    theirs = collective.objects(group, described, "DistributedDataParallel")
    common = set.intersection(*map(set, theirs))
    own = ["; ".join([line for line in lines if line not in common][:5]) or "none of these" for lines in theirs]
    differ("DistributedDataParallel: parameters and buffers", own)


def send_all(tensors: Sequence[Tensor]) -> None:
    """Put the values of rank 0 into tensors, by one message."""
    group = joined()
    hosts = [collective.host(tensor.array) for tensor in tensors]
    buffer = np.concatenate([collective.raw(values) for values in hosts]) if hosts else np.empty(0, np.uint8)
    if not buffer.size:
        return
    group.wait(group.gradients.Ibcast(buffer, 0), "broadcast of parameters and buffers")
    if group.rank:
        ends = np.cumsum([values.nbytes for values in hosts])
        for tensor, values, part in zip(tensors, hosts, np.split(buffer, ends[:-1]), strict=True):
            write(tensor.array, transfer.move(part.view(values.dtype).reshape(values.shape), tensor.device))
