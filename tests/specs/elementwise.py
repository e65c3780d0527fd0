"""Elementwise ops."""

import cmath
import math

import numpy as np
import scipy.special
from hypothesis import strategies as st

from specs.drawing import SPECS, Case, Spec, away_from_zero, broadcastable, normal, positive, shapes, spaced


def unary(name, oracle, values=normal, analytic=True):
    SPECS[name] = Spec(lambda draw, rng: Case([values(rng, *shapes(draw))]), oracle, analytic)


def binary(name, oracle, values=normal, analytic=True):
    def draw_pair(draw, rng):
        pair = broadcastable(draw, 2)
        both = values(rng, sum(int(np.prod(s)) for s in pair))  # drawn together: no ties between the two
        cut = int(np.prod(pair[0]))
        return Case([both[:cut].reshape(pair[0]), both[cut:].reshape(pair[1])])

    SPECS[name] = Spec(draw_pair, oracle, analytic)


def each(f):
    """A function of numbers, such as those of `math`, applied to every element."""
    return lambda *arrays: np.vectorize(f, otypes=[float])(*arrays) if arrays[0].size else arrays[0] * 1.0


def inside_one(rng, *shape):
    return rng.uniform(-0.9, 0.9, shape)


def ties(rng, *shape):
    """Few different numbers, and not numbers."""
    return rng.choice([-1.0, 0.0, 1.0, np.inf, np.nan], shape)


unary("alias", lambda x: x)
unary("clone", lambda x: x)
unary("neg", np.negative)
unary("exp", np.exp)
unary("log", np.log, positive)
unary("sqrt", np.sqrt, positive)
unary("root", np.sqrt, positive)
unary("tanh", np.tanh)
unary("sigmoid", scipy.special.expit)
unary("sign", np.sign, away_from_zero, analytic=False)
unary("floor", lambda x: x // 1, spaced, analytic=False)
unary("ceil", lambda x: -(-x // 1), spaced, analytic=False)
unary("trunc", lambda x: x - np.fmod(x, 1), spaced, analytic=False)
for _name in ("sin", "cos", "tan", "atan", "sinh", "cosh", "asinh", "expm1", "erf"):
    unary(_name, each(getattr(math, _name)))
for _name in ("asin", "acos", "atanh"):
    unary(_name, each(getattr(math, _name)), inside_one)
unary("acosh", each(math.acosh), lambda rng, *shape: 1 + positive(rng, *shape))
unary("log1p", each(math.log1p), lambda rng, *shape: positive(rng, *shape) - 1)
unary("logsigmoid", scipy.special.log_expit, lambda rng, *shape: 9 * normal(rng, *shape))
unary("abs", np.abs, away_from_zero, analytic=False)
unary("relu", lambda x: x * (x > 0), away_from_zero, analytic=False)
binary("add", np.add)
binary("sub", np.subtract)
binary("mul", np.multiply)
binary("div", np.divide, away_from_zero)
binary("pow", np.power, positive)
binary("maximum", np.maximum, spaced, analytic=False)
binary("minimum", np.minimum, spaced, analytic=False)
unary("logical_not", lambda x: x == 0, ties, analytic=False)
unary("isnan", lambda x: x != x, ties, analytic=False)
unary("isinf", lambda x: abs(x) > 1e300, ties, analytic=False)
unary("isfinite", lambda x: abs(x) < 1e300, ties, analytic=False)
for _name, _oracle in dict(eq=np.equal, ne=np.not_equal, lt=np.less, le=np.less_equal, gt=np.greater, ge=np.greater_equal).items():  # fmt: skip # noqa: E501
    binary(_name, _oracle, ties, analytic=False)
binary("logical_and", lambda x, y: (x != 0) & (y != 0), ties, analytic=False)
binary("logical_or", lambda x, y: (x != 0) | (y != 0), ties, analytic=False)
binary("logical_xor", lambda x, y: (x != 0) != (y != 0), ties, analytic=False)


for _name in ("log2", "log10"):
    unary(_name, each(getattr(math, _name)), positive)
unary("exp2", lambda x: 2.0**x)
unary("row_major", lambda x: x)
binary("atan2", lambda x, y: each(lambda x, y: cmath.phase(complex(y, x)))(*np.broadcast_arrays(x, y)), away_from_zero)
binary("hypot", lambda x, y: each(lambda x, y: abs(complex(x, y)))(*np.broadcast_arrays(x, y)), away_from_zero)
binary("logaddexp", lambda x, y: np.log(np.exp(x) + np.exp(y)))


def quotients(rng, *shape):
    """Numbers of which none is, nor lies near, a multiple of another."""
    return np.sqrt(np.asarray(1.7 + rng.permutation(int(np.prod(shape))))).reshape(shape) * rng.choice([-1, 1], shape)


binary("floor_divide", lambda x, y: np.floor(x / y), quotients, analytic=False)
binary("trunc_divide", lambda x, y: np.trunc(x / y), quotients, analytic=False)
binary("remainder", lambda x, y: x - np.floor(x / y) * y, quotients, analytic=False)
binary("fmod", lambda x, y: x - np.trunc(x / y) * y, quotients, analytic=False)


def whole(rng, *shape):
    return rng.integers(0, 6, shape)


def bits(f):
    """A function of numbers, applied to every pair of integers."""
    return lambda x, y: np.vectorize(f, otypes=[np.int64])(*np.broadcast_arrays(x, y)) if x.size * y.size else x + y


binary("bitwise_and", bits(lambda x, y: int(x) & int(y)), whole, analytic=False)
binary("bitwise_or", bits(lambda x, y: int(x) | int(y)), whole, analytic=False)
binary("bitwise_xor", bits(lambda x, y: int(x) ^ int(y)), whole, analytic=False)
binary("bitwise_left_shift", lambda x, y: x * 2**y, whole, analytic=False)
binary("bitwise_right_shift", lambda x, y: x // 2**y, whole, analytic=False)
unary("bitwise_not", lambda x: -1 - x, whole, analytic=False)
binary("xlogy", lambda x, y: x * each(math.log)(y), positive)


def _log_likelihood(draw, rng):
    p, y = broadcastable(draw, 2)
    return Case([rng.uniform(0.1, 0.9, p), rng.uniform(0, 1, y)])


def _round(draw, rng):
    decimals = draw(st.integers(-1, 2))
    return Case([spaced(rng, *shapes(draw)) * 10.0**-decimals], dict(decimals=decimals))


def _softplus(draw, rng):
    return Case([9 * spaced(rng, *shapes(draw))], dict(beta=draw(st.sampled_from([0.5, 2.0])), threshold=1.0))


def _softplus_oracle(x, beta, threshold):
    return np.where(x * beta > threshold, x, np.logaddexp(0, beta * x) / beta)


def _with(name, *values):
    """Draws numbers on all sides of the corners, and an option."""
    return lambda draw, rng: Case([3 * spaced(rng, *shapes(draw))], {name: draw(st.sampled_from(values))})


SPECS["leaky_relu"] = Spec(
    _with("negative_slope", 0.01, -0.5, 2.0), lambda x, negative_slope: x * np.where(x > 0, 1, negative_slope), False
)
SPECS["elu"] = Spec(_with("alpha", 1.0, 0.3, -2.0), lambda x, alpha: np.where(x > 0, x, alpha * (np.exp(x) - 1)))
unary("selu", lambda x: np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)) * 1.0507009873554805, spaced)
unary("silu", lambda x: x * scipy.special.expit(x))
unary("gelu_by_erf", lambda x: x * scipy.special.ndtr(x))
unary("gelu_by_tanh", lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
unary("hardswish", lambda x: x * np.interp(x, [-3, 3], [0, 1]), lambda rng, *shape: 3 * spaced(rng, *shape))
SPECS["log_likelihood"] = Spec(_log_likelihood, lambda p, y: y * np.log(p) + (1 - y) * np.log(1 - p))
SPECS["round"] = Spec(_round, lambda x, decimals: np.rint(x * 10.0**decimals) / 10.0**decimals, analytic=False)
SPECS["softplus"] = Spec(_softplus, _softplus_oracle)


def _where(draw, rng):
    c, x, y = broadcastable(draw, 3)
    return Case([rng.random(c) < 0.5, normal(rng, *x), normal(rng, *y)])


def _keep(draw, rng):
    shape = shapes(draw)
    return Case([normal(rng, *shape), rng.random(shape) < 0.5])


def _limit(draw, rng):
    low, high = draw(st.sampled_from([(None, 0.3), (-0.4, None), (-0.4, 0.3)]))
    return Case([spaced(rng, *shapes(draw))], dict(min=low, max=high))


def _limit_oracle(x, min, max):
    return np.minimum(np.maximum(x, -np.inf if min is None else min), np.inf if max is None else max)


SPECS["where"] = Spec(_where, lambda c, x, y: np.choose(c, [y, x]), analytic=False)
SPECS["keep"] = Spec(_keep, lambda x, mask: x * mask, analytic=False)
SPECS["hardtanh"] = Spec(
    lambda draw, rng: Case([spaced(rng, *shapes(draw))], dict(min_val=-0.3, max_val=draw(st.sampled_from([0.2, 0.4])))),
    lambda x, min_val, max_val: np.minimum(np.maximum(x, min_val), max_val),
    analytic=False,
)
SPECS["limit"] = Spec(_limit, _limit_oracle, analytic=False)
SPECS["cast"] = Spec(
    lambda draw, rng: Case([normal(rng, *shapes(draw))], dict(dtype=np.dtype("f8"))), lambda x, dtype: x, False
)
SPECS["tap"] = Spec(lambda draw, rng: Case([normal(rng, *shapes(draw))], dict(hook=lambda g: g * 1)), lambda x, hook: x)
SPECS["to_device"] = Spec(
    lambda draw, rng: Case([normal(rng, *shapes(draw))], dict(device="cpu", source="cpu")), lambda x, **k: x
)
