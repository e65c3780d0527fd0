"""Averages of a network over a training: of its last states alike, or of all of them, the older the less."""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Literal

from minidl.backend import device as Device
from minidl.backend.modes import no_grad, require_flag
from minidl.engine.core import Tensor
from minidl.nn.module import Module
from minidl.nn.normalisation import BatchNorm1d, BatchNorm2d
from minidl.nn.tree import require_module
from minidl.ops.create import zeros
from minidl.optim.lr_scheduler.scheduler import LRScheduler, numbers_per_group, require_optimizer
from minidl.optim.optimizer import Optimizer

Average = Callable[[Tensor, Tensor, int], Tensor]
MultiAverage = Callable[[list[Tensor], list[Tensor], int], None]


def get_swa_avg_fn() -> Average:
    """The plain average: ``f(averaged, current, number)`` is averaged + (current − averaged) / (number + 1).

    Izmailov et al. (2018), "Averaging weights leads to wider optima and better generalization", algorithm 1.
    """
    return lambda averaged, current, number: averaged + (current - averaged) / (number + 1)


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """The exponential moving average: ``f(averaged, current, number)`` is decay · averaged + (1 − decay) · current.

    ValueError for a decay outside [0, 1].
    """
    _require_decay("get_ema_avg_fn", decay)
    return lambda averaged, current, number: decay * averaged + (1 - decay) * current


def get_swa_multi_avg_fn() -> MultiAverage:
    """`get_swa_avg_fn` of lists of tensors of one dtype and device, of which the first is written."""
    return _written(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> MultiAverage:
    """`get_ema_avg_fn` of lists of tensors of one dtype and device, of which the first is written."""
    _require_decay("get_ema_multi_avg_fn", decay)
    return _written(get_ema_avg_fn(decay))


def _require_decay(name: str, decay: float) -> None:
    """Raise ValueError, in the name of a function, for a decay outside [0, 1]."""
    if not isinstance(decay, (int, float)) or not 0 <= decay <= 1:
        raise ValueError(f"{name}: decay must be a number in [0, 1], got {decay!r}")


def _written(average: Average) -> MultiAverage:
    """An average of two tensors as one of two lists of them, of which the first is written."""

    @no_grad()
    def write(averaged: list[Tensor], current: list[Tensor], number: int) -> None:
        for one, other in zip(averaged, current, strict=True):
            one.copy_(average(one, other, number).to(one.dtype))

    return write


class AveragedModel(Module):
    """A copy of a network whose parameters are an average of those that the network had at each `update_parameters`.

    Parameters
    ----------
    model : Module
    device : where the copy is, None for where the network is
    avg_fn : function ``f(averaged, current, number)`` of two tensors and how many have been averaged before
        Returns the average; `get_swa_avg_fn` without, `get_ema_avg_fn` is another.
    multi_avg_fn : function ``f(averaged, current, number)`` of two lists of tensors, of one dtype and device each
        Writes the average into the first list.
    use_buffers : bool
        Whether buffers are averaged, too, such as BatchNorm's statistics; they are copied otherwise, and `update_bn`
        finds those of the average.

    Attributes
    ----------
    module : Module
        The average.
    n_averaged : Tensor
        How many states of the network it is of.

    Raises
    ------
    TypeError, ValueError
        For anything but a network, and for both functions.
    """

    n_averaged: Tensor

    def __init__(
        self,
        model: Module,
        device: Device | str | None = None,
        avg_fn: Average | None = None,
        multi_avg_fn: MultiAverage | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        require_module("AveragedModel", model)
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: avg_fn and multi_avg_fn exclude each other")
        self.module = copy.deepcopy(model) if device is None else copy.deepcopy(model).to(device)
        self.register_buffer("n_averaged", zeros((), dtype="int64", device=device))
        self.avg_fn, self.multi_avg_fn = avg_fn, multi_avg_fn
        self.use_buffers = require_flag("AveragedModel", "use_buffers", use_buffers)

    def forward(self, *args: Any, **options: Any) -> Any:
        """What the average gives."""
        return self.module(*args, **options)

    @no_grad()
    def update_parameters(self, model: Module) -> None:
        """Average in what the network has become; the first time it is copied.

        Raises
        ------
        TypeError, ValueError
            For anything but a network of the same parameters and buffers.
        """
        require_module("AveragedModel", model)
        own, theirs = ([p.detach() for p in chain(m.parameters(), m.buffers())] for m in (self.module, model))
        if [p.shape for p in own] != [p.shape for p in theirs]:
            raise ValueError(
                "AveragedModel: update_parameters: the network has not the shapes of the one it is made of"
            )
        averaged = len(own) if self.use_buffers else sum(1 for _ in model.parameters())
        number = int(self.n_averaged.item())
        pairs = [(p, q.to(p.device, p.dtype)) for p, q in zip(own, theirs, strict=True)]
        for i, (p, q) in enumerate(pairs):
            if number == 0 or i >= averaged:
                p.copy_(q)
        if number:
            self._average(pairs[:averaged], number)
        self.n_averaged.add_(1)

    def _average(self, pairs: list[tuple[Tensor, Tensor]], number: int) -> None:
        """Average in second tensors of pairs; those of one dtype and device at once."""
        update = self.multi_avg_fn or _written(self.avg_fn or get_swa_avg_fn())
        alike = defaultdict(list)
        for p, q in pairs:
            alike[p.dtype, p.device].append((p, q))
        for group in alike.values():
            update([p for p, _ in group], [q for _, q in group], number)


@no_grad()
def update_bn(loader: Iterable[Any], model: Module, device: Device | str | None = None) -> None:
    """Find the running statistics of a network's BatchNorm layers anew, as the mean over the batches of a loader.

    Parameters
    ----------
    loader : iterable of batches: tensors, or tuples or lists whose first part is what the network is called on
    model : Module
    device : where batches are moved to, None for nowhere
    """
    require_module("update_bn", model)
    layers = [layer for layer in model.modules() if isinstance(layer, (BatchNorm1d, BatchNorm2d))]
    if not layers:
        return
    momenta, was_training = [layer.momentum for layer in layers], model.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    model.train()
    try:
        for batch in loader:
            x = batch[0] if isinstance(batch, (list, tuple)) else batch
            model(x if device is None else x.to(device))
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        model.train(was_training)


class SWALR(LRScheduler):
    """The rates go to `swa_lr` within `anneal_epochs`, and stay there.

    Parameters
    ----------
    optimizer : Optimizer
    swa_lr : float, or a list of one for each group
    anneal_epochs : int
    anneal_strategy : "cos" or "linear"
    last_epoch : int

    Raises
    ------
    TypeError, ValueError
        For options of another type, or out of range.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = require_optimizer(self, optimizer)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"SWALR: anneal_strategy must be 'cos' or 'linear', got {anneal_strategy!r}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"SWALR: anneal_epochs must be an int of at least 0, got {anneal_epochs!r}")
        for group, rate in zip(optimizer.param_groups, numbers_per_group(self, "swa_lr", swa_lr, least=0), strict=True):
            group["swa_lr"] = rate
        self.anneal_epochs, self._anneal_strategy = anneal_epochs, anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        """How much of a rate is swa_lr after some steps."""
        t = max(0, min(1, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def _rates(self) -> list[Any]:
        step = self._step_count - 1 if self.anneal_epochs else max(1, self._step_count - 1)
        before, share, rates = self._share(step - 1), self._share(step), []
        for group in self.optimizer.param_groups:
            last = group["swa_lr"]
            first = last if before == 1 else (group["lr"] - before * last) / (1 - before)
            rates.append(last * share + first * (1 - share))
        return rates
