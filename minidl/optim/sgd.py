"""Stochastic gradient descent."""

from collections.abc import Iterable
from typing import Any

from minidl import backend
from minidl.backend import Array
from minidl.optim.optimizer import Optimizer


class SGD(Optimizer):
    """p −= lr · v, with v = momentum · v + (1 − dampening) · (g + weight_decay · p); the first v is the gradient.

    Nesterov's form steps by g + momentum · v. Sutskever et al. (2013), "On the importance of initialization and
    momentum in deep learning", as modified in PyTorch.

    Raises
    ------
    ValueError
        For negative lr, momentum or weight_decay, and for nesterov without momentum or with dampening.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
    ) -> None:
        options = dict(lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov)
        super().__init__(params, options)

    def check(self, group: dict[str, Any]) -> None:
        super().check(group)
        if not isinstance(group["momentum"], (int, float)) or group["momentum"] < 0:
            raise ValueError(f"SGD: momentum must be a number, not negative, got {group['momentum']}")
        if group["nesterov"] and (not group["momentum"] or group["dampening"]):
            raise ValueError("SGD: nesterov needs a momentum and no dampening")

    def update(self, p: Array, g: Array, state: dict[str, Any], group: dict[str, Any]) -> None:
        momentum = group["momentum"]
        if group["weight_decay"]:
            g = g + group["weight_decay"] * p
        if momentum:
            if "momentum_buffer" in state:
                v = state["momentum_buffer"]
                v *= momentum
                v += (1 - group["dampening"]) * g
            else:
                v = state["momentum_buffer"] = backend.namespace(p).array(g)
            g = g + momentum * v if group["nesterov"] else v
        p -= float(group["lr"]) * g
