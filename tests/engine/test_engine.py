"""The rules of the engine, each of which some well-known small engine gets wrong: one test fails without each."""

import gc
import threading
import time
import tracemalloc
import weakref

import numpy as np
import pytest

import minidl as md
from minidl import functional as F
from minidl import nn
from minidl.backend import modes
from minidl.engine import walk, writes
from minidl.engine.core import Tensor
from minidl.engine.fusion import composites
from minidl.engine.op import op, registry


def leaf(*values):
    return md.tensor(list(values), dtype=md.float64, requires_grad=True)


@pytest.fixture
def scratch_op():
    """Declare ops that the registry forgets again."""
    before = dict(registry)
    yield op
    for name in set(registry) - set(before):
        del registry[name]


# --- 1. order ---------------------------------------------------------------------------------------------------------


def test_a_chain_of_100_000_ops_works_and_is_dropped():
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y * 1.0
    y.backward()
    assert x.grad.numpy().tolist() == [1]
    z = x
    for _ in range(100_000):
        z = z + 1.0
    del z, y  # without recursion, or the interpreter would die here


def test_a_shared_node_is_passed_once_with_everything_that_reached_it():
    a = leaf(1.0)
    b = a + a
    c = b + b
    c.backward()
    assert a.grad.item() == 4
    x = leaf(3.0)
    h = x * x
    names = [step.name for step in (h * (h + 1)).sum().backward_steps()]
    assert names == ["sum", "mul", "add", "mul"]
    assert x.grad.item() == 4 * 27 + 2 * 3


# --- 2. no cycles -----------------------------------------------------------------------------------------------------


def test_memory_goes_without_the_garbage_collector():
    gc.disable()
    try:
        x = Tensor(np.ones(10), requires_grad=True)
        y = (x * x).exp()
        node = weakref.ref(y.node)
        array = weakref.ref(y.array)
        del y
        assert node() is None and array() is None, "dropped without backward"
        y = (x * x).exp()
        held = weakref.ref(y.node.edges[0][1])
        loss = y.sum()
        del y
        loss.backward()
        assert held() is None, "freed as backward passes"
    finally:
        gc.enable()


@pytest.mark.parametrize("differentiate", [lambda y, x: y.backward(), lambda y, x: md.grad(y, x)])
def test_a_gradient_that_was_passed_on_is_gone_when_the_next_rule_runs(scratch_op, differentiate):
    returned, alive = [], []

    @scratch_op
    def watched(xp, x):
        return x * 2

    def rule(g):
        alive.append([reference() is not None for reference in returned])
        result = g * 2
        returned.append(weakref.ref(result))
        return result

    watched.vjp(x=rule)
    x = Tensor(np.ones(10), requires_grad=True)
    h = watched(x)
    differentiate((watched(h) + watched(h)).sum(), x)
    assert alive[-1] == [False, False], "their sum has taken their place"


def test_the_record_of_writes_forgets_arrays_that_died():
    before = len(writes._written)
    x = md.zeros(3)
    x.fill_(1.0)
    assert len(writes._written) == before + 1
    del x
    assert len(writes._written) == before


def fill_free_lists():
    """CPython keeps the memory of 2,000 tuples of each size up to 20. Else it would do so over hundreds of steps."""
    many = [tuple([None] * size) for size in range(1, 21) for _ in range(2000)]
    del many


@pytest.fixture
def one_thread():
    """Nothing side by side: how much of it is, and so the peak of memory, differs from run to run."""
    before = md.get_num_threads()
    md.set_num_threads(1)
    yield
    md.set_num_threads(before)


def test_peak_memory_does_not_grow_over_many_steps(one_thread):
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(784, 10)
    )
    optimizer = md.optim.Adam(model.parameters())
    x, y = md.rand(96, 1, 30, 30), md.randint(0, 10, (96,))

    def peak(steps):
        """The most memory that was in use during so many steps, beyond what was before the first."""
        tracemalloc.reset_peak()
        for _ in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        return tracemalloc.get_traced_memory()[1] - before

    gc.disable()
    tracemalloc.start()
    try:
        fill_free_lists()
        before, _ = tracemalloc.get_traced_memory()
        peak(3)
        early = peak(3)
        assert peak(60) <= 1.03 * early
    finally:
        tracemalloc.stop()
        gc.enable()


def test_create_graph_in_backward_warns_of_its_cycle():
    x = leaf(2.0)
    with pytest.warns(UserWarning, match="md.grad"):
        (x * x * x).sum().backward(create_graph=True)
    (second,) = md.grad(x.grad.sum(), x)
    assert second.item() == 12


# --- 3. broadcasting --------------------------------------------------------------------------------------------------


def test_only_declared_ops_may_broadcast(scratch_op):
    @scratch_op
    def twice_as_long(xp, x):
        return xp.concatenate([x, x])

    twice_as_long.vjp(x=lambda g: g)
    with pytest.raises(
        RuntimeError, match=r"twice_as_long: its rule for x gave a gradient of shape 4, the argument is 2"
    ):
        twice_as_long(leaf(1.0, 2.0)).sum().backward()


def test_a_gradient_has_the_dtype_of_its_argument():
    x = md.ones(2).requires_grad_()
    y = leaf(1.0, 2.0)
    (x * y).sum().backward()
    assert (x.grad.dtype, y.grad.dtype) == (np.float32, np.float64)


# --- 4. gradients -----------------------------------------------------------------------------------------------------


def test_gradients_are_deposited_in_leaves_only_and_add_up():
    x = leaf(2.0)
    h = x * 3.0
    (h * h).backward()
    assert h.grad is None and x.grad.item() == 36
    (x * 1.0).backward()
    assert x.grad.item() == 37


def test_no_two_gradients_share_memory():
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    g = md.ones(2, dtype=md.float64)
    (a + b).backward(g)
    assert a.grad is not b.grad and not np.shares_memory(a.grad.array, b.grad.array)
    assert not np.shares_memory(a.grad.array, g.array)
    (a.reshape(2, 1) + b.reshape(2, 1)).backward(md.ones(2, 1, dtype=md.float64))
    for x, y in zip(md.grad((a + b).sum(), [a, b]), md.grad(a.sum() + b.sum(), [a, b], create_graph=True), strict=True):
        assert not np.shares_memory(x.array, y.array)
    for x in (a, b):
        x.grad = None
    a.sum().backward()
    a.grad.zero_()  # a gradient that is a view, broadcast, could not be written
    b.reshape(2, 1).backward(g.reshape(2, 1))
    assert not np.shares_memory(b.grad.array, g.array)
    first, second = md.grad(a + b, [a, b], g, create_graph=True)
    assert not np.shares_memory(first.array, second.array)


def test_threads_that_share_a_leaf_lose_nothing(monkeypatch):
    x = leaf(1.0)
    x.grad = md.zeros_like(x)

    def slow_write(array, values):
        time.sleep(0.002)  # in which another thread would read the old sum
        writes.write(array, values)

    monkeypatch.setattr(walk, "write", slow_write)

    def work():
        for _ in range(5):
            (x * 1.0).backward()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert x.grad.item() == 20


# --- 5. mutation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.zero_(),
        lambda x: x.add_(1.0),
        lambda x: x.__setitem__(0, 5.0),
        lambda x: x[1:].mul_(2.0),
        lambda x: x[0].fill_(3.0),
        lambda x: x.detach().sub_(1.0),
        lambda x: x.reshape(2, 1).fill_(0.0),
        lambda x: md.from_numpy(x.array[:1]).copy_(3.0),
    ],
)
def test_a_write_between_forward_and_backward_is_caught(change):
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    with md.no_grad():
        change(x)
    with pytest.raises(RuntimeError, match=r"mul: [xy], needed for its gradient, was changed in place"):
        y.backward()


def test_an_index_may_change_after_it_was_used():
    x = md.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    index = md.tensor([0, 0])
    y = x[:, index].sum()
    index.add_(2)
    y.backward()
    assert x.grad.numpy().tolist() == [[2, 0, 0]]
    (g,) = md.grad(x[0][(0, 0, 1),].sum(), x)  # a sequence is an array, also within the tuple of an index
    assert g.numpy().tolist() == [[2, 1, 0]]


@pytest.mark.parametrize("f, array", [
    (lambda x, a: x * a, [3.0, 4.0]),
    (lambda x, a: x @ a, [[3.0], [4.0]]),
    (lambda x, a: md.where(a, x, 0.0), [True, False]),
    (lambda x, a: md.gather(x, 1, a), [[1]]),
    (lambda x, a: x.scatter_add(1, a, x) * x, [[1]]),
])  # fmt: skip
def test_an_array_beside_a_tensor_may_change_after_it_was_used(f, array):
    x, array = md.tensor([[1.0, 2.0]], dtype=md.float64, requires_grad=True), np.array(array)
    (expected,) = md.grad(f(x, array).sum(), x)
    y = f(x, array).sum()
    array[...] = 0
    y.backward()
    assert x.grad.numpy().tolist() == expected.numpy().tolist()


def test_an_optimizer_step_is_a_write():
    w = leaf(1.0)
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    md.optim.SGD([w], lr=0.1).step()
    with pytest.raises(RuntimeError, match="changed in place"):
        loss.backward()


def test_a_write_before_or_elsewhere_is_fine():
    x = leaf(1.0, 2.0)
    with md.no_grad():
        x.add_(1.0)
    other = x.clone().detach()
    y = (x * x).sum()
    other.zero_()
    y.backward()
    assert x.grad.numpy().tolist() == [4, 6]


def test_detect_anomaly_sees_raw_writes_and_nan():
    x = leaf(1.0, 2.0)
    with md.detect_anomaly():
        y = (x * x).sum()
        x.array[0] = 7
        with pytest.raises(RuntimeError, match=r"mul: .*\.array"):
            y.backward()
        x = leaf(0.0)
        with pytest.raises(RuntimeError, match="sqrt: the gradient of x is NaN"):
            (x.sqrt() * 0.0).backward()


# --- 6. fusion --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("loops_serve")
def test_fusion_can_be_switched_off(monkeypatch):
    monkeypatch.setattr(modes.mode, "fused", True)
    x = Tensor(np.random.default_rng(0).standard_normal((4, 3, 2, 2)), requires_grad=True)
    fused = F.batch_norm(x, None, None, training=True)
    assert fused.node.op is composites["normalize_channels"]
    with md.no_fusion():
        plain = F.batch_norm(x, None, None, training=True)
    assert plain.node.op.name == "div"
    np.testing.assert_allclose(fused.array, plain.array, rtol=1e-12)


def test_unfolding_counts_an_argument_that_comes_twice_once_each():
    """f(x, x) differentiated again: ports keep the two apart."""
    v = Tensor(np.random.default_rng(0).standard_normal(3) + 2, requires_grad=True)
    x = Tensor(np.random.default_rng(1).standard_normal((5, 3)))
    assert md.gradgradcheck(lambda v: F.batch_norm(x, None, None, v, v, True), v)


# --- 7. dtypes --------------------------------------------------------------------------------------------------------


def test_scalars_are_weak_and_float64_is_kept():
    x = md.ones(2)
    for y in (x * 2.5, x * np.float64(2.5), np.float64(2.5) * x, x + np.int64(1), x * md.tensor(2.0, dtype=md.float64)):
        assert y.dtype == md.float32
    assert (md.arange(3) * x[:1]).dtype == md.float32
    assert (md.tensor([255], dtype=md.uint8) / 255).dtype == md.float32
    assert (md.ones(2, dtype=md.float64) * 2).dtype == md.float64
    assert isinstance((x * x).sum().array, np.ndarray)
    assert md.ones(4096, 2, dtype=md.float16).sum(0).numpy().tolist() == [4096, 4096]
    halves = md.zeros(2, dtype=md.float16).requires_grad_()
    (md.zeros(4096, 2, dtype=md.float16) + halves).sum().backward()
    assert halves.grad.numpy().tolist() == [4096, 4096]
    assert type(leaf(1.0, 2.0).sum().exp().array) is np.ndarray


def test_integers_can_not_require_gradients():
    with pytest.raises(RuntimeError, match="only floating-point tensors can have gradients, this is int64"):
        md.tensor([1], requires_grad=True)
    x = leaf(1.0, 2.0)
    assert not (x > 1).requires_grad and not x.to(md.int64).requires_grad


# --- 8. only what is needed: also walked over all ops in test_ops -----------------------------------------------------


def test_the_input_of_the_first_layer_costs_nothing(monkeypatch):
    called = []
    for name in ("conv_x", "conv_w"):
        convolution, forward = registry[name], registry[name].forward
        monkeypatch.setattr(
            convolution, "forward", lambda *a, _n=name, _f=forward, **k: called.append(_n) or _f(*a, **k)
        )
    steps = list(F.conv2d(md.rand(2, 1, 5, 5), md.rand(3, 1, 3, 3).requires_grad_()).sum().backward_steps())
    assert [len(step.outgoing) for step in steps] == [1, 1]
    x, w = md.rand(2, 1, 5, 5).requires_grad_(), md.rand(3, 1, 3, 3).requires_grad_()
    (gx,) = md.grad(F.conv2d(x, w).sum(), x)
    assert gx.shape == x.shape and w.grad is None


def test_what_no_rule_names_is_not_kept():
    x = leaf(1.0, 2.0)
    assert x.exp().node.kept.keys() == {"z"}
    assert (x + x).node.kept == {}
    assert (x * md.ones(2, dtype=md.float64)).node.kept.keys() == {"y"}


# --- 9, 10. the two classic mistakes ----------------------------------------------------------------------------------


def test_backward_without_a_gradient_is_for_scalars():
    with pytest.raises(RuntimeError, match="scalar only, the shape is 2"):
        leaf(1.0, 2.0).exp().backward()
    with pytest.raises(RuntimeError, match="gradient must be a tensor of shape 2"):
        leaf(1.0, 2.0).exp().backward(md.ones(3, dtype=md.float64))
    with pytest.raises(RuntimeError, match="no history"):
        md.ones(1).backward()


def test_a_second_backward_is_explained():
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"mul: backward a second time .* backward\(retain_graph=True\)"):
        y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        md.grad(y, x)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.item() == 12


# --- steps -------------------------------------------------------------------------------------------


def test_stepping_shows_each_op_and_leaves_the_mode_alone():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    steps = (x * w).sum().backward_steps()
    first = next(steps)
    assert (first.name, first.shapes, float(first.incoming)) == ("sum", ((2,),), 1.0)
    assert md.is_grad_enabled() and x.grad is None
    with md.no_grad():
        second = next(steps)
        assert not md.is_grad_enabled()
    assert second.shapes == ((2,), (2,)) and [list(g) for g in second.outgoing] == [[3, 4], [1, 2]]
    assert list(steps) == [] and x.grad.numpy().tolist() == [3, 4]


def test_half_precision_sums_do_not_overflow():
    x = md.full((70_000,), 20.0, dtype=md.float16)
    assert x.mean().item() == 20 and (x * md.tensor([1.0], dtype=md.float16)).var().item() == 0
    assert md.softmax(md.zeros(1, 70_000, dtype=md.float16), 1).to(md.float32).sum().item() == pytest.approx(
        1, rel=1e-2
    )
    assert md.functional.batch_norm(x.reshape(-1, 1), None, None, training=True).dtype == md.float16
