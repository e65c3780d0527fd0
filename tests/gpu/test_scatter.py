"""What is taken, put and added at an index: held against NumPy, also where many sources share a place."""

import numpy as np
import pytest
from devices import asked

import minidl as md
from minidl import functional as F
from minidl import nn
from minidl.ops.indexing import getitem, put_along, take_along, unindex
from minidl.ops.pool import place

pytestmark = pytest.mark.gpu
RNG = np.random.default_rng(0)
DTYPES = [md.float32, md.float64, md.float16, md.int64, md.int32, md.bool]
CLOSE = {"float16": 1e-3, "float32": 1e-6, "float64": 1e-14}


def values(shape, dtype=md.float32):
    return (RNG.normal(size=shape) * 5).astype(dtype)


def indices(high, shape):
    """Also from the end."""
    return RNG.integers(-high, high, shape)


def device(value):
    """With its arrays on the GPU."""
    if isinstance(value, tuple):
        return tuple(map(device, value))
    return md.tensor(value, device="cuda").array if isinstance(value, np.ndarray) else value


def require_same(op, *arrays, **options):
    """The same as on the CPU, there in float32 for halves, and the same bits each time."""
    first, *others = arrays
    z = op(first.astype("f") if first.dtype == md.float16 else first, *others, **options).astype(first.dtype)
    there = [op(*map(device, arrays), **{name: device(value) for name, value in options.items()}) for _ in range(2)]
    assert there[0].dtype == z.dtype and there[0].shape == z.shape
    assert there[0].get().tobytes() == there[1].get().tobytes()
    tolerance = CLOSE.get(str(z.dtype), 0)
    np.testing.assert_allclose(there[0].get(), z, tolerance, tolerance * float(np.abs(z).max(initial=0)))


each_shape = pytest.mark.parametrize("shape, dim, high", [
    ((7,), 0, 5), ((3000,), 0, 3), ((2, 500), 1, 7), ((300, 1), 1, 10), ((40, 3, 5), 0, 4), ((3, 40, 5), 1, 4),
    ((6, 5, 4), 2, 700), ((0, 3), 0, 4), ((4, 3), 0, 1),
])  # fmt: skip


@each_shape
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_take_along(shape, dim, high, dtype):
    size = [high if i == dim else n + i for i, n in enumerate(shape)]
    require_same(take_along, values(size, dtype), indices(high, shape), dim=dim)


@each_shape
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_put_along(shape, dim, high, dtype):
    size = (*shape[:dim], high, *shape[dim + 1 :])
    require_same(put_along, values(shape, dtype), indices(high, shape), dim=dim, size=size)


def test_put_along_into_something_larger():
    require_same(put_along, values((3, 20, 2)), indices(6, (3, 20, 2)), dim=1, size=(5, 6, 4))


INDICES = {
    "a vector": ((50, 4), lambda: indices(50, 300)),
    "one place": ((3, 5), lambda: np.full(700, -2)),
    "a vector in the middle": ((3, 20, 5), lambda: (slice(None), indices(20, 70))),
    "a vector at the end": ((3, 4, 20), lambda: (..., indices(20, 300))),
    "a vector, then the whole": ((20, 4), lambda: (indices(20, 30), slice(None))),
    "a matrix": ((9, 4), lambda: indices(9, (13, 7))),
    "a scalar": ((9, 4), lambda: np.array(3)),
    "two vectors": ((9, 4, 3), lambda: (indices(9, 50), indices(4, 50))),
    "two that broadcast": ((9, 4, 3), lambda: (indices(9, (6, 1)), indices(4, 5))),
    "two apart": ((9, 4, 6), lambda: (indices(9, 50), slice(None), indices(6, 50))),
    "two apart, behind others": ((2, 9, 4, 6), lambda: (slice(None), indices(9, 20), slice(1, 3), indices(6, 20))),
    "behind an integer": ((9, 4, 6), lambda: (-2, slice(None), indices(6, 20))),
    "with a slice and a new dimension": ((9, 4, 6), lambda: (slice(None, None, 2), None, indices(4, 20), slice(1, 3))),
    "of another integer type": ((20, 4), lambda: RNG.integers(0, 20, 50).astype(np.uint8)),
    "a mask": ((9, 4), lambda: np.arange(9) % 2 == 0),
    "slices": ((9, 4), lambda: (slice(1, None, 2), 3)),
}


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("size, make", INDICES.values(), ids=INDICES)
def test_unindex(size, make, dtype):
    index = make()
    index = index if isinstance(index, tuple) else (index,)
    require_same(unindex, values(getitem(np.empty(size), index=index).shape, dtype), index=index, size=size)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape, size", [((2, 3, 4), 9), ((1, 1, 700), 5), ((5, 6, 20), 40), ((0, 1, 3), 4)])
def test_place_keeps_the_last(shape, size, dtype):
    require_same(place, values(shape, dtype), indices(size, shape), size=size)


def test_sums_are_in_the_order_of_the_sources():
    """Sums of which every order gives another one."""
    x, index = (values(4000) * 10.0 ** RNG.integers(-6, 6, 4000)).astype("f"), indices(3, 4000)
    z = np.zeros(3, np.float32)
    for at, value in zip(index, x, strict=True):
        z[at] += value
    assert np.array_equal(put_along(device(x), device(index), dim=0, size=(3,)).get(), z)
    assert np.array_equal(unindex(device(x), index=(device(index),), size=(3,)).get(), z)


def test_a_sum_of_halves_keeps_count():
    x, index = device(np.ones(5000, "e")), device(np.zeros(5000, "l"))
    assert put_along(x, index, dim=0, size=(2,)).get().tolist() == [5000, 0]
    assert unindex(x, index=(index,), size=(2,)).get().tolist() == [5000, 0]


def test_out_of_range_is_left_out():
    """It is refused elsewhere, and late; here nothing may be written."""
    index, x = np.array([1, 3, -4, 0, 2**40, -(2**40)]), device(np.ones((2, 6), "f"))  # 3: in the next row
    both = device(np.stack([index, index]))
    assert take_along(x[:, :3], both, dim=1).get().tolist() == [[1, 0, 0, 1, 0, 0]] * 2
    assert put_along(x, both, dim=1, size=(2, 3)).get().tolist() == [[1, 1, 0]] * 2
    assert place(x[None], both[None], size=3).get().tolist() == [[[1, 1, 0]] * 2]
    assert unindex(x, index=(slice(None), device(index)), size=(2, 3)).get().tolist() == [[1, 1, 0]] * 2


def test_what_is_not_contiguous():
    x, index = device(values((40, 3))).T, device(indices(7, (40, 3))).T
    there = put_along(x, index, dim=1, size=(3, 7))
    np.testing.assert_allclose(there.get(), put_along(x.get(), index.get(), dim=1, size=(3, 7)), 1e-5)
    there = unindex(x, index=(index[:, 5],), size=(7, 40))
    np.testing.assert_allclose(there.get(), unindex(x.get(), index=(index[:, 5].get(),), size=(7, 40)), 1e-5)


def gradients(function, *arrays):
    """The gradients on the CPU, and on the GPU."""
    both = []
    for where in ("cpu", "cuda"):
        inputs = [md.tensor(a, device=where, requires_grad=a.dtype.kind == "f") for a in arrays]
        z = function(*inputs)
        (z * z).sum().backward()
        both.append([z.detach().numpy(), *[x.grad.numpy() for x in inputs if x.grad is not None]])
    return both


@pytest.mark.parametrize("function, arrays", [
    (lambda w, at: F.embedding(at, w), (values((11, 5)), RNG.integers(0, 11, (8, 30)))),
    (lambda x, at: md.index_select(x, 1, at), (values((3, 11, 2)), RNG.integers(0, 11, 300))),
    (lambda x, at: md.gather(x, 1, at), (values((9, 11)), RNG.integers(0, 11, (7, 300)))),
    (lambda x, at, y: md.scatter_add(x, 0, at, y), (values((9, 11)), RNG.integers(0, 9, (30, 11)), values((40, 12)))),
    (lambda x, at: x[at, at], (values((9, 11)), RNG.integers(0, 9, 50))),
    (lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2), (values((2, 3, 6, 6)),)),
    (lambda x, t: F.nll_loss(F.log_softmax(x, 1), t), (values((9, 5)), RNG.integers(0, 5, 9))),
])  # fmt: skip
def test_gradients(function, arrays):
    for here, there in zip(*gradients(function, *arrays), strict=True):
        np.testing.assert_allclose(there, here, 1e-5, 1e-5)


def test_an_embedding_learns_the_same_twice():
    def run():
        md.manual_seed(0)
        table = nn.Embedding(30, 16).to("cuda")
        at = md.tensor(np.random.default_rng(1).integers(0, 30, 2000), device="cuda")
        (table(at) ** 2).sum().backward()
        return table.weight.grad.numpy()

    assert run().tobytes() == run().tobytes()


def test_few_launches():
    x, vector, index = device(values((300, 4))), device(indices(50, 300)), device(indices(4, (300, 4)))
    assert asked(lambda: unindex(x, index=(vector,), size=(50, 4))) == {"launch": 2, "memset": 1}
    assert asked(lambda: take_along(x, index, dim=1)) == {"launch": 1}
    assert asked(lambda: put_along(x, index, dim=0, size=(50, 4))) == {"launch": 1}
    assert asked(lambda: place(x[None], index[None], size=4)) == {"launch": 1}
