"""The ops beside PyTorch's: values, gradients of both orders, dtypes, errors."""

from itertools import product

import numpy as np
import pytest
from parity import OURS, RNG, THEIRS, call, compare, dtype_name, functional, normal, ties, torch

import minidl as md

SHAPES = [((2, 3), (2, 3)), ((2, 1, 3), (4, 1)), ((), (3,)), ((0, 3), (1, 3))]
RANKS = [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((5, 2, 3), (3,))]
RANKS += [((3,), (5, 3, 2)), ((2, 3), (5, 3, 2)), ((5, 1, 2, 3), (4, 3, 2)), ((2, 0), (0, 3)), ((0, 2, 3), (3, 2))]
REDUCED = [{}, {"dim": 0}, {"dim": -1, "keepdim": True}, {"dim": (0, 2)}, {"dim": (-1, 0, 1), "keepdim": True}]
INDICES = [
    0, -1, (1, 1), slice(None, None, 2), (..., 1), (None, slice(1, 3)), (slice(None), None, 1), [1, 1],
    (0, ..., slice(-2, None)), np.array([2, 0, 2]), np.array([[0, 1], [2, 2]]), (np.array([0, 2]), np.array([1, 1])),
    (slice(None), np.array([-1, 0])), (slice(1, None), np.array([0, 0]), slice(None, None, 3)),
    (np.array([[0], [1]]), slice(2), np.array([1, 3])), ([0, 1], ..., [1, 2]), np.array([True, False, True]),
    np.arange(24).reshape(3, 2, 4) % 3 == 0, (np.array([True, False, True]), 1), (np.array([False] * 3), slice(1)),
    (np.array([True, True, False]), slice(None), np.array([0, 3])),
]  # fmt: skip
BASES = np.array([-2.0, -1.5, 0.0, 0.5, 2.0, np.inf])
EDGES = np.array([-720.0, -30.0, -1.5, -0.0, 0.0, 0.3, 1.0, 2.0, 30.0])
POWERS = np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 2.5])

CASES = {
    f"{name} {a} {b}": (call(name), normal(*a), normal(*b))
    for name, (a, b) in product(["add", "sub", "mul", "div", "maximum", "minimum"], SHAPES)
}
CASES |= {name: (call(name), normal(3, 4)) for name in ("neg", "exp", "tanh", "sigmoid", "abs", "relu", "sign")}
CASES |= {name: (call(name), abs(normal(3, 4)) + 0.1) for name in ("log", "sqrt")}
CASES |= {
    "pow": (call("pow"), abs(normal(2, 1, 3)) + 0.1, normal(4, 1)),
    "number ** x": (lambda m, x: 2.5**x, normal(3)),
    "1 - x, 1 / x": (lambda m, x: 1 - 1 / x, normal(3)),
    "x + x": (lambda m, x: (x + x) * x, normal(3)),
    "where": (lambda m, x, y: m.where(x > y, x, y * 2), normal(2, 3), normal(3)),
    "where number": (lambda m, x: m.where(x > 0, x, -1.0), normal(2, 3)),
    "clip": (call("clip", -0.5, 0.5), normal(9)),
    "clip on the bounds": (call("clip", -1, 1), ties(9)),
    "clip below": (call("clip", min=0.1), normal(9)),
    "clip above": (call("clip", max=0.1), normal(9)),
    "clip crossed": (call("clip", 1, -1), normal(9)),
    "maximum ties": (call("maximum"), ties(20), ties(20)),
    "minimum ties": (call("minimum"), ties(20), ties(20)),
}
CASES |= {f"{name} {k}": (call(name, **k), normal(3, 2, 4)) for name, k in product(["sum", "mean", "var"], REDUCED)}
CASES |= {f"{name} {k}": (call(name, **k), ties(3, 2, 4)) for name, k in product(["amax", "amin"], REDUCED)}
CASES |= {
    f"{name} {k}": (call(name, **k), ties(3, 2, 4))
    for name, k in product(["max", "min", "argmax", "argmin"], [{}, {"dim": 0}, {"dim": -1, "keepdim": True}])
}
CASES |= {f"var correction {c}": (call("var", 0, correction=c), normal(4, 3)) for c in (0, 2, 0.5)}
CASES |= {f"{a} @ {b}": (call("matmul"), normal(*a), normal(*b)) for a, b in RANKS}
CASES |= {f"x[{i!r}]": (lambda m, x, i=i: x[i], normal(3, 2, 4)) for i in INDICES}
CASES |= {
    "reshape": (call("reshape", (4, -1)), normal(3, 2, 4)),
    "reshape method": (lambda m, x: x.reshape(2, 12), normal(3, 2, 4)),
    "reshape permuted": (lambda m, x: m.permute(x, (2, 0, 1)).reshape(6, 4), normal(3, 2, 4)),
    "permute": (call("permute", (-1, 0, 1)), normal(3, 2, 4)),
    "transpose": (call("transpose", 0, -1), normal(3, 2, 4)),
    "x.T": (lambda m, x: x.T, normal(3, 2)),
    "flatten": (call("flatten", 1), normal(3, 2, 4)),
    "flatten 0-d": (call("flatten"), normal()),
    "squeeze": (call("squeeze"), normal(1, 2, 1)),
    "squeeze dim": (call("squeeze", (0, 1)), normal(1, 2, 1)),
    "unsqueeze": (call("unsqueeze", -1), normal(2)),
    "expand": (lambda m, x: x.expand(4, 2, -1), normal(2, 1)),
    "pad": (functional("pad", (1, 0, 2, 1), value=1.5), normal(2, 3)),
    "pad crops": (functional("pad", (-1, 2, 0, -1)), normal(3, 3)),
    "cat": (lambda m, *xs: m.cat(xs, 1), normal(2, 1), normal(2, 3), normal(2, 0)),
    "cat the same": (lambda m, x: m.cat([x, x * x, x], -1), normal(2, 2)),
    "stack": (lambda m, *xs: m.stack(xs, -1), normal(2, 3), normal(2, 3)),
    "mean of nothing": (call("mean"), normal(0, 3)),
    "sum of nothing": (call("sum", 0), normal(0, 3)),
    "relu": (functional("relu"), normal(4)),
    "linear": (functional("linear"), normal(2, 5, 3), normal(4, 3), normal(4)),
    "linear vector": (functional("linear"), normal(3), normal(4, 3), normal(4)),
    "linear no bias": (functional("linear"), normal(2, 3), normal(4, 3)),
    "dropout nothing": (functional("dropout", 0.0), normal(4)),
    "dropout everything": (functional("dropout", 1.0), normal(4)),
    "dropout eval": (functional("dropout", 0.5, False), normal(4)),
}
SOFTMAXES = ("softmax", "log_softmax")
CASES |= {f"{name} over no dim": (call(name, dim=()), normal(2, 3)) for name in ("sum", "mean", "amax")}
CASES |= {f"{name} of 0-d": (call(name, 0), normal()) for name in ("sum", "amax", "max", "argmax")}
CASES |= {f"{name} of 0-d": (functional(name, 0), normal()) for name in SOFTMAXES}
CASES |= {f"{name} dim {d}": (functional(name, d), normal(3, 2, 4)) for name in SOFTMAXES for d in (0, -1)}
CASES |= {f"{name} large": (functional(name, 1), 400 * normal(2, 5)) for name in SOFTMAXES}
CASES |= {f"{name} masked": (functional(name, 0), np.array([1.0, -np.inf, 0.5])) for name in SOFTMAXES}


@pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 2e-5)])
@pytest.mark.parametrize("case", CASES)
def test_op(case, dtype, tol):
    f, *arrays = CASES[case]
    compare(f, *(a.astype(dtype) for a in arrays), tol=tol)


EDGE_CASES = {name: (call(name), EDGES) for name in ("exp", "log", "sqrt", "tanh", "sigmoid", "abs", "relu", "sign")}
EDGE_CASES |= {f"x ** {p}": (call("pow", p), BASES) for p in (*POWERS.tolist(), 0, 1, 2, -1)}
EDGE_CASES |= {
    "x ** y": (call("pow"), np.repeat(BASES, len(POWERS)), np.tile(POWERS, len(BASES))),
    "0 ** y": (lambda m, y: 0.0**y, POWERS),
    "x / 0": (call("div"), BASES, 0 * POWERS[:6]),
    "inf - inf": (call("sub"), np.array([np.inf, 1.0]), np.array([np.inf, np.inf])),
    "inf · 0": (call("mul"), np.array([np.inf, 0.0]), np.array([0.0, np.nan])),
    "overflow": (lambda m, x: (x * x).sum() + x.sum(), np.array([1e200, 1.7e308, 1.7e308])),
    "inf @": (call("matmul"), np.array([[np.inf, 1.0]]), np.array([[0.0], [1.0]])),
    "where inf": (lambda m, x: m.where(x > 1, x, x * 0 + 1), np.array([2.0, 0.5])),
    "relu of inf": (call("relu"), np.array([np.inf, -np.inf])),
    "softmax of inf": (functional("softmax", 0), np.array([np.inf, 1.0])),
    "log_softmax of -inf": (functional("log_softmax", 0), np.array([-np.inf, -np.inf])),
    "var of one": (call("var", correction=0), np.array([1.0])),
    "maximum of nan": (lambda m, x: m.maximum(x, x * 0).detach(), np.array([np.nan, 1.0])),
    "max pool of nan": (functional("max_pool2d", 2, 1), np.array([[[[1, np.nan, 2], [3, np.nan, 4], [5, 6, 7]]]])),
    "max pool of -inf": (functional("max_pool2d", 2, 1, 1), np.full((1, 1, 3, 3), -np.inf)),
    "ignored row of inf": (
        lambda m, x: m.F.cross_entropy(x, m.tensor(np.array([-100, 1]))), np.array([[-np.inf, 1.0], [2.0, 1.0]])
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EDGE_CASES)
def test_where_numbers_end(case):
    compare(*EDGE_CASES[case], order=1)


@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_comparison(name, dtype):
    compare(call(name), ties(3, 4).astype(dtype), ties(4).astype("int64"), order=1)


DTYPES = ["bool", "uint8", "int32", "int64", "float32", "float64"]
OPERANDS = {f"{d} {n}-d": np.ones((2,) * n, d) for d in DTYPES for n in (0, 1)} | {"True": True, "2": 2, "2.0": 2.0}


@pytest.mark.parametrize("name", ["add", "mul", "div", "maximum"])
def test_promotion(name):
    def promoted(m, *operands):
        arrays = np.ndarray if m is OURS or name != "maximum" else object  # torch.maximum takes no numbers
        return dtype_name(getattr(m, name)(*(m.tensor(a) if isinstance(a, arrays) else a for a in operands)))

    pairs = [(a, b) for a, b in product(OPERANDS, OPERANDS) if "d" in a and (name != "maximum" or "d" in b)]
    got, want = ({(a, b): promoted(m, OPERANDS[a], OPERANDS[b]) for a, b in pairs} for m in (OURS, THEIRS))
    assert got == want


INTEGER_CASES = {
    "sum": call("sum"),
    "sum dim": call("sum", 0),
    "amax": call("amax", 1),
    "argmax": call("argmax", 1),
    "clip": call("clip", 1, 2),
    "clip by floats": call("clip", 0.5, 2.5),
    "matmul": lambda m, x: x @ x.T,
    "square": lambda m, x: x**2,
    "root": lambda m, x: x**0.5,
    "sqrt": call("sqrt"),
    "x / 255": lambda m, x: x / 255,
    "max_pool2d": lambda m, x: m.F.max_pool2d(x.reshape(1, 1, 3, 4), 2, padding=1),
}


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64"])
@pytest.mark.parametrize("case", INTEGER_CASES)
def test_integers(case, dtype):
    compare(INTEGER_CASES[case], RNG.integers(0, 9, (3, 4)).astype(dtype), order=1, tol=1e-6)


@pytest.mark.parametrize("name", ["vjp", "jvp", "hvp", "jacobian"])
def test_derivatives_of_functions(name):
    def derivative(m, x, v):
        library = md if m is OURS else torch.autograd.functional
        f = (lambda x: m.exp(x).sum() * x[0]) if name == "hvp" else (lambda x: m.exp(x) * x[0])
        return getattr(library, name)(f, x, *[v] * (name != "jacobian"))

    compare(derivative, normal(3), normal(3), order=1)
