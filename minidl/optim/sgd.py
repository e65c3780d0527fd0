"""Stochastic gradient descent."""

from collections.abc import Iterable
from typing import Any

from minidl import backend
from minidl.backend import Array
from minidl.engine.core import Tensor
from minidl.optim.optimizer import Optimizer, in_chunks, scratch


class SGD(Optimizer):
    """p −= lr · v, with v = momentum · v + (1 − dampening) · (g + weight_decay · p); the first v is the gradient.

    Nesterov's form steps by g + momentum · v. Sutskever et al. (2013), "On the importance of initialization and
    momentum in deep learning", as modified in PyTorch. `maximize` goes up the gradient: by −g.

    foreach and fused are ways of PyTorch's to compute the same; they change nothing here.

    Raises
    ------
    ValueError
        For negative lr, momentum or weight_decay, for nesterov without momentum or with dampening, and for
        differentiable.
    TypeError
        For options of another type.
    """

    numbers = {**Optimizer.numbers, "momentum": 0, "dampening": -float("inf")}
    remembered = {"momentum_buffer": False}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        options = dict(lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov)
        switches = dict(maximize=maximize, foreach=foreach, differentiable=differentiable, fused=fused)
        super().__init__(params, options | switches)

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        if group["nesterov"] and (not group["momentum"] or group["dampening"]):
            raise ValueError("SGD: nesterov needs a momentum and no dampening")

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        xp = backend.namespace(p)
        lr, momentum, dampening, decay = (
            float(group[name]) for name in ("lr", "momentum", "dampening", "weight_decay")
        )
        fresh = "momentum_buffer" not in state

        def plain(p: Array, g: Array) -> None:
            t = scratch(p)
            if decay:
                g = xp.add(xp.multiply(p, decay, out=t), g, out=t)
            p -= xp.multiply(g, lr, out=t)

        def heavy(p: Array, g: Array, v: Array) -> None:
            t = scratch(p)
            if decay:
                g = xp.add(xp.multiply(p, decay, out=t), g, out=t)
            if fresh:
                v[...] = g
            else:
                v *= momentum
                v += (1 - dampening) * g if dampening else g
            if group["nesterov"]:
                g = xp.add(momentum * v, g, out=t)
            p -= xp.multiply(g if group["nesterov"] else v, lr, out=t)

        if momentum:
            if fresh:
                state["momentum_buffer"] = Tensor(xp.empty_like(p))
            in_chunks(heavy, p, g, state["momentum_buffer"].array)
        else:
            in_chunks(plain, p, g)
