"""Winograd's convolution against the plain one: in float64, and what it costs in float32."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl as md
from minidl.backend import threads
from minidl.backend.modes import mode
from minidl.kernels import loops
from minidl.kernels.cpu import winograd
from minidl.kernels.cpu.winograd import Winograd, transforms
from minidl.ops.blocks import convolve
from minidl.ops.window import Window

ONE = dict(stride=(1, 1), dilation=(1, 1), groups=1)
QUARTERS, OVERLAPPING = Window((2, 2), (2, 2)), Window((3, 2), (2, 1))
SAME = ONE | dict(padding=((1, 1), (1, 1)), pool=None, relu=False)


@pytest.fixture(autouse=True, scope="module")
def forced():
    """The kernel runs however little there is to do, in float64 too, and in many chunks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolve, "kernels", [Winograd])
        patch.setattr(md.engine.fusion.composites["convolve"], "kernels", [Winograd])
        patch.setattr(Winograd, "dtypes", (np.float32, np.float64))
        patch.setattr(Winograd, "channels", 1)
        patch.setattr(Winograd, "tiles", 1)
        patch.setattr(winograd, "CHUNK", 40)
        patch.setattr(winograd, "MANY", 1)
        patch.setattr(mode, "fused", True)
        patch.setattr(loops, "COMPILED", loops.COMPILED and loops.installed())
        yield


@pytest.fixture
def two_threads():
    before = threads.get_num_threads()
    yield
    threads.set_num_threads(before)


def arrays(rng, n, c, o, h, w, dtype="f8", r=3):
    """Images in channels-last memory, weights, a bias."""
    x = rng.standard_normal((n, h, w, c)).transpose(0, 3, 1, 2)
    return [a.astype(dtype) for a in (x, rng.standard_normal((o, c, r, r)), rng.standard_normal(o))]


def run(arrays, options, fused=True, g=None):
    """The result of `convolve` and the gradients of all arguments, as arrays; by the reference unless `fused`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mode, "fused", fused)
        tensors = [None if a is None else md.Tensor(a, requires_grad=True) for a in arrays]
        z = convolve(*tensors, **options)
        g = np.random.default_rng(1).standard_normal(z.shape).astype(z.dtype) if g is None else g
        return [z.array, *(d.array for d in md.grad(z, [t for t in tensors if t is not None], md.Tensor(g)))]


def error(a, b):
    """The relative root mean square error."""
    return np.sqrt(np.square(a - b).mean() / np.square(b).mean())


side = st.integers(0, 2)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 99),
    r=st.sampled_from([3, 5]),
    n=st.integers(1, 3),
    channels=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    padding=st.tuples(st.tuples(side, side), st.tuples(side, side)),
    more=st.tuples(st.integers(0, 8), st.integers(0, 8)),
    bias=st.booleans(),
    pool=st.sampled_from([None, QUARTERS, OVERLAPPING]),
    relu=st.booleans(),
    last=st.booleans(),
)
def test_it_is_the_convolution(seed, r, n, channels, padding, more, bias, pool, relu, last):
    """Value and every gradient, in float64, of all sizes and paddings."""
    least = (r, r) if pool is None else [r + k - 1 for k in pool.size]
    size = [max(1, k - sum(p)) + m for k, p, m in zip(least, padding, more, strict=True)]
    given = arrays(np.random.default_rng(seed), n, *channels, *size, r=r)
    given[0] = given[0] if last else np.ascontiguousarray(given[0])
    given[2] = given[2] if bias else None
    options = ONE | dict(padding=padding, pool=pool, relu=relu)
    assert Winograd.when(*given, **options)
    for ours, reference in zip(run(given, options), run(given, options, fused=False), strict=True):
        np.testing.assert_allclose(ours, reference, rtol=1e-11, atol=1e-11)
        if ours.ndim == 4 and ours is not reference and ours.shape[0] == n and ours.shape[1:] != (channels[0], r, r):
            assert ours.transpose(0, 2, 3, 1).flags.c_contiguous


def test_results_fill_their_tiles_or_do_not():
    """In each direction, with pooling and without."""
    for h, w, pool in itertools.product((4, 5, 8), (4, 5, 8), (None, QUARTERS)):
        given, options = arrays(np.random.default_rng(0), 2, 1, 2, h, w), SAME | dict(pool=pool, relu=True)
        for ours, reference in zip(run(given, options), run(given, options, fused=False), strict=True):
            np.testing.assert_allclose(ours, reference, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("pool", [None, QUARTERS])
def test_second_order(pool):
    """It unfolds."""
    x, w, b = arrays(np.random.default_rng(0), 2, 2, 3, 5, 6)
    f = lambda *a: convolve(*a, **SAME | dict(pool=pool, relu=True))  # noqa: E731
    tensors = [md.Tensor(a, requires_grad=True) for a in (x, w, b)]
    assert md.gradcheck(f, tensors)
    assert md.gradgradcheck(f, tensors)


@pytest.mark.parametrize(("c", "o", "size", "r"), [(32, 32, 16, 3), (64, 128, 8, 3), (128, 64, 9, 3), (20, 50, 12, 5)])
def test_error_in_single_precision(monkeypatch, c, o, size, r):
    """What the docstring says."""
    monkeypatch.setattr(winograd, "CHUNK", 12 << 10)
    given = arrays(np.random.default_rng(c), 8, c, o, size, size, "f4", r)
    g = np.random.default_rng(o).standard_normal((8, o, size + 3 - r, size + 3 - r)).astype("f4")
    exact = run([a.astype("f8") for a in given], SAME, fused=False, g=g.astype("f8"))
    errors = [error(ours, true) for ours, true in zip(run(given, SAME, g=g), exact, strict=True)]
    assert max(errors[:3]) < 3e-6
    assert max(errors[:3]) > 4e-7  # of columns: so it was Winograd
    assert errors[3] < 1e-6


@pytest.mark.parametrize("shape", [(1, 4, 4, 20, 20), (1, 64, 64, 32, 32), (5, 16, 32, 9, 8)])
@pytest.mark.parametrize("chunk", [40, 12 << 10])
def test_the_same_bits_on_any_number_of_threads(two_threads, monkeypatch, shape, chunk):
    monkeypatch.setattr(winograd, "CHUNK", chunk)
    given, seen = arrays(np.random.default_rng(0), *shape, "f4"), []
    for number in 1, 2, 2:
        threads.set_num_threads(number)
        seen.append(run(given, SAME | dict(pool=QUARTERS, relu=True)))
    for first, *others in zip(*seen, strict=True):
        assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("pool", [None, QUARTERS])
def test_what_is_not_finite_gives_nan_around_it_and_no_wrong_number(wrong, place, pool):
    """In the image, the weights, the bias or the gradient."""
    given = arrays(np.random.default_rng(place), 2, 2, 2, 12, 12)
    options = SAME | dict(pool=pool)
    g = np.random.default_rng(0).standard_normal(run(given, options)[0].shape)
    clean = run(given, options, g=g)
    bad = [a.copy("K") for a in (*given, g)]
    bad[place].flat[-1] = wrong
    ours, reference = (run(bad[:3], options, fused=fused, g=bad[3]) for fused in (True, False))
    if pool is not None and np.isnan(ours[0]).any():  # the gradient of NaN goes to another NaN of its window
        ours, reference = ours[:1], reference[:1]
    for a, b in zip(ours, reference, strict=True):
        number = ~np.isnan(a)
        np.testing.assert_allclose(a[number], b[number], rtol=1e-11, atol=1e-11)
    if place == 0:  # the last of 3×3 tiles, and those that overlap it, see the last element
        assert np.isfinite(ours[0][0]).all()
        assert np.isfinite(ours[0][1, :, 0]).all()
    if place == 1:
        np.testing.assert_array_equal(ours[0][:, 0], clean[0][:, 0])


def test_pooling_gives_the_gradient_to_the_first_maximum():
    """Equal inputs and a weight of one tap make ties; NaN is larger than all."""
    x = np.zeros((1, 1, 4, 4))
    x[0, 0, 1, 3] = 1
    w = np.zeros((1, 1, 3, 3))
    w[0, 0, 1, 1] = 1
    _, dx, _, _ = run([x, w, np.zeros(1)], SAME | dict(pool=QUARTERS), g=np.ones((1, 1, 2, 2)))
    np.testing.assert_allclose(dx[0, 0], [[1, 0, 0, 0], [0, 0, 0, 1], [1, 0, 1, 0], [0, 0, 0, 0]], atol=1e-12)


def test_little_is_kept():
    """The result, for relu alone, or the places that pooling has chosen, of a byte each."""
    given = arrays(np.random.default_rng(0), 4, 16, 16, 8, 8, "f4")
    for relu, pool in itertools.product((False, True), (None, QUARTERS)):
        z, (kept, chosen) = Winograd.forward(*given, **SAME | dict(relu=relu, pool=pool))
        assert np.shares_memory(kept, z) if relu and pool is None else kept is None
        assert chosen is None if pool is None else chosen.nbytes == z.size


@pytest.mark.parametrize("r", [3, 5])
def test_loops_are_products_with_the_matrices(r):
    """And what is written for the adjoints are products with the transposed ones."""
    bt, _, at = transforms(r)
    for loop, matrix in (
        (winograd.data, bt),
        (winograd.data_back, bt.T),
        (winograd.result, at),
        (winograd.result_back, at.T),
    ):
        a = np.random.default_rng(0).standard_normal((matrix.shape[1], 5))
        z = np.empty((len(matrix), 5))
        loop(a, z)
        np.testing.assert_allclose(z, matrix @ a, rtol=1e-13, atol=1e-13)


def test_only_what_is_needed_is_computed():
    given = arrays(np.random.default_rng(0), 2, 3, 3, 6, 6)
    z, saved = Winograd.forward(*given, **SAME)
    all_of_them = Winograd.backward(z, saved, {0, 1, 2}, *given, **SAME)
    for i in range(3):
        some = Winograd.backward(z, saved, {i}, *given, **SAME)
        assert [d is None for d in some] == [j != i for j in range(3)]
        np.testing.assert_array_equal(some[i], all_of_them[i])


DECLINED = {
    "float64": ("f8", (2, 16, 16, 16, 16), {}),
    "few channels": ("f4", (2, 3, 16, 16, 16), {}),
    "few results": ("f4", (2, 16, 8, 16, 16), {}),
    "few tiles": ("f4", (1, 16, 16, 8, 8), {}),
    "no image": ("f4", (0, 16, 16, 16, 16), {}),
    "stride": ("f4", (2, 16, 16, 16, 16), {"stride": (2, 1)}),
    "dilation": ("f4", (2, 16, 16, 16, 16), {"dilation": (1, 2)}),
    "groups": ("f4", (2, 16, 16, 16, 16), {"groups": 2}),
    "a large pooling": ("f4", (2, 16, 16, 20, 20), {"pool": Window((17, 16), (1, 1))}),
}


@pytest.mark.parametrize("name", ["nothing", *DECLINED])
def test_what_it_declines(monkeypatch, name):
    monkeypatch.setattr(Winograd, "dtypes", (np.float32,))
    monkeypatch.setattr(Winograd, "channels", 16)
    monkeypatch.setattr(Winograd, "tiles", 20)
    dtype, shape, options = DECLINED.get(name, ("f4", (2, 16, 16, 16, 16), {}))
    given = arrays(np.random.default_rng(0), *shape, dtype)
    assert Winograd.when(*given, **SAME | options) == (name == "nothing")
    wider = given[0], np.zeros((16, 16, 7, 7), dtype), given[2]
    assert not Winograd.when(*wider, **SAME)
    assert not Winograd.when(given[0], given[1].astype("f8"), given[2], **SAME)
