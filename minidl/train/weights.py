"""Losses in which some samples count for more than others."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from minidl.backend import dims
from minidl.engine.core import Tensor
from minidl.nn.module import Module
from minidl.ops.from_data import tensor
from minidl.ops.selection import where

Loss = Callable[[Any, Any], Tensor]


def of_each(loss: Any) -> Loss:
    """The same loss without a mean over the batch: one value for each sample, or for each element.

    Raises
    ------
    TypeError
        If the loss has no ``reduction``.
    """
    if isinstance(loss, Module) and "reduction" in vars(loss):
        each = copy.copy(loss)
        each.reduction = "none"
        return each
    if not isinstance(loss, Module) and "reduction" in inspect.signature(loss).parameters:
        return functools.partial(loss, reduction="none")
    name = getattr(loss, "__name__", type(loss).__name__)
    raise TypeError(f"weights need the loss of each sample, which {name} can't give: it has no reduction='none'")


def weighted(losses: Tensor, weights: Tensor) -> Tensor:
    """The mean of losses times weights, as in Keras: over all elements, not over the sum of the weights.

    Parameters
    ----------
    losses : Tensor (N, …), such as the loss of each pixel
    weights : Tensor (N,), or with more of the dimensions of `losses`

    Raises
    ------
    ValueError
        If the shapes don't fit.
    """
    if weights.shape != losses.shape[: weights.ndim] or not weights.ndim:
        raise ValueError(
            f"fit: sample_weight is {dims(weights.shape)}, the losses are {dims(losses.shape)}; "
            "expected one weight for each sample"
        )
    if losses.ndim > weights.ndim:
        losses = losses.flatten(weights.ndim).mean(-1)
    return (losses * weights.to(losses.dtype)).mean()


def product(weights: Tensor, others: Tensor) -> Tensor:
    """Weights times others, each (N,) or with further dimensions: one for each sample, or for each part of it."""
    ndim = max(weights.ndim, others.ndim)
    first, second = (w.reshape(*w.shape, *(1,) * (ndim - w.ndim)) for w in (weights, others))
    return first * second


class ClassWeights:
    """The weight of each target's class; 1 for classes that are not named.

    Parameters
    ----------
    weights : dict of int to float
    device : where the targets are

    Raises
    ------
    TypeError, ValueError
        For anything but such a dict, and for weights that are negative or not finite.
    """

    def __init__(self, weights: Mapping[int, float], device: str = "cpu") -> None:
        if not isinstance(weights, Mapping) or not weights:
            raise TypeError(f"fit: class_weight must be a dict of classes and weights, got {weights!r}")
        for label, weight in weights.items():
            counts = isinstance(weight, Real) and 0 <= weight < np.inf
            if isinstance(label, bool) or not isinstance(label, (int, np.integer)) or label < 0 or not counts:
                raise ValueError(
                    f"fit: class_weight must give to each class, an integer from 0, a finite weight that is not "
                    f"negative; got {label!r}: {weight!r}"
                )
        table = np.ones(max(weights) + 2, np.float32)  # the last one stands for all that are not named
        table[list(weights)] = list(weights.values())
        self.table = tensor(table).to(device)

    def __call__(self, targets: Tensor) -> Tensor:
        """One weight for each target: integers (N, …), zeros and ones (N,) or (N, 1), or probabilities (N, C)."""
        labels = targets
        if targets.dtype.kind == "f":
            if targets.ndim not in (1, 2):
                raise TypeError(
                    f"fit: class_weight needs classes as targets, got {dims(targets.shape)} {targets.dtype}"
                )
            labels = targets.argmax(1) if targets[:1].numel() > 1 else targets.reshape(-1).round()
        rest = len(self.table) - 1
        return self.table[where((labels >= 0) & (labels < rest), labels, rest).long()]
