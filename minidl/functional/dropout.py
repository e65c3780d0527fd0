"""Dropout, of elements and of whole channels."""

import numpy as np

from minidl import backend
from minidl.backend import Array, by_device, dims, random, transfer
from minidl.backend.dtypes import require_float
from minidl.backend.random import Generator
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.functional.activations import SELU_ALPHA, SELU_SCALE, overwrites

LOWEST = -SELU_SCALE * SELU_ALPHA


@overwrites
@named
def dropout(input: Tensor, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Tensor:
    """Zero each element with probability `p` and scale the others by 1/(1 − p), so that the mean is kept.

    Srivastava et al. (2014), "Dropout". The mask is drawn from `generator`, by default the global stream.

    Raises
    ------
    ValueError
        If p is not in [0, 1].
    """
    require_tensors("dropout", input)
    return _dropped("dropout", input, p, training, generator, input.shape)


@overwrites
@named
def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Tensor:
    """`dropout` of whole channels of input (N, C, L) or (C, L).

    Raises
    ------
    ValueError
        If p is not in [0, 1], or for an input of another rank.
    """
    require_tensors("dropout1d", input)
    if input.ndim not in (2, 3):
        raise ValueError(f"expected an input (N, C, L) or (C, L), got {dims(input.shape)}")
    return _dropped("dropout1d", input, p, training, generator, (*input.shape[:-1], 1))


@overwrites
@named
def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Tensor:
    """`dropout` of whole channels of input (N, C, H, W), or (N, C, L). Tompson et al. (2015).

    Raises
    ------
    ValueError
        If p is not in [0, 1], or for an input of another rank.
    """
    require_tensors("dropout2d", input)
    if input.ndim not in (3, 4):
        raise ValueError(f"expected an input (N, C, H, W) or (N, C, L), got {dims(input.shape)}")
    kept = (*input.shape[:2], *(1,) * (input.ndim - 2))
    return _dropped("dropout2d", input, p, training, generator, kept)


@overwrites
@named
def alpha_dropout(
    input: Tensor, p: float = 0.5, training: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Dropout to −1.7581, the lower end of `selu`, then scaled and moved: mean 0 and variance 1 stay what they are.

    Klambauer et al. (2017), "Self-normalizing neural networks".

    Raises
    ------
    ValueError
        If p is not in [0, 1].
    """
    require_tensors("alpha_dropout", input)
    if not training or p in (0, 1):
        return _dropped("alpha_dropout", input, p, training, generator, input.shape)
    kept = _dropped("alpha_dropout", input - LOWEST, p, training, generator, input.shape) * (1 - p) + LOWEST
    scale = ((1 - p) * (1 + p * LOWEST**2)) ** -0.5
    return scale * (kept - p * LOWEST)


def _dropped(
    name: str, input: Tensor, p: float, training: bool, generator: Generator | None, shape: tuple[int, ...]
) -> Tensor:
    """Dropout with one draw for each element of `shape`, which broadcasts."""
    require_float(name, input.dtype)
    if not 0 <= p <= 1:
        raise ValueError(f"p is a probability, expected 0 ≤ p ≤ 1, got {p}")
    if not training or p == 0:
        return input
    return input * Tensor(dropout_mask(input.array, shape, float(p), generator or random.current()))


@by_device
def dropout_mask(x: Array, shape: tuple[int, ...], p: float, generator: Generator) -> Array:
    """An array of `shape`, 0 with probability p and 1/(1 − p) otherwise, on the device and in the dtype of x."""
    kept = np.asarray(generator.numpy.random(shape, np.float32) >= p)
    return transfer.move(kept.astype(x.dtype) * (1 / (1 - p) if p < 1 else 0), backend.device_of(x))
