"""The work of an op: operations and bytes, by hand and by PyTorch's counter."""

import pytest

import minidl as md
from minidl import functional as F
from minidl import nn
from minidl.backend.modes import mode
from minidl.ops import conv
from minidl.profiler import profile


def work(call):
    """Operations and bytes by the name of the op, of what a call does."""
    with profile() as prof:
        call()
    return {average.key: (average.flops, average.bytes) for average in prof.key_averages()}


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("options, flops", [
    (dict(), 2 * 5 * 6 * 6 * 8 * 4 * 9),  # N · OH · OW · O · C · KH · KW, multiplied and added
    (dict(padding=1), 2 * 5 * 8 * 8 * 8 * 4 * 9), (dict(stride=2), 2 * 5 * 3 * 3 * 8 * 4 * 9),
    (dict(dilation=2), 2 * 5 * 4 * 4 * 8 * 4 * 9), (dict(groups=2), 2 * 5 * 6 * 6 * 8 * 2 * 9),
    (dict(groups=4), 2 * 5 * 6 * 6 * 8 * 9),
])  # fmt: skip
def test_operations_of_a_convolution(fused, options, flops, monkeypatch):
    """As they are counted by hand; backward as many for each of weight and image, however the kernel computes it."""
    monkeypatch.setattr(mode, "fused", fused)
    layer, x = nn.Conv2d(4, 8, 3, bias=False, **options), md.randn(5, 4, 8, 8)
    for x.requires_grad, times in (False, 1), (True, 2):
        with profile() as prof:
            layer(x).sum().backward()
        found = {average.key: average.flops for average in prof.key_averages()}
        name = "convolve" if fused else "conv"
        assert found[name] == flops and found[f"{name} backward"] == times * flops


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_operations_of_the_parts_of_a_gradient(groups):
    """As many as forward has: by image, which transposed convolution is too, and by weight."""
    options = dict(stride=(1, 1), padding=((0, 0), (0, 0)), dilation=(1, 1), groups=groups)
    x, g, w = md.randn(5, 4, 8, 8), md.randn(5, 8, 6, 6), md.randn(8, 4 // groups, 3, 3)
    found = work(lambda: (conv.conv_x(g, w, size=(8, 8), **options), conv.conv_w(x, g, size=(3, 3), **options)))
    assert found["conv_x"][0] == found["conv_w"][0] == 2 * 5 * 6 * 6 * 8 * (4 // groups) * 9


@pytest.mark.parametrize("shapes, flops", [
    (((3, 4), (4, 5)), 2 * 3 * 4 * 5), (((7, 3, 4), (7, 4, 5)), 7 * 2 * 3 * 4 * 5),
    (((3, 4), (7, 4, 5)), 7 * 2 * 3 * 4 * 5),
    (((3, 4), (6, 7, 4, 5)), 42 * 2 * 3 * 4 * 5),
    (((2, 1, 3, 4), (7, 4, 5)), 14 * 2 * 3 * 4 * 5), (((7, 3, 4), (4, 5)), 7 * 2 * 3 * 4 * 5),
])  # fmt: skip
def test_operations_of_a_product(shapes, flops):
    x, y = (md.randn(*shape, requires_grad=True) for shape in shapes)
    found = work(lambda: (x @ y).sum().backward())
    assert found["matrix_product"][0] == flops and found["matrix_product backward"][0] == 2 * flops


def test_pytorch_counts_the_same():
    """Its counter, forward and backward; not of groups, of which it counts the gradient of weights too often."""
    counter = pytest.importorskip("torch.utils.flop_counter")
    torch = pytest.importorskip("torch")

    def network(nn):
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, stride=2), nn.Flatten(),
            nn.Linear(8 * 9, 16), nn.ReLU(), nn.Linear(16, 4),
        )  # fmt: skip

    with counter.FlopCounterMode(display=False) as theirs:
        network(torch.nn)(torch.ones(2, 3, 8, 8)).sum().backward()
    with profile() as prof:
        network(nn)(md.ones(2, 3, 8, 8)).sum().backward()
    names = ("conv", "linear")
    ours = sum(average.flops for average in prof.key_averages() if average.key.startswith(names))
    assert ours == theirs.get_total_flops()


def test_bytes():
    """What is read and what is written, in float32; a view moves nothing and computes nothing."""
    x = md.ones(100, 10)
    assert work(lambda: x + x)["add"] == (1000, 3 * 4000)
    assert work(lambda: x.sum(0))["sum"] == (1000, 4000 + 40)
    assert work(lambda: x.reshape(10, 100))["reshape"] == (0, 0)
    x.requires_grad = True
    assert work(lambda: x.exp().backward(x))["exp backward"] == (1000, 3 * 4000)  # g and z in, one out
    assert work(lambda: (x + x[0]).backward(x))["add backward"] == (1000, 4000 + 40)  # a sum; g itself goes on


def test_bytes_of_a_kernel(monkeypatch):
    """Its result, not what it keeps for backward."""
    monkeypatch.setattr(mode, "fused", True)
    x, y = md.ones(7, 3, requires_grad=True), md.zeros(7, dtype=md.int64)
    assert work(lambda: F.cross_entropy(x, y))["softmax_cross_entropy"] == (21, 4 * 21 + 8 * 7 + 4)


def test_an_op_in_an_op_is_counted_once():
    """A recorded backward computes by ops: their time is theirs, the work that of the op around them."""
    x = md.ones(10, requires_grad=True)
    with profile() as prof:
        md.grad((x.exp() * x).sum(), x, create_graph=True)
    nested = [event for event in prof.events() if event.nested]
    assert nested and not any(event.flops or event.bytes for event in nested)
    whole = sum(event.seconds for event in prof.events() if not event.nested)
    assert prof.shares().traffic * prof.seconds == pytest.approx(whole)
    outer = next(event for event in prof.events() if event.name == "mul backward")
    assert (outer.flops, outer.bytes) == (20, 5 * 40)  # the gradient and two factors in, two gradients out
    assert outer.input_shapes == ((10,),)
    assert outer.inner == pytest.approx(sum(e.seconds for e in nested if outer.start <= e.start < outer.end))
