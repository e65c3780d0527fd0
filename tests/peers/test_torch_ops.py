"""A call of every op beside PyTorch's, in all its spellings and dtypes; matrix products; derivatives of functions."""

from itertools import product

import numpy as np
import pytest
from parity import MISTAKES, OURS, RNG, THEIRS, agree, call, compare, dtype_name, functional, normal, refused, torch

import minidl as md

X, Y, MASK, INDEX = normal(3, 2, 4), abs(normal(2, 1)) + 0.1, normal(2, 4) > 0, np.array([[[1, 0, 1, 1]]])
SMALL, LARGE = 0.9 * np.tanh(X), abs(X) + 1.1

# what is called (its first word), and the arguments by their names, in order
CALLS = {
    name: dict(input=values)
    for names, values in [
        ("neg abs exp tanh sigmoid relu sin cos tan atan sinh cosh asinh erf expm1 sign floor ceil trunc round", X),
        ("asin acos atanh", SMALL), ("acosh log log1p sqrt", LARGE), ("isnan isinf isfinite logical_not", X),
    ]
    for name in names.split()
}  # fmt: skip
CALLS |= dict.fromkeys(["add", "sub", "mul", "div", "maximum", "minimum"], dict(input=X, other=Y))
CALLS |= dict.fromkeys(
    ["eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"], dict(input=X, other=Y)
)
SUMS = ["sum", "mean", "var", "std", "amax", "amin", "any", "all"]
REDUCTIONS = [*SUMS, "max", "min", "argmax", "argmin", "prod"]
CALLS |= dict.fromkeys([*REDUCTIONS, "logsumexp"], dict(input=X, dim=1, keepdim=True))
CALLS |= {f"{name} of all": dict(input=X) for name in [*REDUCTIONS, "norm"]}
CALLS |= {f"{name} over dims": dict(input=X, dim=(0, -1)) for name in [*SUMS, "logsumexp"]}
CALLS |= {
    "pow": dict(input=LARGE, exponent=Y),
    "round to decimals": dict(input=X, decimals=1),
    "clip": dict(input=X, min=-0.5, max=0.5),
    "clamp": dict(input=X, min=-Y, max=2 * Y),
    "where": dict(condition=MASK, input=X, other=Y),
    "masked_fill": dict(input=X, mask=MASK, value=1),
    "var biased": dict(input=X, dim=0, unbiased=False),
    "std biased": dict(input=X, dim=0, unbiased=False),
    "var corrected": dict(input=X, dim=0, correction=2),
    "std corrected": dict(input=X, dim=0, correction=2),
    "norm": dict(input=X, p=3, dim=1, keepdim=True),
    "norm over dims": dict(input=X, p=1, dim=(0, 1)),
    "cumsum": dict(input=X, dim=-2),
    "topk": dict(input=X, k=2, dim=0, largest=False, sorted=True),
    "squeeze": dict(input=X[:1], dim=0),
    "unsqueeze": dict(input=X, dim=-2),
    "split": dict(tensor=X, split_size_or_sections=3, dim=2),
    "split in parts": dict(tensor=X, split_size_or_sections=[1, 3], dim=2),
    "chunk": dict(input=X, chunks=2, dim=-1),
    "flip": dict(input=X, dims=(0, 2)),
    "tile": dict(input=X, dims=(2, 1)),
    "gather": dict(input=X, dim=1, index=INDEX),
    "scatter_add": dict(input=X, dim=1, index=INDEX, src=X[:1, :1]),
    "index_select": dict(input=X, dim=1, index=INDEX[0, 0]),
    "reshape": dict(input=X, shape=(6, -1)),
    "permute": dict(input=X, dims=(2, 0, 1)),
    "transpose": dict(input=X, dim0=0, dim1=-1),
    "flatten": dict(input=X, start_dim=0, end_dim=1),
    "pad": dict(input=X, pad=(1, 2), mode="constant", value=2.0),
    "one_hot": dict(tensor=INDEX, num_classes=3),
}
KEYWORD_ONLY = ("decimals", "correction")
NOT_SPELLED = {  # PyTorch's own parameter is called otherwise than it says; it has no such method, or in another order
    ("one_hot", "keyword"), ("masked_fill", "keyword"), ("pad", "method"), ("one_hot", "method"), ("where", "method"),
    ("var", "position"), ("var", "method"), ("std", "position"), ("std", "method"),
}  # fmt: skip
LEFT_OPEN = {  # what PyTorch refuses, rounds, or gives a dtype of its own
    "bool": ["relu", "topk", "argmax", "argmin", "masked_fill", "sign"], "uint8": ["any", "all"], "float16": ["prod"],
}  # fmt: skip


def spelled(form, name, arguments):
    """A case: the call by "position", by "keyword" or as a "method"; the arrays among the arguments are the tensors."""
    places = [key for key, value in arguments.items() if isinstance(value, np.ndarray)]
    name = name.split()[0]

    def f(m, *xs):
        options = arguments | dict(zip(places, xs, strict=True))
        function = getattr(m.F if name in ("pad", "one_hot") else m, name)
        if form == "keyword":
            return function(**options)
        first, *others = [options.pop(key) for key in arguments if key not in KEYWORD_ONLY]
        return function(first, *others, **options) if form == "position" else getattr(first, name)(*others, **options)

    return f


def arrays(arguments):
    return [value for value in arguments.values() if isinstance(value, np.ndarray)]


@pytest.mark.parametrize("form", ["position", "keyword", "method"])
@pytest.mark.parametrize("name", CALLS)
def test_spelling(name, form):
    if (name, form) not in NOT_SPELLED:
        compare(spelled(form, name, CALLS[name]), *arrays(CALLS[name]), scale=1)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64", "float16", "float32"])
@pytest.mark.parametrize("name", CALLS)
def test_dtype(name, dtype):
    function = name.split()[0]
    given = [(4 * abs(a)).astype(dtype) if a.dtype.kind == "f" else a for a in arrays(CALLS[name])]
    if function not in LEFT_OPEN.get(dtype, ()):
        f = spelled("position" if (name, "keyword") in NOT_SPELLED else "keyword", name, CALLS[name])
        agree(function, f, *given, order=1, tol=1e-2 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize("name", CALLS)
def test_no_argument_is_ignored(name):
    given, said = arrays(CALLS[name]), name.split()[0].replace("clamp", "(clamp|clip)")
    refused(said, spelled("keyword", name, CALLS[name] | dict(nonsense=1)), *given)
    refused(said, spelled("keyword", name, {}))
    refused(said, spelled("position", name, CALLS[name] | dict(zip("abcdefghi", range(9), strict=True))), *given)


@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_tensor(name):
    said, first = name.split()[0].replace("clamp", "(clamp|clip)"), next(iter(CALLS[name]))
    for operand in ("text", None, [1.0, 2.0]):
        arguments = CALLS[name] | {first: operand}
        refused(said, spelled("position", name, arguments), *arrays(arguments))


# --- promotion --------------------------------------------------------------------------------------------------------

DTYPES = ["bool", "uint8", "int32", "int64", "float16", "float32", "float64"]
OPERANDS = {f"{d} {n}-d": np.ones((2,) * n, d) for d in DTYPES for n in (0, 1)} | {"True": True, "2": 2, "2.0": 2.0}
TENSORS_ONLY = ["maximum", "minimum", "logical_and", "logical_or", "logical_xor", "cat", "stack"]  # in PyTorch


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "where", "clip", *TENSORS_ONLY])
def test_promotion(name):
    def promoted(m, *operands):
        operands = [m.tensor(a) if isinstance(a, np.ndarray) else a for a in operands]
        try:
            if name in ("cat", "stack"):
                return dtype_name(getattr(m, name)(operands))
            condition = [m.tensor(np.array([True]))] * (name == "where")
            return dtype_name(getattr(m, name)(*condition, *operands))
        except MISTAKES as error:
            return None if "not implemented for" in str(error) else "refused"

    pairs = [(a, b) for a, b in product(OPERANDS, OPERANDS) if "d" in a and ("d" in b or name not in TENSORS_ONLY)]
    want = {(a, b): promoted(THEIRS, OPERANDS[a], OPERANDS[b]) for a, b in pairs}
    if name in ("sub", "pow"):  # bools are numbers to minidl
        want = {(a, b): dtype for (a, b), dtype in want.items() if "bool" not in a + b and b != "True"}
    want = {pair: dtype for pair, dtype in want.items() if dtype}
    assert {(a, b): promoted(OURS, OPERANDS[a], OPERANDS[b]) for a, b in want} == want


# --- matrix products, softmax and others ------------------------------------------------------------------------------

RANKS = [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((5, 2, 3), (3,))]
RANKS += [((3,), (5, 3, 2)), ((2, 3), (5, 3, 2)), ((5, 1, 2, 3), (4, 3, 2)), ((2, 0), (0, 3)), ((0, 2, 3), (3, 2))]
CASES = {f"{a} @ {b}": (call("matmul"), normal(*a), normal(*b)) for a, b in RANKS}
CASES |= {
    "linear": (functional("linear"), normal(2, 5, 3), normal(4, 3), normal(4)),
    "linear vector": (functional("linear"), normal(3), normal(4, 3), normal(4)),
    "linear no bias": (functional("linear"), normal(2, 3), normal(4, 3)),
    "dropout nothing": (functional("dropout", 0.0), normal(4)),
    "dropout everything": (functional("dropout", 1.0), normal(4)),
    "dropout eval": (functional("dropout", 0.5, False), normal(4)),
}
SOFTMAXES = ("softmax", "log_softmax")
CASES |= {f"{name} of 0-d": (functional(name, 0), normal()) for name in SOFTMAXES}
CASES |= {f"{name} dim {d}": (functional(name, d), normal(3, 2, 4)) for name in SOFTMAXES for d in (0, -1)}
CASES |= {f"{name} large": (functional(name, 1), 400 * normal(2, 5)) for name in SOFTMAXES}
CASES |= {f"{name} masked": (functional(name, 0), np.array([1.0, -np.inf, 0.5])) for name in SOFTMAXES}


@pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 2e-5)])
@pytest.mark.parametrize("case", CASES)
def test_op(case, dtype, tol):
    f, *given = CASES[case]
    compare(f, *(a.astype(dtype) for a in given), tol=tol, scale=1)


EDGE_CASES = {
    "overflow": (lambda m, x: (x * x).sum() + x.sum(), np.array([1e200, 1.7e308, 1.7e308])),
    "inf @": (call("matmul"), np.array([[np.inf, 1.0]]), np.array([[0.0], [1.0]])),
    "softmax of inf": (functional("softmax", 0), np.array([np.inf, 1.0])),
    "log_softmax of -inf": (functional("log_softmax", 0), np.array([-np.inf, -np.inf])),
    "max pool of nan": (functional("max_pool2d", 2, 1), np.array([[[[1, np.nan, 2], [3, np.nan, 4], [5, 6, 7]]]])),
    "max pool of -inf": (functional("max_pool2d", 2, 1, 1), np.full((1, 1, 3, 3), -np.inf)),
    "ignored row of inf": (
        lambda m, x: m.F.cross_entropy(x, m.tensor(np.array([-100, 1]))), np.array([[-np.inf, 1.0], [2.0, 1.0]])
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", EDGE_CASES)
def test_where_numbers_end(case):
    compare(*EDGE_CASES[case], order=1)


INTEGER_CASES = {
    "matmul": lambda m, x: x @ x.T,
    "square": lambda m, x: x**2,
    "root": lambda m, x: x**0.5,
    "x / 255": lambda m, x: x / 255,
    "clip by floats": call("clip", 0.5, 2.5),
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
