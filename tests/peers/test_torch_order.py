"""Orders, choices, counts and running results beside PyTorch's: values, gradients of both orders, dtypes, refusals."""

from itertools import product

import numpy as np
import pytest
from parity import agree, call, compare, method, normal, refused, ties

SIZES = [(3, 2, 4), (3, 2), (3,), (), (0, 3), (2, 0, 3)]
DIMS = [0, 1, -1, -2, 3]
X = normal(3, 2, 4)
NAN = np.array([[1.0, np.nan, 3, np.nan, 2], [5, 4, 4, 1, np.inf], [0, -np.inf, 2, 2, 2]])
WHOLE = np.array([[3, 1, 2, 3], [0, 2, 2, 9]])
BOOLS = WHOLE > 2


# --- along a dimension ------------------------------------------------------------------------------------------------

ALONG = {
    "sort": [dict(), dict(descending=True), dict(stable=True)],
    "argsort": [dict(), dict(descending=True)],
    "median": [dict(), dict(keepdim=True)],
    "kthvalue": [dict(k=1), dict(k=2, keepdim=True), dict(k=9), dict(k=0), dict(k=1.0)],
    "cummax": [dict()],
    "cummin": [dict()],
    "cumprod": [dict(), dict(dtype="float64")],
    "diff": [dict(), dict(n=2), dict(n=5), dict(n=-1)],
    "count_nonzero": [dict()],
    "nansum": [dict(), dict(keepdim=True)],
    "nanmean": [dict(), dict(keepdim=True)],
    "max": [dict(keepdim=True)],
    "min": [dict()],
}


def along(name, dim, options):
    def f(m, x):
        given = options | ({"dtype": getattr(m, options["dtype"])} if "dtype" in options else {})
        return getattr(m, name)(x, dim=dim, **given)

    return f


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", ALONG)
def test_along(name, size):
    x = normal(*size)
    for dim, options in product(DIMS, ALONG[name]):
        if 0 in size and dim not in range(-len(size), len(size)):
            continue  # at which PyTorch does not always look
        agree(name, along(name, dim, options), x)


@pytest.mark.parametrize("name", ["sort", "argsort", "cummax", "cummin", "median", "cumprod", "diff"])
def test_along_of_integers_and_ties(name):
    for x in (WHOLE, WHOLE.astype("uint8"), BOOLS, ties(3, 5)):
        if name in ("sort", "argsort"):
            agree(name, along(name, 1, dict(stable=True)), x)
            agree(name, along(name, 0, dict(stable=True, descending=True)), x)
        elif name == "median":  # of equals PyTorch gives any
            agree(name, lambda m, x: m.median(x, 1).values, x, order=0)
        else:
            agree(name, along(name, 1, {}), x)


@pytest.mark.parametrize("name", ["sort", "cummax", "cummin", "median", "nansum", "nanmean", "max", "min"])
def test_along_where_numbers_end(name):
    f = along(name, 1, dict(stable=True) if name == "sort" else {})
    compare(f if name != "median" else lambda m, x: m.median(x, 1).values, NAN, order=0, scale=0)
    if name in ("sort", "max", "min"):
        compare(f, NAN, order=1, scale=0)


def test_named_fields():
    for name in ("sort", "cummax", "cummin", "median"):
        compare(lambda m, x, name=name: (lambda z: (z.indices, z.values))(getattr(m, name)(x, 1)), normal(3, 4))
    compare(lambda m, x: (lambda z: (z.indices, z.values))(x.kthvalue(2)), normal(3, 4))


ROWS = [[1.0, np.nan, np.nan, 2], [1, 3, 3, 2], [2, 1, 2, 2], [np.inf, np.inf, 1], [np.nan], [5.0], [-1, -1]]


@pytest.mark.parametrize("name", ["max", "min", "median"])
def test_gradient_of_all(name):
    """Shared by ties; that of NaN goes to the NaN alone."""
    for row in ROWS:
        compare(call(name), np.array(row, float), order=1, scale=1)
        compare(method(name), np.array(row, float), order=1, scale=1)


# --- sums and moments -------------------------------------------------------------------------------------------------

QS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.77, 1.0)
FORMS = {
    "mean in double": (lambda m, x: m.mean(x, 0, dtype=m.float64), X.astype("float32")),
    "mean of integers in double": (lambda m, x: m.mean(x, dtype=m.float64), WHOLE),
    "sum in int32": (lambda m, x: m.sum(x, 0, dtype=m.int32), WHOLE),
    "prod in double": (lambda m, x: m.prod(x, dtype=m.float64), WHOLE),
    "prod of a dim in int32": (lambda m, x: m.prod(x, 1, dtype=m.int32), WHOLE),
    "cumsum in double": (lambda m, x: m.cumsum(x, 0, dtype=m.float64), WHOLE),
    "cumsum of bools": (call("cumsum", 0), BOOLS),
    "cumprod of zeros": (call("cumprod", 0), np.array([2.0, 0, 3, 0, 5, 7])),
    "cumprod of one zero": (call("cumprod", 1), np.array([[2.0, 3, 0, 4, 5], [1, 2, 3, 4, 5]])),
    "var_mean": (call("var_mean", 0), X),
    "var_mean of all": (call("var_mean"), X),
    "std_mean": (lambda m, x: m.std_mean(x, (0, 1), keepdim=True), X),
    "std_mean biased": (lambda m, x: m.std_mean(x, 0, unbiased=False), X),
    "std_mean corrected": (lambda m, x: m.std_mean(x, 1, correction=0), X),
    "var by position": (call("var", 0, False, True), X),
    "var of all, biased": (call("var", False), X),
    "std of all, biased": (method("std", False), X),
    "std_mean of all, biased": (call("std_mean", False), X),
    "nansum of all": (call("nansum"), np.where(X > 1, np.nan, X)),
    "nanmean of some": (call("nanmean", (0, 1)), np.where(X > 1, np.nan, X)),
    "nansum of integers": (call("nansum"), WHOLE),
    "count_nonzero": (call("count_nonzero"), ties(3, 4)),
    "count_nonzero of dims": (call("count_nonzero", (0, 1)), ties(3, 4)),
    "diff of none": (call("diff", 0), X),
    "diff with more": (lambda m, x, y: m.diff(x, prepend=y, append=y), normal(2, 3), normal(2, 2)),
    "diff of bools": (call("diff"), BOOLS),
    "diff of bytes": (call("diff"), WHOLE.astype("uint8")),
    "quantile": (call("quantile", 0.3), X),
    "quantile kept": (call("quantile", 0.9, keepdim=True), X),
    "quantile along": (call("quantile", 0.5, 1, keepdim=True), X),
    "quantile of NaN": (call("quantile", 0.5, 1), NAN[:2]),
    "quantile of 0-d": (call("quantile", 0.5), np.array(2.0)),
    "quantile in float": (method("quantile", 0.25, 0), X.astype("float32")),
    "quantiles": (lambda m, x: m.quantile(x, m.tensor([0.0, 0.35, 1.0], dtype=m.float64), dim=-1), X),
    "quantiles kept": (lambda m, x: m.quantile(x, m.tensor([0.2], dtype=m.float64), 0, keepdim=True), X),
    **{
        f"quantile {how}": (
            lambda m, x, how=how: tuple(m.quantile(x, q, 0, interpolation=how) for q in QS),
            normal(6, 2),
        )
        for how in ("linear", "lower", "higher", "midpoint", "nearest")
    },
    "reduced by numpy's names": (lambda m, x: m.std_mean(x, axis=0, keepdims=True), X),
    "sorted by numpy's name": (lambda m, x: m.sort(x, axis=0), X),
}


@pytest.mark.parametrize("case", FORMS)
def test_form(case):
    compare(*FORMS[case], scale=1)


# --- choices ----------------------------------------------------------------------------------------------------------

MASK = X > 0
INDEX = np.array([[0, 2, 1, 0], [1, 1, 0, 2]])
CHOICES = {
    "nonzero": (call("nonzero"), ties(3, 4)),
    "nonzero as a tuple": (call("nonzero", as_tuple=True), ties(3, 4)),
    "nonzero of 0-d": (call("nonzero"), np.array(2.0)),
    "nonzero of a zero": (call("nonzero"), np.array(0.0)),
    "nonzero of nothing": (call("nonzero"), normal(0, 3)),
    "argwhere": (call("argwhere"), ties(3, 4)),
    "argwhere of 0-d": (call("argwhere"), np.array(True)),
    "where": (call("where"), MASK),
    "where of numbers": (call("where"), ties(3, 4)),
    "where of 0-d": (call("where"), np.array(1)),
    "where of three": (lambda m, x: m.where(x > 0, x, 0.0), X),
    "masked_select": (call("masked_select"), X, MASK),
    "masked_select broadcast": (call("masked_select"), X, MASK[:, :1]),
    "masked_select by more": (call("masked_select"), normal(4), MASK),
    "masked_select of 0-d": (call("masked_select"), normal(), np.array(True)),
    "take": (call("take"), X, np.array([[0, 5], [-1, 23]])),
    "take of 0-d": (call("take"), normal(), np.array([0, 0])),
    "take one": (call("take"), X, np.array(3)),
    "take_along_dim": (call("take_along_dim", dim=0), normal(3, 4), INDEX),
    "take_along_dim broadcast": (call("take_along_dim", dim=1), normal(2, 3), np.array([[0], [2]])),
    "take_along_dim of an argsort": (lambda m, x: m.take_along_dim(x, m.argsort(x, 1), 1), normal(3, 4)),
    "take_along_dim flat": (call("take_along_dim"), normal(2, 3), np.array([4, 0])),
    "unique": (call("unique"), WHOLE),
    "unique of floats": (call("unique"), ties(4, 5)),
    "unique with all": (call("unique", return_inverse=True, return_counts=True), WHOLE),
    "unique with counts": (call("unique", return_counts=True), WHOLE),
    "unique of bools": (call("unique", True, True), BOOLS),
    "unique of 0-d": (call("unique", return_inverse=True), np.array(3)),
    "unique of nothing": (call("unique", return_counts=True), np.zeros((0, 2))),
    "bincount": (call("bincount"), WHOLE[0]),
    "bincount of at least": (call("bincount", minlength=7), WHOLE[0]),
    "bincount of weights": (call("bincount"), WHOLE[0], np.array([0.5, 1, 2, 4])),
    "bincount of float weights": (call("bincount"), WHOLE[0], np.array([0.5, 1, 2, 4], "float32")),
    "bincount of nothing": (call("bincount"), np.zeros(0, int)),
    "histc": (call("histc", 5), normal(40)),
    "histc between": (call("histc", bins=4, min=-1, max=1), normal(40)),
    "histc of a constant": (call("histc", 4), np.ones(3)),
    "scatter": (lambda m, x, at, y: m.scatter(x, 0, at, y), X[0], np.array([[1, 0, 1, 0]]), normal(1, 4)),
    "scatter columns": (
        lambda m, x, at, y: m.scatter(x, -1, at, y),
        normal(2, 4),
        np.array([[3, 1], [0, 2]]),
        normal(2, 2),
    ),
    "scatter a number": (lambda m, x, at: m.scatter(x, 1, at, 1.5), normal(2, 4), np.array([[3, 1], [0, 0]])),
    "scatter into integers": (lambda m, x, at: x.scatter(1, at, 7), WHOLE, np.array([[3], [0]])),
    "scatter nothing": (lambda m, x, at, y: m.scatter(x, 0, at, y), normal(2, 4), np.zeros((0, 4), int), normal(2, 4)),
    "scatter into 0-d": (lambda m, x, at, y: m.scatter(x, 0, at, y), normal(), np.array(0), normal()),
    "index_add": (lambda m, x, at, y: m.index_add(x, 0, at, y), X, np.array([2, 0, 2]), normal(3, 2, 4)),
    "index_add weighted": (
        lambda m, x, at, y: m.index_add(x, -1, at, y, alpha=0.5),
        X,
        np.array([1, 1]),
        normal(3, 2, 2),
    ),
    "index_copy": (lambda m, x, at, y: m.index_copy(x, 1, at, y), X, np.array([1]), normal(3, 1, 4)),
    "index_copy all": (lambda m, x, at, y: m.index_copy(x, 0, at, y), X, np.array([2, 0, 1]), normal(3, 2, 4)),
    "index_fill": (lambda m, x, at: m.index_fill(x, 2, at, -1.5), X, np.array([0, 3])),
    "index_fill integers": (lambda m, x, at: x.index_fill(0, at, 7), WHOLE, np.array([1])),
    "methods": (lambda m, x: x.nonzero(), ties(3, 4)),
}


@pytest.mark.parametrize("case", CHOICES)
def test_choice(case):
    f, *arrays = CHOICES[case]
    compare(f, *arrays, order=0 if case.startswith(("unique", "bincount")) or case == "scatter nothing" else 2)


def put(name, *values):
    """A case of a function that takes input, dimension 0, index and source."""
    return lambda m, x, at, *y: getattr(m, name)(x, 0, at, *y, *values)


REFUSED = {
    "median of nothing along it": ("median", call("median", 0), normal(0, 3)),
    "cumprod without dim": ("cumprod", call("cumprod"), X),
    "cummax without dim": ("cummax", call("cummax"), X),
    "diff of a number": ("diff", call("diff"), normal()),
    "quantile above 1": ("quantile", call("quantile", 1.5), X),
    "quantile of integers": ("quantile", call("quantile", 0.5), WHOLE),
    "quantile of nothing": ("quantile", call("quantile", 0.5), normal(0)),
    "quantile of nothing else": ("quantile", call("quantile", 0.5, 0), normal(2, 0)),
    "quantile beyond": ("quantile", call("quantile", 0.5, 3), normal()),
    "quantile between": ("quantile", call("quantile", 0.5, interpolation="most"), X),
    "mean in integers": ("mean", lambda m, x: m.mean(x, dtype=m.int64), X),
    "nanmean of integers": ("nanmean", call("nanmean"), WHOLE),
    "var_mean by two": ("var_mean", call("var_mean", 0, unbiased=True, correction=1), X),
    "masked_select by integers": ("masked_select", call("masked_select"), X, WHOLE),
    "masked_select of sizes": ("masked_select", call("masked_select"), normal(3), MASK[0, 0, :2]),
    "take out of range": ("take", call("take"), X, np.array([24])),
    "take by floats": ("take", call("take"), X, normal(2)),
    "take_along_dim of ranks": ("take_along_dim", call("take_along_dim", dim=0), X, np.array([0])),
    "bincount of floats": ("bincount", call("bincount"), normal(3)),
    "bincount below 0": ("bincount", call("bincount"), np.array([0, -1])),
    "bincount of a matrix": ("bincount", call("bincount"), WHOLE),
    "bincount of other weights": ("bincount", call("bincount"), WHOLE[0], normal(3)),
    "histc of no bins": ("histc", call("histc", 0), X),
    "histc of a range turned": ("histc", call("histc", 4, 2, 1), X),
    "scatter out of range": ("scatter", lambda m, x, at: m.scatter(x, 0, at, x), normal(2, 2), np.array([[2]])),
    "scatter below": ("scatter", lambda m, x, at: m.scatter(x, 0, at, x), normal(2, 2), np.array([[-1]])),
    "scatter by floats": ("scatter", lambda m, x: m.scatter(x, 0, x, x), normal(2, 2)),
    "scatter of less": ("scatter", put("scatter"), normal(3, 3), np.zeros((2, 3), int), normal(1, 3)),
    "scatter of dtypes": ("scatter", put("scatter"), normal(2), np.array([0]), np.array([1])),
    "index_add of sizes": ("index_add", put("index_add"), X, np.array([0, 1]), normal(3, 2, 4)),
    "index_add out of range": ("index_add", put("index_add"), X, np.array([3]), normal(1, 2, 4)),
    "index_copy of sizes": ("index_copy", put("index_copy"), X, np.array([0]), normal(2, 2, 4)),
    "index_fill by a matrix": ("index_fill", put("index_fill", 1.0), X, np.array([[0]])),
    "index_fill by more": ("(index|masked)_fill", lambda m, x, i: m.index_fill(x, 0, i, x[0, 0]), X, np.array([0])),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    refused(*REFUSED[case])
