"""Activations, each as one expression and its derivative, and some plain ops as loops, on chunks that the cores share.

A composite of ops goes over memory once for each of them, and again on the way back. Here what lies between is as large
as a chunk, and x is all that is kept. Of NumPy's ways to a maximum with 0, `clip` takes a quarter of the time of
`maximum`, and a product with bools a tenth of that of `where`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend.memory import empty
from minidl.backend.modes import mode
from minidl.backend.threads import parallel
from minidl.engine.fusion import composites
from minidl.functional import activations
from minidl.functional.activations import GELU_CUBE, GELU_SCALE, SELU_ALPHA, SELU_SCALE
from minidl.kernels import loops
from minidl.kernels.cpu.layout import suits
from minidl.kernels.loops import Loop, loop
from minidl.ops import elementwise

CHUNK = 1 << 18  # elements worked on at a time: with fewer, threads wait for each other more than they work


@loop("void(T[::1], T[::1])")
def rectified(x, z):
    """max(x, 0), and NaN where x is."""
    zero = x.dtype.type(0)
    for i in range(len(x)):
        z[i] = zero if x[i] <= zero else x[i]


@loop("void(T[::1], boolean[::1], T[::1])")
def kept(x, mask, z):
    """x where mask, else 0."""
    zero = x.dtype.type(0)
    for i in range(len(x)):
        y = x[i]  # loaded before the condition: a quicker loop
        z[i] = y if mask[i] else zero


@loop("void(T[::1], T[::1], T[::1])")
def total(x, y, z):
    """x + y."""
    for i in range(len(x)):
        z[i] = x[i] + y[i]


@loop("void(T[::1], float64, T[::1])")
def leaking(x, slope, z):
    """x where positive, else slope · x."""
    zero, slope = x.dtype.type(0), x.dtype.type(slope)
    for i in range(len(x)):
        z[i] = x[i] if x[i] > zero else slope * x[i]


@loop("void(T[::1], T[::1], float64, T[::1])")
def leaking_back(g, x, slope, dx):
    """g where x is positive, else slope · g."""
    zero, slope = x.dtype.type(0), x.dtype.type(slope)
    for i in range(len(x)):
        dx[i] = g[i] if x[i] > zero else slope * g[i]


def chunked(function: Callable[..., None], *arrays: np.ndarray) -> np.ndarray:
    """What ``function(*arrays, z)`` makes of arrays of one shape, in the dtype of the first.

    Its order in memory is that of the last, or of the last that is not expanded: there is none along a stride of 0.
    """
    like = next((a for a in reversed(arrays) if all(a.strides)), arrays[-1])
    order = sorted(range(like.ndim), key=lambda i: -like.strides[i])
    flat = [np.require(a.transpose(order).ravel(), None, "W") for a in arrays]  # else loops are compiled anew
    z = empty(tuple(like.shape[i] for i in order), arrays[0].dtype)
    line = z.ravel()

    def work(start: int) -> None:
        chunk = slice(start, start + CHUNK)
        function(*[a[chunk] for a in flat], line[chunk])

    parallel(work, range(0, like.size, CHUNK))
    return z.transpose(sorted(range(like.ndim), key=order.__getitem__))


def mapped(function: Callable[..., np.ndarray], *arrays: np.ndarray, **options: Any) -> np.ndarray:
    """An elementwise function of arrays, `chunked`."""
    return chunked(lambda *some: np.copyto(some[-1], function(*some[:-1], **options)), *arrays)


def looped(op: Any, function: Loop, *dtypes: Any) -> None:
    """Let a loop compute an op on large arrays of floats: all of one shape, and one dtype or else `dtypes`."""
    forward = op.op.forward

    def large(xp: Any, x: Any, *others: Any) -> np.ndarray:
        wanted = [(x.shape, dtype) for dtype in dtypes or [x.dtype] * len(others)]
        served = suits(x) and [(a.shape, a.dtype) for a in others] == wanted and loops.serve()
        return chunked(function, x, *others) if served and mode.fused else forward(xp, x, *others)

    op.op.large = large


def large_hardtanh(xp: Any, x: Any, min_val: float = -1.0, max_val: float = 1.0) -> np.ndarray:
    """`hardtanh` of large arrays, such as relu6 of images, chunk by chunk into memory used before."""
    if not (suits(x) and mode.fused and min_val <= max_val):
        return elementwise.hardtanh.op.forward(xp, x, min_val, max_val)
    low, high = x.dtype.type(min_val), x.dtype.type(max_val)
    return chunked(lambda some, z: np.clip(some, low, high, out=z), x)


elementwise.hardtanh.op.large = large_hardtanh
looped(elementwise.relu, rectified)
looped(elementwise.keep, kept, bool)
looped(elementwise.add, total)


class Elementwise:
    """A kernel for a composite of one array: its ``value(x, **options)``, and the ``rule(g, x, **options)`` for x."""

    value: Callable[..., np.ndarray]
    rule: Callable[..., np.ndarray]

    def __init_subclass__(cls, of: Any) -> None:
        of.kernels.append(cls)

    @staticmethod
    def when(x: Any, **options: Any) -> bool:
        """A NumPy array, float32 or float64; options that are numbers."""
        numbers = all(isinstance(value, (int, float)) for value in options.values())
        return type(x) is np.ndarray and x.dtype in (np.float32, np.float64) and numbers

    @classmethod
    def forward(cls, x, **options):  # noqa: D102
        return mapped(cls.value, x, **options), None

    @classmethod
    def backward(cls, g, saved, needs, x, **options):  # noqa: D102
        return (mapped(cls.rule, g, x, **options),)


def positive(x: np.ndarray) -> np.ndarray:
    """max(x, 0)."""
    return x.clip(0, np.inf)


def negative(x: np.ndarray) -> np.ndarray:
    """min(x, 0)."""
    return x.clip(-np.inf, 0)


def step(x: np.ndarray) -> np.ndarray:
    """1 where x is positive, else 0."""
    return (x > 0).astype(x.dtype)


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + e⁻ˣ)."""
    return 1 / (1 + np.exp(-x))


class LeakyReLU:
    """`leaky_relu`, by loops."""

    @staticmethod
    def when(x, negative_slope):  # noqa: D102
        return Elementwise.when(x, negative_slope=negative_slope) and loops.serve()

    @staticmethod
    def forward(x, negative_slope):  # noqa: D102
        return chunked(lambda x, z: leaking(x, negative_slope, z), x), None

    @staticmethod
    def backward(g, saved, needs, x, negative_slope):  # noqa: D102
        return (chunked(lambda g, x, dx: leaking_back(g, x, negative_slope, dx), g, x),)


composites["leaky_relu"].kernels.append(LeakyReLU)


class ELU(Elementwise, of=activations.elu):
    """`elu`."""

    @staticmethod
    def value(x, alpha):  # noqa: D102
        return positive(x) + alpha * np.expm1(negative(x))

    @staticmethod
    def rule(g, x, alpha):  # noqa: D102
        s = step(x)
        return g * (s + alpha * (np.exp(negative(x)) - s))


class SELU(Elementwise, of=activations.selu):
    """`selu`."""

    @staticmethod
    def value(x):  # noqa: D102
        return SELU_SCALE * ELU.value(x, SELU_ALPHA)

    @staticmethod
    def rule(g, x):  # noqa: D102
        return SELU_SCALE * ELU.rule(g, x, SELU_ALPHA)


class SiLU(Elementwise, of=activations.silu):
    """`silu`."""

    @staticmethod
    def value(x):  # noqa: D102
        return x * logistic(x)

    @staticmethod
    def rule(g, x):  # noqa: D102
        s = logistic(x)
        return g * (s * (1 + x * (1 - s)))


class HardSwish(Elementwise, of=activations.hardswish):
    """`hardswish`."""

    @staticmethod
    def value(x):  # noqa: D102
        return x * (x + 3).clip(0, 6) / 6

    @staticmethod
    def rule(g, x):  # noqa: D102
        inside = x.clip(-3, 3)
        return g * (inside + inside * (np.abs(x) < 3) + 3) / 6


def normal(x: np.ndarray, bell: np.ndarray) -> np.ndarray:
    """Φ(x), the chance of less than x in a normal distribution; `bell` is exp(−x²/2).

    In float32 by a polynomial in 1/(1 + p·|x|), to 10⁻⁷: SciPy takes ten times as long. Abramowitz & Stegun (1964),
    "Handbook of mathematical functions", 7.1.26, for erfc(|x|/√2).
    """
    if x.dtype == np.float64:
        return backend.special(np).ndtr(x)
    t = 1 / (1 + 0.3275911 * math.sqrt(0.5) * np.abs(x))
    above = 1.061405429 * t
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        above += coefficient
        above *= t
    above *= 0.5 * bell
    return above + step(x) * (1 - 2 * above)


class GELU(Elementwise, of=activations.gelu_by_erf):
    """`gelu` with the normal distribution."""

    @staticmethod
    def value(x):  # noqa: D102
        return x * normal(x, np.exp(-0.5 * x * x))

    @staticmethod
    def rule(g, x):  # noqa: D102
        bell = np.exp(-0.5 * x * x)
        return g * (normal(x, bell) + x * bell * (1 / math.sqrt(2 * math.pi)))


class GELUByTanh(Elementwise, of=activations.gelu_by_tanh):
    """`gelu` with its approximation."""

    @staticmethod
    def value(x):  # noqa: D102
        return x * logistic(x * (GELU_SCALE + GELU_SCALE * GELU_CUBE * x * x))

    @staticmethod
    def rule(g, x):  # noqa: D102
        cubic = GELU_SCALE * GELU_CUBE * x * x
        s = logistic(x * (GELU_SCALE + cubic))
        return g * (s + x * s * (1 - s) * (GELU_SCALE + 3 * cubic))
