"""Normalisation over batches, layers, groups and instances."""

import math
from collections.abc import Sequence

import numpy as np

from minidl.backend import Array, by_device, dims
from minidl.backend.dtypes import require_float
from minidl.engine.composed import in_single, named
from minidl.engine.core import Tensor
from minidl.engine.op import expand
from minidl.engine.require import require_tensors, same_dtype
from minidl.engine.writes import written
from minidl.ops import elementwise, reduce, shape
from minidl.ops.blocks import normalize_channels, normalize_rows
from minidl.ops.norm import along_channels
from minidl.ops.pool import window_sum
from minidl.ops.window import Window


def _scaled(z: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    z = z if weight is None else z * weight
    return z if bias is None else z + bias


def _per_channel(vector: Tensor | None, ndim: int) -> Tensor | None:
    return None if vector is None else along_channels(vector, ndim)


def _check_eps(eps: float) -> None:
    if not isinstance(eps, (int, float, np.number)) or not eps >= 0:
        raise ValueError(f"eps must be a number that is not negative, got {eps!r}")


def _check_channels(name: str, input: Tensor, **vectors: Tensor | None) -> None:
    """The input must be floating, (N, C, …), and each vector (C,), of the same dtype."""
    require_tensors(name, input, *vectors.values())
    require_float(name, input.dtype)
    same_dtype(name, input, *vectors.values())
    if (vectors.get("running_mean") is None) != (vectors.get("running_var") is None):
        raise ValueError("give running_mean and running_var, or neither")
    if input.ndim < 2:
        raise ValueError(f"expected an input (N, C, …), got {dims(input.shape)}")
    for which, vector in vectors.items():
        if vector is not None and vector.shape != input.shape[1:2]:
            raise ValueError(
                f"{which} is {dims(vector.shape)}, the input {dims(input.shape)} has {input.shape[1]} channels"
            )


@named
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
        For an input without channels, vectors that are not (C,), or one value per channel in training; for a negative
        eps, and an eps of 0 in training.
    """
    if training:
        return batch_normalised(input, running_mean, running_var, weight, bias, momentum, eps)
    scale, shift = evaluated(input, running_mean, running_var, weight, bias, eps)
    return _scaled(input, along_channels(scale, input.ndim), along_channels(shift, input.ndim))


def evaluated(input, running_mean, running_var, weight, bias, eps):
    """What batch norm multiplies each channel by in evaluation, and what it adds: two vectors (C,)."""
    vectors = dict(running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    _check_channels("batch_norm", input, **vectors)
    if running_mean is None or running_var is None:
        raise ValueError("without running statistics it works in training only")
    return as_affine(running_mean, running_var, weight, bias, eps)


def as_affine(running_mean, running_var, weight, bias, eps):
    """The same of vectors that are known to fit, tensors or arrays."""
    _check_eps(eps)
    scale = 1 / elementwise.sqrt(running_var + eps)
    scale = scale if weight is None else scale * weight
    return scale, -running_mean * scale if bias is None else bias - running_mean * scale


def batch_normalised(input, running_mean, running_var, weight, bias, momentum, eps, pool=None, relu=False):
    """Batch norm in training; then the maximum of each window of `pool`, and relu."""
    vectors = dict(running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    _check_channels("batch_norm", input, **vectors)
    _check_eps(eps)
    if not eps:
        raise ValueError(f"eps must be positive (in evaluation it may be 0), got {eps}")
    count = math.prod(input.shape) // max(input.shape[1], 1)
    if count == 1:
        raise ValueError(f"expected more than 1 value per channel in training, got an input {dims(input.shape)}")
    if pool is not None and min(pool.positions(*input.shape[2:])) < 1:
        raise ValueError(f"a pooling window of {dims(pool.size)} does not fit into the input {dims(input.shape)}")
    z, mean, var = normalize_channels(input, weight, bias, eps=eps, pool=pool, relu=relu)
    update_running(running_mean, running_var, mean, var, count, momentum)
    return z


def update_running(
    running_mean: Tensor | None, running_var: Tensor | None, mean: Array, var: Array, count: int, momentum: float
) -> None:
    """Move running statistics towards those of a batch, the mean and the biased variance of `count` values."""
    if not isinstance(momentum, (int, float)) or math.isnan(momentum):
        raise TypeError(f"momentum must be a number, got {momentum!r}")
    if running_mean is not None and running_var is not None and count:
        move_running(running_mean.array, running_var.array, mean, var, momentum, count / (count - 1))
        written(running_mean.array)
        written(running_var.array)


@by_device
@np.errstate(all="ignore")
def move_running(running_mean, running_var, mean, var, share, unbiased):
    """running + share · (batch − running), in place; `unbiased` is what the biased variance is to be multiplied by."""
    for running, batch in ((running_mean, mean), (running_var, var * unbiased)):
        running *= 1 - share
        running += batch * share


@named
@in_single
def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise over the last dimensions, those of `normalized_shape`, of which weight and bias are too.

    Ba, Kiros & Hinton (2016), "Layer normalization", eq. 3.

    Raises
    ------
    ValueError
        If the input does not end in `normalized_shape`, or weight or bias are of another shape.
    """
    require_tensors("layer_norm", input, weight, bias)
    same_dtype("layer_norm", input, weight, bias)
    require_float("layer_norm", input.dtype)
    _check_eps(eps)
    if not isinstance(normalized_shape, (tuple, list)):
        raise TypeError(f"normalized_shape must be a sequence of sizes, got {normalized_shape!r}")
    wanted = tuple(normalized_shape)
    if not wanted or input.shape[-len(wanted) :] != wanted:
        raise ValueError(f"input {dims(input.shape)} does not end in normalized_shape {wanted}")
    for which, vector in (("weight", weight), ("bias", bias)):
        if vector is not None and vector.shape != wanted:
            raise ValueError(f"{which} is {dims(vector.shape)}, expected {dims(wanted)}")
    if len(wanted) == 1:
        return normalize_rows(input, weight, bias, eps=eps)
    row = (math.prod(wanted),)
    rows = [v if v is None else shape.reshape(v, row) for v in (weight, bias)]
    x = shape.reshape(input, (*input.shape[: -len(wanted)], *row))
    return shape.reshape(normalize_rows(x, *rows, eps=eps), input.shape)


@named
@in_single
def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalise each of `num_groups` blocks of channels of each image of input (N, C, …); weight and bias are (C,).

    Wu & He (2018), "Group normalization".

    Raises
    ------
    ValueError
        For groups that do not divide the channels, vectors that are not (C,), or one value in all.
    """
    _check_channels("group_norm", input, weight=weight, bias=bias)
    _check_eps(eps)
    n, c, *rest = input.shape
    if not isinstance(num_groups, int) or num_groups < 1 or c % num_groups:
        raise ValueError(f"num_groups must divide the {c} channels, got {num_groups}")
    each = c // num_groups * math.prod(rest)
    if n * each == 1:
        raise ValueError(f"expected more than 1 value per group, got an input {dims(input.shape)}")
    whole, groups = (c, math.prod(rest)), (num_groups, each)
    rows = [v if v is None else shape.reshape(expand(shape.unsqueeze(v, 1), whole), groups) for v in (weight, bias)]
    x = shape.reshape(input, (n, *groups))
    return shape.reshape(normalize_rows(x, *rows, eps=eps), input.shape)


@named
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of each image of input (N, C, …) by itself, or by running statistics (C,).

    The running statistics move by the mean over the batch. Ulyanov, Vedaldi & Lempitsky (2016), "Instance
    normalization".

    Raises
    ------
    ValueError
        For vectors that are not (C,), or one value per channel where the input's statistics are used.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    vectors = dict(running_mean=running_mean, running_var=running_var, weight=weight, bias=bias)
    _check_channels("instance_norm", input, **vectors)
    _check_eps(eps)
    n, c, *rest = input.shape
    if math.prod(rest) == 1:
        raise ValueError(f"expected more than 1 value per channel, got an input {dims(input.shape)}")
    z, *own = normalize_channels(shape.reshape(input, (1, n * c, *rest)), None, None, eps=eps)
    mean, var = (reduce.mean(Tensor(s.reshape(n, c)), 0).array for s in own)
    update_running(running_mean, running_var, mean, var, math.prod(rest), momentum)
    return _scaled(shape.reshape(z, input.shape), _per_channel(weight, input.ndim), _per_channel(bias, input.ndim))


@named
@in_single
def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """input / (k + alpha · mean of the squares of `size` neighbouring channels)^beta.

    Krizhevsky, Sutskever & Hinton (2012), "ImageNet classification with deep convolutional neural networks", with
    alpha divided by `size`. Beyond the first and the last channel there are zeros.

    Parameters
    ----------
    input : (N, C, L, …), floating-point
    size : at least 1
    alpha, beta, k : numbers

    Raises
    ------
    ValueError
        For an input of fewer than 3 dimensions, or a size below 1.
    """
    require_tensors("local_response_norm", input)
    require_float("local_response_norm", input.dtype)
    if input.ndim < 3:
        raise ValueError(f"expected an input (N, C, L, …), got {dims(input.shape)}")
    if not isinstance(size, int) or size < 1:
        raise ValueError(f"size must be an integer of at least 1, got {size!r}")
    n, c, *rest = input.shape
    window = Window((size, 1), padding=((size // 2, (size - 1) // 2), (0, 0)))
    squares = shape.reshape(input * input, (n, 1, c, math.prod(rest)))
    sums = shape.reshape(window_sum(squares, window=window), input.shape)
    return input * elementwise.pow(sums * (alpha / size) + k, -beta)
