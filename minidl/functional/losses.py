"""Losses."""

from __future__ import annotations

from minidl.backend import dims
from minidl.core import Tensor
from minidl.dtypes import require_float
from minidl.op import require_tensors
from minidl.ops import compare, elementwise, loss, reduce, shape
from minidl.ops.create import ones_like


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
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
    require_tensors("cross_entropy", input, target, weight)
    require_float("cross_entropy", input.dtype)
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"cross_entropy: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing must be in [0, 1], got {label_smoothing}")
    if not input.ndim:
        raise ValueError("cross_entropy: expected an input (C,), (N, C) or (N, C, …), got a scalar")
    over = min(1, input.ndim - 1)  # the dimension of the classes
    if weight is not None and weight.shape != (input.shape[over],):
        raise ValueError(
            f"cross_entropy: weight is {dims(weight.shape)}, expected one for each of {input.shape[over]} classes"
        )
    losses = -loss.log_softmax(input, over)
    by_class = losses if weight is None else losses * shape.reshape(weight, (-1, *(1,) * (input.ndim - over - 1)))
    if target.dtype.kind == "f":
        each, weights = _against_probabilities(by_class, target, over, label_smoothing)
    else:
        each, weights = _against_labels(losses, by_class, target, weight, over, ignore_index, label_smoothing)
    if reduction == "none":
        return each
    return each.sum() if reduction == "sum" else each.sum() / weights.sum()


def _against_probabilities(by_class: Tensor, target: Tensor, over: int, smoothing: float) -> tuple[Tensor, Tensor]:
    """The loss of each element, and its weight in the mean."""
    if target.shape != by_class.shape:
        raise ValueError(
            f"cross_entropy: target probabilities are {dims(target.shape)}, the input is {dims(by_class.shape)}; "
            "class labels must be integers"
        )
    if smoothing:
        target = target * (1 - smoothing) + smoothing / by_class.shape[over]
    each = reduce.sum(by_class * target, over)
    return each, ones_like(each)


def _against_labels(
    losses: Tensor,
    by_class: Tensor,
    target: Tensor,
    weight: Tensor | None,
    over: int,
    ignore_index: int,
    smoothing: float,
) -> tuple[Tensor, Tensor]:
    """The loss of each element, and its weight in the mean."""
    classes, expected = losses.shape[over], losses.shape[:over] + losses.shape[over + 1 :]
    if target.dtype.kind not in "iu" or target.shape != expected:
        raise ValueError(
            f"cross_entropy: target is {target.dtype} {dims(target.shape)}, expected integer labels {dims(expected)} "
            f"(input {dims(losses.shape)})"
        )
    counted = compare.ne(target, ignore_index)
    outside = target[counted * ((target < 0) + (target >= classes))]
    if outside.data.size:
        raise ValueError(
            f"cross_entropy: label {outside[0].item()} is out of range for {classes} classes "
            f"(input {dims(losses.shape)})"
        )
    labels = elementwise.where(counted, target, 0)
    weights = counted.to(losses.dtype) if weight is None else weight.detach()[labels] * counted
    each = shape.squeeze(shape.take_along(losses, shape.unsqueeze(labels, over), over), over) * weights
    if smoothing:
        each = each * (1 - smoothing) + reduce.sum(by_class, over) * (smoothing / classes)
    return elementwise.where(counted, each, 0.0), weights
