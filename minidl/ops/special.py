"""Transcendental functions: trigonometric and hyperbolic ones with their inverses, and those of probability."""

import math

from minidl import backend
from minidl.engine.op import elementwise
from minidl.ops.elementwise import exp, log, maximum, sigmoid, sqrt, where


@elementwise(floats=True)
def sin(xp, x):
    """sin x."""
    return xp.sin(x)


@elementwise(floats=True)
def cos(xp, x):
    """cos x."""
    return xp.cos(x)


@elementwise(floats=True)
def tan(xp, x):
    """tan x."""
    return xp.tan(x)


@elementwise(floats=True)
def asin(xp, x):
    """arcsin x; NaN outside [−1, 1]."""
    return xp.arcsin(x)


@elementwise(floats=True)
def acos(xp, x):
    """arccos x; NaN outside [−1, 1]."""
    return xp.arccos(x)


@elementwise(floats=True)
def atan(xp, x):
    """arctan x."""
    return xp.arctan(x)


sin.vjp(x=lambda g, x: g * cos(x))
cos.vjp(x=lambda g, x: -g * sin(x))
tan.vjp(x=lambda g, z: g * (1 + z * z))
asin.vjp(x=lambda g, x: g / sqrt(1 - x * x))
acos.vjp(x=lambda g, x: -g / sqrt(1 - x * x))
atan.vjp(x=lambda g, x: g / (1 + x * x))


@elementwise(floats=True)
def sinh(xp, x):
    """sinh x."""
    return xp.sinh(x)


@elementwise(floats=True)
def cosh(xp, x):
    """cosh x."""
    return xp.cosh(x)


@elementwise(floats=True)
def asinh(xp, x):
    """arsinh x."""
    return xp.arcsinh(x)


@elementwise(floats=True)
def acosh(xp, x):
    """arcosh x; NaN below 1."""
    return xp.arccosh(x)


@elementwise(floats=True)
def atanh(xp, x):
    """artanh x; NaN outside [−1, 1]."""
    return xp.arctanh(x)


sinh.vjp(x=lambda g, x: g * cosh(x))
cosh.vjp(x=lambda g, x: g * sinh(x))
asinh.vjp(x=lambda g, x: g / sqrt(x * x + 1))
acosh.vjp(x=lambda g, x: g / sqrt(x * x - 1))
atanh.vjp(x=lambda g, x: g / (1 - x * x))


@elementwise(floats=True)
def expm1(xp, x):
    """eˣ − 1, to all digits near 0."""
    return xp.expm1(x)


@elementwise(floats=True)
def log1p(xp, x):
    """ln(1 + x), to all digits near 0; −inf at −1, NaN below."""
    return xp.log1p(x)


@elementwise(floats=True)
def erf(xp, x):
    """The error function, 2/√π ∫₀ˣ exp(−t²) dt."""
    return backend.special(xp).erf(x).astype(x.dtype, copy=False)


@elementwise(floats=True)
def exp2(xp, x):
    """2ˣ."""
    return xp.exp2(x)


@elementwise(floats=True)
def log2(xp, x):
    """The logarithm of x to the base 2; −∞ at 0, NaN below."""
    return xp.log2(x)


@elementwise(floats=True)
def log10(xp, x):
    """The logarithm of x to the base 10; −∞ at 0, NaN below."""
    return xp.log10(x)


exp2.vjp(x=lambda g, z: g * z * math.log(2))
log2.vjp(x=lambda g, x: g / (x * math.log(2)))
log10.vjp(x=lambda g, x: g / (x * math.log(10)))
expm1.vjp(x=lambda g, x: g * exp(x))
log1p.vjp(x=lambda g, x: g / (x + 1))
erf.vjp(x=lambda g, x: g * (2 / math.sqrt(math.pi) * exp(-x * x)))


@elementwise(floats=True)
def logsigmoid(xp, x):
    """ln(1 / (1 + e⁻ˣ)), which neither overflows nor loses digits."""
    return xp.minimum(x, 0) - xp.log1p(xp.exp(xp.minimum(x, -x)))


@elementwise(floats=True)
def softplus(xp, x, beta=1.0, threshold=20.0):
    """ln(1 + exp(beta · x)) / beta; x itself where beta · x is above the threshold. Dugas et al. (2001)."""
    return xp.where((beta * x).real > threshold, x, -logsigmoid(-beta * x) / beta)


logsigmoid.vjp(x=lambda g, x: g * sigmoid(-x))
softplus.vjp(x=lambda g, x, beta, threshold: g * where(beta * x > threshold, 1.0, sigmoid(beta * x)))


@elementwise(promotes=True, floats=True)
def atan2(xp, x, y):
    """The angle of the point (y, x), from −π to π."""
    if x.dtype.kind == "c":  # in checks by the complex step
        return xp.arctan(x / y) + xp.where(y.real < 0, xp.copysign(math.pi, x.real), 0)
    return xp.arctan2(x, y)


@elementwise(promotes=True, floats=True)
def hypot(xp, x, y):
    """√(x² + y²), the length of (x, y), which does not overflow on the way."""
    return xp.sqrt(x * x + y * y) if x.dtype.kind == "c" else xp.hypot(x, y)


@elementwise(promotes=True, floats=True)
def logaddexp(xp, x, y):
    """ln(eˣ + eʸ), which neither overflows nor loses digits."""
    return xp.log(xp.exp(x) + xp.exp(y)) if x.dtype.kind == "c" else xp.logaddexp(x, y)


atan2.vjp(x=lambda g, x, y: g * y / (x * x + y * y), y=lambda g, x, y: -g * x / (x * x + y * y))
hypot.vjp(x=lambda g, z, x: g * (x / z), y=lambda g, z, y: g * (y / z))
logaddexp.vjp(x=lambda g, x, y: g * sigmoid(x - y), y=lambda g, x, y: g * sigmoid(y - x))


@elementwise(promotes=True, floats=True)
def xlogy(xp, x, y):
    """x · ln y, and 0 where x = 0."""
    return backend.special(xp).xlogy(x, y).astype(x.dtype, copy=False)


@elementwise(promotes=True, floats=True)
def log_likelihood(xp, p, y):
    """y · ln p + (1 − y) · ln(1 − p), of an outcome y with chance p; a logarithm counts as −100 at least."""
    return y * xp.maximum(xp.log(p), -100) + (1 - y) * xp.maximum(xp.log1p(-p), -100)


xlogy.vjp(x=lambda g, x, y: where((x == 0) * (y <= 0), 0.0, g * log(y)), y=lambda g, x, y: g * x / y)
log_likelihood.vjp(p=lambda g, p, y: g * (y - p) / maximum(p * (1 - p), 1e-12), y=lambda g, p: g * (log(p) - log1p(-p)))
