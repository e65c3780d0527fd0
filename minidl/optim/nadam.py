"""NAdam."""

from collections.abc import Iterable
from typing import Any

from minidl.backend import Array
from minidl.engine.core import Tensor
from minidl.optim.adam import require_betas
from minidl.optim.elementwise import Elementwise, Numbers, averaged, averaged_square, decayed, scratch, zeros


class NAdam(Elementwise):
    """`Adam` with Nesterov's momentum: p −= lr · (a · g + b · m) / (√v̂ + eps).

    Dozat (2016), "Incorporating Nesterov momentum into Adam", algorithm 2. In step t β₁ is weakened to
    μₜ = β₁ · (1 − ½ · 0.96^(t · momentum_decay)); a is (1 − μₜ) / (1 − μ₁ ⋯ μₜ), and b is μₜ₊₁ / (1 − μ₁ ⋯ μₜ₊₁).
    weight_decay adds weight_decay · p to the gradient or, where `decoupled_weight_decay`, takes lr · weight_decay · p
    off p. `maximize` goes up the gradient.

    The product of all μ is kept as a Python float, in PyTorch as a tensor of the default dtype. foreach is a way of
    PyTorch's to compute the same; it changes nothing here.

    Raises
    ------
    ValueError
        For negative lr, eps, weight_decay or momentum_decay, for betas outside [0, 1), and for capturable and
        differentiable.
    TypeError
        For options of another type.
    """

    numbers = {**Elementwise.numbers, "eps": 0, "momentum_decay": 0}
    remembered = {"step": True, "mu_product": True, "exp_avg": True, "exp_avg_sq": True}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = dict(lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
        switches = dict(maximize=maximize, foreach=foreach, capturable=capturable, differentiable=differentiable)
        super().__init__(params, options | dict(decoupled_weight_decay=decoupled_weight_decay) | switches)

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        require_betas("NAdam", group["betas"])

    @staticmethod
    def begin(p: Array, state: dict[str, Any], group: dict[str, Any]) -> Numbers:
        if not state:
            state |= {"step": 0, "mu_product": 1.0, "exp_avg": zeros(p), "exp_avg_sq": zeros(p)}
        lr, decay, (beta1, beta2) = float(group["lr"]), float(group["weight_decay"]), map(float, group["betas"])
        state["step"] += 1
        step, slowing = state["step"], float(group["momentum_decay"])
        mu, following = (beta1 * (1 - 0.5 * 0.96 ** (t * slowing)) for t in (step, step + 1))
        state["mu_product"] *= mu
        second = (1 - beta2**step) ** 0.5
        by_gradient = lr * second * (1 - mu) / (1 - state["mu_product"])
        by_mean = lr * second * following / (1 - state["mu_product"] * following)
        decay, shrink = (0.0, 1 - lr * decay) if group["decoupled_weight_decay"] else (decay, 1.0)
        return by_gradient, by_mean, float(group["eps"]) * second, beta1, beta2, decay, shrink

    @staticmethod
    def rule(  # noqa: D102
        xp: Any, p: Array, g: Array, m: Array, v: Array,
        by_gradient: float, by_mean: float, eps: float, beta1: float, beta2: float, decay: float, shrink: float,
    ) -> None:  # fmt: skip
        d, t, below = decayed(xp, p, g, decay), scratch(p), scratch(p)
        averaged(xp, m, d, beta1)
        averaged_square(xp, v, d, beta2)
        xp.sqrt(v, out=below)
        below += eps
        xp.multiply(d, by_gradient, out=t)
        t += xp.multiply(m, by_mean, out=scratch(p))
        t /= below
        if shrink != 1:
            p *= shrink
        p -= t
