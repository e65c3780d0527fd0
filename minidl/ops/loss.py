"""Softmax and its logarithm."""

from minidl.dtypes import float16, require_float
from minidl.op import op
from minidl.ops.elementwise import exp
from minidl.ops.reduce import sum
from minidl.ops.shape import axes, axis


@op
def softmax(xp, x, *, dim, dtype=None):
    """exp(x) / Σ exp(x) along `dim`, shifted by the maximum so that nothing overflows; in `dtype`, if given."""
    x = x if dtype is None else x.astype(dtype)
    require_float("softmax", x.dtype)
    over = axes(axis(dim, x.ndim), x.ndim)
    e = xp.exp(_below_maximum(xp, x, over))
    return (e / e.sum(over, keepdims=True)).astype(x.dtype, copy=False)


@op
def log_softmax(xp, x, *, dim, dtype=None):
    """x − ln Σ exp(x) along `dim`, shifted by the maximum so that nothing overflows; in `dtype`, if given."""
    x = x if dtype is None else x.astype(dtype)
    require_float("log_softmax", x.dtype)
    over = axes(axis(dim, x.ndim), x.ndim)
    below = _below_maximum(xp, x, over)
    return (below - xp.log(xp.exp(below).sum(over, keepdims=True))).astype(x.dtype, copy=False)


def _below_maximum(xp, x, over):
    x = x.astype(xp.float32) if x.dtype == float16 else x  # whose sums overflow
    return x - x.real.max(over, keepdims=True, initial=-xp.inf)


softmax.vjp(x=lambda g, z, dim: z * (g - sum(g * z, dim, keepdim=True)))
log_softmax.vjp(x=lambda g, z, dim: g - exp(z) * sum(g, dim, keepdim=True))
