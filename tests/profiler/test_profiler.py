"""The profiler: times that are known otherwise, whose they are, and nothing of it when it is off."""

import threading
import time

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md
from minidl import functional as F
from minidl import nn
from minidl.backend.modes import mode
from minidl.engine.watch import watch
from minidl.profiler import profile, record_function

# --- time -------------------------------------------------------------------------------------------------------------


def test_times_and_shares(ticking, monkeypatch):
    """By a clock whose looks are counted: a product of 100 s in an op, 50 s in a range around it."""
    product = np.matmul

    def slow(*args, **options):
        ticking(100)
        return product(*args, **options)

    monkeypatch.setattr(np, "matmul", slow)
    x = md.ones(2, 2)
    with profile() as prof, record_function("around"):
        ticking(50)
        x @ x
    assert np.matmul is slow
    found = {average.key: average for average in prof.key_averages()}
    # Looks: at the beginning, the range's start, the op's start, two around the product, the op's and the range's end.
    assert found["matrix_product"].self_cpu_time_total == found["matrix_product"].cpu_time_total == 103e6
    assert found["matrix_product"].products_time_total == 101e6
    assert found["around"].cpu_time_total == 155e6 and found["around"].self_cpu_time_total == 52e6
    assert prof.seconds == 157
    assert prof.shares() == pytest.approx((101 / 157, 2 / 157, 54 / 157))
    assert prof.layers().table().splitlines()[-1] == prof.key_averages().table().splitlines()[-1]
    assert "157.000s: products of matrices 64 %, memory traffic 1 %, Python 34 %" in prof.key_averages().table()


def test_products_of_an_op_are_added(ticking, monkeypatch):
    """Both of a backward; and the part of a layer's time that is backward's."""
    layer, x = nn.Linear(4, 4, bias=False), md.ones(3, 4, requires_grad=True)
    with profile() as prof:
        layer(x).backward(md.ones(3, 4))
    found = {average.key: average for average in prof.key_averages()}
    assert found["linear"].products_time_total == 1e6 and found["linear backward"].products_time_total == 2e6
    [average] = prof.layers()  # looks: 2 of the layer, 2 of the op, 2 of a product; then the op's and 4 of products
    assert (average.cpu_time_total, average.backward_time_total) == (10e6, 5e6)
    head, _, row = prof.layers().table().splitlines()[1:4]
    assert head.split()[:5] == ["Name", "Total", "%", "Forward", "Backward"]
    assert row.split()[:5] == ["Linear", f"{1000 / prof.seconds:.1f}", "%", "5.000s", "5.000s"]


def test_nothing_was_profiled():
    assert profile().shares() == (0, 0, 1) and profile().seconds == 0
    assert "Name" in profile().key_averages().table()


def test_a_range_takes_the_time_that_it_takes():
    with profile() as prof, record_function("sleep"):
        time.sleep(0.05)
    [event] = prof.events()
    assert 0.05 <= event.seconds <= prof.seconds < 5


def test_ranges_as_decorators():
    """Each call is a range, those in a call, too; without a profile the function is called all the same."""

    @record_function("down")
    def down(n):
        return n and down(n - 1)

    assert down(2) == 0
    with profile() as prof:
        assert down(2) == 0
    [average] = prof.key_averages()
    assert (average.key, average.count) == ("down", 3)


# --- layers -----------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """Two layers with functions between, and a sum at the end."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return x + self.second(F.relu(self.first(x)))


def test_layers():
    """Each op belongs to the layers that called it, and so does its backward."""
    network = nn.Sequential(Block(), nn.Tanh())
    with profile() as prof:
        network(md.ones(3, 4)).sum().backward()
    layers = {(e.name, e.backward): e.layers[-1:] for e in prof.events() if e.kind == "op" and "linear" not in e.name}
    assert layers["relu", False] == layers["relu backward", True] == ("0 (Block)",)
    assert layers["tanh", False] == layers["tanh backward", True] == ("1 (Tanh)",)
    assert layers["sum", False] == layers["sum backward", True] == ()
    averages = {average.key: average for average in prof.layers()}
    assert not averages.keys() & {average.key for average in prof.key_averages()}
    assert list(averages) == [
        "Sequential", "0 (Block)", "0.first (Linear)", "0.second (Linear)", "1 (Tanh)",
    ]  # fmt: skip
    assert (
        averages["0.second (Linear)"].flops == 3 * 2 * 3 * 4 * 4 + 12 + 12
    )  # products; the bias added, and its gradient summed
    whole, parts = averages["0 (Block)"], [averages["0.first (Linear)"], averages["0.second (Linear)"]]
    assert whole.cpu_time_total > sum(part.cpu_time_total for part in parts)
    assert whole.flops > sum(part.flops for part in parts)
    backward = sum(e.seconds for e in prof.events() if e.backward and "0 (Block)" in e.layers)
    assert whole.backward_time_total == pytest.approx(1e6 * backward)


def test_layers_that_are_served_at_once(monkeypatch):
    """They stand together, once; what only tries to be served leaves nothing."""
    monkeypatch.setattr(mode, "fused", True)
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.BatchNorm2d(2), nn.ReLU()).eval()
    with profile() as prof:
        network(md.ones(1, 1, 4, 4))
    found = {average.key: average.count for average in prof.layers()}
    assert found == {
        "Sequential": 1, "0–1 (Conv2d, ReLU)": 1, "2 (BatchNorm2d)": 1, "3 (ReLU)": 1,
    }  # fmt: skip


class Twice(md.autograd.Function):
    """A derivative by hand, which is no op."""

    @staticmethod
    def forward(ctx, x):
        return md.from_numpy(2 * x.detach().numpy())

    @staticmethod
    def backward(ctx, g):
        return g * 2


class Doubling(nn.Module):
    """A layer without ops of its own."""

    def forward(self, x):
        return Twice.apply(x)


def test_a_derivative_by_hand():
    """It belongs to its layer, and has nothing of the product before it."""
    x = md.ones(3, 4, requires_grad=True)
    with profile() as prof:
        Doubling()(Twice.apply(F.linear(x, x))).sum().backward()
    last, first = (event for event in prof.events() if event.name.startswith("Twice"))
    assert (last.layers, first.layers) == (("Doubling",), ())
    assert last.flops == first.flops == 9 and first.backward


def test_layers_of_no_network_and_deeper_ones(monkeypatch):
    """A module that is no part of the one around it has its type alone; a run is named from its first to its last."""
    monkeypatch.setattr(mode, "fused", True)
    network = nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2)))
    network.forward = lambda x: nn.Tanh()(network[0](x))
    with profile() as prof:
        network(md.ones(1, 1, 4, 4))
    assert [average.key for average in prof.layers()] == [
        "Sequential", "0 (Sequential)", "0.0–2 (Conv2d, ReLU, MaxPool2d)", "Tanh",
    ]  # fmt: skip


def test_a_layer_may_give_nothing():
    """None of a single module is what it gives."""
    network = nn.Identity()
    network.forward = lambda x: None
    with profile() as prof:
        assert network(md.ones(1)) is None
    assert [event.name for event in prof.events()] == ["Identity"]


def test_a_graph_of_before_belongs_to_no_layer():
    loss = Block()(md.ones(1, 4)).sum()
    with profile() as prof:
        loss.backward()
    assert {event.layers for event in prof.events()} == {()}


def test_an_error_in_a_layer_leaves_all_in_order():
    network = nn.Sequential(nn.Linear(4, 4), nn.Linear(3, 4))
    with profile() as prof:
        with pytest.raises(ValueError, match="1: Linear"):
            network(md.ones(1, 4))
        md.ones(1).exp()
    assert prof.events()[-1].layers == () and prof.events()[-1].name == "exp"


# --- one step ---------------------------------------------------------------------------------------------------------


def test_a_training_step():
    """Sums of gradients and the optimizer's step are seen; all that is seen lies in the time of the profile."""
    block, x = Block(), md.ones(3, 4)
    optimizer = md.optim.Adam(block.parameters())
    with profile() as prof:
        block(block(x)).sum().backward()
        optimizer.step()
    names = {event.name for event in prof.events()}
    step = next(event for event in prof.events() if event.name.startswith("Optimizer"))
    assert (step.kind, step.layers) == ("op", ())
    assert {"Optimizer.step#Adam.step", "sum of gradients", "linear", "linear backward"} <= names
    assert sum(event.seconds - event.inner for event in prof.events()) <= prof.seconds
    assert min(prof.shares()) >= 0 and sum(prof.shares()) == pytest.approx(1)


def test_nothing_else_changes():
    """The same bits with and without, and afterwards nobody watches, an error notwithstanding."""
    product = np.matmul

    def step():
        md.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))
        network(md.randn(2, 1, 4, 4)).logsumexp(1).sum().backward()
        return [p.grad.numpy() for p in network.parameters()]

    without = step()
    with pytest.raises(KeyError), profile():
        within = step()
        raise KeyError
    for a, b in zip(without, within, strict=True):
        np.testing.assert_array_equal(a, b)
    assert watch.by is None and np.matmul is product


def test_one_profile_at_a_time():
    with profile(), pytest.raises(RuntimeError, match="another profile is running"), profile():
        pass
    assert watch.by is None


def test_other_threads_are_let_be():
    x, summed = md.ones(2, 2, requires_grad=True), []

    def elsewhere():
        with record_function("range"):
            summed.append(nn.Linear(2, 2)(x).sum(0, keepdim=True))
            summed[0].sum().backward()
            np.matmul(np.eye(2), np.eye(2), out=np.empty((2, 2)))
            md.optim.SGD([x], lr=1).step()

    with profile() as prof:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        np.matmul(np.eye(2), np.eye(2), out=np.empty((2, 2)))  # in no op
        x.exp()
    assert [event.name for event in prof.events()] == ["exp"] and summed[0].shape == (1, 2)


def test_a_gpu_is_waited_for(standin, monkeypatch):  # noqa: F811
    """After each op on its arrays, so that the time is the op's."""
    waited = []
    monkeypatch.setattr("minidl.backend.cuda.synchronize", waited.append)
    x = md.ones(3, device="cuda:1")
    with profile() as prof:
        x.exp()
        md.ones(3).exp()
    assert [event.name for event in prof.events()].count("exp") == 2 and waited == ["cuda:1"]
