"""The engine step by step: what a fault in one line of it would change (see tests/mutants/engine.txt)."""

import math
import weakref

import numpy as np
import pytest

import minidl as md
from minidl import functional as F
from minidl.engine.core import Tensor
from minidl.engine.fusion import composite, composites
from minidl.engine.op import Op, alias, clone, expand, op, registry, sum_to, tap
from minidl.ops.linalg import matrix_product


def leaf(*values):
    return md.tensor(list(values), dtype=md.float64, requires_grad=True)


@pytest.fixture(autouse=True)
def scratch():
    """Ops and composites that a test declares are forgotten again."""
    tables = [(table, dict(table)) for table in (registry, composites)]
    yield
    for table, before in tables:
        table.clear()
        table.update(before)


# --- the walk ---------------------------------------------------------------------------------------------------------


def test_a_graph_of_any_shape_is_passed_in_order():
    """Sums of random earlier ones: the gradient by the chain rule, from the newest on, in plain numbers."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        nodes, parents = [leaf(1.0)], [()]
        for n in range(1, 40):
            i, j = rng.integers(max(0, n - 12), n, 2)
            nodes.append(nodes[i] + nodes[j])
            parents.append((i, j))
        slopes = np.zeros(len(nodes))
        slopes[-1] = 1
        for n in reversed(range(1, len(nodes))):
            for parent in parents[n]:
                slopes[parent] += slopes[n]
        assert md.grad(nodes[-1], nodes[0])[0].item() == slopes[0]


def test_gradients_are_raw_arrays_on_the_way():
    x = leaf(1.0, 2.0)
    assert all(type(g) is np.ndarray for step in (x.exp() * x).sum().backward_steps() for g in step.outgoing)


def test_each_argument_of_a_variadic_op_has_its_own_piece():
    x, y = leaf(1.0), leaf(2.0, 3.0)
    gx, gy = md.grad(md.cat([x, y]), [x, y], md.tensor([4.0, 5.0, 6.0], dtype=md.float64))
    assert (gx.numpy().tolist(), gy.numpy().tolist()) == ([4], [5, 6])


def test_a_cotangent_is_a_tensor_and_takes_the_dtype_of_its_output():
    x = md.ones(2).requires_grad_()
    with pytest.raises(TypeError, match="gradient must be a Tensor, got float"):
        x.sum().backward(1.0)
    x.backward(md.ones(2, dtype=md.float64))
    assert x.grad.dtype == md.float32
    y, v = x.exp(), leaf(1.0, 2.0)
    with md.no_grad():
        (g,) = md.grad(y, x, v, create_graph=True)
    assert md.grad(g.sum(), v)[0].numpy() == pytest.approx([np.e, np.e], rel=1e-6)


def test_two_leaves_do_not_share_what_one_rule_gave():
    a, b = leaf(1.0), leaf(2.0)
    ((a + b) * 2.0).backward()
    assert not np.shares_memory(a.grad.array, b.grad.array)


def test_a_sum_of_recorded_gradients_can_be_differentiated_under_no_grad():
    x = leaf(3.0)
    squares = [x * x, x * x]
    with pytest.warns(UserWarning, match="md.grad"), md.no_grad():
        for y in squares:
            y.backward(create_graph=True)
    assert md.grad(x.grad, x)[0].item() == 4


def test_the_derivatives_of_a_saved_result():
    x = leaf(0.5)
    (second,) = md.grad(md.grad(x.exp(), x, create_graph=True)[0], x)
    assert second.item() == pytest.approx(np.exp(0.5), rel=1e-15)


def test_rules_that_take_all_other_options_can_be_differentiated():
    x, w = leaf(*range(9)).reshape(1, 1, 3, 3), leaf(1.0, 2.0, 3.0, 4.0).reshape(1, 1, 2, 2)
    assert md.gradgradcheck(lambda x, w: F.conv2d(x, w), (x.detach().requires_grad_(), w.detach().requires_grad_()))


# --- hooks ------------------------------------------------------------------------------------------------------------


def test_a_hook_sees_a_tensor_and_its_result_goes_on():
    seen = []

    def hook(g):
        seen.append((type(g), md.is_grad_enabled()))
        return g * g

    x, v = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = tap(x * 1.0, hook=hook)
    assert md.grad(y, x, v, retain_graph=True)[0].numpy().tolist() == [9, 16]
    (g,) = md.grad(y, x, v, create_graph=True)
    assert md.grad(g.sum(), v)[0].numpy().tolist() == [6, 8]
    assert seen == [(Tensor, False), (Tensor, True)]


# --- ops --------------------------------------------------------------------------------------------------------------


def test_a_rule_may_be_declared_anew():
    @op
    def thrice(xp, x):
        return x * 3

    x = leaf(2.0)
    thrice.vjp(x=lambda g: g * 3.0)
    assert md.grad(thrice(x), x)[0].item() == 3
    thrice.vjp(x=lambda g, x: g * x)
    assert md.grad(thrice(x), x)[0].item() == 2
    with pytest.raises(ValueError, match="thrice: no argument 'y' to differentiate by"):
        thrice.vjp(y=lambda g: g)


def test_an_argument_without_a_rule_has_no_gradient():
    @op
    def scaled(xp, x, by):
        return x * by

    scaled.vjp(x=lambda g, by: g * by)
    x, by = leaf(2.0), leaf(5.0)
    assert md.grad(scaled(x, by), [x, by], allow_unused=True)[1] is None
    assert not scaled(x.detach(), by).requires_grad


def test_forward_passes_do_not_warn():
    with np.errstate(all="raise"):
        assert md.log(md.tensor([0.0])).item() == -np.inf


def test_backward_passes_do_not_warn():
    def roots():
        return (x.sqrt() * 0.0).sum()

    x = md.zeros(2, requires_grad=True)
    with np.errstate(all="raise"):
        roots().backward()
        list(roots().backward_steps())
        assert md.grad(roots(), x, create_graph=True)[0].requires_grad


def test_the_modes_of_a_pass_are_not_those_of_its_caller():
    @op
    def asked(xp, x):
        return x * 1

    def rule(g):
        seen.append(md.is_grad_enabled())
        return g

    asked.vjp(x=rule)
    x, seen = leaf(1.0), []
    asked(x).backward()
    with pytest.warns(UserWarning, match="cycle"):
        asked(x).backward(create_graph=True)
    for step in asked(asked(x)).backward_steps():
        assert step.name == "asked" and md.is_grad_enabled()
    y = asked(asked(x))
    with md.no_grad():
        for _ in y.backward_steps():
            assert not md.is_grad_enabled()
    y = asked(x)
    with md.no_grad(), pytest.warns(UserWarning, match="cycle"):
        for _ in y.backward_steps(create_graph=True):
            assert not md.is_grad_enabled()
    assert seen == [False, True, False, False, False, False, True]


def test_a_step_that_was_passed_is_gone_when_the_next_is_computed():
    @op
    def held(xp, x):
        return x * 1

    def rule(g):
        alive.append([reference() is not None for reference in given])
        result = g * 1
        given.append(weakref.ref(result))
        return result

    held.vjp(x=rule)
    alive, given = [], []
    for step in held(held(held(leaf(1.0)))).backward_steps(md.ones(1)):
        del step
    assert alive[-1] == [False, True]


def test_a_recorded_gradient_stays_recorded_when_another_is_added():
    x = leaf(2.0)
    with pytest.warns(UserWarning, match="cycle"):
        (x * x * x).backward(create_graph=True)
    (x * 5).backward()
    assert x.grad.item() == 17 and md.grad(x.grad, x)[0].item() == 12


def test_ops_may_be_called_within_the_forward_pass_of_an_op():
    @op
    def nested(xp, x):
        return (Tensor(x) * 2).array

    assert nested(md.ones(2)).numpy().tolist() == [2, 2]


def test_options_by_name_and_by_position():
    x = md.ones(2, 3)
    assert x.sum(0, True).shape == x.sum(keepdim=True, dim=0).shape == x.sum(0, keepdim=True).shape == (1, 3)
    for wrong in (lambda: x.sum(0, dim=1), lambda: x.sum(0, True, 1, 2), lambda: x.sum(other=1), lambda: x.exp(1)):
        with pytest.raises(TypeError, match="takes"):
            wrong()


NUMBERS = [2, -3, 0, 10**30, True, 2.5, -0.0, 1e300, math.inf, math.nan, np.array(0.1)]
NUMBERS += [np.float16(0.1), np.float32(0.1), np.float64(1e300), np.int64(3), np.uint8(200), np.bool_(True)]
DTYPES = [md.float16, md.float32, md.float64, md.int64, md.uint8, md.bool]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "maximum", "lt", "eq", "matmul", "tanh", "neg"])
def test_the_common_case_is_the_general_one(monkeypatch, name, dtype):
    """What `Op.plain` serves, against what it leaves to `Op.unify`: values, gradients, dtypes and errors."""

    def tensor(*shape, of=dtype):
        array = np.arange(1, 1 + math.prod(shape)).reshape(shape).astype(of)
        return Tensor(array, requires_grad=of.kind == "f")

    def outcome(args):
        try:
            z = getattr(md, name)(*args)
            wanted = [a for a in args if isinstance(a, Tensor) and a.requires_grad]
            gradients = md.grad(z.sum(), wanted) if z.requires_grad else ()
        except (TypeError, ValueError, OverflowError) as error:
            return type(error), str(error)
        return [(type(t.array), t.shape, t.dtype, t.array.tobytes()) for t in (z, *gradients)]

    if name in ("tanh", "neg"):
        calls = [(tensor(2, 3),), (tensor(),)]
    else:
        others = [tensor(3), tensor(), *(tensor(2, 3, of=other) for other in DTYPES), *NUMBERS]
        calls = [pair for other in others for x in (tensor(2, 3), tensor()) for pair in ((x, other), (other, x))]
    with np.errstate(all="raise"):
        common = list(map(outcome, calls))
        monkeypatch.setattr(Op, "plain", lambda self, args: None)
        general = list(map(outcome, calls))
    for call, one, other in zip(calls, common, general, strict=True):
        assert one == other, call


def test_dtypes_of_operands():
    assert (md.tensor([0], dtype=md.uint8) != 256) and (md.tensor([1]) < 1.5)
    with pytest.raises(TypeError, match="mixed dtypes float32 and float64"):
        matrix_product(md.ones(1, 1), md.ones(1, 1, dtype=md.float64))
    with pytest.raises(TypeError, match="matrix_product: expected a tensor, got float"):
        matrix_product(md.ones(1, 1), 2.0)


def test_a_gradient_in_halves_is_rounded_once():
    x = np.full((100, 3), 1 + 2**-10, "f2")
    assert sum_to(x, (3,)).tolist() == [100.125] * 3


def test_copies_and_aliases():
    channels_last = Tensor(np.zeros((2, 4, 5, 3)).transpose(0, 3, 1, 2))
    assert clone(channels_last).array.strides == channels_last.array.strides
    assert np.shares_memory(alias(channels_last).array, channels_last.array)
    with pytest.raises(ValueError, match="expand: 1×2 has more dimensions than the requested"):
        expand(md.ones(1, 2), (2,))


# --- composites and kernels -------------------------------------------------------------------------------------------


def product():
    """A composite of three arguments, one of which it does not use."""

    @composite
    def product(x, y, unused, *, by=1.0):
        return x * y * by

    return product


class Kernel:
    """One for `product`, which notes what it is asked for."""

    asked: list[set[int]] = []
    when = staticmethod(lambda x, y, unused, *, by: True)
    forward = staticmethod(lambda x, y, unused, *, by: (x * y * by, None))

    @staticmethod
    def backward(g, saved, needs, x, y, unused, *, by):
        Kernel.asked.append(needs)
        return g * y * by, g * x * by, g * 0


@pytest.fixture(autouse=True)
def fused(monkeypatch):
    monkeypatch.setattr(md.backend.modes.mode, "fused", True)
    monkeypatch.setattr(Kernel, "asked", [])


def test_a_kernel_is_asked_for_what_is_needed_and_its_gradients_are_checked():
    f = product()
    f.kernels.append(Kernel)
    x, y = leaf(2.0), leaf(3.0)
    assert md.grad(f(x.detach(), y, x.detach(), by=5.0), y)[0].item() == 10
    f(x, y, x.detach()).backward()
    assert Kernel.asked == [{1}, {0, 1}] and (x.grad.item(), y.grad.item()) == (3, 2)
    z = f(x, y, y)
    z.backward()
    with pytest.raises(RuntimeError, match="product: backward a second time"):
        z.backward()

    class Wrong(Kernel):
        backward = staticmethod(lambda g, saved, needs, *arrays, by: (g[None], g.astype("f4"), None))

    f.kernels[:] = [Wrong]
    with pytest.raises(RuntimeError, match="product: its rule for x gave a gradient of shape 1×1, the argument is 1"):
        f(x, y.detach(), y.detach()).backward()
    assert md.grad(f(x.detach(), y, x.detach()), y)[0].dtype == md.float64


def test_the_first_kernel_that_serves_runs():
    class Refuses(Kernel):
        when = staticmethod(lambda x, y, unused, *, by: False)

    class First(Kernel):
        forward = staticmethod(lambda x, y, unused, *, by: (x * 0, None))

    f, x = product(), leaf(2.0)
    for kernels, expected in (([Refuses], 4), ([First, Kernel], 0), ([Refuses, First, Kernel], 0)):
        f.kernels[:] = kernels
        assert f(x, x, x).item() == expected


def test_kernels_do_not_warn():
    class Divides(Kernel):
        forward = staticmethod(lambda x, y, unused, *, by: (x / y, None))

    f = product()
    f.kernels.append(Divides)
    with np.errstate(all="raise"):
        assert f(leaf(1.0), leaf(0.0), leaf(0.0)).item() == np.inf


def test_unfolding_ties_the_arguments_to_their_places():
    f, x = product(), leaf(2.0)
    f.kernels.append(Kernel)
    h = x * x
    first = md.grad(f(h, x, x), [x, h], create_graph=True)
    assert [g.item() for g in first] == [12, 2]
    assert [md.grad(g, x, retain_graph=True)[0].item() for g in first] == [12, 1]


# --- writes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["x", "y"])
def test_a_write_into_the_owner_of_a_view_that_was_read(written):
    tensors = dict(x=leaf(1.0, 2.0, 3.0), y=leaf(4.0, 5.0, 6.0))
    z = (tensors["x"][1:] * tensors["y"][1:]).sum()
    with md.no_grad():
        tensors[written].zero_()
    with pytest.raises(RuntimeError, match=f"mul: {written}, needed for its gradient, was changed in place"):
        z.backward()


def test_windows_are_views_of_what_they_look_at():
    memory, w = np.arange(4.0), leaf(1.0)
    z = (Tensor(np.lib.stride_tricks.sliding_window_view(memory, 2)) * w).sum()
    Tensor(memory).zero_()
    with pytest.raises(RuntimeError, match="mul: x, needed for its gradient, was changed in place"):
        z.backward()


# --- functions of functions -------------------------------------------------------------------------------------------


def test_what_is_differentiated_stays_as_it_was():
    x = md.ones(2)
    for result in (md.vjp(md.sum, x), md.jvp(md.exp, x, x), md.hvp(md.sum, x, x)):
        assert not x.requires_grad and not any(t.requires_grad for t in result)


def test_functions_of_functions_can_be_differentiated():
    x = leaf(2.0, 3.0)
    assert md.grad(md.vjp(lambda x: (x * x).sum(), x, create_graph=True)[1].sum(), x)[0].numpy().tolist() == [2, 2]
    with md.no_grad():
        j = md.jacobian(lambda x: x * x, x, create_graph=True)
    assert md.grad(j.sum(), x)[0].numpy().tolist() == [2, 2]


def test_outputs_that_are_not_connected_have_zero_derivatives():
    x, constant = leaf(1.0, 2.0), leaf(3.0, 4.0).detach()
    assert md.vjp(lambda x: constant, x, constant)[1].numpy().tolist() == [0, 0]
    assert md.vjp(lambda x: (x * 2.0, constant), x, (constant, constant))[1].numpy().tolist() == [6, 8]
