"""Softmax and its logarithm; the loss against class labels."""

from typing import Any

from minidl.backend.dtypes import float16, require_float
from minidl.backend.sums import total
from minidl.engine.composed import in_single
from minidl.engine.fusion import composite
from minidl.engine.op import cast, op
from minidl.ops.blocks import raw
from minidl.ops.compare import ne
from minidl.ops.elementwise import exp, where
from minidl.ops.indexing import along, take_along
from minidl.ops.reduce import largest, sum
from minidl.ops.shape import axes, axis, reshape, squeeze, unsqueeze


@op
def softmax(xp, x, *, dim=None, dtype=None):
    """exp(x) / Σ exp(x) along `dim`, shifted by the maximum so that nothing overflows; in `dtype`, if given."""
    x = x if dtype is None else x.astype(dtype)
    over = _over("softmax", x, dim)
    e = xp.exp(_below_maximum(xp, x, over))
    return (e / total(xp, e, over, keepdims=True)).astype(x.dtype, copy=False)


@op
def log_softmax(xp, x, *, dim=None, dtype=None):
    """x − ln Σ exp(x) along `dim`, shifted by the maximum so that nothing overflows; in `dtype`, if given."""
    x = x if dtype is None else x.astype(dtype)
    over = _over("log_softmax", x, dim)
    below = _below_maximum(xp, x, over)
    return (below - xp.log(total(xp, xp.exp(below), over, keepdims=True))).astype(x.dtype, copy=False)


def _over(name, x, dim):
    """The dimension of the classes, of floating scores."""
    require_float(name, x.dtype)
    if dim is None:
        raise TypeError(f"{name}: which dim? dim=1 is that of the classes in scores (N, C, …), dim=-1 the last one")
    return axes(axis(dim, x.ndim), x.ndim)


def _below_maximum(xp, x, over):
    x = x.astype(xp.float32) if x.dtype == float16 else x  # whose sums overflow
    return x - largest(xp, x.real, over)


softmax.vjp(x=lambda g, z, dim: z * (g - sum(g * z, dim, keepdim=True)))
log_softmax.vjp(x=lambda g, z, dim: g - exp(z) * sum(g, dim, keepdim=True))


# --- against labels ---------------------------------------------------------------------------------------------------


def against_labels(losses: Any, target: Any, weight: Any, over: int, ignore_index: int) -> tuple[Any, Any]:
    """The loss of each element, that of its label, of the losses by class; and its weight in the mean."""
    counted = ne(target, ignore_index)
    labels = where(counted, target, 0)
    weights = counted if weight is None else counted * along(weight, 0, raw(labels))
    each = squeeze(take_along(losses, unsqueeze(labels, over), dim=over), over)
    return where(counted, each * weights, 0.0), weights


@in_single
def weighted_mean(each: Any, weights: Any) -> Any:
    """Σ each / Σ weights: of losses that are weighted already."""
    return sum(each) / sum(weights)


@composite
def softmax_cross_entropy(x, target, *, weight, ignore_index, label_smoothing, reduction):
    """−ln of the `softmax` of class scores x (C,), (N, C) or (N, C, …) at the labels, times their weights.

    `weight` is a raw array (C,) or None. A share `label_smoothing` of each loss is spread evenly over all classes.
    """
    over = min(1, x.ndim - 1)
    losses = -log_softmax(x, over)
    weight = None if weight is None else cast(weight, dtype=x.dtype)
    each, weights = against_labels(losses, target, weight, over, ignore_index)
    if label_smoothing:
        by_class = losses if weight is None else losses * reshape(weight, (-1, *(1,) * (x.ndim - over - 1)))
        smooth = where(ne(target, ignore_index), sum(by_class, over), 0.0)
        each = each * (1 - label_smoothing) + smooth * (label_smoothing / x.shape[over])
    if reduction == "none":
        return each
    return weighted_mean(each, weights) if reduction == "mean" else sum(each)
