"""Adam."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array
from minidl.engine.core import Tensor
from minidl.optim.optimizer import Optimizer, in_chunks, scratch


def begin(p: Array, state: dict[str, Any], group: dict[str, Any]) -> tuple[float, float]:
    """Count a step of a parameter, whose state is made at the first; returns lr and eps, corrected as m̂ and v̂ are."""
    zeros = backend.namespace(p).zeros_like
    if not state:
        state |= {"step": 0, "exp_avg": Tensor(zeros(p)), "exp_avg_sq": Tensor(zeros(p))}
    if group["amsgrad"] and "max_exp_avg_sq" not in state:
        state["max_exp_avg_sq"] = Tensor(zeros(p))
    state["step"] += 1
    beta1, beta2 = group["betas"]
    first, second = 1 - beta1 ** state["step"], (1 - beta2 ** state["step"]) ** 0.5
    return float(group["lr"]) * second / first, float(group["eps"]) * second


class Adam(Optimizer):
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

    numbers = {**Optimizer.numbers, "eps": 0}
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
        betas = group["betas"]
        numbers = isinstance(betas, (tuple, list)) and all(isinstance(beta, (int, float, np.number)) for beta in betas)
        if not numbers or len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"Adam: betas must be two numbers in [0, 1), got {betas}")

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        xp = backend.namespace(p)
        (beta1, beta2), decay, decoupled = group["betas"], float(group["weight_decay"]), group["decoupled_weight_decay"]
        rate, eps = begin(p, state, group)
        shrink = 1 - float(group["lr"]) * decay

        def step(p: Array, g: Array, m: Array, v: Array, *largest: Array) -> None:
            t = scratch(p)
            if decay and decoupled:
                p *= shrink
            elif decay:
                own = scratch(p)
                g = xp.add(xp.multiply(p, decay, out=own), g, out=own)
            m *= beta1
            m += xp.multiply(g, 1 - beta1, out=t)
            v *= beta2
            xp.multiply(g, g, out=t)
            t *= 1 - beta2
            v += t
            for most in largest:
                v = xp.maximum(most, v, out=most)
            xp.sqrt(v, out=t)
            t += eps
            xp.divide(m, t, out=t)
            t *= rate
            p -= t

        kept = ("exp_avg", "exp_avg_sq", *["max_exp_avg_sq"] * bool(group["amsgrad"]))
        in_chunks(step, p, g, *[state[name].array for name in kept])
