"""Adagrad."""

from collections.abc import Iterable
from typing import Any

from minidl import backend
from minidl.backend import Array
from minidl.engine.core import Tensor
from minidl.optim.elementwise import Elementwise, Numbers, decayed, scratch


class Adagrad(Elementwise):
    """p −= lr · g / (√s + eps), with the sum s of the squares of all gradients so far.

    Duchi, Hazan & Singer (2011), "Adaptive subgradient methods for online learning and stochastic optimization",
    equation 1 for a diagonal matrix. s starts at `initial_accumulator_value`; the rate of step t, from 0 on, is
    lr / (1 + t · lr_decay). weight_decay adds weight_decay · p to the gradient; `maximize` goes up the gradient.

    foreach and fused are ways of PyTorch's to compute the same; they change nothing here.

    Raises
    ------
    ValueError
        For negative lr, lr_decay, weight_decay, initial_accumulator_value or eps, and for differentiable.
    TypeError
        For options of another type.
    """

    numbers = {**Elementwise.numbers, "lr_decay": 0, "initial_accumulator_value": 0, "eps": 0}
    remembered = {"step": True, "sum": True}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        options = dict(lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay)
        switches = dict(foreach=foreach, maximize=maximize, differentiable=differentiable, fused=fused)
        super().__init__(params, options | dict(initial_accumulator_value=initial_accumulator_value) | switches)

    @staticmethod
    def begin(p: Array, state: dict[str, Any], group: dict[str, Any]) -> Numbers:
        if not state:
            start = backend.namespace(p).full_like(p, float(group["initial_accumulator_value"]))
            state |= {"step": 0, "sum": Tensor(start)}
        rate = float(group["lr"]) / (1 + state["step"] * float(group["lr_decay"]))
        state["step"] += 1
        return rate, float(group["eps"]), float(group["weight_decay"])

    @staticmethod
    def rule(xp: Any, p: Array, g: Array, s: Array, lr: float, eps: float, decay: float) -> None:  # noqa: D102
        d, t = decayed(xp, p, g, decay), scratch(p)
        s += xp.multiply(d, d, out=t)
        xp.sqrt(s, out=t)
        t += eps
        xp.divide(d, t, out=t)
        t *= lr
        p -= t
