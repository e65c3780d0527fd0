"""Filling parameters with first values, in place, from the global random stream or a given one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Generator, dims
from minidl.core import Tensor
from minidl.modes import no_grad


def _fill(tensor: Tensor, array: Any) -> Tensor:
    with no_grad():
        return tensor.copy_(Tensor(backend.move(np.asarray(array), tensor.device)))


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Numbers uniform in [a, b)."""
    drawn = (generator or backend.default_generator).numpy.random(tensor.shape, np.float32)
    drawn *= np.float32(b - a)
    drawn += np.float32(a)
    return _fill(tensor, drawn)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Numbers normal with `mean` and standard deviation `std`."""
    drawn = (generator or backend.default_generator).numpy.standard_normal(tensor.shape, np.float32)
    drawn *= np.float32(std)
    drawn += np.float32(mean)
    return _fill(tensor, drawn)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """One number everywhere."""
    return _fill(tensor, np.full((), val, np.float32))


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs feed an output of a weight (out, in, …), and how many outputs an input feeds."""
    if tensor.ndim < 2:
        raise ValueError(f"init: fan in and out need a weight of at least 2 dimensions, got {dims(tensor.shape)}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


def kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """The standard deviation that keeps the variance through layers: gain / √fan (He et al. 2015, eq. 14-15).

    The gain is √2 for "relu", √(2 / (1 + a²)) for "leaky_relu", 1 for "linear".
    """
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"init: mode must be 'fan_in' or 'fan_out', got {mode!r}")
    squared_gain = {"relu": 2.0, "leaky_relu": 2 / (1 + a * a), "linear": 1.0}.get(nonlinearity)
    if squared_gain is None:
        raise ValueError(f"init: nonlinearity must be 'relu', 'leaky_relu' or 'linear', got {nonlinearity!r}")
    return math.sqrt(squared_gain / fans(tensor)[mode == "fan_out"])


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """He initialisation, uniform in ±√3 · `kaiming_std`."""
    bound = math.sqrt(3) * kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """He initialisation, normal with standard deviation `kaiming_std`."""
    return normal_(tensor, 0.0, kaiming_std(tensor, a, mode, nonlinearity), generator)
