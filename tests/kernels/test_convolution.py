"""Convolution by columns where drawn cases do not lead: numbers of threads, blocks of places, NaN and infinity."""

import numpy as np
import pytest

import minidl as md
from minidl.backend import threads
from minidl.engine.core import Tensor
from minidl.engine.fusion import composites
from minidl.kernels.cpu import conv
from minidl.ops.blocks import convolve
from minidl.ops.window import Window

QUARTERS = Window((2, 2), (2, 2))
PLAIN = dict(stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=1, pool=None, relu=False)


@pytest.fixture(autouse=True)
def only_columns(monkeypatch, loops_serve):
    monkeypatch.setattr(md.backend.modes.mode, "fused", True)
    monkeypatch.setattr(composites["convolve"], "kernels", [conv.Columns])


def numbers(*shape):
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def run(x, w, bias, **options):
    """The result and the gradients, for a cotangent of its own."""
    xs = [Tensor(a, requires_grad=True) for a in (x, w, bias)]
    z = convolve(*xs, **PLAIN | options)
    return [z.detach().numpy(), *(g.numpy() for g in md.grad(z, xs, Tensor(numbers(*z.shape))))]


@pytest.mark.parametrize("pool", [None, QUARTERS, Window((3, 2), (2, 1))])
def test_any_number_of_threads_gives_the_same_bits(pool, monkeypatch):
    monkeypatch.setattr(conv, "CHUNK", 1 << 12)
    before, results = threads.get_num_threads(), []
    try:
        for number in (1, 2, 3):
            threads.set_num_threads(number)
            results.append(run(numbers(9, 4, 12, 12), numbers(6, 4, 3, 3), numbers(6), pool=pool, relu=True))
    finally:
        threads.set_num_threads(before)
    for result in results[1:]:
        assert [a.tobytes() for a in result] == [a.tobytes() for a in results[0]]


def test_results_are_channels_last():
    z, dx, *_ = run(numbers(2, 4, 6, 6), numbers(6, 4, 3, 3), numbers(6))
    assert z.transpose(0, 2, 3, 1).flags.c_contiguous and dx.shape == (2, 4, 6, 6)


@pytest.mark.parametrize("channels, places", [(1, 8), (1, 7), (2, 8), (16, 8)])
def test_blocks_of_places_in_a_row_change_nothing(channels, places):
    x, w, bias = numbers(3, channels, 5, places + 2), numbers(4, channels, 3, 3), numbers(4)
    ours = run(x, w, bias)
    with md.no_fusion():
        theirs = run(x, w, bias)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("images, outputs, by_channel", [(1, 21, True), (1, 20, False), (2, 41, True), (2, 40, False)])
@pytest.mark.parametrize("options", [{}, {"pool": QUARTERS, "relu": True}, {"groups": 2}], ids=str)
def test_columns_that_are_fewer_than_weights_are_in_their_order(images, outputs, by_channel, options):
    """Of 5×4 places, forward; what goes back is as ever."""
    groups = options.get("groups", 1)
    x, w, bias = numbers(images, 6 * groups, 7, 5), numbers(outputs * groups, 6, 3, 2), numbers(outputs * groups)
    how = conv.Geometry(x, w, (1, 1), ((0, 0), (0, 0)), (1, 1), groups, None, forward=True)
    assert how.cut.block == 1 and how.cut.by_channel is by_channel
    ours = run(x, w, bias, **options)
    with md.no_fusion():
        theirs = run(x, w, bias, **options)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_of_equal_places_the_first_is_chosen_and_an_infinite_gradient_stays_there():
    x, w = np.ones((1, 1, 6, 6), np.float32), np.ones((1, 1, 3, 3), np.float32)
    xs = [Tensor(x), Tensor(w, requires_grad=True), Tensor(np.zeros(1, np.float32), requires_grad=True)]
    z = convolve(*xs, **PLAIN | dict(pool=QUARTERS))
    g = np.zeros(z.shape, np.float32)
    g[0, 0, 0, 0] = np.inf
    for d in md.grad(z, xs[1:], Tensor(g)):
        assert np.isposinf(d.numpy()).all()
    image = Tensor(x, requires_grad=True)
    (dx,) = md.grad(convolve(image, *xs[1:], **PLAIN | dict(pool=QUARTERS)).sum(), image)
    expected = np.zeros((6, 6))
    for i in (0, 2):
        for j in (0, 2):
            expected[i : i + 3, j : j + 3] += 1
    np.testing.assert_array_equal(dx.numpy()[0, 0], expected)


def test_nan_is_largest():
    x = np.array([[1, np.nan], [2, 3]], np.float32).reshape(1, 1, 2, 2)
    for relu in (False, True):
        z, dx, *_ = run(x, np.ones((1, 1, 1, 1), np.float32), np.zeros(1, np.float32), pool=QUARTERS, relu=relu)
        assert np.isnan(z).all() and (dx != 0).tolist() == [[[[False, True], [False, False]]]]


def test_what_is_not_needed_is_left_out():
    x, w, bias = numbers(2, 2, 4, 4), numbers(3, 2, 3, 3), numbers(3)
    z, saved = conv.Columns.forward(x, w, bias, **PLAIN)
    for needs in ({0}, {1}, {2}, {0, 2}):
        gradients = conv.Columns.backward(z, saved, needs, x, w, bias, **PLAIN)
        assert {i for i, d in enumerate(gradients) if d is not None} == needs
