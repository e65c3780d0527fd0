"""Stochastic gradient descent."""

from collections.abc import Iterable
from typing import Any

from minidl import backend
from minidl.backend import Array
from minidl.engine.core import Tensor
from minidl.optim.elementwise import Elementwise, Numbers, decayed, scratch


class SGD(Elementwise):
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

    numbers = {**Elementwise.numbers, "momentum": 0, "dampening": -float("inf")}
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

    @staticmethod
    def begin(p: Array, state: dict[str, Any], group: dict[str, Any]) -> Numbers:
        momentum = float(group["momentum"])
        fresh = bool(momentum) and "momentum_buffer" not in state
        if fresh:
            state["momentum_buffer"] = Tensor(backend.namespace(p).empty_like(p))
        rates = float(group["lr"]), momentum, float(group["dampening"]), float(group["weight_decay"])
        return *rates, bool(group["nesterov"]), fresh

    @staticmethod
    def rule(  # noqa: D102
        xp: Any, p: Array, g: Array, v: Array,
        lr: float, momentum: float, dampening: float, decay: float, nesterov: bool, fresh: bool,
    ) -> None:  # fmt: skip
        d, t = decayed(xp, p, g, decay), scratch(p)
        if fresh:
            v[...] = d
        elif momentum:
            v *= momentum
            v += xp.multiply(d, 1 - dampening, out=t)
        if nesterov:
            d = xp.add(xp.multiply(v, momentum, out=t), d, out=t)
        elif momentum:
            d = v
        p -= xp.multiply(d, lr, out=t)
