"""Kernels of convolution and pooling on CuPy arrays, beside the ops themselves on NumPy arrays.

Most arrays are of small integers, on which every dtype computes exactly: so results are equal, and maxima often tie.
"""

import numpy as np
import pytest
from devices import asked, on_device, pattern

import minidl as md
from minidl import functional as F
from minidl.backend.modes import no_fusion
from minidl.engine.core import Tensor
from minidl.kernels.cuda import source
from minidl.ops.blocks import convolve, max_pool
from minidl.ops.conv import conv, conv_w, conv_x
from minidl.ops.pool import col2im, im2col, window_argmax, window_put, window_spread, window_sum, window_take
from minidl.ops.window import Window

pytestmark = pytest.mark.gpu
RNG = np.random.default_rng(0)

NONE = ((0, 0), (0, 0))
PLAIN = dict(stride=(1, 1), padding=NONE, dilation=(1, 1), groups=1)
# Images, weights, and what differs from PLAIN.
CONVOLUTIONS = {
    "plain": ((3, 3, 7, 8), (4, 3, 3, 2), {}),
    "one channel": ((2, 1, 9, 9), (5, 1, 5, 5), {}),
    "all of the image": ((2, 3, 4, 5), (3, 3, 4, 5), {}),
    "stride and padding": ((2, 3, 7, 9), (4, 3, 3, 3), dict(stride=(2, 3), padding=((1, 2), (0, 3)))),
    "dilation": ((2, 2, 8, 9), (3, 2, 3, 2), dict(dilation=(2, 3), padding=((2, 0), (1, 1)))),
    "unseen rows": ((2, 2, 8, 8), (3, 2, 2, 2), dict(stride=(3, 4))),
    "pointwise": ((3, 4, 5, 6), (6, 4, 1, 1), {}),
    "pointwise, sparse": ((2, 4, 5, 6), (6, 4, 1, 1), dict(stride=(2, 2))),
    "pointwise, padded": ((2, 4, 3, 4), (6, 4, 1, 1), dict(padding=((1, 0), (0, 2)))),
    "groups": ((3, 6, 6, 5), (4, 3, 3, 2), dict(groups=2, stride=(1, 2), padding=((1, 1), (0, 1)))),
    "pointwise groups": ((2, 6, 4, 4), (9, 2, 1, 1), dict(groups=3)),
    "depthwise": ((3, 5, 7, 6), (5, 1, 3, 3), dict(groups=5, padding=((1, 1), (0, 2)))),
    "depthwise, two each": ((2, 4, 8, 7), (8, 1, 3, 2), dict(groups=4, stride=(2, 1), dilation=(1, 2))),
    "depthwise, large": ((4, 3, 12, 12), (3, 1, 2, 2), dict(groups=3)),  # several runs of places
}
POOLS = {
    "quarters": Window((2, 2), (2, 2)),
    "overlapping": Window((3, 2), (2, 1)),
    "rest": Window((2, 3), (3, 2)),
    "padded": Window((3, 3), (2, 2), ((1, 1), (1, 0))),
    "dilated": Window((2, 2), (1, 2), ((1, 0), (0, 1)), (2, 3)),
    "beyond": Window((2, 2), (1, 1), ((3, 0), (0, 0))),  # wholly in the padding at first
    "one": Window((1, 1)),
}
each_convolution = pytest.mark.parametrize("case", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
each_pool = pytest.mark.parametrize("window", POOLS.values(), ids=POOLS)
each_dtype = pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
each_memory = pytest.mark.parametrize("memory", ["channels first", "channels last", "apart"])


def whole(*shape):
    """Small integers, as floats."""
    return RNG.integers(-2, 3, shape).astype(np.float64)


def check(z, expected, dtype=None):
    """That a result is equal to its reference, and channels last in memory where it is images."""
    assert z.dtype == (dtype or expected.dtype)
    np.testing.assert_array_equal(z.get(), expected)


def is_channels_last(z):
    return z.transpose(0, 2, 3, 1).flags.c_contiguous


def gradients(composite, arrays, options, second=False):
    """What a composite gives, its gradients and, if asked for, those of their sum of squares; and which kernel ran."""
    xs = [Tensor(a, requires_grad=True) for a in arrays if a is not None]
    z = composite(*xs, *[None] * (len(arrays) - len(xs)), **options)
    z = z[0] if isinstance(z, tuple) else z
    kernel, v = z.node.kept.get("kernel"), Tensor(pattern(z.array), requires_grad=True)
    ds = md.grad(z, xs, v, create_graph=second)
    if second:
        ds = [*ds, *md.grad(sum((d * d).sum() for d in ds), [*xs, v], materialize_grads=True)]
    return [a.detach().to("cpu").numpy() for a in (z, *ds)], kernel


# --- ops --------------------------------------------------------------------------------------------------------------


def conv_arguments(case):
    """Images, weights, gradients and the geometry of a case."""
    size, weight, given = case
    geometry = PLAIN | given
    window = Window(weight[2:], geometry["stride"], geometry["padding"], geometry["dilation"])
    return whole(*size), whole(*weight), whole(size[0], weight[0], *window.positions(*size[2:])), geometry


@each_dtype
@each_memory
@each_convolution
def test_convolution_and_its_gradients(case, memory, dtype):
    x, w, g, k = conv_arguments(case)
    dx, dw, dg = (on_device(a, memory, dtype) for a in (x, w, g))
    z = conv(dx, dw, **k)
    check(z, conv(x, w, **k), dtype)
    check(conv_w(dx, dg, size=w.shape[2:], **k), conv_w(x, g, size=w.shape[2:], **k), dtype)
    image = conv_x(dg, dw, size=x.shape[2:], **k)
    check(image, conv_x(g, w, size=x.shape[2:], **k), dtype)
    if k["groups"] == 1:
        assert is_channels_last(z) and is_channels_last(image)


@each_convolution
def test_chunks_are_the_whole(case, monkeypatch):
    from minidl.kernels.cuda import conv as kernels

    assert list(kernels.chunks(3, 100, 200)) == [slice(0, 2), slice(2, 3)]
    monkeypatch.setattr(kernels, "WORKSPACE", 1)
    test_convolution_and_its_gradients(case, "channels last", "float32")


@each_dtype
@each_memory
@each_pool
def test_pooling_ops(window, memory, dtype):
    x = whole(3, 5, 9, 8)
    h, k = window.positions(9, 8), dict(window=window)
    chosen, g = window_argmax(x, **k), whole(3, 5, *h)
    dx, dg, dchosen = on_device(x, memory, dtype), on_device(g, memory, dtype), on_device(chosen, memory)
    check(window_argmax(dx, **k), chosen)
    check(window_take(dx, dchosen, **k), window_take(x, chosen, **k), dtype)
    check(window_put(dg, dchosen, **k, size=(9, 8)), window_put(g, chosen, **k, size=(9, 8)), dtype)
    check(window_sum(dx, **k), window_sum(x, **k), dtype)
    check(window_spread(dg, **k, size=(9, 8)), window_spread(g, **k, size=(9, 8)), dtype)
    columns = im2col(x, **k)
    check(im2col(dx, **k), columns, dtype)
    dcolumns = on_device(columns, memory, dtype)
    check(col2im(dcolumns, **k, size=(9, 8)), col2im(columns, **k, size=(9, 8)), dtype)


@each_dtype
@each_pool
def test_what_a_maximum_is(window, dtype):
    x = whole(4, 3, 9, 8)
    x[0, :, 1::3] = np.nan
    x[1] = -np.inf
    x[2, :, :, ::2] = np.inf
    x[3] = np.where(x[3] > 0, np.nan, -np.inf)
    check(window_argmax(on_device(x, dtype=dtype), window=window), window_argmax(x, window=window))
    z, chosen = max_pool(on_device(x, dtype=dtype), window=window)
    with no_fusion():
        expected = max_pool(x, window=window)
    check(z, expected[0], dtype)
    check(chosen, expected[1])


def test_the_gradient_of_a_maximum_that_is_nan_passes_relu():
    image = np.array([[1, np.nan], [2, 3]]).reshape(1, 1, 2, 2)
    x, weight = (Tensor(on_device(a), requires_grad=True) for a in (image, np.ones((1, 1, 1, 1))))
    z = convolve(x, weight, None, **PLAIN | dict(pool=Window((2, 2), (2, 2)), relu=True))
    (dx,) = md.grad(z.sum(), x)
    assert dx.tolist() == [[[[0, 1], [0, 0]]]]


@pytest.mark.parametrize(("size", "kind"), [((15, 17), "uint8"), ((16, 16), "uint16"), ((256, 257), "uint32")])
def test_indices_of_large_windows(size, kind):
    x = whole(1, 2, size[0] + 1, size[1] + 1)
    x[0, 1, -1, -1] = 9
    check(window_argmax(on_device(x), window=Window(size)), window_argmax(x, window=Window(size)), kind)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint32", "int64"])
def test_indices_of_each_kind(kind):
    x, g, k = whole(2, 3, 7, 6), whole(2, 3, 3, 5), dict(window=POOLS["overlapping"])
    chosen = window_argmax(x, **k).astype(kind)
    chosen[1, 2] = 6  # of 0 to 5: nothing is taken
    found = on_device(chosen)
    check(window_take(on_device(x), found, **k), window_take(x, chosen, **k))
    check(window_put(on_device(g), found, **k, size=(7, 6)), window_put(g, chosen, **k, size=(7, 6)))


@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8"])
def test_integers_take_the_ops_themselves(dtype):
    x, w = (a.clip(0).astype(dtype) for a in (whole(2, 4, 5, 5), whole(4, 2, 2, 2)))
    k, pool = PLAIN | dict(groups=2), dict(window=POOLS["overlapping"])
    dx = on_device(x)
    check(conv(dx, on_device(w), **k), conv(x, w, **k))
    chosen = window_argmax(x, **pool)
    check(window_argmax(dx, **pool), chosen)
    check(window_take(dx, on_device(chosen), **pool), window_take(x, chosen, **pool))
    check(window_sum(dx, **pool), window_sum(x, **pool))
    check(im2col(dx, **pool), im2col(x, **pool))


@each_dtype
def test_no_images(dtype):
    x, w, g = whole(0, 3, 5, 5), whole(4, 3, 2, 2), whole(0, 4, 4, 4)
    dx, dw, dg = (on_device(a, dtype=dtype) for a in (x, w, g))
    check(conv(dx, dw, **PLAIN), conv(x, w, **PLAIN), dtype)
    check(conv_x(dg, dw, size=(5, 5), **PLAIN), x, dtype)
    check(conv_w(dx, dg, size=(2, 2), **PLAIN), 0 * w, dtype)
    pool = dict(window=POOLS["quarters"])
    check(max_pool(dx, **pool)[0], max_pool(x, **pool)[0], dtype)
    check(window_spread(on_device(whole(0, 3, 2, 2)), **pool, size=(5, 5)), x)


# --- composites -------------------------------------------------------------------------------------------------------

AFTERWARDS = {
    "alone": dict(pool=None, relu=False),
    "relu": dict(pool=None, relu=True),
    "pool": dict(pool=POOLS["overlapping"], relu=False),
    "pool and relu": dict(pool=POOLS["quarters"], relu=True),
    "padded pool and relu": dict(pool=POOLS["padded"], relu=True),
}
each_end = pytest.mark.parametrize("end", AFTERWARDS.values(), ids=AFTERWARDS)
SOME = {name: CONVOLUTIONS[name] for name in ("plain", "stride and padding", "groups", "depthwise, two each")}


def composite_arguments(case, dtype="float64", scale=0):
    """Images, weights, bias and geometry of a case, in integers, to which `scale` times noise is added."""
    x, w, _, k = conv_arguments(case)
    arrays = x, w, whole(len(w))
    return [(a + scale * RNG.standard_normal(a.shape)).astype(dtype) for a in arrays], k


@each_dtype
@each_end
@pytest.mark.parametrize("case", SOME.values(), ids=SOME)
def test_convolve(case, end, dtype):
    from minidl.kernels.cuda.conv import Convolve

    arrays, k = composite_arguments(case)
    with no_fusion():
        expected, _ = gradients(convolve, arrays, k | end)
    for memory in ("channels first", "channels last", "apart"):
        found, kernel = gradients(convolve, [on_device(a, memory, dtype) for a in arrays], k | end)
        assert kernel is Convolve
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == dtype
            np.testing.assert_array_equal(a, b)


@each_end
def test_convolve_without_bias(end):
    (x, w, _), k = composite_arguments(CONVOLUTIONS["plain"])
    with no_fusion():
        expected, _ = gradients(convolve, (x, w, None), k | end)
    found, _ = gradients(convolve, (on_device(x), on_device(w), None), k | end)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


@each_end
@pytest.mark.parametrize("case", SOME.values(), ids=SOME)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-10)])
def test_two_orders_of_real_numbers(case, end, dtype, tolerance):
    arrays, k = composite_arguments(case, dtype, scale=0.1)
    with no_fusion():
        expected, _ = gradients(convolve, arrays, k | end, second=True)
    found, _ = gradients(convolve, [on_device(a) for a in arrays], k | end, second=True)
    assert len(found) == 8
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.abs(b).max()))


@each_dtype
@each_memory
@each_pool
def test_max_pool(window, memory, dtype):
    from minidl.kernels.cuda.pool import MaxPool

    x = whole(3, 5, 9, 8)
    with no_fusion():
        expected, _ = gradients(max_pool, [x], dict(window=window), second=True)
    found, kernel = gradients(max_pool, [on_device(x, memory, dtype)], dict(window=window), second=True)
    assert kernel is MaxPool
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == dtype
        np.testing.assert_array_equal(a, b)


def test_relu_of_what_is_not_a_number():
    x = np.array([np.nan, -np.inf, np.inf, -1, 0, 2]).reshape(1, 1, 1, 6)
    for pool in (None, POOLS["one"]):
        end = PLAIN | dict(pool=pool, relu=True)
        arrays = x, np.ones((1, 1, 1, 1)), np.zeros(1)
        with no_fusion():
            (expected, dx, *_), _ = gradients(convolve, arrays, end)
        (z, d, *_), _ = gradients(convolve, [on_device(a) for a in arrays], end)
        np.testing.assert_array_equal(z, expected)
        np.testing.assert_array_equal(d, dx)


@each_dtype
def test_what_is_equal_with_the_bias_is_a_tie(dtype):
    x = np.arange(4).reshape(1, 1, 1, 4) * np.finfo(dtype).eps / 8
    arrays = [a.astype(dtype) for a in (x, np.ones((1, 1, 1, 1)), np.ones(1))]
    end = PLAIN | dict(pool=Window((1, 4)), relu=False)
    (z, dx, *_), _ = gradients(convolve, [on_device(a) for a in arrays], end)
    assert z == 1 and np.flatnonzero(dx) == [0]


@each_end
@pytest.mark.parametrize("case", SOME.values(), ids=SOME)
def test_nothing_is_written_beyond_a_result(case, end, monkeypatch):
    cupy, rooms = md.backend.cupy(), []

    def empty(shape, dtype):
        rooms.append(cupy.full(np.prod(shape) + 1024, 77, dtype))
        return rooms[-1][:-1024].reshape(shape)

    arrays, k = composite_arguments(case, "float32")
    monkeypatch.setattr(cupy, "empty", empty)
    gradients(convolve, [on_device(a) for a in arrays], k | end)
    x, pool = on_device(arrays[0]), dict(window=POOLS["padded"])
    window_take(x, window_argmax(x, **pool), **pool), window_sum(x, **pool)
    assert len(rooms) > 6
    for room in rooms:
        np.testing.assert_array_equal(room[-1024:].get(), 77)


def test_what_is_not_needed_is_left_out(monkeypatch):
    from minidl.kernels.cuda import conv as kernels

    arrays, k = composite_arguments(CONVOLUTIONS["plain"])
    arrays = [on_device(a) for a in arrays]
    end = k | AFTERWARDS["pool and relu"]
    z, saved = kernels.Convolve.forward(*arrays, **end)
    for i, name in enumerate(("conv_x", "conv_w", "column_sums")):
        monkeypatch.setattr(kernels, name, None)
        needs = {0, 1, 2} - {*range(i + 1)}
        found = kernels.Convolve.backward(z, saved, needs, *arrays, **end)
        assert {j for j, d in enumerate(found) if d is not None} == needs


@pytest.mark.parametrize("case", SOME.values(), ids=SOME)
def test_the_same_bits_each_time(case):
    arrays, k = composite_arguments(case, "float32", scale=1)
    end = k | AFTERWARDS["padded pool and relu"]
    (first, _), (again, _) = (gradients(convolve, [on_device(a) for a in arrays], end) for _ in range(2))
    assert [a.tobytes() for a in first] == [a.tobytes() for a in again]


@pytest.mark.parametrize(
    ("name", "launches"), [("one channel", 7), ("plain", 11), ("groups", 17), ("depthwise", 8)], ids=str
)
def test_launches(name, launches):
    """Forward and backward: the columns twice, col2im, weights as matrices and back, pooling and back, sums.

    Beside that there are three products of matrices for each group, but none of depthwise convolutions.
    """
    arrays, k = composite_arguments(CONVOLUTIONS[name], "float32")
    xs = [Tensor(on_device(a), requires_grad=i > 0 or name != "one channel") for i, a in enumerate(arrays)]

    def step():
        z = convolve(*xs, **k | AFTERWARDS["pool and relu"])
        z.node.op.pull(z.node, z.array, list(z.node.edges))

    step()
    assert asked(step) == {"launch": launches}


def test_what_kernels_can_not_count(monkeypatch):
    """Columns as a result come without them; those of a convolution are refused."""
    monkeypatch.setattr(source, "MOST", 500)
    x, w = RNG.standard_normal((1, 4, 10, 10)), RNG.standard_normal((2, 4, 3, 3))
    seen = F.unfold(md.tensor(x, device="cuda"), 3)
    assert np.array_equal(seen.numpy(), F.unfold(md.tensor(x), 3).numpy())
    with pytest.raises(ValueError, match=r"conv.*: 2304 elements are more than kernels count; md.no_fusion\(\)"):
        F.conv2d(md.tensor(x, device="cuda"), md.tensor(w, device="cuda"))
    with no_fusion():
        F.conv2d(md.tensor(x, device="cuda"), md.tensor(w, device="cuda"))
