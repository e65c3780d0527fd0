"""Layer and group norm as loops: far from zero, what is not finite, what is not needed, what is declined."""

import numpy as np
import pytest

import minidl as md
from minidl import functional as F
from minidl.backend import threads
from minidl.engine.core import Tensor
from minidl.engine.fusion import composites
from minidl.kernels import loops
from minidl.kernels.cpu import layout
from minidl.kernels.cpu.rows import NormalizeRows
from minidl.ops.blocks import normalize_rows

pytestmark = pytest.mark.usefixtures("loops_serve")
RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def only_rows(monkeypatch):
    monkeypatch.setattr(md.backend.modes.mode, "fused", True)
    monkeypatch.setattr(composites["normalize_rows"], "kernels", [NormalizeRows])


def run(x, weight, bias, eps=1e-5):
    """The result and the gradients, for a cotangent of its own."""
    leaves = [None if a is None else Tensor(a, requires_grad=True) for a in (x, weight, bias)]
    z = normalize_rows(*leaves, eps=eps)
    g = Tensor(np.random.default_rng(1).standard_normal(z.shape).astype(x.dtype))
    return [z.detach().numpy(), *(d.numpy() for d in md.grad(z, [leaf for leaf in leaves if leaf is not None], g))]


def test_any_number_of_threads_gives_the_same_bits(monkeypatch):
    monkeypatch.setattr(layout, "SMALL", 1)
    monkeypatch.setattr(layout, "CHUNK", 200)
    x, w = (RNG.standard_normal(shape).astype(np.float32) for shape in ((40, 3, 17), (3, 17)))
    before, results = threads.get_num_threads(), []
    try:
        for number in (1, 2, 3):
            threads.set_num_threads(number)
            results.append([a.tobytes() for a in run(x, w, w)])
    finally:
        threads.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_far_from_zero():
    """In single precision as in double, where the mean is 10,000 deviations off; a constant has none."""
    around, g = RNG.integers(-16, 16, (5, 300)) / 8, RNG.standard_normal((5, 300)).astype(np.float32)
    w = RNG.standard_normal(300).astype(np.float32)
    standard = (around - around.mean(1, keepdims=True)) / around.std(1, keepdims=True)
    along = g * w - (g * w).mean(1, keepdims=True) - standard * (g * w * standard).mean(1, keepdims=True)
    for mean in (1e4, -1e4, 0):
        x = (mean + around).astype(np.float32)
        z, found = NormalizeRows.forward(x, w, w, eps=1e-12)
        dx, dw, db = NormalizeRows.backward(g, found, {0, 1, 2}, x, w, w, eps=1e-12)
        np.testing.assert_allclose(z, standard * w + w, rtol=0, atol=1e-5)
        np.testing.assert_allclose(dx, along / around.std(1, keepdims=True), rtol=0, atol=1e-5)
        np.testing.assert_allclose(dw, (g * standard).sum(0), rtol=0, atol=1e-5)
        np.testing.assert_allclose(db, g.sum(0), rtol=0, atol=1e-5)
    constant = np.full((2, 4097), 33_333.33, np.float32)
    np.testing.assert_array_equal(NormalizeRows.forward(constant, None, None, eps=1e-12)[0], 0 * constant)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 3])
def test_what_is_not_finite_stays_in_its_row(value, place):
    x = RNG.standard_normal((3, 5))
    x[1, place] = value
    z, dx = run(x, None, None)
    assert np.isnan(z[1]).all() and np.isnan(dx[1]).all() and np.isfinite(z[[0, 2]]).all()
    with md.no_fusion():
        for found, expected in zip((z, dx), run(x, None, None), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_what_is_not_needed_is_left_out():
    x, w = RNG.standard_normal((4, 3)), np.ones(3)
    z, saved = NormalizeRows.forward(x, w, w, eps=1e-5)
    for needs in ({0}, {1}, {2}, {0, 2}):
        gradients = NormalizeRows.backward(z, saved, needs, x, w, w, eps=1e-5)
        assert {i for i, d in enumerate(gradients) if d is not None} == needs


def test_a_bias_alone_tells_the_groups():
    x, b, g = (RNG.standard_normal(shape) for shape in ((3, 2, 5), (2, 5), (3, 2, 5)))
    z, found = NormalizeRows.forward(x, None, b, eps=1e-5)
    dx, dw, db = NormalizeRows.backward(g, found, {0, 2}, x, None, b, eps=1e-5)
    np.testing.assert_allclose(z - b, NormalizeRows.forward(x, None, None, eps=1e-5)[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(db, g.sum(0), rtol=0, atol=1e-12)
    assert dx.shape == x.shape and dw is None


def test_what_is_declined(monkeypatch):
    """Other and different dtypes, nothing, and loops that do not serve."""
    x, w = np.ones((2, 3)), np.ones(3)
    assert NormalizeRows.when(x, w, None, eps=1e-5) and NormalizeRows.when(x, None, w, eps=1e-5)
    for given in ((x.astype("f2"), None, None), (x, w.astype("f4"), w), (x, w, w.astype("f4")), (x[:0], w, w)):
        assert not NormalizeRows.when(*given, eps=1e-5)
    monkeypatch.setattr(loops, "serve", lambda: False)
    assert not NormalizeRows.when(x, w, w, eps=1e-5)


@pytest.mark.parametrize("which", ["in order", "channels last", "read-only"])
def test_layers_and_groups_are_rows(which):
    """The functions: several dimensions at once, weight and bias of channels, in any order of memory."""
    x = RNG.standard_normal((3, 4, 2, 5))
    if which == "channels last":
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    x.flags.writeable = which != "read-only"
    w, b = RNG.standard_normal((2, 4))
    vectors = RNG.standard_normal((2, 2, 5))
    calls = [
        lambda x: F.layer_norm(x, (2, 5), *map(md.Tensor, vectors), eps=1e-3),
        lambda x: F.group_norm(x, 2, md.Tensor(w), md.Tensor(b), eps=1e-3),
        lambda x: F.group_norm(x, 4, None, md.Tensor(b)),
    ]

    def normalized(x, eps):
        deviation = x - x.mean((-2, -1), keepdims=True)
        return deviation / np.sqrt((deviation**2).mean((-2, -1), keepdims=True) + eps)

    by_channel = (v.reshape(-1, 1, 1) for v in (w, b, b))
    scale, shift, only = by_channel
    in_groups = normalized(np.reshape(x, (3, 2, 4, 5)), 1e-3).reshape(x.shape)
    expected = [normalized(x, 1e-3) * vectors[0] + vectors[1], in_groups * scale + shift, normalized(x, 1e-5) + only]
    for call, right in zip(calls, expected, strict=True):
        z = call(Tensor(x, requires_grad=True))
        np.testing.assert_allclose(z.detach().numpy(), right, rtol=1e-9, atol=1e-12)
        names, waiting = set(), [z.node]
        while waiting:
            node = waiting.pop()
            names.add(node.op.name)
            waiting += [parent for _, parent in node.edges if not isinstance(parent, md.Tensor)]
        assert "normalize_rows" in names


def test_gradients_of_both_orders():
    shapes = (2, 4, 3), (4,), (4,)
    leaves = [Tensor(RNG.standard_normal(shape), requires_grad=True) for shape in shapes]
    for groups in (1, 2):
        f = lambda x, w, b: F.group_norm(x, groups, w, b)  # noqa: E731, B023
        assert md.gradcheck(f, leaves) and md.gradgradcheck(f, leaves)


def test_a_batch_of_none():
    for z in (F.layer_norm(md.ones(0, 3), (3,)), F.group_norm(md.ones(0, 4, 2), 2)):
        assert z.shape[0] == 0
    assert F.layer_norm(md.ones(1, 1), (1,)).tolist() == [[0]]
