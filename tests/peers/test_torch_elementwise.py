"""Elementwise functions beside PyTorch's: values, gradients of both orders, dtypes, where numbers end, refusals."""

import operator
from itertools import product

import numpy as np
import pytest
from parity import agree, call, compare, normal, refused, ties

SHAPES = [((2, 3), (2, 3)), ((2, 1, 3), (4, 1)), ((), (3,)), ((3,), ()), ((0, 3), (1, 3)), ((), ())]
INFINITE = [np.nan, -np.inf, np.inf]
EDGES = [-1e300, -720, -30, -2.5, -1.5, -1, -0.5, -1e-9, -0.0, 0.0, 1e-300, 1e-9, 0.3, 0.5, 1, 1.5, 2.5, 30, 720, 1e300]
EDGES = np.array([*INFINITE, *EDGES])
OPERANDS = np.array([*INFINITE, -1e200, -3, -1.5, -1, -0.5, -0.0, 0.0, 1 / 3, 1, 2, 2.5, 3, 1e200])
PAIRS = np.array(list(product(OPERANDS, OPERANDS))).T.copy()

ROUNDING = ["floor", "ceil", "trunc", "round", "sign"]
ANYWHERE = ["neg", "abs", "exp", "tanh", "sigmoid", "relu", "sin", "cos", "tan", "atan", "sinh", "cosh", "asinh"]
DOMAINS = dict.fromkeys([*ROUNDING, *ANYWHERE, "erf", "expm1"], lambda x: x)
DOMAINS |= dict.fromkeys(["log", "sqrt"], lambda x: abs(x) + 0.1)
DOMAINS |= dict.fromkeys(["asin", "acos", "atanh"], lambda x: 0.9 * np.tanh(x))
DOMAINS |= {"acosh": lambda x: abs(x) + 1.1, "log1p": lambda x: abs(x) - 0.9}
PREDICATES = ["isnan", "isinf", "isfinite", "logical_not"]
UNARY = [*DOMAINS, *PREDICATES]
ARITHMETIC = ["add", "sub", "mul", "div", "pow", "maximum", "minimum"]
LOGIC = ["eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"]
BINARY = [*ARITHMETIC, *LOGIC]
PRECISION = pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 2e-5)])


def inside(name, x):
    """Numbers in the domain of a function."""
    return np.asarray(DOMAINS.get(name, np.asarray)(x))


# --- values and gradients ---------------------------------------------------------------------------------------------


@PRECISION
@pytest.mark.parametrize("size", [(3, 4), (), (0, 3)])
@pytest.mark.parametrize("name", UNARY)
def test_unary(name, size, dtype, tol):
    compare(call(name), inside(name, normal(*size)).astype(dtype), tol=tol)


@PRECISION
@pytest.mark.parametrize("a, b", SHAPES)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name, a, b, dtype, tol):
    x = abs(normal(*a)) + 0.1 if name == "pow" else normal(*a)
    compare(call(name), np.asarray(x, dtype), normal(*b).astype(dtype), tol=tol)


X, Y = normal(2, 3), abs(normal(3)) + 0.1
LOW, HIGH = normal(3) - 0.5, normal(2, 1) + 0.5
MASK = normal(2, 3) > 0
CASES = {f"{name} ties": (call(name), ties(20), ties(20)) for name in ("maximum", "minimum", *LOGIC)}
CASES |= {f"round {d}": (lambda m, x, d=d: m.round(x, decimals=d), 200 * normal(20)) for d in (-3, -2, -1, 0, 1, 3)}
CASES |= {"round halves": (lambda m, x: m.round(x, decimals=1), np.arange(-20, 20) / 20)}
CASES |= {"round halves to even": (call("round"), np.arange(-9, 10) / 2)}
CASES |= {
    f"clip {low} {high}": (call("clip", low, high), np.concatenate([normal(9), [-1, -0.5, 0.5, 1]]))
    for low, high in [
        (-0.5, 0.5),
        (-0.5, None),
        (None, 0.5),
        (1, -1),
        (-1, 1),
        (0.5, 0.5),
        (-np.inf, np.inf),
        (True, 2),
    ]
}
CASES |= {
    "clip by tensors": (call("clip"), normal(4, 2, 3), LOW, HIGH),
    "clip by crossed tensors": (call("clip"), normal(2, 3), HIGH, LOW),
    "clip on tensors": (lambda m, x, y: m.clip(x, y - 1, y + 1), ties(50), ties(50)),
    "clip on crossed tensors": (lambda m, x, y: m.clip(x, y + 1, y - 1), ties(50), ties(50)),
    "clip by a minimum": (call("clip"), normal(3), LOW),
    "clip by a maximum": (lambda m, x, high: m.clip(x, max=high), normal(2, 3), HIGH),
    "clip by larger bounds": (call("clip"), normal(3), normal(2, 3)),
    "clamp": (call("clamp", -0.5, 0.5), normal(9)),
    "clip of 0-d": (call("clip", 0.0), normal()),
    "clip of nothing": (call("clip", 0.0), normal(0, 2)),
    "where": (call("where"), MASK, normal(2, 3), normal(2, 3)),
    "where broadcast": (call("where"), MASK, normal(4, 1, 3), normal(2, 1)),
    "where by a 0-d": (call("where"), np.array(True), normal(3), normal(2, 1)),
    "where a number": (lambda m, c, x: m.where(c, x, -1.5), MASK, normal(3)),
    "where a number is first": (lambda m, c, x: m.where(c, 2, x), MASK, normal(3)),
    "where method": (lambda m, c, x, y: x.where(c, y), MASK, normal(3), normal(2, 3)),
    "where numbers": (lambda m, c: m.where(c, 1.5, 2), MASK),
    "where integers": (lambda m, c: m.where(c, 1, 0), MASK),
    "where bools": (lambda m, c: m.where(c, True, False), MASK),
    "where nothing": (call("where"), MASK[:0], normal(0, 3), normal(3)),
    "masked_fill": (call("masked_fill", -1.5), normal(2, 3), MASK),
    "masked_fill infinite": (call("masked_fill", -np.inf), normal(2, 3), MASK),
    "masked_fill broadcast": (call("masked_fill", 2), normal(4, 2, 3), MASK[:, :1]),
    "masked_fill by more": (call("masked_fill", 2), normal(3), MASK),
    "masked_fill by a tensor": (call("masked_fill"), normal(2, 3), MASK, normal()),
    "masked_fill of 0-d": (call("masked_fill", 3), normal(), np.array(True)),
    "masked_fill of nothing": (call("masked_fill", 3), normal(0, 3), MASK[:1]),
    "x + x": (lambda m, x: (x + x) * x, normal(3)),
    "a chain": (lambda m, x: m.log1p(m.sin(x) ** 2 + m.erf(x / 2) ** 2) * m.asinh(x), normal(4)),
    "x ** 0": (lambda m, x: x**0, normal(3)),
    "x ** 2": (lambda m, x: x**2, normal(3)),
    "x ** -3": (lambda m, x: x**-3, normal(3)),
    "2.5 ** x": (lambda m, x: 2.5**x, normal(3)),
    "pow of a number": (lambda m, x: m.pow(2, x), normal(3)),
}


@PRECISION
@pytest.mark.parametrize("case", CASES)
def test_case(case, dtype, tol):
    f, *arrays = CASES[case]
    compare(f, *(a.astype(dtype) if a.dtype.kind == "f" else a for a in arrays), tol=tol)


# --- operators and numbers --------------------------------------------------------------------------------------------

OPERATORS = {name: getattr(operator, name) for name in ("add", "sub", "mul", "pow", *LOGIC[:6])}
OPERATORS |= {"div": operator.truediv}
LOGICAL = {"logical_and": operator.and_, "logical_or": operator.or_, "logical_xor": operator.xor}
SAMPLES = {
    "float64": normal(2, 3),
    "float32": ties(2, 3),
    "int64": ties(2, 3),
    "uint8": abs(ties(2, 3)),
    "bool": ties(2, 3),
}
SAMPLES = {dtype: a.astype(dtype) for dtype, a in SAMPLES.items()}


@pytest.mark.parametrize("dtype", SAMPLES)
@pytest.mark.parametrize("number", [2, 2.5, -3, 0, 300, True, -np.inf], ids=str)
@pytest.mark.parametrize("name", OPERATORS)
def test_number(name, number, dtype):
    f, x, tol = OPERATORS[name], SAMPLES[dtype], 1e-11 if dtype == "float64" else 1e-6
    if dtype == "uint8" and number == -3 and name in LOGIC:
        return  # which PyTorch takes for 253
    if (name == "sub" and (dtype == "bool" or number is True)) or (name, dtype, number) == ("pow", "bool", True):
        return  # bools are numbers to minidl
    agree(name, lambda m, x: f(x, number), x, tol=tol)
    if name == "pow" and dtype == "uint8" and number in (-3, 300):
        return  # which PyTorch takes for 253 and 44
    if name == "pow" and (number is True or number == 0):
        return  # PyTorch fails inside for True ** x, and its second derivative of 0 ** x is NaN
    x = abs(x) if name == "pow" and dtype == "int64" else x  # a whole number to the power -1 is 0 in PyTorch
    agree(name, lambda m, x: f(number, x), x, tol=tol)


@pytest.mark.parametrize("other", SAMPLES)
@pytest.mark.parametrize("dtype", SAMPLES)
@pytest.mark.parametrize("name", OPERATORS)
def test_operator(name, dtype, other):
    x, y = SAMPLES[dtype], SAMPLES[other][:1]
    if name == "sub" and "bool" in (dtype, other):
        return  # which PyTorch refuses
    if name == "pow":  # PyTorch has no gradient for a power of bools, and takes an integer to the power -1 for 0
        y = abs(y).astype("uint8") if other == "bool" else abs(y)
    agree(name, lambda m, x, y: OPERATORS[name](x, y), x, y, order=1, tol=1e-6)


@pytest.mark.parametrize("name", LOGICAL)
def test_logical_operator(name):
    f, x, y = LOGICAL[name], SAMPLES["bool"], ~SAMPLES["bool"][:1]
    compare(lambda m, x, y: f(x, y), x, y)
    for number in (True, False):
        compare(lambda m, x, number=number: (f(x, number), f(number, x)), x)
    for pair in ((X, Y), (x, Y), (X, y)):
        refused(f"(bitwise|logical)_{name[8:]}", lambda m, x, y: f(x, y), *pair)


def test_unary_operators():
    compare(lambda m, x: ~x, SAMPLES["bool"])
    refused("(bitwise|logical)_not", lambda m, x: ~x, X)
    for a in SAMPLES.values():
        agree("neg", lambda m, x: -x, a)
        agree("abs", lambda m, x: abs(x), a)


# --- where numbers end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", EDGES, ids=str)
@pytest.mark.parametrize("name", UNARY)
def test_unary_edge(name, x):
    if name == "expm1" and x < -20:
        return  # PyTorch's gradient, (eˣ − 1) + 1, has lost its digits
    with np.errstate(over="ignore"):
        compare(call(name), np.array(x), order=1, scale=0)
        compare(call(name), np.array(x, "float32"), order=1, scale=0, tol=1e-6)


@pytest.mark.parametrize("name", [name for name in DOMAINS if name not in ("relu", "sign", "abs")])
def test_the_sign_of_zero(name):
    compare(lambda m, x: 1 / getattr(m, name)(x).detach(), np.array([-0.0, 0.0, -0.3, 0.3]))


@pytest.mark.parametrize("name", BINARY)
def test_binary_edges(name):
    compare(call(name), *PAIRS, order=1, scale=0)


EDGE_CASES = {f"x ** {p}": (lambda m, x, p=p: x**p, OPERANDS) for p in [0, 1, 2, 3, -1, -2, 2.5, *INFINITE]}
ROOTS = OPERANDS[9:]  # a power of ±0.5 is a square root in PyTorch: NaN at -inf
EDGE_CASES |= {f"x ** {p}": (lambda m, x, p=p: x**p, ROOTS) for p in (0.5, -0.5)}
EDGE_CASES |= {f"{b} ** x": (lambda m, x, b=b: b**x, OPERANDS) for b in (0.0, 1.0, 2.0, 0.5, np.inf)}
EDGE_CASES |= {
    f"clip {low} {high}": (call("clip", low, high), OPERANDS)
    for low, high in [(0, 1), (-np.inf, 0), (np.nan, 1), (0, np.nan), (np.inf, None), (None, -np.inf)]
}
NUMBERS = [a[~np.isnan(PAIRS).any(0)] for a in PAIRS]  # the gradient of what is NaN is another in PyTorch
EDGE_CASES |= {
    "clip by odd minima": (call("clip"), *NUMBERS, np.full(NUMBERS[0].size, 2.25)),
    "clip by odd maxima": (lambda m, x, high, low: m.clip(x, low, high), *NUMBERS, np.full(NUMBERS[0].size, -2.25)),
    "where": (lambda m, x, y: m.where(x > y, x, y), *PAIRS),
    "where of what is not chosen": (lambda m, x: m.where(x > 0, x, x * 0 + 1), OPERANDS),
    "masked_fill": (lambda m, x, y: m.masked_fill(x, x > y, np.nan), *PAIRS),
    "round": (lambda m, x: m.round(x, decimals=2), OPERANDS),
}


@pytest.mark.parametrize("case", EDGE_CASES)
def test_edge(case):
    compare(*EDGE_CASES[case], order=1, scale=0)


def test_huge_integers():
    big = np.array([2**62, -(2**62), 2**53 + 1, 2**63 - 1, -(2**63), 0])
    for name in ("neg", "abs", "sign", "floor", "round", "isfinite", "logical_not"):
        compare(call(name), big)
    for name in (*ARITHMETIC[:3], *ARITHMETIC[4:], *LOGIC):
        compare(call(name), big, np.arange(6) if name == "pow" else np.roll(big, 1))
    compare(call("clip", -(2**62), 2**53), big)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BINARY)
def test_bad_operands(name):
    refused(name, call(name), normal(2, 3), normal(4))
    refused(name, call(name), normal(2, 3), normal(2, 1, 2))
    for other in ("1", None, [1.0], {}):
        refused(name, call(name, other), normal(2))


@pytest.mark.parametrize("name", UNARY)
def test_bad_operand(name):
    for operand in ("1", None, [1.0]):
        refused(name, lambda m, operand=operand: getattr(m, name)(operand))


WHOLE = np.array([1, 2, 3])
MISUSED = {
    "clip of nothing": ("clip", call("clip"), X),
    "clip by None": ("clip", call("clip", None, None), X),
    "clip by text": ("clip", call("clip", "a"), X),
    "clip by a list": ("clip", call("clip", [1.0]), X),
    "clip by what does not broadcast": ("clip", call("clip"), X, normal(4)),
    "where by integers": ("where", call("where"), WHOLE, Y, Y),
    "where by floats": ("where", call("where"), Y, Y, Y),
    "where by a number": ("where", lambda m, x: m.where(True, x, x), X),
    "where without other": ("where", call("where"), MASK, X),
    "where of text": ("where", lambda m, c, x: m.where(c, x, "1"), MASK, X),
    "where of None": ("where", lambda m, c, x: m.where(c, None, x), MASK, X),
    "where of what does not broadcast": ("where", call("where"), MASK, normal(2, 3), normal(4)),
    "where by what does not broadcast": ("where", call("where"), MASK, normal(4), normal(4)),
    "masked_fill by floats": ("masked_fill", call("masked_fill", 1), X, X),
    "masked_fill by integers": ("masked_fill", call("masked_fill", 1), Y, WHOLE),
    "masked_fill without value": ("masked_fill", call("masked_fill"), X, MASK),
    "masked_fill by a vector": ("masked_fill", call("masked_fill"), X, MASK, normal(1)),
    "masked_fill by text": ("masked_fill", call("masked_fill", "1"), X, MASK),
    "masked_fill by None": ("masked_fill", call("masked_fill", None), X, MASK),
    "masked_fill of what does not broadcast": ("masked_fill", call("masked_fill", 1), normal(4), MASK),
    "masked_fill overflow": ("masked_fill", call("masked_fill", 300), MASK.astype("uint8"), MASK),
    "masked_fill float overflow": ("masked_fill", call("masked_fill", 1e300), X.astype("float32"), MASK),
    "round by a fraction": ("round", lambda m, x: m.round(x, decimals=1.5), X),
    "round by None": ("round", lambda m, x: m.round(x, decimals=None), X),
    "pow of text": ("pow", call("pow", "2"), X),
    "pow without exponent": ("pow", call("pow"), X),
    "maximum of bools and shapes": ("maximum", call("maximum"), MASK, X[0, :2]),
}


@pytest.mark.parametrize("case", MISUSED)
def test_refused(case):
    refused(*MISUSED[case])
