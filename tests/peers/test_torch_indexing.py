"""Indexing beside PyTorch's: values, gradients of both orders, refusals."""

import numpy as np
import pytest
from parity import RNG, agree, call, compare, functional, labels, normal, refused

X = normal(3, 2, 4)

# --- x[index] ---------------------------------------------------------------------------------------------------------

INDICES = [
    0, -1, 2, (), ..., None, True, False, (1, 1), (2, -1, 3), (0, 0, 0, ...), (None, True), (True, 0), (..., 1),
    (..., None), slice(None, None, 2), slice(5), slice(-2, None), slice(2, 1), slice(-9, 9, 3), (None, slice(1, 3)),
    (slice(None), None, 1), (1, None, 1, None, 1), (0, ..., slice(-2, None)), (None, None, 0, ..., None), range(2),
    [1, 1], [0], [-1, 0, -3], [], (slice(None), [0, 1]), ([0, 1], ..., [1, 2]), (1, [0, 1]), ([0, 1],),
    (slice(None), [0, 1], None), ([0, 2], slice(None), 1), (None, [0, 2], None, [1, 1]),
    (slice(1), [1, 1], slice(None, None, 2)), [True, False, True], (..., [True, False, False, True]),
]  # fmt: skip
LAST, ODD, BACK = np.array([0, 2]), np.array([True, False, True]), np.array([1, 0])
GRID, LINE = np.array([[0, 1], [2, 2]]), np.array([[0], [1]])
ARRAYS = [
    (np.array([2, 0, 2]),), (GRID,), (LAST, np.array([1, 1])), (np.array([], int),), (np.array(1),), (0, BACK),
    (slice(None), np.array([-1, 0])), (slice(1, None), np.array([0, 0]), slice(None, None, 3)), (LAST, 0),
    (BACK.astype("int32"),), (LINE, np.array([0, 1, 1])), (LINE, slice(2), np.array([1, 3])), (LAST, None, BACK),
    (..., np.array([[3, 0]])), (np.array(0), BACK, np.array(2)), (ODD,), (X > 0,), (X > 9,), (X[..., 0] > 0,),
    (X[..., 0] > 9, np.array([], int)), (slice(None), X[0] > 0), (ODD, 1), (np.array([False] * 3), slice(1)),
    (ODD, slice(None), np.array([0, 3])), (ODD, LAST > 0), (None, ODD, None), (np.array(True),), (np.array(False), 0),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_getitem(index):
    compare(lambda m, x: x[index], X)
    compare(lambda m, x: x[index], X > 0)


@pytest.mark.parametrize("index", ARRAYS, ids=repr)
def test_getitem_by_arrays(index):
    """As tensors, as arrays and as lists."""
    compare(lambda m, x: x[tuple(m.tensor(i) if isinstance(i, np.ndarray) else i for i in index)], X)
    compare(lambda m, x: x[index], X)
    if all(not isinstance(i, np.ndarray) or (i.ndim == 1 and i.size) for i in index):
        compare(lambda m, x: x[tuple(i.tolist() if isinstance(i, np.ndarray) else i for i in index)], X)


# --- by index tensors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int64", "int32"])
@pytest.mark.parametrize("dim", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("size", [(3, 2, 4), (1, 1, 2), (2, 2, 3), (0, 2, 4), (3, 2, 0), (5, 1, 1), (1, 2, 7)])
def test_gather_and_scatter_add(size, dim, dtype):
    index = RNG.integers(0, X.shape[dim], size).astype(dtype)
    agree("gather", lambda m, x, i: m.gather(x, dim, i), X, index)
    agree("scatter_add", lambda m, x, i, src: m.scatter_add(x, dim, i, src), X, index, normal(*size))
    larger = normal(*(n + 1 for n in size))  # for which PyTorch has no gradient
    agree("scatter_add", lambda m, x, i, src: m.scatter_add(x, dim, i, src.detach()), X, index, larger)


def test_gather_and_scatter_add_of_0d():
    for index in (np.array(0), np.array([0]), np.array([0, 0]), np.array(1), np.array(-1), np.array([[0]])):
        agree("gather", lambda m, x, i: m.gather(x, 0, i), normal(), index)
        agree("gather", lambda m, x, i: m.gather(x, -1, i), normal(3), index)
    agree("scatter_add", lambda m, x, i, src: m.scatter_add(x, 0, i, src), normal(), np.array(0), normal())
    compare(lambda m, x, i: m.gather(x, 0, i), normal(3), np.array([], int))


@pytest.mark.parametrize("dtype", ["int64", "int32"])
@pytest.mark.parametrize("dim", [-4, -1, 0, 1, 2, 3])
def test_index_select(dim, dtype):
    for index in ([0, 1, 1, 0], [1], [], 1, [2], [-1], [[0]]):
        agree("index_select", lambda m, x, i: m.index_select(x, dim, i), X, np.array(index, dtype))


@pytest.mark.parametrize("size", [(), (5,), (2, 3), (0,), (0, 2)], ids=str)
def test_one_hot(size):
    for classes in (-1, 3, 7, 2, 1, 0, -2):
        agree("one_hot", functional("one_hot", classes), labels(*size, classes=3))
    agree("one_hot", functional("one_hot"), labels(*size, classes=3))


# --- refusals ---------------------------------------------------------------------------------------------------------

INDEX, WHOLE, SINGLES = np.array([[[1, 0, 1, 1]]]), np.array([0, 1]), X.astype("float32")
BY_DIM = {
    "gather": (lambda m, x, i, dim: m.gather(x, dim, i), X, INDEX),
    "scatter_add": (lambda m, x, i, dim: m.scatter_add(x, dim, i, x), X, INDEX),
    "index_select": (lambda m, x, i, dim: m.index_select(x, dim, i), X, WHOLE),
}


@pytest.mark.parametrize("dim", [1.0, "a", None, True, (0,), 3, -4], ids=repr)
@pytest.mark.parametrize("name", BY_DIM)
def test_bad_dim(name, dim):
    f, *arrays = BY_DIM[name]
    refused(name, lambda m, x, i: f(m, x, i, dim), *arrays)


MISUSED = {
    "gather of another rank": ("gather", call("gather", 0), X, WHOLE),
    "gather by floats": ("gather", lambda m, x, i: m.gather(x, 0, i), X, X),
    "gather by bools": ("gather", lambda m, x, i: m.gather(x, 0, i), X, X > 0),
    "gather by a list": ("gather", lambda m, x: m.gather(x, 0, [[[0]]]), X),
    "gather past the end": ("gather", lambda m, x, i: m.gather(x, 0, i), X, INDEX + 2),
    "gather before the start": ("gather", lambda m, x, i: m.gather(x, 0, i), X, -INDEX),
    "scatter_add past the end": ("scatter_add", lambda m, x, i: m.scatter_add(x, 0, i, x), X, INDEX + 2),
    "scatter_add before the start": ("scatter_add", lambda m, x, i: m.scatter_add(x, 0, i, x), X, -INDEX),
    "scatter_add of numbers": ("scatter_add", lambda m, x, i: m.scatter_add(x, 0, i, 1.0), X, INDEX),
    "scatter_add of singles": ("scatter_add", lambda m, x, i, y: m.scatter_add(x, 0, i, y), X, INDEX, SINGLES),
    "scatter_add of integers": ("scatter_add", lambda m, x, i, y: m.scatter_add(x, 0, i, y), X, INDEX, INDEX),
    "scatter_add by floats": ("scatter_add", lambda m, x, i: m.scatter_add(x, 0, i, x), X, X),
    "scatter_add of another rank": ("scatter_add", lambda m, x, i: m.scatter_add(x, 0, i, x), X, WHOLE),
    "index_select by a list": ("index_select", lambda m, x: m.index_select(x, 0, [0]), X),
    "index_select by an int": ("index_select", lambda m, x: m.index_select(x, 0, 0), X),
    "index_select by floats": ("index_select", lambda m, x, i: m.index_select(x, 0, i), X, normal(2)),
    "index_select by bools": ("index_select", lambda m, x, i: m.index_select(x, 0, i), X, WHOLE > 0),
    "index_select of a scalar": ("index_select", lambda m, x, i: m.index_select(x, 0, i), normal(), WHOLE * 0),
    "one_hot of floats": ("one_hot", functional("one_hot"), normal(2)),
    "one_hot below zero": ("one_hot", functional("one_hot", 3), -WHOLE),
    "one_hot of a fraction": ("one_hot", functional("one_hot", 2.0), WHOLE),
    "one_hot of None": ("one_hot", functional("one_hot", None), WHOLE),
    "x[5]": ("getitem", lambda m, x: x[5], X),
    "x[-4]": ("getitem", lambda m, x: x[-4], X),
    "x[0, 0, 0, 0]": ("getitem", lambda m, x: x[0, 0, 0, 0], X),
    "x[1.5]": ("getitem", lambda m, x: x[1.5], X),
    "x[text]": ("getitem", lambda m, x: x["a"], X),
    "x[floats]": ("getitem", lambda m, x: x[x], X),
    "x[slice of fractions]": ("getitem", lambda m, x: x[0.5:2], X),
    "x[::0]": ("getitem", lambda m, x: x[::0], X),
    "x[past the end]": ("getitem", lambda m, x, i: x[i + 2], X, WHOLE),
    "x[before the start]": ("getitem", lambda m, x, i: x[i - 4], X, WHOLE),
    "x[mask of another size]": ("getitem", lambda m, x, i: x[i > 0], X, WHOLE),
    "x[mask of more dims]": ("getitem", lambda m, x: x[(x > 0)[None]], X),
    "x[what does not broadcast]": ("getitem", lambda m, x, i: x[i, i[:1], m.tensor(np.array([0, 0, 0]))], X, WHOLE),
    "0-d[0]": ("getitem", lambda m, x: x[0], normal()),
}  # fmt: skip


@pytest.mark.parametrize("case", MISUSED)
def test_refused(case):
    refused(*MISUSED[case])
