"""Functions of vectors: the linear map, embedding, one-hot codes, lengths and angles."""

import math
from typing import Any

from minidl.backend import dims, transfer
from minidl.backend.dtypes import int64
from minidl.engine.composed import named
from minidl.engine.core import Tensor
from minidl.engine.op import cast, expand
from minidl.engine.require import broadcast_shapes, require_tensors, same_dtype
from minidl.ops import elementwise, extremes, indexing, linalg, reduce, shape
from minidl.ops.create import arange
from minidl.ops.subscript import raw_index


@named
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """input (…, in) times weightᵀ (out, in), plus bias (out): (…, out).

    Raises
    ------
    ValueError
        If the last size of the input is not the weight's.
    """
    require_tensors("linear", input, weight, bias)
    same_dtype("linear", input, weight, bias)
    given, table = input.array.shape, weight.array.shape
    if len(table) != 2 or not given or given[-1] != table[1]:
        raise ValueError(f"input is {dims(given)}, but its last size must be the second of weight {dims(table)}")
    if bias is not None and bias.array.shape != table[:1]:
        raise ValueError(f"bias is {dims(bias.shape)}, expected {table[0]} as weight {dims(table)} has")
    *batch, features = given
    z = linalg.linear(input if len(given) == 2 else shape.reshape(input, (math.prod(batch), features)), weight)
    z = z if bias is None else z + bias
    return z if len(given) == 2 else shape.reshape(z, (*batch, table[0]))


@named
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x₁ᵀ · Wₒ · x₂ for each output o, plus bias (out): (…, in1), (…, in2) and a weight (out, in1, in2) to (…, out).

    Raises
    ------
    ValueError
        For inputs that differ in what is before their last size, and last sizes that are not the weight's.
    """
    require_tensors("bilinear", input1, input2, weight, bias)
    same_dtype("bilinear", input1, input2, weight, bias)
    if weight.ndim != 3:
        raise ValueError(f"expected a weight (out, in1, in2), got {dims(weight.shape)}")
    out, *last = weight.shape
    if not input1.ndim or input1.shape[:-1] != input2.shape[:-1] or [*input1.shape[-1:], *input2.shape[-1:]] != last:
        given = f"{dims(input1.shape)} and {dims(input2.shape)}"
        raise ValueError(
            f"expected inputs (…, {last[0]}) and (…, {last[1]}) as weight {dims(weight.shape)}, got {given}"
        )
    if bias is not None and bias.shape != (out,):
        raise ValueError(f"bias is {dims(bias.shape)}, expected {out} as weight {dims(weight.shape)} has")
    rows = shape.reshape(shape.permute(weight, (0, 2, 1)), (out * last[1], last[0]))
    half = shape.reshape(linear(input1, rows), (*input1.shape[:-1], out, last[1]))
    z = reduce.sum(half * shape.unsqueeze(input2, -2), -1)
    return z if bias is None else z + bias


@named
def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The rows of a table that integers name.

    Parameters
    ----------
    input : (…), integers in [0, rows)
    weight : (rows, features)
    padding_idx : a row that gets no gradient, counted from the end if negative

    Returns
    -------
    Tensor (…, features)

    Raises
    ------
    TypeError, IndexError, ValueError
        For an input that is not of integers, or out of range; for a weight that is not a matrix.
    """
    require_tensors("embedding", input, weight)
    if weight.ndim != 2:
        raise ValueError(f"expected a weight (rows, features), got {dims(weight.shape)}")
    rows = weight.shape[0]
    if padding_idx is not None and not -rows <= padding_idx < rows:
        raise ValueError(f"padding_idx {padding_idx} is out of range for {rows} rows")
    _, at, _ = indexing.indexed("embedding", weight, 0, shape.flatten(input))
    picked = indexing.along(weight, 0, *raw_index(at))
    if padding_idx is not None:
        padding = shape.reshape(input == padding_idx % rows, (input.array.size, 1))
        picked = elementwise.where(padding, picked.detach(), picked)
    return shape.reshape(picked, (*input.shape, weight.shape[1]))


@named
def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """1 where the class is, 0 elsewhere: integers (…) as int64 (…, num_classes), by default as many as occur.

    Raises
    ------
    TypeError, ValueError
        For what is not of integers, negative, or too large for `num_classes`.
    """
    require_tensors("one_hot", input)
    if input.dtype.kind not in "iu":
        raise TypeError(f"expected integers, got {input.dtype}")
    occurring = int(extremes.amax(input).item()) + 1 if num_classes == -1 and input.array.size else 0
    classes = occurring if num_classes == -1 else num_classes
    if not isinstance(classes, int) or classes < 1:
        raise ValueError(f"num_classes must be a positive integer, or -1 and a class in the input; got {num_classes!r}")
    transfer.require_range(
        input.array,
        0,
        classes - 1,
        lambda low, high: ValueError(f"one_hot: classes from {low} to {high} do not fit num_classes={num_classes}"),
    )
    codes = arange(classes, device=input.device)
    return cast(shape.unsqueeze(input, -1) == codes, int64)


@named
def normalize(input: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Tensor:
    """The input divided by its p-norm along `dim`, or by eps where that is greater."""
    require_tensors("normalize", input)
    return input / elementwise.clip(linalg.norm(input, p, dim, keepdim=True), min=eps)


@named
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)) along `dim`; they broadcast."""
    require_tensors("cosine_similarity", x1, x2)
    if not isinstance(dim, int) or eps < 0:
        raise ValueError(f"dim must be an integer and eps not negative, got {dim!r} and {eps}")
    if x1.shape != x2.shape:  # so that `dim` is the same in both, and of one size
        size = broadcast_shapes(x1.shape, x2.shape)
        x1, x2 = expand(x1, size), expand(x2, size)
    return reduce.sum(normalize(x1, dim=dim, eps=eps) * normalize(x2, dim=dim, eps=eps), dim)


@named
def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """‖x1 - x2 + eps‖ₚ along the last dimension, of length one where `keepdim`; x1 and x2 broadcast."""
    require_tensors("pairwise_distance", x1, x2)
    return linalg.norm(x1 - x2 + eps, p, -1, keepdim=keepdim)


@named
def cdist(x1: Tensor, x2: Tensor, p: float = 2.0) -> Tensor:
    """‖aᵢ - bⱼ‖ₚ between the rows of x1 (…, n, d) and of x2 (…, m, d): (…, n, m); what comes before broadcasts."""
    require_tensors("cdist", x1, x2)
    if min(x1.ndim, x2.ndim) < 2 or x1.shape[-1] != x2.shape[-1]:
        raise ValueError(f"expected rows of one length, got {dims(x1.shape)} and {dims(x2.shape)}")
    return linalg.norm(shape.unsqueeze(x1, -2) - shape.unsqueeze(x2, -3), p, -1)
