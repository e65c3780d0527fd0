"""Checkpointing: the same gradients to the bit, from a second call, which must be as the first."""

import contextlib
import gc

import numpy as np
import pytest

import minidl as md
from minidl import nn
from minidl.utils.checkpoint import checkpoint, checkpoint_sequential

F = nn.functional


def network():
    md.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.5),
        nn.Conv2d(4, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3), nn.Dropout(0.2),
    )  # fmt: skip


def gradients(run, net=None):
    """The loss, all gradients, and the next random number, from one seed."""
    net = net or network()
    md.manual_seed(1)
    x = md.randn(5, 2, 6, 6, requires_grad=True)
    loss = (run(net, x) ** 2).sum()
    drawn = md.rand(3)
    loss.backward()
    return [
        loss.item(),
        *(a.grad.numpy().tobytes() for a in (x, *net.parameters())),
        drawn.tolist(),
        md.rand(2).tolist(),
    ]


def nested(net, x):
    return checkpoint(lambda x: net[5:](checkpoint(net[3:5], net[:3](x))), x)


WAYS = {
    "whole": lambda net, x: checkpoint(net, x, use_reentrant=False),
    "nested": nested,
    "twice nested": lambda net, x: checkpoint(nested, net, x),
    "by parts": lambda net, x: net[7:](checkpoint(net[4:7], checkpoint(net[:4], x))),
}


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_gradients_are_the_same_to_the_bit(way, fused):
    """Dropout within, writes in place, kernels or not; and the stream of random numbers goes on as without."""
    plain = {
        "nested": lambda net, x: net[5:](net[3:5](net[:3](x))),
        "by parts": lambda net, x: net[7:](net[4:7](net[:4](x))),
    }
    plain["twice nested"] = plain["nested"]
    with contextlib.nullcontext() if fused else md.no_fusion():
        expected = gradients(plain.get(way, lambda net, x: net(x)))
        assert gradients(WAYS[way]) == expected


@pytest.mark.parametrize("segments", [1, 2, 3])
def test_sequences_in_segments(segments):
    def by_hand(net, x):
        size = 10 // segments
        for start in (*range(0, size * (segments - 1), size), None):
            x = net[slice(size * (segments - 1), None) if start is None else slice(start, start + size)](x)
        return x

    expected = gradients(by_hand)
    assert gradients(lambda net, x: checkpoint_sequential(net, segments, x, use_reentrant=False)) == expected
    called = []
    layers = [lambda x, i=i: called.append(i) or x * (i + 2) for i in range(5)]
    x = md.ones(2, requires_grad=True)
    checkpoint_sequential(layers, segments, x).sum().backward()
    assert x.grad.tolist() == [720, 720] and called[:5] == [0, 1, 2, 3, 4]
    last = (5 // segments) * (segments - 1)
    assert sorted(called[5:]) == list(range(last))


def test_without_the_random_state_dropout_draws_anew():
    x = md.ones(100, requires_grad=True)
    for preserve in (True, False):
        z = checkpoint(lambda x: F.dropout(x * x), x, preserve_rng_state=preserve)
        (dx,) = md.grad(z.sum(), x)
        assert ((dx != 0) == (z != 0)).all().item() == preserve


def test_nothing_is_kept_until_backward_and_little_after():
    sizes = []

    def f(x):
        sizes.append(live())
        return (x.exp() * x.sin()).tanh()

    def live():
        gc.collect()
        return sum(a.nbytes for a in gc.get_objects() if type(a) is md.Tensor and a.array.shape == (1000,))

    x = md.ones(1000, requires_grad=True)
    z = checkpoint(f, x)
    waiting, kept = [z.node], []
    while waiting:
        node = waiting.pop()
        if isinstance(node, md.Tensor):
            continue
        kept.append(type(node.kept))
        waiting += [parent for _, parent in node.edges]
    assert len(kept) == 4 and dict not in kept and len(sizes) == 1
    z.sum().backward()
    assert len(sizes) == 2
    with pytest.raises(RuntimeError, match="a second time"):
        z.sum().backward()


def test_other_arguments_and_results():
    """Keywords, tensors in containers, results in them; what needs no gradient; no recording."""
    x, w, calls = md.tensor([1.0, 2.0], requires_grad=True), md.tensor([3.0, 4.0], requires_grad=True), []

    def f(pair, *, scale):
        calls.append(1)
        return {"a": pair[0] * pair[1] * scale, "b": (pair[0].exp(), 5)}

    z = checkpoint(f, (x, w), scale=2.0)
    (z["a"].sum() + z["b"][0].sum()).backward(retain_graph=True)
    np.testing.assert_allclose(x.grad.numpy(), 2 * w.detach().numpy() + np.exp([1, 2]), rtol=1e-6)
    assert w.grad.tolist() == [2, 4] and z["b"][1] == 5 and len(calls) == 2
    z["a"].sum().backward()
    assert w.grad.tolist() == [4, 8] and len(calls) == 2
    assert not checkpoint(lambda x: x * 2, md.ones(2)).requires_grad
    with md.no_grad():
        assert not checkpoint(lambda x: x * 2, x).requires_grad


def test_some_gradients_and_those_of_higher_order():
    x = md.tensor([0.3, 0.7], dtype=md.float64, requires_grad=True)
    w = md.tensor([1.5, -0.5], dtype=md.float64, requires_grad=True)
    f = lambda x: checkpoint(lambda x: (x * w).tanh() * x.exp(), x)  # noqa: E731
    assert md.gradcheck(f, [x]) and md.gradgradcheck(f, [x])
    (dw,) = md.grad(f(x).sum(), w)
    (expected,) = md.grad(((x * w).tanh() * x.exp()).sum(), w)
    assert dw.tolist() == expected.tolist()
    outside = (x * 2).exp()
    z = checkpoint(lambda y: y.sin() * y, outside)
    assert md.grad(z.sum(), outside)[0].shape == (2,)


def test_kernels_and_the_search_for_nan_are_as_at_the_call():
    x = md.randn(2, 2, 6, 6, requires_grad=True)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU())
    for switch in (md.no_fusion, md.detect_anomaly):
        with switch():
            z = checkpoint(net, x)
        z.sum().backward()
    z = checkpoint(net, x)
    with md.no_fusion():
        z.sum().backward()
    assert md.backend.modes.mode.fused == (z.node.op.name != "relu") or not md.backend.modes.mode.fused


def test_what_the_function_reads_must_stay():
    x, w = md.ones(3, requires_grad=True), md.ones(3, requires_grad=True)
    for written in (x, w):
        z = checkpoint(lambda x: (x * w).exp(), x)
        with md.no_grad():
            written += 1
        with pytest.raises(RuntimeError, match="checkpoint: what the function reads was changed in place, or replaced"):
            z.sum().backward()
    z = checkpoint(lambda x: (x * w).exp(), x)
    x.data = md.zeros(3)
    with pytest.raises(RuntimeError, match="or replaced"):
        z.sum().backward()


def test_the_second_call_must_be_as_the_first():
    x, calls = md.ones(3, requires_grad=True), []

    def f(x):
        calls.append(1)
        return x.exp() if len(calls) % 2 else x.sin() * 2

    with pytest.raises(RuntimeError, match="did not do what it did at first: .*'exp'.* was now .*'sin'"):
        checkpoint(f, x).sum().backward()

    def g(x):
        calls.append(1)
        return (x[: 2 + len(calls) % 2].exp()).sum()

    calls.clear()
    with pytest.raises(RuntimeError, match=r"\(3,\).* was now .*\(2,\)"):
        checkpoint(g, x).backward()
    calls.clear()
    with pytest.raises(ValueError):
        checkpoint(g, x, determinism_check="none").backward()


def test_refusals():
    x = md.ones(2)
    with pytest.raises(ValueError, match="use_reentrant=True is not supported"):
        checkpoint(md.exp, x, use_reentrant=True)
    with pytest.raises(ValueError, match="determinism_check must be 'default' or 'none', got 'all'"):
        checkpoint(md.exp, x, determinism_check="all")
    with pytest.raises(TypeError, match="checkpoint: preserve_rng_state must be True or False, got 1"):
        checkpoint(md.exp, x, preserve_rng_state=1)
    for segments in (0, 3, 1.5):
        with pytest.raises(ValueError, match="checkpoint_sequential: expected 1 to 2 segments"):
            checkpoint_sequential([md.exp, md.sin], segments, x)


class Square(md.autograd.Function):
    """The square of a tensor, which it saves."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g


def test_a_function_of_the_users_own():
    x = md.tensor([1.0, 3.0], requires_grad=True)
    (g,) = md.grad(checkpoint(Square.apply, x).sum(), x, create_graph=True)
    assert g.tolist() == [2, 6]
    assert md.grad(g.sum(), x)[0].tolist() == [2, 2]
