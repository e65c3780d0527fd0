"""Matrix products."""

from typing import Any

import numpy as np

from minidl.backend import dims, threads
from minidl.engine.composed import named
from minidl.engine.op import op
from minidl.engine.require import require_arrays, same_device, same_dtype
from minidl.ops.shape import squeeze, transpose, unsqueeze


def product(xp, x, y):
    """The matrix product, on the CPU by threads of ours."""
    return threads.matmul(x, y) if xp is np else xp.matmul(x, y)


@op(broadcasts=True)
def bmm(xp, x, y):
    """The products of the matrices in the last two dimensions; those before them broadcast."""
    return product(xp, x, y)


def _swap(x):
    return transpose(x, -2, -1)


bmm.vjp(x=lambda g, y: bmm(g, _swap(y)), y=lambda g, x: bmm(_swap(x), g))


@op
def linear(xp, x, w):
    """x (N, in) times wᵀ (out, in): (N, out). Its gradients come in the memory order of x and w."""
    return product(xp, x, w.T)


linear.vjp(x=lambda g, w: bmm(g, w), w=lambda g, x: bmm(_swap(g), x))


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
    if not x.ndim or not y.ndim or x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise ValueError(f"{dims(x.shape)} @ {dims(y.shape)}: the left's last size must be the right's second to last")
    try:
        np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    except ValueError:
        raise ValueError(f"the batches of {dims(x.shape)} and {dims(y.shape)} do not broadcast") from None
    z = bmm(x if x.ndim > 1 else unsqueeze(x, 0), y if y.ndim > 1 else unsqueeze(y, 1))
    z = z if x.ndim > 1 else squeeze(z, -2)
    return z if y.ndim > 1 else squeeze(z, -1)
