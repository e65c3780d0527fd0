"""Adadelta."""

from collections.abc import Iterable
from typing import Any

from minidl.backend import Array
from minidl.engine.core import Tensor
from minidl.optim.elementwise import Elementwise, Numbers, averaged_square, decayed, scratch, zeros


class Adadelta(Elementwise):
    """p −= lr · Δ, with Δ = √(u + eps) / √(v + eps) · g; v and u: running means of g² and of Δ², up to the step before.

    Zeiler (2012), "ADADELTA: an adaptive learning rate method", algorithm 1; both means keep the share `rho` of
    themselves. weight_decay adds weight_decay · p to the gradient; `maximize` goes up the gradient.

    foreach is a way of PyTorch's to compute the same; it changes nothing here.

    Raises
    ------
    ValueError
        For negative lr, eps or weight_decay, for a rho outside [0, 1], and for capturable and differentiable.
    TypeError
        For options of another type.
    """

    numbers = {**Elementwise.numbers, "rho": 0, "eps": 0}
    remembered = {"step": True, "square_avg": True, "acc_delta": True}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = dict(lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)
        super().__init__(params, options | dict(capturable=capturable, foreach=foreach, differentiable=differentiable))

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        if not group["rho"] <= 1:
            raise ValueError(f"Adadelta: rho must be a number in [0, 1], got {group['rho']}")

    @staticmethod
    def begin(p: Array, state: dict[str, Any], group: dict[str, Any]) -> Numbers:
        if not state:
            state |= {"step": 0, "square_avg": zeros(p), "acc_delta": zeros(p)}
        state["step"] += 1
        return float(group["lr"]), float(group["rho"]), float(group["eps"]), float(group["weight_decay"])

    @staticmethod
    def rule(  # noqa: D102
        xp: Any, p: Array, g: Array, v: Array, u: Array, lr: float, rho: float, eps: float, decay: float
    ) -> None:
        d, t, below = decayed(xp, p, g, decay), scratch(p), scratch(p)
        averaged_square(xp, v, d, rho)
        xp.sqrt(xp.add(u, eps, out=t), out=t)
        xp.sqrt(xp.add(v, eps, out=below), out=below)
        t /= below
        t *= d
        averaged_square(xp, u, t, rho)
        t *= lr
        p -= t
