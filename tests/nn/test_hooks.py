"""Hooks of modules: what they see, what they may replace, when they end, and what they cost."""

import copy
import gc
import pickle
import re
import weakref
from typing import NamedTuple

import numpy as np
import pytest

import minidl as md
from minidl import nn
from minidl.models import SimpLeNet
from minidl.nn import hooks


class Function(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        self.function = function

    def forward(self, *args, **kwargs):
        return self.function(*args, **kwargs)


class Pair(NamedTuple):
    first: md.Tensor
    second: md.Tensor


def leaf(*values, dtype=md.float64):
    return md.tensor(list(values), dtype=dtype, requires_grad=True)


def watched(function, register="register_full_backward_hook", result=None):
    """The function as a module with a hook, and the list of what the hook has seen, as nested lists."""
    module, seen = Function(function), []

    def hook(module, *gradients):
        assert all(type(each) is tuple for each in gradients)
        seen.append(tuple([g if g is None else g.detach().numpy().tolist() for g in each] for each in gradients))
        return result

    getattr(module, register)(hook)
    return module, seen


# --- forward ----------------------------------------------------------------------------------------------------------


def test_pre_hooks_see_and_replace_the_arguments():
    layer, seen = Function(lambda *args, scale=1: sum(args) * scale), []
    x = md.tensor([[1.0]])
    layer.register_forward_pre_hook(lambda module, args: seen.append((module, args)))
    assert layer(x, x, scale=3).item() == 6 and seen == [(layer, (x, x))]
    with layer.register_forward_pre_hook(lambda module, args: args[0] * 10):  # one value is the only argument
        assert layer(x, x).numpy().tolist() == [[10]]
    with layer.register_forward_pre_hook(lambda module, args: (*args, x)):
        assert layer(x, x).item() == 3
    with layer.register_forward_pre_hook(lambda module, args: ()):
        assert layer(x, x) == 0
    assert layer(x, x).item() == 2


def test_forward_hooks_see_and_replace_the_output():
    layer, seen = nn.ReLU(), []
    layer.register_forward_hook(lambda module, args, output: seen.append((module, args, output)))
    x = md.tensor([-1.0, 1.0])
    with layer.register_forward_hook(lambda module, args, output: output * 2):
        assert layer(x).numpy().tolist() == [0, 2]
    (module, args, output), *_ = seen
    assert module is layer and args[0] is x and output.numpy().tolist() == [0, 1]
    assert layer(x).numpy().tolist() == [0, 1]


@pytest.mark.parametrize("kind", ["forward_pre", "forward", "full_backward_pre", "full_backward"])
def test_the_order_of_hooks_and_their_end(kind):
    layer, order = nn.ReLU(), []

    def run():
        order.clear()
        layer(leaf(1.0)).sum().backward()
        return "".join(order)

    register = getattr(layer, f"register_{kind}_hook")
    a = register(lambda *_: order.append("a"))
    b = register(lambda *_: order.append("b"))
    c = register(lambda *_: order.append("c"), prepend=True)
    assert run() == "cab"
    a.remove()
    a.remove()
    assert run() == "cb"
    with register(lambda *_: order.append("d")) as d:
        assert isinstance(d, hooks.RemovableHandle) and run() == "cbd"
    d.remove()
    with pytest.raises(ZeroDivisionError), register(lambda *_: order.append("e")):
        raise ZeroDivisionError
    assert run() == "cb"
    b.remove()
    c.remove()
    assert run() == "" and layer._registered_hooks == nn.ReLU()._registered_hooks == ()


def test_a_hook_may_end_itself_and_outlive_its_module():
    layer = nn.ReLU()

    def once(*_):
        handle.remove()
        order.append(1)

    order, handle = [], layer.register_forward_hook(once)
    layer.register_forward_hook(lambda *_: order.append(2))
    layer(leaf(1.0))
    layer(leaf(1.0))
    assert order == [1, 2, 2]
    other = nn.ReLU()
    handle = other.register_forward_hook(once)
    del other
    handle.remove()


class Shift(nn.Module):
    """x + by, or an error."""

    def forward(self, x, by=0.0):
        if by is None:
            raise ValueError("no shift")
        return x + by


def test_hooks_that_see_keyword_arguments():
    layer, seen = Shift(), []
    layer.register_forward_pre_hook(lambda module, args, kwargs: (args, {"by": kwargs["by"] * 2}), with_kwargs=True)
    layer.register_forward_hook(lambda *seen_by_it: seen.append(seen_by_it[1:]), with_kwargs=True)
    layer.register_forward_hook(lambda module, args, kwargs, output: output * 10, with_kwargs=True)
    assert layer(1, by=2) == 50 and seen == [((1,), {"by": 4}, 5)]
    layer.register_forward_pre_hook(lambda module, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match="pre-hook: must return None or .args, kwargs., got .1,."):
        layer(1, by=2)
    layer.register_forward_pre_hook(lambda module, args, kwargs: [args, kwargs], prepend=True, with_kwargs=True)
    with pytest.raises(RuntimeError, match="pre-hook: must return None or .args, kwargs., got \\[.1,., "):
        layer(1, by=2)


def test_hooks_that_are_always_called():
    layer, seen = Shift(), []
    layer.register_forward_hook(lambda module, args, output: seen.append(("plain", output)))
    layer.register_forward_hook(lambda module, args, output: seen.append(("always", output)), always_call=True)
    with pytest.raises(ValueError, match="no shift"):
        layer(1, None)
    assert seen == [("always", None)]
    assert layer(1) == 1 and seen[1:] == [("plain", 1), ("always", 1)]
    seen.clear()
    failing = layer.register_forward_hook(lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        layer(1)
    assert seen == [("plain", 1), ("always", 1)]  # once, though an error came after it
    failing.remove()
    layer.register_forward_hook(lambda *_: 1 / 0, always_call=True)
    with pytest.warns(UserWarning, match="failed after another error"), pytest.raises(ValueError, match="no shift"):
        layer(1, None)


def doubled(module, args, output):
    return output * 2


def test_a_module_with_hooks_can_be_pickled():
    layer = nn.Linear(2, 2)
    handle = layer.register_forward_hook(doubled)
    twin = pickle.loads(pickle.dumps(layer))
    x = md.ones(1, 2)
    assert (twin(x) == layer(x)).all()
    handle.remove()
    assert (twin(x) == layer(x) * 2).all()


def test_hooks_cost_nothing_where_there_are_none(monkeypatch):
    monkeypatch.setattr(nn.module, "call", None)
    SimpLeNet()(md.zeros(1, 1, 28, 28))


def test_a_copied_module_has_hooks_of_its_own():
    layer, seen = nn.ReLU(), []
    handle = layer.register_forward_hook(lambda module, *_: seen.append(module))
    twin = copy.deepcopy(layer)
    handle.remove()
    layer(leaf(1.0))
    twin(leaf(1.0))
    assert seen == [twin]


# --- backward ---------------------------------------------------------------------------------------------------------


def test_backward_hooks_see_the_gradients():
    cube, seen = watched(lambda x: x**3)
    _, before = cube, []
    cube.register_full_backward_pre_hook(lambda module, grad_output: before.append((module, grad_output[0].item())))
    x = leaf(2.0)
    (5 * cube(x)).sum().backward()
    assert seen == [([[60.0]], [[5.0]])] and before == [(cube, 5.0)] and x.grad.item() == 60


def test_several_inputs_and_outputs_come_together():
    """None for what needs no gradient, zeros for what got none."""
    module, seen = watched(lambda a, b, n, c, unused: (a * b, a.argmax(), 3 * c, n, b * 2))
    a, b, c, unused = leaf(2.0, 3.0), leaf(5.0), leaf(7.0), leaf([1.0], [1.0])
    constant = md.tensor([9.0])
    first, _, _, n, last = module(a, b, 4, constant, unused)
    assert n == 4
    (first.sum() + last.sum()).backward()
    assert seen.pop() == ([[5.0, 5.0], [7.0], None, None, [[0.0], [0.0]]], [[1.0, 1.0], None, None, None, [1.0]])
    assert a.grad.numpy().tolist() == [5, 5] and b.grad.item() == 7 and unused.grad.numpy().tolist() == [[0], [0]]
    module(a, b, 4, c, unused)[2].sum().backward()
    assert seen == [([[0.0, 0.0], [0.0], None, [3.0], [[0.0], [0.0]]], [[0.0, 0.0], None, [1.0], None, [0.0]])]


def test_several_dtypes_keep_theirs():
    module, seen = watched(lambda a, b: (a * 2, b * 3))
    a, b = leaf(1.0, dtype=md.float32), leaf(0.1)
    x, y = module(a, b)
    assert (x.dtype, y.dtype, y.item()) == (md.float32, md.float64, 0.1 * 3)
    (x.sum() + y.sum()).backward()
    assert (a.grad.dtype, b.grad.dtype) == (md.float32, md.float64) and seen == [([[2.0], [3.0]], [[1.0], [1.0]])]


def test_where_no_input_needs_a_gradient_the_outputs_call_the_hook():
    layer, seen = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append((grad_input, grad_output)))
    layer(md.ones(1, 2)).sum().backward()
    (grad_input, (g,)) = seen.pop()
    assert grad_input == (None,) and g.item() == 1
    layer(input=md.ones(1, 2, requires_grad=True)).sum().backward()  # arguments by name are not looked at
    assert seen.pop()[0] == ()
    layer.requires_grad_(False)
    assert not layer(md.ones(1, 2)).requires_grad and not seen


def test_without_recording_the_arguments_pass_as_they_are():
    module, _ = watched(lambda x: x)
    x = leaf(1.0)
    assert module(x) is not x
    with md.no_grad():
        assert module(x) is x


def test_outputs_that_are_tuples_keep_their_kind():
    module, seen = watched(lambda x: Pair(x * 2, x * 3))
    pair = module(leaf(1.0))
    assert type(pair) is Pair
    (pair.first + pair.second).sum().backward()
    assert seen == [([[5.0]], [[1.0], [1.0]])]
    listed, seen = watched(lambda x: [x * 2])
    with pytest.warns(UserWarning, match="tuples, the output is list"):
        (out,) = listed(leaf(1.0))
    out.sum().backward()
    assert seen == []


def test_gradients_can_be_replaced():
    module, seen = watched(lambda x, y: (x * y, x + y))
    module.register_full_backward_pre_hook(lambda _, go: [10 * g for g in go])
    module.register_full_backward_hook(lambda _, gi, go: (gi[0] + go[0], gi[1] * 0))
    module.register_full_backward_hook(lambda _, gi, go: seen.append(gi[0].item()))
    x, y = leaf(2.0), leaf(3.0)
    sum(module(x, y)).backward()
    assert seen == [([[40.0], [30.0]], [[10.0], [10.0]]), 50.0]
    assert (x.grad.item(), y.grad.item()) == (50, 0)
    single = Function(lambda x: x * 2)
    single.register_full_backward_hook(lambda _, gi, go: gi[0] * 7)  # one tensor stands for a tuple of one
    (g,) = md.grad(single(x).sum(), x)
    assert g.item() == 14


@pytest.mark.parametrize("result, said", [
    ((leaf(1.0), leaf(1.0)), "must return None or gradients 1 float64, got 1 float64, 1 float64"),
    ((leaf(1.0, 2.0),), "got 2 float64"),
    ((leaf(1.0, dtype=md.float32),), "got 1 float32"),
    ((None,), "got None"),
    ((), "got $"),
    ((np.ones(1),), "expected a Tensor, got ndarray"),
    (5, "int"),
])  # fmt: skip
@pytest.mark.parametrize("register", ["register_full_backward_hook", "register_full_backward_pre_hook"])
def test_replacements_that_do_not_fit_are_refused(register, result, said):
    module, _ = watched(lambda x: x * 2, register, result)
    with pytest.raises((RuntimeError, TypeError), match="^Function(.*): .*" + said):
        module(leaf(1.0)).sum().backward()


def test_a_gradient_is_replaced_in_its_shape():
    module, _ = watched(lambda x: x * 2, result=(md.ones(3, 2),))
    with pytest.raises(RuntimeError, match="must return None or gradients 2×3 float64, got 3×2 float32"):
        module(md.ones(2, 3, dtype=md.float64, requires_grad=True)).sum().backward()


def test_no_gradient_can_be_given_to_an_input_that_needs_none():
    weight = leaf(1.0)
    module, _ = watched(lambda x: x * weight, result=(md.ones(1),))
    with pytest.raises(RuntimeError, match="gradients None, got 1 float32"):
        module(md.ones(1)).sum().backward()


def test_each_call_has_its_own_gradients():
    module, seen = watched(lambda x: x * x)
    x = leaf(3.0)
    module(module(x)).sum().backward(retain_graph=True)  # x⁴
    assert seen == [([[18.0]], [[1.0]]), ([[108.0]], [[18.0]])]
    y = module(x)
    seen.clear()
    for scale in (1.0, 2.0):
        y.backward(md.tensor([scale], dtype=md.float64), retain_graph=True)
    assert seen == [([[6.0]], [[1.0]]), ([[12.0]], [[2.0]])]


def test_the_hooks_of_the_call_are_those_that_run_in_backward():
    module, seen = watched(lambda x: x * 2)
    y = module(leaf(1.0))
    module._registered_hooks = ()
    z = module(leaf(1.0))
    (y + z).sum().backward()
    assert len(seen) == 1


def test_hooks_change_no_number():
    x = md.rand(4, 1, 28, 28, requires_grad=True)
    model = SimpLeNet()

    @md.no_fusion()  # layers with hooks are not served together
    def gradients():
        return md.grad(md.functional.cross_entropy(model(x), md.tensor([1, 2, 3, 4])), [x, *model.parameters()])

    plain, seen = gradients(), []
    for module in model.modules():
        module.register_full_backward_hook(lambda module, gi, go: seen.append(module))
        module.register_full_backward_pre_hook(lambda module, go: None)
    for a, b in zip(plain, gradients(), strict=True):
        assert np.array_equal(a.numpy(), b.numpy())
    assert seen[-1] is model and len(seen) == len(list(model.modules()))


def test_what_a_hook_keeps_is_its_own():
    for function in (lambda x, y: x + y, lambda x: x * 1):
        kept, module = [], Function(function)
        module.register_full_backward_hook(lambda _, gi, go, kept=kept: kept.extend([*gi, *go]))
        xs = [leaf(1.0) for _ in function.__code__.co_varnames]
        seed = md.tensor([3.0], dtype=md.float64)
        module(*xs).backward(seed)
        for tensor in (seed, *(x.grad for x in xs)):
            tensor.fill_(9)
        assert [g.item() for g in kept] == [3] * len(kept) == [3] * (len(xs) + 1)
        kept[0].fill_(7)
        assert xs[0].grad.item() == 9


@pytest.mark.parametrize("function", [lambda x, y: x**3 * y, lambda x, y: (x * y).tanh(), lambda x, y: x.sign() + y])
def test_second_order_passes_through_hooks(function):
    module = Function(function)
    module.register_full_backward_pre_hook(lambda _, go: None)
    module.register_full_backward_hook(lambda _, gi, go: None)
    inputs = [md.randn(3, dtype=md.float64, requires_grad=True) for _ in range(2)]
    assert md.gradcheck(module, inputs) and md.gradgradcheck(module, inputs)


@pytest.mark.parametrize("through", [lambda x: x**2, lambda x: x.sign()])
def test_what_hooks_put_in_is_differentiated_too(through):
    """A straight-through gradient: that of a hook's choice, in every order."""
    module = Function(through)
    module.register_full_backward_pre_hook(lambda _, go: go[0] ** 2)
    module.register_full_backward_hook(lambda _, gi, go: go[0] * 5)
    x, v = leaf(3.0), leaf(4.0)
    (g,) = md.grad(module(x), x, v, create_graph=True)
    assert g.item() == 5 * 16
    assert md.grad(g, v)[0].item() == 5 * 2 * 4


def test_a_second_backward_from_a_gradient_calls_what_it_passes():
    module, seen = watched(lambda x: x**3)
    x = leaf(2.0)
    (g,) = md.grad(module(x), x, md.tensor([1.0], dtype=md.float64), create_graph=True)
    assert md.grad(g, x)[0].item() == 12  # it reaches x without passing the output
    assert seen == [([[12.0]], [[1.0]])]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("reach", ["inputs", "parameters", "nothing"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_graph_with_hooks_goes_with_its_last_name(create_graph, reach, count):
    class Scaled(nn.Module):
        def __init__(self):
            self.w = nn.Parameter(np.ones(3))

        def forward(self, *xs):
            return tuple(x * self.w * x for x in xs) if len(xs) > 1 else xs[0] * self.w * xs[0]

    module, kept = Scaled(), []
    module.register_full_backward_pre_hook(lambda module, go: None)
    module.register_full_backward_hook(lambda module, gi, go: kept.append(go))
    xs = [md.ones(3, dtype=md.float64, requires_grad=True) for _ in range(count)]
    gc.disable()
    try:
        outputs = md.engine.core.as_tuple(module(*[x * 2 for x in xs]))
        loss = sum((y * y).sum() for y in outputs)
        nodes = [weakref.ref(y.node) for y in outputs]
        del outputs
        if reach != "nothing":
            wanted = xs if reach == "inputs" else [module.w]
            md.grad(loss, wanted, create_graph=create_graph)
        kept.clear()
        del loss
        assert [node() for node in nodes] == [None] * count
        gone = weakref.ref(module)
        del module
        assert gone() is None
    finally:
        gc.enable()


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["forward_pre", "forward", "full_backward_pre", "full_backward"])
def test_an_error_in_a_hook_names_the_layer_once(kind):
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Linear(2, 3)))

    def hook(*_):
        raise ValueError("no luck")

    getattr(model[1][1], f"register_{kind}_hook")(hook)
    path = "" if "backward" in kind else "1.1: "
    said = f"{path}Linear(in_features=2, out_features=3, bias=True): no luck"
    with pytest.raises(ValueError, match=re.escape(said) + "$") as caught:
        model(md.ones(1, 2, requires_grad=True)).sum().backward()
    assert str(caught.value) == said


def test_other_errors_of_hooks_pass_as_they_are():
    layer = nn.ReLU()
    layer.register_full_backward_hook(lambda *_: {}["absent"])
    with pytest.raises(KeyError) as caught:
        layer(leaf(1.0)).sum().backward()
    assert caught.value.args == ("absent",)
