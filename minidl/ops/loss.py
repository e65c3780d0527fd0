"""Softmax and its logarithm."""

from minidl.op import op
from minidl.ops.elementwise import exp
from minidl.ops.reduce import sum


@op
def softmax(xp, x, *, dim):
    """exp(x) / Σ exp(x) along `dim`, shifted by the maximum so that nothing overflows."""
    e = xp.exp(_below_maximum(xp, x, dim))
    return e / e.sum(dim, keepdims=True)


@op
def log_softmax(xp, x, *, dim):
    """x − ln Σ exp(x) along `dim`, shifted by the maximum so that nothing overflows."""
    x = _below_maximum(xp, x, dim)
    return x - xp.log(xp.exp(x).sum(dim, keepdims=True))


def _below_maximum(xp, x, dim):
    return x - x.real.max(dim, keepdims=True, initial=-xp.inf)


softmax.vjp(x=lambda g, z, dim: z * (g - sum(g * z, dim, keepdim=True)))
log_softmax.vjp(x=lambda g, z, dim: g - exp(z) * sum(g, dim, keepdim=True))
