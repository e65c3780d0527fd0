"""Losses."""

import warnings
from typing import Any

from minidl.backend import dims, transfer
from minidl.backend.dtypes import require_float
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.require import broadcast_shapes, require_tensors, same_dtype
from minidl.ops import elementwise, loss, shape, special
from minidl.ops.create import ones_like


def reduced(each: Tensor, reduction: str, weights: Tensor | None = None) -> Tensor:
    """The losses of the elements as `reduction` says: their mean is over `weights`, where there are any."""
    _check_reduction(reduction)
    if reduction == "none":
        return each
    if reduction == "sum":
        return each.sum()
    return each.mean() if weights is None else loss.weighted_mean(each, weights)


def refuse_old(size_average: Any, reduce: Any, said_by: str = "") -> None:
    """Refuse the options that PyTorch had before `reduction`; they keep their places among the arguments."""
    if size_average is not None or reduce is not None:
        meant = "none" if reduce is False else "sum" if size_average is False else "mean"
        raise TypeError(f"{said_by}size_average and reduce are of old; give reduction={meant!r} by name")


def _check_reduction(reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


# --- regression -------------------------------------------------------------------------------------------------------


@named
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """(input − target)², by default its mean, with `weight` (of the input's shape) its weighted mean.

    Raises
    ------
    ValueError
        For shapes that do not broadcast, or an unknown reduction. Shapes that differ are warned of.
    """
    refuse_old(size_average, reduce)
    d = _difference("mse_loss", input, target, weight)
    return reduced(d * d if weight is None else d * d * weight, reduction, weight)


@named
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """|input − target|, by default its mean, with `weight` (of the input's shape) its weighted mean.

    Raises
    ------
    ValueError
        As `mse_loss`.
    """
    refuse_old(size_average, reduce)
    d = elementwise.abs(_difference("l1_loss", input, target, weight))
    return reduced(d if weight is None else d * weight, reduction, weight)


@named
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """`huber_loss` with delta = beta, divided by beta; `l1_loss` for beta = 0. Girshick (2015), "Fast R-CNN", eq. 3.

    Raises
    ------
    ValueError
        As `mse_loss`; and for a negative beta.
    """
    refuse_old(size_average, reduce)
    if beta < 0:
        raise ValueError(f"beta must not be negative, got {beta}")
    d = _difference("smooth_l1_loss", input, target, None)
    return reduced(_huber(d, beta) / beta if beta else elementwise.abs(d), reduction)


@named
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """d²/2 up to |d| = delta, delta · (|d| − delta/2) beyond, with d = input − target; times `weight`. Huber (1964).

    Raises
    ------
    ValueError
        As `mse_loss`; and unless delta is positive.
    """
    if delta <= 0:
        raise ValueError(f"delta must be positive, got {delta}")
    each = _huber(_difference("huber_loss", input, target, weight), delta)
    return reduced(each if weight is None else each * weight, reduction)


def _huber(d: Tensor, delta: float) -> Tensor:
    near = elementwise.hardtanh(d, -delta, delta)
    return near * (d - 0.5 * near)


def _difference(name: str, input: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    require_tensors(name, input, target, weight)
    require_float(name, input.dtype)
    if input.shape != target.shape:
        warnings.warn(
            f"{name}: input is {dims(input.shape)}, target is {dims(target.shape)}: they are broadcast, which is "
            "seldom meant; give both one shape",
            stacklevel=4,
        )
    if weight is not None and weight.shape != input.shape:
        raise ValueError(f"weight is {dims(weight.shape)}, the input is {dims(input.shape)}")
    return input - target


# --- probabilities ----------------------------------------------------------------------------------------------------


@named
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """−(y · ln p + (1 − y) · ln(1 − p)) of probabilities p against targets y; no logarithm counts as less than −100.

    Parameters
    ----------
    input, target : of one shape, in [0, 1]
    weight : broadcast, a factor for each element

    Raises
    ------
    ValueError
        For shapes that differ, values outside [0, 1], or an unknown reduction.
    """
    refuse_old(size_average, reduce)
    _check_targets("binary_cross_entropy", input, target, weight)
    for name, x in (("input", input), ("target", target)):
        _check_probabilities(name, x)
    each = -special.log_likelihood(input, target)
    return reduced(each if weight is None else each * weight, reduction)


@named
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """`binary_cross_entropy` of sigmoid(input), computed so that nothing overflows.

    Parameters
    ----------
    input, target : scores, and targets in [0, 1], of one shape
    weight : broadcast, a factor for each element
    pos_weight : broadcast, a factor for the part of positive targets

    Raises
    ------
    ValueError
        For shapes that differ, or an unknown reduction.
    """
    refuse_old(size_average, reduce)
    name = "binary_cross_entropy_with_logits"
    _check_targets(name, input, target, weight, pos_weight)
    weights = 1 if pos_weight is None else 1 + (pos_weight - 1) * target
    each = (1 - target) * input - weights * special.logsigmoid(input)
    return reduced(each if weight is None else each * weight, reduction)


@named
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """target · (ln target − input): the divergence of probabilities `target` from log-probabilities `input`.

    Parameters
    ----------
    reduction : "batchmean" (the sum divided by the batch, as mathematics has it), "mean", "sum" or "none"
    log_target : the target is given as log-probabilities too

    Raises
    ------
    ValueError
        For shapes that do not broadcast, or an unknown reduction.
    """
    refuse_old(size_average, reduce)
    require_tensors("kl_div", input, target)
    require_float("kl_div", input.dtype)
    require_float("kl_div", target.dtype)
    if log_target:
        each = elementwise.exp(target) * (target - input)
    else:
        each = special.xlogy(target, target) - target * input
    if reduction == "batchmean":
        return each.sum() / (input.shape[0] if input.ndim else 1)
    return reduced(each, reduction)


def _check_probabilities(name: str, x: Tensor) -> None:
    transfer.require_range(
        x.array,
        0,
        1,
        lambda low, high: ValueError(
            f"binary_cross_entropy: {name} must be in [0, 1], is in [{low}, {high}]; "
            "binary_cross_entropy_with_logits takes scores"
        ),
    )


def _check_targets(name: str, input: Tensor, target: Tensor, *weights: Tensor | None) -> None:
    require_tensors(name, input, target, *weights)
    require_float(name, input.dtype)
    same_dtype(name, input, target, *weights)
    if input.shape != target.shape:
        raise ValueError(f"target is {dims(target.shape)}, the input is {dims(input.shape)}")
    for weight in weights:
        if weight is not None and broadcast_shapes(weight.shape, input.shape) != input.shape:
            raise ValueError(f"a weight {dims(weight.shape)} has more dimensions than the input {dims(input.shape)}")


# --- classes ----------------------------------------------------------------------------------------------------------


@named
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-likelihood of class labels, from log-probabilities such as those of `log_softmax`.

    Parameters
    ----------
    input : (C,), (N, C) or (N, C, d1, …), floating
    target, weight, ignore_index, reduction : as in `cross_entropy`, with labels

    Raises
    ------
    ValueError
        As `cross_entropy`.
    """
    refuse_old(size_average, reduce)
    over = _classes("nll_loss", input, target, weight)
    _check_labels("nll_loss", input, target, over, ignore_index)
    raw = None if weight is None else weight.array
    each, weights = loss.against_labels(-input, target, raw, over, ignore_index)
    return reduced(each, reduction, weights)


@named
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: None = None,
    ignore_index: int = -100,
    reduce: None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross-entropy of unnormalised class scores against class labels or class probabilities.

    Parameters
    ----------
    input : (C,), (N, C) or (N, C, d1, …), floating
    target : integer labels in [0, C), of the input's shape without C; or probabilities, of the input's shape
    weight : (C,), optional, a factor for each class
    ignore_index : a label whose elements count for nothing (labels only)
    reduction : "mean" (over the elements' weights), "sum" or "none"
    label_smoothing : in [0, 1], the share of the target that is spread evenly over all classes

    Raises
    ------
    ValueError
        For shapes that do not fit, labels out of range, or an unknown reduction.
    """
    refuse_old(size_average, reduce)
    over = _classes("cross_entropy", input, target, weight)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be in [0, 1], got {label_smoothing}")
    if target.dtype.kind != "f":
        _check_labels("cross_entropy", input, target, over, ignore_index)
        _check_reduction(reduction)
        raw = None if weight is None else weight.array
        options = dict(weight=raw, ignore_index=ignore_index, label_smoothing=label_smoothing, reduction=reduction)
        return loss.softmax_cross_entropy(input, target, **options)
    if target.shape != input.shape:
        raise ValueError(
            f"target probabilities are {dims(target.shape)}, the input is {dims(input.shape)}; "
            "class labels must be integers"
        )
    if ignore_index >= 0:
        raise ValueError(f"ignore_index={ignore_index} is for class labels, target is {target.dtype}")
    losses = -loss.log_softmax(input, over)
    if weight is not None:
        losses = losses * shape.reshape(weight, (-1, *(1,) * (input.ndim - over - 1)))
    share = target * (1 - label_smoothing) + label_smoothing / input.shape[over] if label_smoothing else target
    each = (losses * share).sum(over)
    return reduced(each, reduction, ones_like(each))


def _classes(name: str, input: Tensor, target: Tensor, weight: Tensor | None) -> int:
    """The dimension of the classes."""
    require_tensors(name, input, target, weight)
    require_float(name, input.dtype)
    if not input.ndim:
        raise ValueError("expected an input (C,), (N, C) or (N, C, …), got a scalar")
    over = min(1, input.ndim - 1)
    same_dtype(name, input, weight)
    if weight is not None and weight.shape != (input.shape[over],):
        raise ValueError(f"weight is {dims(weight.shape)}, expected one for each of {input.shape[over]} classes")
    return over


def _check_labels(name: str, input: Tensor, target: Tensor, over: int, ignore_index: int) -> None:
    """Labels must be integers in [0, C), or `ignore_index`, of the input's shape without its C classes."""
    if not -(1 << 63) <= ignore_index < 1 << 63:
        raise ValueError(f"ignore_index must be a label, an integer of 64 bits, got {ignore_index}")
    given = input.array.shape
    classes, expected = given[over], given[:over] + given[over + 1 :]
    if target.dtype.kind not in "iu" or target.array.shape != expected:
        raise ValueError(
            f"target is {target.dtype} {dims(target.shape)}, expected integer labels {dims(expected)} "
            f"(input {dims(given)})"
        )
    transfer.require_range(
        target.array,
        0,
        classes - 1,
        lambda low, high: ValueError(
            f"{name}: label {low if low < 0 else high} is out of range for {classes} classes (input {dims(given)})"
        ),
        ignore_index,
    )
