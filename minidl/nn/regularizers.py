"""Penalties on weights, which are added to a loss: Keras's ``kernel_regularizer`` and ``bias_regularizer``.

    network = nn.Sequential(regularized(nn.Linear(784, 256), weight=L2(1e-4)), nn.ReLU(), nn.Linear(256, 10))
    loss = F.cross_entropy(network(x), y) + regularization(network)  # which a Trainer adds by itself

A regularizer is a function of a tensor, and so penalises what a layer gives as well: ``loss + L1(1e-3)(hidden)``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.nn.module import Module
from minidl.nn.tree import require_module

M = TypeVar("M", bound=Module)


class L1L2:
    """l1 · Σ|x| + l2 · Σx², a scalar. ValueError for a rate that is no number, negative, or not finite."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        for name, rate in {"l1": l1, "l2": l2}.items():
            if not isinstance(rate, (int, float)) or not 0 <= rate < math.inf:
                raise ValueError(f"{type(self).__name__}: {name} must be a number, not negative, got {rate!r}")
        self.l1, self.l2 = float(l1), float(l2)

    def __call__(self, x: Tensor) -> Tensor:
        require_tensors(type(self).__name__, x)
        total = x.new_zeros(())
        if self.l1:
            total = total + self.l1 * x.abs().sum()
        if self.l2:
            total = total + self.l2 * x.square().sum()
        return total

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in vars(self).items() if v)})"


class L1(L1L2):
    """l1 · Σ|x|, which makes weights that are exactly 0."""

    def __init__(self, l1: float = 0.01) -> None:
        super().__init__(l1=l1)


class L2(L1L2):
    """l2 · Σx². SGD's weight_decay=λ steps alike for l2 = λ/2; that of Adam and others does not."""

    def __init__(self, l2: float = 0.01) -> None:
        super().__init__(l2=l2)


def regularized(module: M, **regularizers: Callable[[Tensor], Tensor]) -> M:
    """A module, with regularizers of its parameters by name; what it had under these names before is replaced.

    Raises
    ------
    TypeError
        For anything but a module and functions.
    AttributeError
        For a parameter that it has not, or is None, as a bias may be.
    """
    require_module("regularized", module)
    for name, regularizer in regularizers.items():
        if not isinstance(getattr(module, name, None), Tensor):
            raise AttributeError(f"regularized: {type(module).__name__} has no parameter {name!r}")
        if not callable(regularizer):
            raise TypeError(f"regularized: {name}={regularizer!r} is no regularizer; L2(1e-4) is one")
    module._regularizers = vars(module).get("_regularizers", {}) | regularizers
    return module


def regularization(module: Module) -> Tensor | float:
    """The sum of all penalties in a network, to be added to its loss; 0.0 where there are none."""
    require_module("regularization", module)
    total: Tensor | float = 0.0
    for part in module.modules():
        for name, regularizer in vars(part).get("_regularizers", {}).items():
            total = total + regularizer(getattr(part, name))
    return total
