"""Reductions beside PyTorch's: values, gradients of both orders, dtypes, where numbers end, refusals."""

from itertools import product

import numpy as np
import pytest
from parity import RNG, agree, call, compare, normal, refused, ties

SIZES = [(3, 2, 4), (4, 1), (3,), (), (0, 3), (2, 0, 3)]
DIMS = [None, 0, 1, -1, -2, 3, (), (0,), (0, 1), [-1, 0], (0, 0), (0, -4), (3,)]
BAD_DIMS = [1.0, "a", True, (0.0,), (True,), (0, None)]

SUMS = ["sum", "mean", "var", "std", "norm", "amax", "amin", "any", "all", "logsumexp"]
PICKS = ["max", "min", "argmax", "argmin", "prod"]
X = normal(3, 2, 4)
REDUCTIONS = [*SUMS, *PICKS]
TIED = ["amax", "amin", "max", "min", "argmax", "argmin", "any", "all", "prod"]
NO_NONE = ["max", "min", "prod", "logsumexp"]  # which in PyTorch take no dim=None
NO_EMPTY = ["any", "all", "logsumexp", "var", "std"]  # where PyTorch reduces nothing, or goes wrong inside
pytestmark = pytest.mark.filterwarnings("ignore:(var|std).*degrees of freedom")
POWERS = [0, 0.5, 1, 1.5, 2, 3, -1, -2.5, np.inf, -np.inf, "fro"]
PRECISION = pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 5e-5)])


def drawn(name, size):
    if name == "std":  # whose second derivative is steep between near neighbours
        return np.asarray(0.3 * RNG.permutation(np.prod(size, dtype=int)).reshape(size) - 2)
    return (ties if name in TIED else normal)(*size)


# --- values and gradients ---------------------------------------------------------------------------------------------


@PRECISION
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction(name, size, dtype, tol):
    x, order = drawn(name, size).astype(dtype), 0 if name in ("var", "std") and not size else 2
    agree(name, call(name) if name != "logsumexp" else call(name, dim=0), x, order=order, tol=tol, scale=1)
    for dim, keepdim in product(DIMS, (False, True)):
        if not ((dim is None and name in NO_NONE) or (dim == () and name in NO_EMPTY)):
            agree(name, call(name, dim=dim, keepdim=keepdim), x, order=order, tol=tol, scale=1)


@PRECISION
@pytest.mark.parametrize("size", [(3, 2, 4), (3,), (), (2, 0)])
@pytest.mark.parametrize("p", POWERS)
def test_norm(p, size, dtype, tol):
    for dim, keepdim in product((None, 0, -1, (0, 1), ()), (False, True)):
        f, x = call("norm", p, dim, keepdim), normal(*size)
        agree("norm", f, np.asarray(x + 0.3 * np.sign(x), dtype), tol=tol, scale=1)
        if p == "fro" or p >= 0:  # PyTorch has NaN at 0 in other gradients, and in the second ones
            agree("norm", f, ties(*size).astype(dtype), order=1, tol=tol, scale=1)


def test_counting_has_a_gradient():
    """The norm of order 0 is flat, but no constant."""
    compare(lambda m, x: tuple(m.grad(m.norm(x, 0), [x], materialize_grads=True)), ties(2, 3), order=0)


@PRECISION
@pytest.mark.parametrize("name", ["var", "std"])
def test_correction(name, dtype, tol):
    x = normal(4, 3).astype(dtype)
    for dim, correction in product((None, 0, -1, (0, 1)), (0, 1, 2, 0.5, -1, True, None)):
        compare(call(name, dim, correction=correction), x, tol=tol, scale=1)
        compare(call(name, dim=dim, correction=correction, keepdim=True), x, tol=tol, scale=1)
    for dim, unbiased in product((None, 0, (0, 1)), (False, True)):
        compare(call(name, dim, unbiased), x, tol=tol, scale=1)
        compare(call(name, dim=dim, unbiased=unbiased, keepdim=True), x, tol=tol, scale=1)


@PRECISION
@pytest.mark.parametrize("size", SIZES)
def test_cumsum(size, dtype, tol):
    for dim in (0, 1, -1, 3, -4):
        agree("cumsum", call("cumsum", dim), normal(*size).astype(dtype), tol=tol)


@PRECISION
@pytest.mark.parametrize("zeros", [0, 1, 2, 5])
def test_product_of_zeros(zeros, dtype, tol):
    """Its gradient is the product of the others: not z / x."""
    x = normal(5).astype(dtype)
    x[:zeros] = 0
    compare(call("prod"), x, tol=tol)
    compare(call("prod", 0, True), x, tol=tol)
    compare(call("prod", 1), np.stack([x, x + 1, x[::-1]]), tol=tol)


@PRECISION
@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(
    "size, dim", [((3, 4, 5), 0), ((3, 4, 5), 1), ((3, 4, 5), -1), ((6,), 0), ((), 0), ((0, 3), 0), ((0, 3), 1)]
)
def test_topk(size, dim, largest, ordered, dtype, tol):
    def f(m, x, k):
        values, indices = m.topk(x, k, dim, largest, ordered)
        if not ordered and x.ndim:  # in any order
            return values.sum(dim), (values * values * values).sum(dim), indices.sum(dim)
        return values, indices

    for k in range(not size, (size or (1,))[dim] + 2):
        agree("topk", lambda m, x, k=k: f(m, x, k), normal(*size).astype(dtype), tol=tol)


def test_topk_of_integers_and_by_default():
    x = np.stack([np.roll(np.arange(-3, 4), 2), np.arange(7)])
    for dtype in ("int32", "int64", "float32"):
        compare(call("topk", 3), x.astype(dtype))
        compare(call("topk", 2, largest=False), x.astype(dtype))


NAMED = {
    name: (lambda m, x, name=name: (lambda z: (z.indices, z.values))(getattr(m, name)(x, 1))) for name in ("max", "min")
}
NAMED["topk"] = lambda m, x: (lambda z: (z.indices, z.values))(m.topk(x, 1))


@pytest.mark.parametrize("name", NAMED)
def test_values_and_indices(name):
    compare(NAMED[name], normal(3, 4))


# --- where numbers end ------------------------------------------------------------------------------------------------

ROWS = np.array([
    [np.inf, 1, 2], [-np.inf, 1, 2], [np.inf, -np.inf, 1], [np.nan, 1, 2], [1, np.nan, np.nan], [np.inf, np.nan, 1],
    [np.inf, np.inf, 1], [-np.inf, -np.inf, -np.inf], [0, 0, 0], [-0.0, 0, -0.0], [1, 1, 1], [1e4, -1e4, 0],
    [1e-200, 1e-200, 0], [np.inf, 0, 1], [3, 3, -3], [-1e4, -1e4, -1e4], [5e-324, 0, 1], [1e308, 1e308, 1],
])  # fmt: skip
ONE_BY_ONE = {f"{name}": call(name, dim=-1) for name in REDUCTIONS if name != "norm"}
ONE_BY_ONE |= {"cumsum": call("cumsum", 0), "topk": call("topk", 2), "topk smallest": call("topk", 1, largest=False)}
ONE_BY_ONE |= {f"norm {p}": call("norm", p, -1) for p in POWERS}
VALUES = ["var", "std", "prod", "norm 0.5", "norm 1.5", "norm 3", "norm -1", "norm -2.5"]  # whose gradients overflow


@pytest.mark.parametrize("name", ONE_BY_ONE)
def test_edge(name):
    """Each row alone, so that none hides behind a larger one."""
    for row in ROWS:
        order = name not in (*VALUES, "norm inf", "norm -inf")  # which PyTorch gives the gradient 0 at NaN
        agree(name, ONE_BY_ONE[name], row, order=order, scale=0)
        if name not in VALUES and "norm" not in name:
            agree(name, ONE_BY_ONE[name], row[:1], order=1, scale=0)


@pytest.mark.parametrize("name", ["sum", "mean", "amax", "max", "min", "prod", "argmax", "argmin", "any", "all"])
def test_edge_of_all(name):
    for row in ROWS:
        compare(call(name), row, order=name not in ("max", "min", "prod"), scale=0)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", BAD_DIMS, ids=str)
@pytest.mark.parametrize("name", [*REDUCTIONS, "cumsum"])
def test_bad_dim(name, dim):
    if not (name in ("var", "std") and dim is True):  # which is `unbiased` there
        refused(name, call(name, dim=dim), X)
    if name in PICKS:
        refused(name, call(name, dim=(0, 1)), X)


WHOLE = np.array([[1, 2, 3]])
MISUSED = {
    "mean of integers": ("mean", call("mean"), WHOLE),
    "var of integers": ("var", call("var", 0), WHOLE),
    "std of bools": ("std", call("std"), WHOLE > 1),
    "norm of integers": ("norm", call("norm"), WHOLE),
    "norm by name": ("norm", call("norm", "nonsense"), X),
    "norm by a tuple": ("norm", call("norm", (1,)), X),
    "norm inf of nothing": ("norm", call("norm", np.inf), normal(0)),
    "norm -1 of nothing": ("norm", call("norm", -1, 0), normal(0, 3)),
    "fro of three dims": ("norm", call("norm", "fro", (0, 1, 2)), X),
    "var by two corrections": ("var", call("var", 0, unbiased=True, correction=1), X),
    "var by a word": ("var", call("var", 0, correction="one"), X),
    "std by a word": ("std", call("std", 0, unbiased="yes"), X),
    "logsumexp without dim": ("logsumexp", call("logsumexp"), X),
    "cumsum without dim": ("cumsum", call("cumsum"), X),
    "cumsum over None": ("cumsum", call("cumsum", None), X),
    "cumsum over two": ("cumsum", call("cumsum", (0, 1)), X),
    "cumsum over what is not there": ("cumsum", call("cumsum", 1), normal()),
    "max of nothing": ("max", call("max"), normal(0, 3)),
    "argmin of nothing": ("argmin", call("argmin"), normal(0, 3)),
    "topk without k": ("topk", call("topk"), X),
    "topk of None": ("topk", call("topk", None), X),
    "topk of a fraction": ("topk", call("topk", 1.0), X),
    "topk of a word": ("topk", call("topk", "all"), X),
    "topk of too many": ("topk", call("topk", 5), X),
    "topk of less than none": ("topk", call("topk", -1), X),
    "topk of a scalar": ("topk", call("topk", 2), normal()),
    "topk over None": ("topk", call("topk", 1, None), X),
    "topk over two": ("topk", call("topk", 1, (0, 1)), X),
    "topk over what is not there": ("topk", call("topk", 1, 3), X),
}


@pytest.mark.parametrize("case", MISUSED)
def test_refused(case):
    refused(*MISUSED[case])
