"""Adam."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.backend import Array
from minidl.engine.core import Tensor
from minidl.optim.elementwise import Elementwise, Numbers, averaged, averaged_square, decayed, scratch, zeros


class Adam(Elementwise):
    """p −= lr · m̂ / (√v̂ + eps); m and v: running means of the gradient and its square, corrected for their start at 0.

    Kingma & Ba (2015), "Adam: a method for stochastic optimization", algorithm 1. weight_decay adds weight_decay · p to
    the gradient or, where `decoupled_weight_decay`, takes lr · weight_decay · p off p (Loshchilov & Hutter, 2019,
    "Decoupled weight decay regularization"). `amsgrad` divides by the largest v so far (Reddi et al., 2018, "On the
    convergence of Adam and beyond"). `maximize` goes up the gradient.

    foreach and fused are ways of PyTorch's to compute the same; they change nothing here.

    Raises
    ------
    ValueError
        For negative lr, eps or weight_decay, for betas outside [0, 1), and for capturable and differentiable.
    TypeError
        For options of another type.
    """

    numbers = {**Elementwise.numbers, "eps": 0}
    remembered = {"step": True, "exp_avg": True, "exp_avg_sq": True, "max_exp_avg_sq": False}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        options = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize)
        switches = dict(foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused)
        super().__init__(params, options | switches | dict(decoupled_weight_decay=decoupled_weight_decay))

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        require_betas(type(self).__name__, group["betas"])

    @staticmethod
    def begin(p: Array, state: dict[str, Any], group: dict[str, Any]) -> Numbers:
        if not state:
            state |= {"step": 0, "exp_avg": zeros(p), "exp_avg_sq": zeros(p)}
        if group["amsgrad"] and "max_exp_avg_sq" not in state:
            state["max_exp_avg_sq"] = zeros(p)
        state["step"] += 1
        lr, decay, (beta1, beta2) = float(group["lr"]), float(group["weight_decay"]), map(float, group["betas"])
        first, second = 1 - beta1 ** state["step"], (1 - beta2 ** state["step"]) ** 0.5
        decay, shrink = (0.0, 1 - lr * decay) if group["decoupled_weight_decay"] else (decay, 1.0)
        return lr * second / first, float(group["eps"]) * second, beta1, beta2, decay, shrink, bool(group["amsgrad"])

    @staticmethod
    def rule(  # noqa: D102
        xp: Any, p: Array, g: Array, m: Array, v: Array, most: Array,
        lr: float, eps: float, beta1: float, beta2: float, decay: float, shrink: float, amsgrad: bool,
    ) -> None:  # fmt: skip
        d, t = decayed(xp, p, g, decay), scratch(p)
        averaged(xp, m, d, beta1)
        averaged_square(xp, v, d, beta2)
        if amsgrad:
            v = xp.maximum(most, v, out=most)
        xp.sqrt(v, out=t)
        t += eps
        xp.divide(m, t, out=t)
        t *= lr
        if shrink != 1:
            p *= shrink
        p -= t


def require_betas(name: str, betas: Any) -> None:
    """Raise ValueError, in the name of an optimizer, unless these are two numbers in [0, 1)."""
    numbers = isinstance(betas, (tuple, list)) and all(isinstance(beta, (int, float, np.number)) for beta in betas)
    if not numbers or len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
        raise ValueError(f"{name}: betas must be two numbers in [0, 1), got {betas}")
