"""Adamax."""

from collections.abc import Iterable
from typing import Any

from minidl.backend import Array
from minidl.engine.core import Tensor
from minidl.optim.adam import require_betas
from minidl.optim.elementwise import Elementwise, Numbers, averaged, decayed, scratch, zeros


class Adamax(Elementwise):
    """p −= lr · m̂ / u, with u = max(β₂ · u, |g| + eps), and the running mean m of the gradient, corrected as in Adam.

    Kingma & Ba (2015), "Adam: a method for stochastic optimization", algorithm 2. weight_decay adds weight_decay · p to
    the gradient; `maximize` goes up the gradient.

    foreach is a way of PyTorch's to compute the same; it changes nothing here.

    Raises
    ------
    ValueError
        For negative lr, eps or weight_decay, for betas outside [0, 1), and for capturable and differentiable.
    TypeError
        For options of another type.
    """

    numbers = {**Elementwise.numbers, "eps": 0}
    remembered = {"step": True, "exp_avg": True, "exp_inf": True}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        options = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)
        super().__init__(params, options | dict(foreach=foreach, differentiable=differentiable, capturable=capturable))

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        require_betas("Adamax", group["betas"])

    @staticmethod
    def begin(p: Array, state: dict[str, Any], group: dict[str, Any]) -> Numbers:
        if not state:
            state |= {"step": 0, "exp_avg": zeros(p), "exp_inf": zeros(p)}
        state["step"] += 1
        beta1, beta2 = map(float, group["betas"])
        rate = float(group["lr"]) / (1 - beta1 ** state["step"])
        return rate, float(group["eps"]), beta1, beta2, float(group["weight_decay"])

    @staticmethod
    def rule(  # noqa: D102
        xp: Any, p: Array, g: Array, m: Array, u: Array, lr: float, eps: float, beta1: float, beta2: float, decay: float
    ) -> None:
        d, t = decayed(xp, p, g, decay), scratch(p)
        averaged(xp, m, d, beta1)
        u *= beta2
        xp.abs(d, out=t)
        t += eps
        xp.maximum(u, t, out=u)
        xp.divide(m, u, out=t)
        t *= lr
        p -= t
