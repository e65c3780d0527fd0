"""RMSprop."""

from collections.abc import Iterable
from typing import Any

from minidl.backend import Array
from minidl.engine.core import Tensor
from minidl.optim.elementwise import Elementwise, Numbers, averaged, averaged_square, decayed, scratch, zeros


class RMSprop(Elementwise):
    """p −= lr · g / (√v + eps), with v = alpha · v + (1 − alpha) · g², a running mean of the squared gradient.

    Tieleman & Hinton (2012), "Neural networks for machine learning", lecture 6e. weight_decay adds weight_decay · p to
    the gradient. `centered` divides by the deviation √(v − m²) instead, with the running mean m of the gradient
    (Graves, 2013, "Generating sequences with recurrent neural networks", equations 38-41); a variance that rounding
    takes below 0 counts as 0. A momentum sums up what is divided: b = momentum · b + g / (√v + eps), and p −= lr · b.
    `maximize` goes up the gradient.

    foreach is a way of PyTorch's to compute the same; it changes nothing here.

    Raises
    ------
    ValueError
        For negative lr, alpha, eps, weight_decay or momentum, and for capturable and differentiable.
    TypeError
        For options of another type.
    """

    numbers = {**Elementwise.numbers, "alpha": 0, "eps": 0, "momentum": 0}
    remembered = {"step": True, "square_avg": True, "momentum_buffer": False, "grad_avg": False}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = dict(lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum, centered=centered)
        switches = dict(capturable=capturable, foreach=foreach, maximize=maximize, differentiable=differentiable)
        super().__init__(params, options | switches)

    @staticmethod
    def begin(p: Array, state: dict[str, Any], group: dict[str, Any]) -> Numbers:
        needed = {"square_avg": True, "momentum_buffer": group["momentum"], "grad_avg": group["centered"]}
        state |= {name: zeros(p) for name, needs in needed.items() if needs and name not in state}
        state["step"] = state.get("step", 0) + 1
        rates = (float(group[name]) for name in ("lr", "alpha", "eps", "weight_decay", "momentum"))
        return *rates, bool(group["centered"])

    @staticmethod
    def rule(  # noqa: D102
        xp: Any, p: Array, g: Array, v: Array, b: Array, m: Array,
        lr: float, alpha: float, eps: float, decay: float, momentum: float, centered: bool,
    ) -> None:  # fmt: skip
        d, t = decayed(xp, p, g, decay), scratch(p)
        averaged_square(xp, v, d, alpha)
        if centered:
            averaged(xp, m, d, alpha)
            v = xp.subtract(v, xp.multiply(m, m, out=t), out=t)
            xp.maximum(v, 0, out=v)
        xp.sqrt(v, out=t)
        t += eps
        xp.divide(d, t, out=t)
        if momentum:
            b *= momentum
            b += t
            t[...] = b
        t *= lr
        p -= t
