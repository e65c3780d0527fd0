"""The profiler: work and times that are known otherwise, whose they are, and nothing of it when it is off."""

import json
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
from minidl.profiler import Peaks, measure_peaks, profile, record_function
from minidl.profiler.roofline import roofline


def work(call):
    """Operations and bytes by the name of the op, of what a call does."""
    with profile() as prof:
        call()
    return {average.key: (average.flops, average.bytes) for average in prof.key_averages()}


# --- work -------------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("shapes, flops", [
    (((3, 4), (4, 5)), 2 * 3 * 4 * 5), (((7, 3, 4), (7, 4, 5)), 7 * 2 * 3 * 4 * 5),
    (((3, 4), (7, 4, 5)), 7 * 2 * 3 * 4 * 5),
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
    assert outer.inner == pytest.approx(sum(e.seconds for e in nested if outer.start <= e.start < outer.end))


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def ticking(monkeypatch):
    """A clock of which each look takes a second, and what else takes time is said by ``ticking(seconds)``."""
    now = [0.0]

    def look():
        now[0] += 1
        return now[0]

    monkeypatch.setattr("time.perf_counter", look)
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


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
    assert "157.000s: products of matrices 64 %, memory traffic 1 %, Python 34 %" in prof.key_averages().table()


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
    x = md.ones(2, 2, requires_grad=True)

    def elsewhere():
        with record_function("range"):
            nn.Linear(2, 2)(x).sum().backward()
            md.optim.SGD([x], lr=1).step()

    with profile() as prof:
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        x.exp()
    assert [event.name for event in prof.events()] == ["exp"]


def test_a_gpu_is_waited_for(standin, monkeypatch):  # noqa: F811
    """After each op on its arrays, so that the time is the op's."""
    waited = []
    monkeypatch.setattr("minidl.backend.cuda.synchronize", waited.append)
    x = md.ones(3, device="cuda:1")
    with profile() as prof:
        x.exp()
        md.ones(3).exp()
    assert [event.name for event in prof.events()].count("exp") == 2 and waited == ["cuda:1"]


# --- what is shown ----------------------------------------------------------------------------------------------------


def test_table():
    """PyTorch's columns, sorted and cut off where it is asked for."""
    x = md.ones(1000, 10)
    with profile() as prof:
        for _ in range(3):
            x.exp()
        x.reshape(10, 1000)
    lines = prof.key_averages().table(sort_by="count").splitlines()
    assert lines[1].split("  ")[0] == "Name" and "Self CPU %" in lines[1] and "# of Calls" in lines[1]
    assert [line.split()[0] for line in lines[3:5]] == ["exp", "reshape"]
    short = prof.key_averages().table(sort_by="flops", row_limit=1)
    assert "reshape" not in short and "and 1 more" in short
    assert "reshape" in prof.key_averages().table(row_limit=-1)
    with pytest.raises(ValueError, match="sort_by must be one of count, cpu_time, .* got 'cuda_time'"):
        prof.key_averages().table(sort_by="cuda_time")


def test_shapes():
    x, y = md.ones(2, 3), md.ones(4)
    with profile() as prof:
        for z in x, y, y:
            z.exp()
    found = [(a.key, a.input_shapes, a.count) for a in prof.key_averages(group_by_input_shape=True)]
    assert found == [("exp", ((2, 3),), 1), ("exp", ((4,),), 2)]
    assert "[[2, 3]]" in prof.key_averages(group_by_input_shape=True).table()
    assert len(prof.key_averages()) == 1 and prof.key_averages()[0].count == 3


def test_chrome_trace(tmp_path):
    """Complete events, in microseconds, each within the one around it."""
    with profile() as prof, record_function("step"):
        Block()(md.ones(3, 4))
    prof.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text("utf-8"))["traceEvents"]
    assert [(e["name"], e["cat"]) for e in events[:3]] == [
        ("step", "range"), ("Block", "layer"), ("first (Linear)", "layer"),
    ]  # fmt: skip
    assert all(e["ph"] == "X" and e["ts"] >= 0 and e["dur"] > 0 for e in events)
    step, block = events[:2]
    assert step["ts"] <= block["ts"] and block["ts"] + block["dur"] <= step["ts"] + step["dur"]
    assert events[3]["args"]["layer"] == "Block > first (Linear)"


def test_roofline():
    """By hand, with 10 bytes and 100 operations a second: of 5 operations a byte 50 can be had, of 50 a byte 100."""
    thin = md.profiler.Average("thin", 1, 2e6, 2e6, flops=50, bytes=10)
    thick = md.profiler.Average("thick", 1, 1e6, 1e6, flops=50, bytes=1)
    lines = roofline([thick, thin], Peaks(flops=100, bandwidth=10), 5).splitlines()
    assert " ".join(lines[3].split()) == "thin 2.000s 5.00 0.00 0.00 0.0 50 % memory"
    assert " ".join(lines[4].split()) == "thick 1.000s 50.00 0.00 0.00 0.0 50 % arithmetic"
    assert Peaks(100, 10).roof(5) == 50 and Peaks(100, 10).roof(20) == 100


def test_roofline_of_a_profile():
    with profile() as prof:
        md.ones(50, 50) @ md.ones(50, 50)
    table = prof.roofline(Peaks(flops=2e9, bandwidth=1e9))
    assert "matrix_product" in table and "this machine: product 2 GFLOP/s, copy 1.0 GB/s" in table
    assert "arithmetic" in table  # 250,000 operations on 30,000 bytes


def test_peaks(ticking):
    """Two operations for each multiplication, and a byte counts when it is read and when it is written."""
    flops, bandwidth = measure_peaks(side=10, megabytes=1)
    assert flops == 2 * 10**3 and bandwidth == 2 * 2**20  # in a second, by the clock of looks
