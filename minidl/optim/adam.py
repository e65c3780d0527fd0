"""Adam."""

from collections.abc import Iterable
from typing import Any

from minidl import backend
from minidl.backend import Array
from minidl.optim.optimizer import Optimizer, in_chunks, scratch


def begin(p: Array, state: dict[str, Any], group: dict[str, Any]) -> tuple[float, float]:
    """Count a step of a parameter, whose state is made at the first; returns lr and eps, corrected as m̂ and v̂ are."""
    if not state:
        xp = backend.namespace(p)
        state |= {"step": 0, "exp_avg": xp.zeros_like(p), "exp_avg_sq": xp.zeros_like(p)}
    state["step"] += 1
    beta1, beta2 = group["betas"]
    first, second = 1 - beta1 ** state["step"], (1 - beta2 ** state["step"]) ** 0.5
    return float(group["lr"]) * second / first, float(group["eps"]) * second


class Adam(Optimizer):
    """p −= lr · m̂ / (√v̂ + eps); m and v: running means of the gradient and its square, corrected for their start at 0.

    Kingma & Ba (2015), "Adam: a method for stochastic optimization", algorithm 1. weight_decay adds weight_decay · p to
    the gradient.

    Raises
    ------
    ValueError
        For negative lr, eps or weight_decay, and for betas outside [0, 1).
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
    ) -> None:
        super().__init__(params, dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay))

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        betas = group["betas"]
        if not isinstance(betas, (tuple, list)) or len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"Adam: betas must be two numbers in [0, 1), got {betas}")
        if group["eps"] < 0:
            raise ValueError(f"Adam: eps must not be negative, got {group['eps']}")

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        xp = backend.namespace(p)
        (beta1, beta2), decay = group["betas"], group["weight_decay"]
        rate, eps = begin(p, state, group)

        def step(p: Array, g: Array, m: Array, v: Array) -> None:
            t = scratch(p)
            if decay:
                own = scratch(p)
                g = xp.add(xp.multiply(p, decay, out=own), g, out=own)
            m *= beta1
            m += xp.multiply(g, 1 - beta1, out=t)
            v *= beta2
            xp.multiply(g, g, out=t)
            t *= 1 - beta2
            v += t
            xp.sqrt(v, out=t)
            t += eps
            xp.divide(m, t, out=t)
            t *= rate
            p -= t

        in_chunks(step, p, g, state["exp_avg"], state["exp_avg_sq"])
