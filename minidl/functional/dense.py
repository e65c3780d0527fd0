"""Functions of whole tensors: the linear map, padding, normalisation, dropout."""

from __future__ import annotations

import math

import numpy as np

from minidl import backend
from minidl.backend import Generator, dims
from minidl.core import Tensor
from minidl.dtypes import require_float
from minidl.modes import no_grad
from minidl.op import require_tensors, same_dtype
from minidl.ops import elementwise, linalg, shape
from minidl.ops.norm import along_channels, normalize_channels


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input (…, in) times weightᵀ (out, in), plus bias (out): (…, out).

    Raises
    ------
    ValueError
        If the last size of the input is not the weight's.
    """
    require_tensors("linear", input, weight, bias)
    same_dtype("linear", input, weight, bias)
    if weight.ndim != 2 or not input.ndim or input.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"linear: input is {dims(input.shape)}, but its last size must be the second of weight {dims(weight.shape)}"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(
            f"linear: bias is {dims(bias.shape)}, expected {weight.shape[0]} as weight {dims(weight.shape)} has"
        )
    *batch, features = input.shape
    z = linalg.linear(shape.reshape(input, (math.prod(batch), features)), weight)
    z = z if bias is None else z + bias
    return shape.reshape(z, (*batch, weight.shape[0]))


def pad(input: Tensor, pad: tuple[int, ...], mode: str = "constant", value: float = 0.0) -> Tensor:
    """Put `value` around a tensor.

    Parameters
    ----------
    input : Tensor
    pad : (left, right, top, bottom, …): sizes before and after, from the last dimension on; negative ones crop
    mode : "constant", the only one there is

    Raises
    ------
    ValueError
        For another mode, and for sizes that do not fit.
    """
    require_tensors("pad", input)
    if not isinstance(pad, (tuple, list)):
        raise TypeError(f"pad: expected sizes before and after, from the last dimension on, got {pad!r}")
    if mode != "constant":
        raise ValueError(f"pad: mode must be 'constant', got {mode!r}")
    return shape.pad(input, widths=tuple(pad), value=value)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of input (N, C, …), by its own statistics in training, by the running ones otherwise.

    In training, the running statistics (C,) are updated in place: running + momentum · (batch − running), with the
    unbiased variance. Ioffe & Szegedy (2015), "Batch normalization".

    Raises
    ------
    ValueError
        For an input without channels, vectors that are not (C,), or one value per channel in training.
    """
    require_tensors("batch_norm", input, running_mean, running_var, weight, bias)
    require_float("batch_norm", input.dtype)
    if input.ndim < 2:
        raise ValueError(f"batch_norm: expected an input (N, C, …), got {dims(input.shape)}")
    channels = input.shape[1]
    vectors = dict(running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    for name, vector in vectors.items():
        if vector is not None and vector.shape != (channels,):
            raise ValueError(
                f"batch_norm: {name} is {dims(vector.shape)}, the input {dims(input.shape)} has {channels} channels"
            )
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm: without running statistics it works in training only")
        scale = 1 / elementwise.sqrt(running_var + eps)
        scale = scale if weight is None else scale * weight
        z = (input - along_channels(running_mean, input.ndim)) * along_channels(scale, input.ndim)
        return z if bias is None else z + along_channels(bias, input.ndim)
    if not isinstance(momentum, (int, float)):
        raise TypeError(f"batch_norm: momentum must be a number, got {momentum!r}")
    count = math.prod(input.shape) // max(channels, 1)
    if count < 2:
        raise ValueError(
            f"batch_norm: expected more than 1 value per channel in training, got an input {dims(input.shape)}"
        )
    z, mean, var = normalize_channels(input, weight, bias, eps=eps)
    for running, batch in ((running_mean, mean), (running_var, var * (count / (count - 1)))):
        if running is not None:
            with no_grad():
                running.copy_(running * (1 - momentum) + batch * momentum)
    return z


def dropout(input: Tensor, p: float = 0.5, training: bool = True, *, generator: Generator | None = None) -> Tensor:
    """Zero each element with probability `p` and scale the others by 1/(1 − p), so that the mean is kept.

    Srivastava et al. (2014), "Dropout". The mask is drawn from `generator`, by default the global stream.

    Raises
    ------
    ValueError
        If p is not in [0, 1].
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is a probability, expected 0 ≤ p ≤ 1, got {p}")
    require_tensors("dropout", input)
    require_float("dropout", input.dtype)
    if not training or p == 0:
        return input
    drawn = (generator or backend.default_generator).numpy.random(input.shape, np.float32)
    mask = (drawn >= p).astype(input.dtype) * (1 / (1 - p) if p < 1 else 0)
    return input * Tensor(backend.move(mask, input.device))
