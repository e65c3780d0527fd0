"""Plain ops as loops on large arrays: beside NumPy's functions, in any order of memory, and what is declined."""

import numpy as np
import pytest

import minidl as md
from minidl.backend import threads
from minidl.engine import op
from minidl.kernels import loops
from minidl.kernels.cpu import elementwise as kernels
from minidl.ops import elementwise

pytestmark = pytest.mark.usefixtures("loops_serve")
X = np.random.default_rng(0).standard_normal((4, 6, 5, 7)).astype(np.float32)
X[0, :, 0] = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1])[:, None]
Y = np.random.default_rng(1).standard_normal(X.shape).astype(np.float32)
ORDERS = {
    "in order": lambda a: a,
    "channels last": lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "with gaps": lambda a: np.repeat(a, 2, -1)[..., ::2],
    "backwards": lambda a: a[:, ::-1].copy()[:, ::-1],
    "one row": lambda a: np.broadcast_to(a[:1], a.shape),
}
CALLS = {
    "hardtanh": (
        lambda x: elementwise.hardtanh(x, -0.5, 1.5), lambda x, y: np.minimum(np.maximum(x, -0.5), 1.5),
        lambda x, y: (x,),
    ),
    "relu": (elementwise.relu, lambda x, y: np.maximum(x, 0), lambda x, y: (x,)),
    "keep": (elementwise.keep, lambda x, y: np.where(y > 0, x, 0), lambda x, y: (x, y > 0)),
    "add": (elementwise.add, lambda x, y: x + y, lambda x, y: (x, y)),
}  # fmt: skip


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    """Kernels are asked for small arrays, too, and work on them in many chunks. Gives the loops that have run."""
    ran = []

    def chunked(function, *arrays, real=kernels.chunked):
        ran.append(function)
        return real(function, *arrays)

    monkeypatch.setattr(op, "LARGE", 1)
    monkeypatch.setattr(kernels, "CHUNK", 100)
    monkeypatch.setattr(kernels, "chunked", chunked)
    monkeypatch.setattr(md.backend.modes.mode, "fused", True)
    return ran


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", CALLS)
def test_value(name, order, dtype, asked):
    """NaN and infinity included, on arrays and on Tensors; in the order in memory that NumPy's result has."""
    call, oracle, arguments = CALLS[name]
    x, y = (ORDERS[order](a.astype(dtype)) for a in (X, Y))
    given = arguments(x, y)
    with np.errstate(all="ignore"):
        expected = oracle(x, y)
    for z in (call(*given), call(*map(md.Tensor, given)).numpy()):
        np.testing.assert_array_equal(z, expected)
        assert z.dtype == dtype
        if order in ("in order", "channels last"):
            assert z.strides == expected.strides
    assert len(asked) == 2


@pytest.mark.parametrize("expanded", [Y[..., :1, :1], Y[:1], Y[:, :, :1], Y[:1, :1, :1, :1]], ids=np.shape)
def test_what_is_expanded_has_no_order_in_memory(expanded):
    """As the gradient of a mean over pixels, which is added to one that lies channels last."""
    x, y = ORDERS["channels last"](X), np.broadcast_to(expanded, X.shape)
    np.testing.assert_array_equal(elementwise.add(x, y), x + y)
    assert elementwise.add(x, y).strides == elementwise.add(y, x).strides == x.strides


def test_gradients(asked):
    """Of both orders, also where one array is added twice."""
    x = md.tensor(np.linspace(-1.93, 1.1, 30), requires_grad=True)
    f = lambda x: ((x * x + x).relu() + x.relu()) * x  # noqa: E731
    assert md.gradcheck(f, [x]) and md.gradgradcheck(f, [x])
    assert {kernels.rectified, kernels.kept, kernels.total} == {*asked}


@pytest.mark.parametrize("size", [1, 1 << 14])
def test_gradients_are_added_up_by_a_loop_where_they_are_large(size, asked):
    x = md.ones(size, dtype=md.float64, requires_grad=True)
    (x * 2 + x * 3).backward(md.ones(size, dtype=md.float64))
    assert (x.grad == 5).all() and asked.count(kernels.total) == 1 + (size > 1)


def test_any_number_of_threads_gives_the_same_bits():
    before, results = threads.get_num_threads(), []
    try:
        for number in (1, 2, 3):
            threads.set_num_threads(number)
            results.append([call(*arguments(X, Y)).tobytes() for call, _, arguments in CALLS.values()])
    finally:
        threads.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_what_is_declined(asked, monkeypatch):
    """Other dtypes and shapes, an empty array, a mask of numbers; all, without fusion, or where loops do not serve."""
    x, half, column = X[:1], X.astype("f2"), Y[..., :1]
    np.testing.assert_array_equal(elementwise.add(X, column), X + column)
    np.testing.assert_array_equal(elementwise.add(column, X), X + column)
    np.testing.assert_array_equal(elementwise.relu(half), np.maximum(half, 0))
    np.testing.assert_array_equal(elementwise.hardtanh(half), half.clip(-1, 1))
    np.testing.assert_array_equal(elementwise.add(X, Y.astype("f8")), X + Y.astype("f8"))
    np.testing.assert_array_equal(elementwise.keep(X, (Y > 0).astype("i4")), np.where(Y > 0, X, 0))
    assert elementwise.relu(x[:0]).shape == (0, 6, 5, 7) and (md.arange(3) + md.arange(3)).tolist() == [0, 2, 4]
    with md.no_fusion():
        elementwise.relu(X), elementwise.hardtanh(X)
    monkeypatch.setattr(loops, "serve", lambda: False)
    elementwise.relu(X)
    monkeypatch.undo()
    monkeypatch.setattr(kernels, "chunked", None)
    elementwise.relu(X)  # of fewer elements than are large
    assert asked == []
