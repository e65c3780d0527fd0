"""Losses of pairs and triplets: which are alike, which comes first, and by which margin."""

from minidl.backend import dims
from minidl.backend.dtypes import require_float
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.functional.dense import pairwise_distance
from minidl.functional.losses import reduced, refuse_old
from minidl.ops.elementwise import minimum, relu, sqrt, where
from minidl.ops.reduce import sum
from minidl.ops.special import softplus


@named
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """1 − cos(x₁, x₂) of pairs whose target is 1, max(0, cos(x₁, x₂) − margin) of those whose target is −1.

    Parameters
    ----------
    input1, input2 : (N, D), or (D,)
    target : (N,), or a scalar

    Raises
    ------
    ValueError
        For shapes that do not fit, or an unknown reduction.
    """
    refuse_old(size_average, reduce)
    require_tensors("cosine_embedding_loss", input1, input2, target)
    require_float("cosine_embedding_loss", input1.dtype)
    if input1.ndim not in (1, 2) or target.ndim != input1.ndim - 1:
        given = f"{dims(input1.shape)}, {dims(input2.shape)} and {dims(target.shape)}"
        raise ValueError(f"expected inputs (N, D) and a target (N,), or (D,) and a scalar, got {given}")
    cosine = sum(input1 * input2, -1) / sqrt((_squares(input1)) * (_squares(input2)))
    return reduced(_by_sign(target, 1 - cosine, relu(cosine - margin)), reduction)


def _squares(x: Tensor) -> Tensor:
    return sum(x * x, -1) + 1e-12


def _by_sign(target: Tensor, alike: Tensor, apart: Tensor) -> Tensor:
    """One loss where the target is 1, another where it is −1, 0 elsewhere."""
    return where(target == 1, alike, where(target == -1, apart, 0.0))


@named
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """The distance itself where the target is 1, max(0, margin − distance) where it is −1.

    Raises
    ------
    ValueError
        For shapes that do not broadcast, or an unknown reduction.
    """
    refuse_old(size_average, reduce)
    require_tensors("hinge_embedding_loss", input, target)
    require_float("hinge_embedding_loss", input.dtype)
    near = where(target == -1, 0.0, input)
    return reduced(near + where(target == 1, 0.0, relu(margin - input)), reduction)


@named
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0.0,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, margin − target · (x₁ − x₂)): 1 as target says that x₁ shall be the greater, −1 that x₂ shall.

    Raises
    ------
    ValueError
        For inputs and target of different ranks, or an unknown reduction.
    """
    refuse_old(size_average, reduce)
    require_tensors("margin_ranking_loss", input1, input2, target)
    if not input1.ndim == input2.ndim == target.ndim:
        given = f"{dims(input1.shape)}, {dims(input2.shape)} and {dims(target.shape)}"
        raise ValueError(f"expected inputs and target of one rank, got {given}")
    return reduced(relu(margin - target * (input1 - input2)), reduction)


@named
def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: None = None, reduce: None = None, reduction: str = "mean"
) -> Tensor:
    """ln(1 + exp(−target · x)), with targets of 1 and −1.

    Raises
    ------
    ValueError
        For shapes that do not broadcast, or an unknown reduction.
    """
    refuse_old(size_average, reduce)
    require_tensors("soft_margin_loss", input, target)
    return reduced(softplus(-target * input), reduction)


@named
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: None = None,
    reduce: None = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, ‖a − p‖ − ‖a − n‖ + margin) of rows; Schroff et al. (2015), "FaceNet".

    Parameters
    ----------
    anchor, positive, negative : (N, D) or (D,)
    p, eps : of `pairwise_distance`
    swap : take ‖p − n‖ in the place of ‖a − n‖ where it is less

    Raises
    ------
    ValueError
        Unless margin is positive; for inputs of different ranks, or an unknown reduction.
    """
    refuse_old(size_average, reduce)
    require_tensors("triplet_margin_loss", anchor, positive, negative)
    if not margin > 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim or anchor.ndim not in (1, 2):
        given = f"{dims(anchor.shape)}, {dims(positive.shape)} and {dims(negative.shape)}"
        raise ValueError(f"expected three inputs (N, D) or (D,), got {given}")
    near, far = pairwise_distance(anchor, positive, p, eps), pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduced(relu(near - far + margin), reduction)
