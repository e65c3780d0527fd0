"""Products of vectors and matrices, and the length of a vector."""

import math
from typing import Any

import numpy as np

from minidl.backend import dims, threads
from minidl.backend.dtypes import require_float, resolve
from minidl.engine.composed import in_single, named
from minidl.engine.op import cast, op
from minidl.engine.require import require_arrays, same_device, same_dtype
from minidl.ops.arithmetic import add
from minidl.ops.arrange import roll
from minidl.ops.elementwise import abs, root, sign, where
from minidl.ops.extremes import amax, amin, refuse_nothing
from minidl.ops.reduce import sum
from minidl.ops.shape import axes, axis, permute, reshape, squeeze, transpose, unsqueeze


def product(xp, x, y, out=None):
    """The matrix product, on the CPU by threads of ours."""
    return threads.matmul(x, y, out) if xp is np else xp.matmul(x, y, out=out)


@op(broadcasts=True, bools=False)
def matrix_product(xp, x, y):
    """The products of the matrices in the last two dimensions; those before them broadcast."""
    return product(xp, x, y)


def _swap(x):
    return transpose(x, -2, -1)


matrix_product.vjp(x=lambda g, y: matrix_product(g, _swap(y)), y=lambda g, x: matrix_product(_swap(x), g))


@op
def linear(xp, x, w):
    """x (N, in) times wᵀ (out, in): (N, out). Its gradients come in the memory order of x and w."""
    return product(xp, x, w.T)


linear.vjp(x=lambda g, w: matrix_product(g, w), w=lambda g, x: matrix_product(_swap(g), x))


@named
def matmul(input: Any, other: Any) -> Any:
    """The matrix product of arrays of one dtype, as in PyTorch.

    A vector is a row on the left and a column on the right; dimensions before the last two are a batch and broadcast.

    Raises
    ------
    ValueError
        For a 0-d operand, or inner sizes that differ.
    """
    x, y = input, other
    require_arrays("matmul", x, y)
    same_device("matmul", x, y)
    same_dtype("matmul", x, y)
    left, right = tuple(x.shape), tuple(y.shape)
    if not left or not right or left[-1] != right[-2 if len(right) > 1 else 0]:
        raise ValueError(f"{dims(left)} @ {dims(right)}: the left's last size must be the right's second to last")
    if len(left) > 2 and len(right) > 2:
        try:
            np.broadcast_shapes(left[:-2], right[:-2])
        except ValueError:
            raise ValueError(f"the batches of {dims(left)} and {dims(right)} do not broadcast") from None
    z = matrix_product(x if x.ndim > 1 else unsqueeze(x, 0), y if y.ndim > 1 else unsqueeze(y, 1))
    z = z if x.ndim > 1 else squeeze(z, -2)
    return z if y.ndim > 1 else squeeze(z, -1)


def _of_ranks(x: Any, y: Any, left: int, right: int) -> Any:
    """The matrix product of tensors that must have so many dimensions."""
    require_arrays("matmul", x, y)
    kinds = {1: "a vector", 2: "a matrix", 3: "a batch of matrices"}
    for operand, rank in ((x, left), (y, right)):
        if operand.ndim != rank:
            raise ValueError(f"expected {kinds[rank]}, got {dims(operand.shape)}; matmul takes any")
    return matmul(x, y)


@named
def mm(input: Any, mat2: Any) -> Any:
    """The product of two matrices (N, K) and (K, M)."""
    return _of_ranks(input, mat2, 2, 2)


@named
def bmm(input: Any, mat2: Any) -> Any:
    """The products of as many matrices in two batches (B, N, K) and (B, K, M)."""
    require_arrays("bmm", input, mat2)
    if input.ndim == mat2.ndim == 3 and input.shape[0] != mat2.shape[0]:
        raise ValueError(f"the batches of {dims(input.shape)} and {dims(mat2.shape)} differ in size")
    return _of_ranks(input, mat2, 3, 3)


@named
def mv(input: Any, vec: Any) -> Any:
    """The product of a matrix (N, K) and a vector (K)."""
    return _of_ranks(input, vec, 2, 1)


@named
def dot(input: Any, tensor: Any) -> Any:
    """The sum of the products of two vectors' elements."""
    return _of_ranks(input, tensor, 1, 1)


@named
def outer(input: Any, vec2: Any) -> Any:
    """The products of each element of one vector with each of another: (N, M)."""
    require_arrays("outer", input, vec2)
    if input.ndim != 1 or vec2.ndim != 1:
        raise ValueError(f"expected two vectors, got {dims(input.shape)} and {dims(vec2.shape)}")
    return unsqueeze(input, 1) * vec2


@named
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta · input + alpha · mat1 @ mat2; with a beta of 0 the input counts for nothing, even where it is NaN."""
    require_arrays("addmm", input, mat1, mat2)
    same_dtype("addmm", input, mat1, mat2)
    z = mm(mat1, mat2)
    if np.broadcast_shapes(input.shape, z.shape) != z.shape:
        raise ValueError(f"an input {dims(input.shape)} does not expand to {dims(z.shape)}")
    weighted = z if alpha == 1 else z * alpha
    return weighted if beta == 0 else add(weighted, input, alpha=beta)


@named
def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    """The cross product of vectors in space, which lie along `dim`, by default the first that has a size of 3."""
    require_arrays("cross", input, other)
    shape = np.broadcast_shapes(input.shape, other.shape)
    if len(input.shape) != len(other.shape) or 3 not in shape:
        raise ValueError(f"expected vectors of 3 in as many dimensions, got {dims(input.shape)}, {dims(other.shape)}")
    i = shape.index(3) if dim is None else axis(dim, len(shape))
    if input.shape[i] != 3 or other.shape[i] != 3:
        raise ValueError(f"dim {dim} must have a size of 3, got {dims(input.shape)} and {dims(other.shape)}")
    return roll(input, 2, i) * roll(other, 1, i) - roll(input, 1, i) * roll(other, 2, i)


@named
def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """The products of two tensors, summed over pairs of dimensions.

    Parameters
    ----------
    dims : int, or two sequences
        How many of the last of `a` and the first of `b`; or which of `a`, and which of `b`.
    """
    require_arrays("tensordot", a, b)
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ValueError(f"dims must be between 0 and the dimensions of both, got {dims}")
        dims = (tuple(range(a.ndim - dims, a.ndim)), tuple(range(dims)))
    left, right = (axes(d, x.ndim) if d not in ((), []) else () for d, x in zip(dims, (a, b), strict=True))
    sizes = [[x.shape[d] for d in over] for x, over in ((a, left), (b, right))]
    if sizes[0] != sizes[1]:
        raise ValueError(f"dims {dims} pair the sizes {sizes[0]} with {sizes[1]}")
    free = [[d for d in range(x.ndim) if d not in over] for x, over in ((a, left), (b, right))]
    rows, columns = ([x.shape[d] for d in kept] for x, kept in zip((a, b), free, strict=True))
    inner = math.prod(sizes[0])
    x = reshape(permute(a, (*free[0], *left)), (math.prod(rows), inner))
    y = reshape(permute(b, (*right, *free[1])), (inner, math.prod(columns)))
    return reshape(mm(x, y), (*rows, *columns))


@named
def norm(input: Any, p: float | str = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The p-norm (Σ|x|ᵖ)^(1/p) over `dim`, of all its elements as one vector; the gradient is 0 where the norm is.

    Parameters
    ----------
    p : a number, where 0 counts what is not zero, and ±inf is the largest or smallest |x|; "fro" is 2
    dtype : what to compute in, and to give; by default the input's
    """
    require_arrays("norm", input)
    require_float("norm", input.dtype)
    return _norm(input if dtype is None else cast(input, resolve("norm", dtype)), p, dim, keepdim)


@in_single
def _norm(input, p, dim, keepdim):
    if p == "fro" and dim not in (None, (), []) and len(axes(dim, input.ndim)) > 2:
        raise ValueError(f"'fro' is of vectors and matrices, got dim {dim}; p=2 takes any")
    p = 2 if p == "fro" else p
    if not isinstance(p, (int, float)):
        raise ValueError(f"p must be a number or 'fro', got {p!r}")
    if p < 0:
        refuse_nothing(input.shape, dim)
    if p == 2:
        return root(sum(input * input, dim, keepdim))
    if p == 0:
        return sum(where(input != 0, 1.0, sign(input)), dim, keepdim)  # with a gradient, of 0
    if math.isinf(p):
        return amax(abs(input), dim, keepdim) if p > 0 else amin(abs(input), dim, keepdim)
    zero = input == 0  # whose powers have no derivative
    total = sum(where(zero, 0.0 if p > 0 else math.inf, abs(where(zero, 1.0, input)) ** p), dim, keepdim)
    return where(total == 0, 0.0 if p > 0 else math.inf, where(total == 0, 1.0, total) ** (1 / p))
