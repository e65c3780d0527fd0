"""Activations beside PyTorch's: values, gradients of both orders, kinks, large arguments, errors."""

import numpy as np
import pytest
from parity import OURS, RNG, THEIRS, agree, compare, functional, normal, refused, results, same, ties
from peers.test_torch_losses import bad

ACTIVATIONS = {
    "relu": [{}],
    "relu6": [{}],
    "leaky_relu": [{}, {"negative_slope": 0.2}, {"negative_slope": -0.5}, {"negative_slope": 2}],
    "elu": [{}, {"alpha": 0.5}, {"alpha": 2}, {"alpha": -1.0}],
    "selu": [{}],
    "gelu": [{}, {"approximate": "tanh"}],
    "silu": [{}],
    "softplus": [{}, {"beta": 2}, {"beta": 0.5, "threshold": 1}, {"beta": -1.5}, {"beta": 3, "threshold": -1}],
    "softsign": [{}],
    "tanh": [{}],
    "sigmoid": [{}],
    "logsigmoid": [{}],
    "hardtanh": [{}, {"min_val": 0.5}, {"min_val": -3, "max_val": 0}, {"min_val": 1.0, "max_val": 1.0}],
    "hardsigmoid": [{}],
    "hardswish": [{}],
}
CASES = [(name, options) for name, several in ACTIVATIONS.items() for options in several]
SIZES = [(), (7,), (2, 3), (2, 1, 3), (2, 3, 2, 2), (0, 3)]
KINKS = np.array([-6.0, -3.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0, 3.0, 6.0])
LARGE = [sign * x for x in (8.0, 19.5, 20.5, 37.0, 100.0, 1e4, np.inf) for sign in (1, -1)]
ONCE = {"hardsigmoid"}  # PyTorch has no second derivative of it
CORNERED = {"elu", "selu", "softplus"}  # whose second derivative on a corner is the one or the other


@pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 1e-5), ("float16", 4e-3)])
@pytest.mark.parametrize("name, options", CASES, ids=str)
def test_activation(name, options, dtype, tol):
    if name == "hardsigmoid":
        tol = max(tol, 1e-7)  # PyTorch divides by a 6 in single precision
    order, scale = (1, 1) if dtype == "float16" else (1 if name in ONCE else 2, None)
    for x in (3 * normal(4, 5), *(normal(*size) for size in SIZES)):
        compare(functional(name, **options), x.astype(dtype), order=order, tol=tol, scale=scale)
    order = 1 if name in CORNERED else order
    compare(functional(name, **options), KINKS.astype(dtype), order=order, tol=tol)
    if name != "gelu":  # whose option PyTorch takes by name only
        compare(functional(name, *options.values()), KINKS.astype(dtype), order=order, tol=tol)


@pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 1e-5)])
@pytest.mark.parametrize("name, options", CASES, ids=str)
def test_large(name, options, dtype, tol):
    """One number at a time: small values count too. Where PyTorch gives NaN, anything will do."""
    f, scale = functional(name, **options), 10 * np.finfo(dtype).eps / tol
    for x in LARGE:
        given = [np.array(x, dtype)]
        pairs = (results(m, f, given, order=1 if name in ONCE else 2) for m in (OURS, THEIRS))
        for got, want in zip(*pairs, strict=True):
            if not np.isnan(want[0].detach().numpy()):
                same(got, want, tol, scale)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_integers(name, dtype):
    """They become floats, stay what they are, or are refused, as in PyTorch."""
    agree(name, functional(name), RNG.integers(0, 9, 20).astype(dtype), order=1, tol=1e-6)


@pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 1e-5)])
@pytest.mark.parametrize("size", SIZES)
def test_prelu(size, dtype, tol):
    channels = size[1] if len(size) > 1 else 1
    for slopes in {(), (1,), (channels,)}:
        for x, order in ((normal, 2), (ties, 1)):  # at 0 the second derivative is the one or the other
            arrays = x(*size).astype(dtype), normal(*slopes).astype(dtype)
            compare(functional("prelu"), *arrays, order=order, tol=tol)


@pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 1e-5)])
@pytest.mark.parametrize("size", [*SIZES, (3, 0)])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(name, size, dtype, tol):
    ranks = len(size) or 1
    for dim in range(-ranks, ranks):
        for wide in (1, 30, 1e4):
            compare(functional(name, dim), np.asarray(wide * normal(*size), dtype), tol=tol, scale=1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("given", ["float32", "float64", "int64"])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_in_another_dtype(name, given, dtype):
    def f(m, x):
        return getattr(m.F, name)(x, dim=-1, dtype=getattr(m, dtype))

    tol = 1e-11 if (given, dtype) == ("float64", "float64") else 1e-5
    compare(f, (5 * normal(2, 3)).astype(given), tol=tol, scale=10)


X = normal(2, 3)
BAD = [
    bad("leaky_relu", X, negative_slope=None),
    bad("elu", X, alpha="1"),
    bad("gelu", X, approximate="erf"),
    bad("gelu", X, approximate=None),
    bad("softplus", X, beta=None),
    bad("softplus", X, threshold="20"),
    bad("hardtanh", X, 2.0, 1.0),
    bad("hardtanh", X, None),
    bad("prelu", X, normal(3).astype("float32")),
    bad("prelu", normal(3), normal(3)),
    bad("prelu", X, normal(2)),
    bad("prelu", X, normal(1, 3)),
    bad("prelu", X, normal(0)),
    bad("prelu", X.astype("int64"), normal(3)),
    *(
        bad(name, *arguments)
        for name in ("softmax", "log_softmax")
        for arguments in ((X, 2), (X, -3), (X, (0, 1)), (X, 0.5), (X.astype("int64"), 0))
    ),
]


@pytest.mark.parametrize("name, f", BAD)
def test_refused(name, f):
    refused(name, f)
