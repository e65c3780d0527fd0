"""Numerically hard points: finite and right there, or PyTorch's convention; held against it where it is installed.

A case is a function ``f(m, *tensors)`` that runs on either library, the numbers it is given, its value, and the
gradient by each, for the cotangent 1, 2, 3, …
"""

import math
from decimal import Decimal, localcontext
from types import SimpleNamespace

import numpy as np
import pytest

import minidl as md

try:
    import torch
except ImportError:
    torch = None

OURS = SimpleNamespace(**vars(md) | dict(F=md.functional))
THEIRS = torch and SimpleNamespace(**vars(torch) | dict(F=torch.nn.functional, grad=torch.autograd.grad))
inf, nan, e, ln2, pi = math.inf, math.nan, math.e, math.log(2), math.pi
BIG = 1e4
SATURATED = [BIG, -BIG, 0.0]


def const(m, like, values):
    """A constant in the dtype of a tensor."""
    return m.tensor(np.asarray(values, str(like.dtype).removeprefix("torch.")))


def against(name, target, *vectors, **options):
    """A loss against a constant target; in the options, which are floats, too."""
    return lambda m, x: getattr(m.F, name)(x, const(m, x, target), *vectors, **options)


def labelled(name, label, **options):
    return lambda m, x: getattr(m.F, name)(x, m.tensor([label]), **options)


def norm_of(p):
    return lambda m, x: m.norm(x, p)


def dispersion(name, correction):
    return lambda m, x: getattr(m, name)(x, dim=0, correction=correction)


def batch_norm(m, x, weight, bias):
    return m.F.batch_norm(x, None, None, weight, bias, training=True)


POINTS = {
    # softmax and its family: shifted by the maximum
    "softmax": (lambda m, x: m.softmax(x, 0), [SATURATED], [1, 0, 0], [[0, 0, 0]]),
    "softmax of -inf": (lambda m, x: m.softmax(x, 0), [[-inf, 0, 0]], [0, 0.5, 0.5], [[0, -0.25, 0.25]]),
    "softmax of nothing but -inf": (lambda m, x: m.softmax(x, 0), [[-inf, -inf]], [nan, nan], [[nan, nan]]),
    "log_softmax": (lambda m, x: m.log_softmax(x, 0), [SATURATED], [0, -2 * BIG, -BIG], [[-5, 2, 3]]),
    "log_softmax of -inf": (lambda m, x: m.log_softmax(x, 0), [[-inf, 0, 0]], [-inf, -ln2, -ln2], [[1, -1, 0]]),
    "log_softmax of nothing but -inf": (lambda m, x: m.log_softmax(x, 0), [[-inf, -inf]], [nan, nan], [[nan, nan]]),
    "logsumexp": (lambda m, x: m.logsumexp(x, 0), [SATURATED], BIG, [[1, 0, 0]]),
    "logsumexp with -inf": (lambda m, x: m.logsumexp(x, 0), [[-inf, 0, 0]], ln2, [[0, 0.5, 0.5]]),
    "logsumexp of nothing but -inf": (lambda m, x: m.logsumexp(x, 0), [[-inf, -inf]], -inf, [[nan, nan]]),
    "logsumexp of inf": (lambda m, x: m.logsumexp(x, 0), [[inf, 0]], inf, [[nan, 0]]),
    # losses of classes
    "cross_entropy, right": (labelled("cross_entropy", 0), [[[BIG, -BIG]]], 0, [[[0, 0]]]),
    "cross_entropy, wrong": (labelled("cross_entropy", 1), [[[BIG, -BIG]]], 2 * BIG, [[[1, -1]]]),
    "cross_entropy, smoothed": (
        labelled("cross_entropy", 1, label_smoothing=0.5), [[[BIG, -BIG]]], 1.5 * BIG, [[[0.75, -0.75]]]
    ),
    "cross_entropy of probabilities": (
        against("cross_entropy", [[0.25, 0.75]]), [[[BIG, -BIG]]], 1.5 * BIG, [[[0.75, -0.75]]]
    ),
    "cross_entropy with -inf elsewhere": (labelled("cross_entropy", 0), [[[0, -inf, 0]]], ln2, [[[-0.5, 0, 0.5]]]),
    "cross_entropy with -inf there": (labelled("cross_entropy", 1), [[[0, -inf]]], inf, [[[1, -1]]]),
    "nll_loss of -inf": (labelled("nll_loss", 1), [[[0, -inf]]], inf, [[[0, -1]]]),
    "kl_div with zero targets": (
        against("kl_div", [0, 0.5, 0.5], reduction="sum"), [[-1, -2, -3]], 2.5 - ln2, [[0, -0.5, -0.5]]
    ),
    "kl_div by zero targets": (
        lambda m, x, y: m.F.kl_div(x, y, reduction="sum"), [[-1, -2], [0, 0.5]], 1 - ln2 / 2,
        [[0, -0.5], [nan, 3 - ln2]],
    ),
    "kl_div with log targets of -inf": (
        against("kl_div", [-inf, 0], reduction="sum", log_target=True), [[-1, -2]], nan, [[0, -1]]
    ),
    # losses of probabilities: their logarithms stop at -100, their denominators at 1e-12
    "binary_cross_entropy": (
        against("binary_cross_entropy", [0, 1, 0, 1, 0.5, 0.5], reduction="none"), [[0, 0, 1, 1, 0, 1]],
        [0, 100, 100, 0, 50, 50], [[0, -2e12, 3e12, 0, -2.5e12, 3e12]],
    ),
    "binary_cross_entropy by targets": (
        lambda m, x, y: m.F.binary_cross_entropy(x, y, reduction="none"), [[0.2, 0.5], [0, 1]],
        [-math.log(0.8), ln2], [[1.25, -4], [math.log(4), 0]],
    ),
    "binary_cross_entropy_with_logits": (
        against("binary_cross_entropy_with_logits", [0, 1, 0, 1, 0.5], reduction="none"), [[BIG, BIG, -BIG, -BIG, 0]],
        [BIG, 0, 0, BIG, ln2], [[1, 0, 0, -4, 0]],
    ),
    "binary_cross_entropy_with_logits, weighted": (
        lambda m, x: m.F.binary_cross_entropy_with_logits(
            x, const(m, x, [0, 1, 0, 1]), reduction="none", pos_weight=const(m, x, [3])
        ), [[BIG, BIG, -BIG, -BIG]], [BIG, 0, 0, 3 * BIG], [[1, 0, 0, -12]],
    ),
    # losses of differences, at their kinks
    "l1_loss": (against("l1_loss", [0, 0, 0], reduction="none"), [[0, 1, -1]], [0, 1, 1], [[0, 2, -3]]),
    "huber_loss": (
        against("huber_loss", [0] * 4, reduction="none"), [[1, -1, 0, 2]], [0.5, 0.5, 0, 1.5], [[1, -2, 0, 4]]
    ),
    "smooth_l1_loss": (
        against("smooth_l1_loss", [0] * 4, reduction="none"), [[1, -1, 0, 2]], [0.5, 0.5, 0, 1.5], [[1, -2, 0, 4]]
    ),
    "smooth_l1_loss, beta 0": (
        against("smooth_l1_loss", [0] * 3, reduction="none", beta=0.0), [[0, 1, -1]], [0, 1, 1], [[0, 2, -3]]
    ),
    "mse_loss": (against("mse_loss", [0, 0]), [[BIG, -BIG]], BIG**2, [[BIG, -BIG]]),
    # deviations
    "var of one, correction 0": (dispersion("var", 0), [[3]], 0, [[0]]),
    "var of one, correction 1": (dispersion("var", 1), [[3]], nan, [[nan]]),
    "std of one, correction 0": (dispersion("std", 0), [[3]], 0, [[0]]),
    "std of one, correction 1": (dispersion("std", 1), [[3]], nan, [[nan]]),
    "var of a constant": (dispersion("var", 1), [[3, 3, 3]], 0, [[0, 0, 0]]),
    "std of a constant": (dispersion("std", 1), [[3, 3, 3]], 0, [[0, 0, 0]]),
    "var far from 0": (dispersion("var", 1), [[2e6, 2e6 + 1, 2e6 + 2]], 1, [[-1, 0, 1]]),
    # normalisation
    "batch_norm, gamma 0": (
        batch_norm, [[[1], [3]], [0], [2]], [[2], [2]], [[[0], [0]], [1 / math.sqrt(1 + 1e-5)], [3]]
    ),
    "batch_norm of a constant": (
        batch_norm, [[[5], [5]], [1], [2]], [[2], [2]], [[[-0.5 / math.sqrt(1e-5)], [0.5 / math.sqrt(1e-5)]], [0], [3]]
    ),
    "batch_norm far from 0": (
        batch_norm, [[[BIG], [BIG + 2]], [1], [0]], [[-1 / math.sqrt(1 + 1e-5)], [1 / math.sqrt(1 + 1e-5)]],
        [[[-0.5e-5 * (1 + 1e-5) ** -1.5], [0.5e-5 * (1 + 1e-5) ** -1.5]], [1 / math.sqrt(1 + 1e-5)], [3]],
    ),
    "layer_norm of a constant": (
        lambda m, x: m.F.layer_norm(x, (2,)), [[[5, 5]]], [[0, 0]], [[[-0.5 / math.sqrt(1e-5), 0.5 / math.sqrt(1e-5)]]]
    ),
    "layer_norm of one": (lambda m, x: m.F.layer_norm(x, (1,)), [[[5], [7]]], [[0], [0]], [[[0], [0]]]),
    "group_norm of a constant": (
        lambda m, x: m.F.group_norm(x, 1), [[[5, 5]]], [[0, 0]], [[[-0.5 / math.sqrt(1e-5), 0.5 / math.sqrt(1e-5)]]]
    ),
    "instance_norm of a constant": (
        lambda m, x: m.F.instance_norm(x), [[[[5, 5]]]], [[[0, 0]]],
        [[[[-0.5 / math.sqrt(1e-5), 0.5 / math.sqrt(1e-5)]]]],
    ),
    "normalize": (lambda m, x: m.F.normalize(x), [[[0, 0], [3, 4]]], [[0, 0], [0.6, 0.8]], [[[1e12, 2e12], [0, 0]]]),
    "cosine_similarity": (
        lambda m, x, y: m.F.cosine_similarity(x, y), [[[0, 0], [3, 4], [0, 0]], [[3, 4], [0, 0], [0, 0]]], [0, 0, 0],
        [[[0.6e8, 0.8e8], [0, 0], [0, 0]], [[0, 0], [1.2e8, 1.6e8], [0, 0]]],
    ),
    # powers and roots
    "pow 0": (lambda m, x: x**0, [[0, 2, -2]], [1, 1, 1], [[0, 0, 0]]),
    "pow 1": (lambda m, x: x**1, [[0, 2, -2]], [0, 2, -2], [[1, 2, 3]]),
    "pow 2": (lambda m, x: x**2, [[0, 2, -2]], [0, 4, 4], [[0, 8, -12]]),
    "pow 3": (lambda m, x: x**3, [[0, 2, -2]], [0, 8, -8], [[0, 24, 36]]),
    "pow 0.5": (lambda m, x: x**0.5, [[0, 4, -4]], [0, 2, nan], [[inf, 0.5, nan]]),
    "pow 1.5": (lambda m, x: x**1.5, [[0, 4, -4]], [0, 8, nan], [[0, 6, nan]]),
    "pow -1": (lambda m, x: x**-1, [[0, 2, -2]], [inf, 0.5, -0.5], [[-inf, -0.5, -0.75]]),
    "pow -2": (lambda m, x: x**-2, [[0, 2, -2]], [inf, 0.25, 0.25], [[-inf, -0.5, 0.75]]),
    "pow of 0 by the exponent": (lambda m, y: 0.0**y, [[0, 1, 2, -1]], [1, 0, 0, inf], [[0, 0, 0, -inf]]),
    "pow of -2 by the exponent": (lambda m, y: (-2.0) ** y, [[0, 1, 2]], [1, -2, 4], [[nan, nan, nan]]),
    "pow by both": (
        lambda m, x, y: m.pow(x, y), [[0, 0, 0, 0, 0, -2, -2, 2], [0, 1, 2, 0.5, -1, 2, 0, 0]],
        [1, 0, 0, 0, inf, 4, 1, 1], [[0, 2, 0, inf, -inf, -24, 0, 0], [0, 0, 0, 0, -inf, nan, nan, 8 * ln2]],
    ),
    "sqrt": (lambda m, x: m.sqrt(x), [[0, 4]], [0, 2], [[inf, 0.5]]),
    "norm": (norm_of(2.0), [[0, 0]], 0, [[0, 0]]),
    "norm, p 0": (norm_of(0.0), [[0, 3]], 1, [[0, 0]]),
    "norm, p 1": (norm_of(1.0), [[0, -3]], 3, [[0, -1]]),
    "norm, p 3": (norm_of(3.0), [[0, 0]], 0, [[0, 0]]),
    "norm, p 0.5": (norm_of(0.5), [[0, 0]], 0, [[0, 0]]),
    "norm, p inf": (norm_of(inf), [[0, 0]], 0, [[0, 0]]),
    "norm, p inf, tied": (norm_of(inf), [[3, -3, 1]], 3, [[0.5, -0.5, 0]]),
    "norm, p -inf": (norm_of(-inf), [[0, 0]], 0, [[0, 0]]),
    "log": (lambda m, x: m.log(x), [[0, 1]], [-inf, 0], [[inf, 2]]),
    "div": (lambda m, x, y: x / y, [[0, 1], [0, 0]], [nan, inf], [[inf, inf], [nan, -inf]]),
    "xlogy": (
        lambda m, x, y: m.xlogy(x, y), [[0, 0, 1], [0, e, e]], [0, 0, 1], [[0, 2, 3], [nan, 0, 3 / e]]
    ),
    # corners and ties
    "abs": (lambda m, x: m.abs(x), [[0, -0.0, 2, -3]], [0, 0, 2, 3], [[0, 0, 3, -4]]),
    "sign": (lambda m, x: m.sign(x), [[0, -0.0, 2, -3]], [0, 0, 1, -1], [[0, 0, 0, 0]]),
    "relu": (lambda m, x: m.relu(x), [[0, BIG, -BIG]], [0, BIG, 0], [[0, 2, 0]]),
    "relu6": (lambda m, x: m.F.relu6(x), [[0, 6, 3, BIG, -BIG]], [0, 6, 3, 6, 0], [[0, 0, 3, 0, 0]]),
    "leaky_relu": (lambda m, x: m.F.leaky_relu(x, 0.5), [[0, BIG, -BIG]], [0, BIG, -BIG / 2], [[0.5, 2, 1.5]]),
    "prelu": (lambda m, x, w: m.F.prelu(x, w), [[0, 2, -3], [0.25]], [0, 2, -0.75], [[0.25, 2, 0.75], [-9]]),
    "hardtanh": (lambda m, x: m.F.hardtanh(x), [[-1, 1, 0.5]], [-1, 1, 0.5], [[0, 0, 3]]),
    "hardsigmoid": (lambda m, x: m.F.hardsigmoid(x), [[-3, 3, BIG, -BIG]], [0, 1, 1, 0], [[0, 0, 0, 0]]),
    "hardswish": (lambda m, x: m.F.hardswish(x), [[BIG, -BIG, 0]], [BIG, 0, 0], [[1, 0, 1.5]]),
    "clamp": (lambda m, x: m.clamp(x, -1, 1), [[-1, 1, inf, -inf, nan]], [-1, 1, 1, -1, nan], [[1, 2, 0, 0, 0]]),
    "amax, tied": (lambda m, x: m.amax(x, 0), [[1, 3, 3]], 3, [[0, 0.5, 0.5]]),
    "amin, tied": (lambda m, x: m.amin(x, 0), [[1, 1, 3]], 1, [[0.5, 0.5, 0]]),
    "max, tied": (lambda m, x: m.max(x), [[1, 3, 3]], 3, [[0, 0.5, 0.5]]),
    "max over a dim, tied": (lambda m, x: m.max(x, 0)[0], [[1, 3, 3]], 3, [[0, 1, 0]]),
    "min over a dim, tied": (lambda m, x: m.min(x, 0)[0], [[1, 1, 3]], 1, [[1, 0, 0]]),
    "maximum, tied": (lambda m, x, y: m.maximum(x, y), [[1, 2], [1, 3]], [1, 3], [[0.5, 0], [0.5, 2]]),
    "minimum, tied": (lambda m, x, y: m.minimum(x, y), [[1, 2], [1, 3]], [1, 2], [[0.5, 2], [0.5, 0]]),
    "amax of nan": (lambda m, x: m.amax(x, 0), [[1, nan, 3]], nan, [[nan, nan, nan]]),
    "max_pool2d, tied": (
        lambda m, x: m.F.max_pool2d(x, 2), [[[[1, 1], [1, 1]]]], [[[1]]], [[[[1, 0], [0, 0]]]]
    ),
    "prod with one zero": (lambda m, x: m.prod(x), [[2, 0, 3]], 0, [[0, 6, 0]]),
    "prod with two zeros": (lambda m, x: m.prod(x), [[2, 0, 3, 0]], 0, [[0, 0, 0, 0]]),
    "prod over a dim": (lambda m, x: m.prod(x, 1), [[[2, 0], [0, 0]]], [0, 0], [[[0, 2], [0, 0]]]),
    # saturation
    "sigmoid": (lambda m, x: m.sigmoid(x), [SATURATED], [1, 0, 0.5], [[0, 0, 0.75]]),
    "logsigmoid": (lambda m, x: m.F.logsigmoid(x), [SATURATED], [0, -BIG, -ln2], [[0, 2, 1.5]]),
    "softplus": (lambda m, x: m.F.softplus(x), [SATURATED], [BIG, 0, ln2], [[1, 0, 1.5]]),
    "tanh": (lambda m, x: m.tanh(x), [SATURATED], [1, -1, 0], [[0, 0, 3]]),
    "erf": (lambda m, x: m.erf(x), [SATURATED], [1, -1, 0], [[0, 0, 6 / math.sqrt(pi)]]),
    "atan": (lambda m, x: m.atan(x), [[inf, -inf, 0]], [pi / 2, -pi / 2, 0], [[0, 0, 3]]),
    "expm1": (lambda m, x: m.expm1(x), [[-BIG, 0, BIG]], [-1, 0, inf], [[0, 2, inf]]),
    "log1p": (lambda m, x: m.log1p(x), [[-1, 0]], [-inf, 0], [[inf, 2]]),
    "gelu": (lambda m, x: m.F.gelu(x), [SATURATED], [BIG, 0, 0], [[1, 0, 1.5]]),
    "gelu by tanh": (lambda m, x: m.F.gelu(x, approximate="tanh"), [SATURATED], [BIG, 0, 0], [[1, 0, 1.5]]),
    "silu": (lambda m, x: m.F.silu(x), [SATURATED], [BIG, 0, 0], [[1, 0, 1.5]]),
    "elu": (lambda m, x: m.F.elu(x, 2.0), [SATURATED], [BIG, -2, 0], [[1, 0, 6]]),
    "elu where the exponential overflows": (lambda m, x: m.F.elu(x, 2.0), [[1000]], [1000], [[1]]),
    "selu": (
        lambda m, x: m.F.selu(x), [SATURATED], [1.0507009873554805 * BIG, -1.7580993408473766, 0],
        [[1.0507009873554805, 0, 3 * 1.7580993408473766]],
    ),
    "softsign": (lambda m, x: m.F.softsign(x), [[inf, 0]], [nan, 0], [[nan, 2]]),
    # nothing
    "sum of nothing": (lambda m, x: m.sum(x), [[]], 0, [[]]),
    "prod of nothing": (lambda m, x: m.prod(x), [[]], 1, [[]]),
    "mean of nothing": (lambda m, x: m.mean(x), [[]], nan, [[]]),
    "var of nothing": (lambda m, x: m.var(x), [[]], nan, [[]]),
    "std of nothing": (lambda m, x: m.std(x), [[]], nan, [[]]),
    "norm of nothing": (lambda m, x: m.norm(x), [[]], 0, [[]]),
    "logsumexp of nothing": (lambda m, x: m.logsumexp(x, 0), [[]], -inf, [[]]),
    "cumsum of nothing": (lambda m, x: m.cumsum(x, 0), [[]], [], [[]]),
    "softmax of nothing": (lambda m, x: m.softmax(x, 0), [[]], [], [[]]),
    "amax over a dim of none": (lambda m, x: m.amax(x, 1), [np.zeros((0, 2))], [], [np.zeros((0, 2))]),
    "mean over a dim of nothing": (lambda m, x: m.mean(x, 1), [np.zeros((2, 0))], [nan, nan], [np.zeros((2, 0))]),
}  # fmt: skip

# for some of them, the derivative by each input of the gradients weighted by 1, 2, 3, …
SECOND = {
    "softmax": [[0, 0, 0]],
    "log_softmax": [[0, 0, 0]],
    "logsumexp": [[0, 0, 0]],
    "logsumexp with -inf": [[0, -0.25, 0.25]],
    "cross_entropy, right": [[[0, 0]]],
    "cross_entropy, wrong": [[[0, 0]]],
    "cross_entropy of probabilities": [[[0, 0]]],
    "cross_entropy with -inf elsewhere": [[[-0.5, 0, 0.5]]],
    "binary_cross_entropy_with_logits": [[0, 0, 0, 0, 6.25]],
    "huber_loss": [[0, 0, 9, 0]],
    "smooth_l1_loss": [[0, 0, 9, 0]],
    "var of one, correction 0": [[0]],
    "var of a constant": [[-1, 0, 1]],
    "batch_norm of a constant": [[[-0.5 / math.sqrt(1e-5)], [0.5 / math.sqrt(1e-5)]], [0.5 / math.sqrt(1e-5)], [0]],
    "layer_norm of a constant": [[[0, 0]]],
    "pow 0": [[0, 0, 0]],
    "pow 1": [[0, 0, 0]],
    "pow 2": [[2, 8, 18]],
    "pow 3": [[0, 48, -108]],
    "pow -1": [[inf, 1, -2.25]],
    "sqrt": [[-inf, -0.125]],
    "log": [[-inf, -4]],
    "abs": [[0, 0, 0, 0]],
    "relu": [[0, 0, 0]],
    "amax, tied": [[0, 0, 0]],
    "std of a constant": [[0, 0, 0]],
    "prod with one zero": [[6, 9, 4]],
    "prod with two zeros": [[0, 24, 0, 12]],
    "sigmoid": [[0, 0, 0]],
    "logsigmoid": [[0, 0, -2.25]],
    "softplus": [[0, 0, 2.25]],
    "tanh": [[0, 0, 0]],
    "expm1": [[0, 4, inf]],
    "gelu": [[0, 0, 18 / math.sqrt(2 * pi)]],
    "gelu by tanh": [[0, 0, 18 / math.sqrt(2 * pi)]],
    "silu": [[0, 0, 4.5]],
    "hardswish": [[0, 0, 3]],
}


def counted(m, like):
    """1, 2, 3, … in the shape and dtype of a tensor."""
    return const(m, like, np.arange(1.0, 1 + math.prod(like.shape)).reshape(tuple(like.shape)))


def check(m, name, dtype, tol):
    f, inputs, value, gradients = POINTS[name]
    xs = [m.tensor(np.asarray(x, dtype), requires_grad=True) for x in inputs]
    z = f(m, *xs)
    grads = m.grad(z, xs, counted(m, z), create_graph=True, materialize_grads=True)
    same([z], [value], dtype, tol)
    same(grads, gradients, dtype, tol)
    if name in SECOND:
        graphed = [g for g in grads if g.requires_grad]
        second = m.grad(graphed, xs, [counted(m, g) for g in graphed], materialize_grads=True) if graphed else None
        same(second or [0 * x for x in xs], SECOND[name], dtype, tol)


def same(got, want, dtype, tol):
    for a, b in zip(got, want, strict=True):
        a, b = a.detach(), np.asarray(b, dtype)
        a = a.numpy() if isinstance(a, md.Tensor) else a.numpy(force=True)
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        np.testing.assert_allclose(a, b, tol, tol * max(1, np.abs(b[np.isfinite(b)]).max(initial=0)))


@pytest.mark.parametrize("dtype, tol", [("float64", 1e-12), ("float32", 2e-6)])
@pytest.mark.parametrize("name", POINTS)
def test_value_and_gradients(name, dtype, tol):
    check(OURS, name, dtype, tol)


@pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
@pytest.mark.filterwarnings("ignore:(var|std).*degrees of freedom")
@pytest.mark.parametrize("name", POINTS)
def test_pytorch_says_the_same(name):
    check(THEIRS, name, "float64", 1e-8)  # its 1e-12 is one of float32


@pytest.mark.parametrize(
    "name, f",
    {
        "amax": lambda x: x.amax(),
        "amin": lambda x: x.reshape(3, 0).amin(1),
        "argmax": lambda x: x.argmax(),
        "argmin": lambda x: x.reshape(3, 0).argmin(-1),
    }.items(),
)
def test_extremes_of_nothing_are_refused(name, f):
    with pytest.raises(ValueError, match=f"^{name}: .* has no elements to choose from"):
        f(md.ones(0))


@pytest.mark.parametrize("x", [0.1, -0.1, 1e-3, -1e-6, 1e-9, -1e-12, 1e-15, 1e-20, -1e-300])
@pytest.mark.parametrize(
    "f, exact",
    [
        (md.expm1, lambda x: x.exp() - 1),
        (md.log1p, lambda x: (1 + x).ln()),
        (md.sinh, lambda x: (x.exp() - (-x).exp()) / 2),
        (md.tanh, lambda x: ((2 * x).exp() - 1) / ((2 * x).exp() + 1)),
        (md.asinh, lambda x: (x + (x * x + 1).sqrt()).ln()),
        (md.atanh, lambda x: ((1 + x) / (1 - x)).ln() / 2),
        (md.functional.elu, lambda x: x if x > 0 else x.exp() - 1),
    ],
)
def test_small_numbers_keep_their_digits(f, exact, x):
    with localcontext() as context:
        context.prec = 700
        expected = float(exact(Decimal(x)))
    z = f(md.tensor(x, dtype=md.float64)).item()
    assert abs(z - expected) <= 1e-15 * abs(expected)


@pytest.mark.parametrize("x", [1.0, 20.0, 40.0, 700.0])
def test_tails_keep_their_digits(x):
    with localcontext() as context:
        context.prec = 700
        tail = (-Decimal(x)).exp()
        logarithm, probability = float((1 + tail).ln()), float(tail / (1 + tail))
    x = md.tensor(x, dtype=md.float64)
    for z, expected in (
        (md.functional.softplus(-x), logarithm),
        (-md.functional.logsigmoid(x), logarithm),
        (md.sigmoid(-x), probability),
    ):
        assert abs(z.item() - expected) <= 1e-15 * expected
