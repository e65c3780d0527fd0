"""Hooks on tensors, retained gradients, and the graph as it is shown."""

import gc
import weakref

import numpy as np
import pytest

import minidl as md

W = [0.5, -1.25, 2.0]


def leaf():
    return md.tensor(W, dtype=md.float64, requires_grad=True)


def test_hooks_see_and_change_gradients():
    w, seen = leaf(), []
    y = w * 2
    handle = y.register_hook(seen.append)
    y.register_hook(lambda g: g * 10)
    w.register_hook(lambda g: g + 1)
    y.retain_grad()
    assert y.retains_grad and not w.retains_grad
    (y * 3).sum().backward()
    assert seen[0].array.tolist() == [3, 3, 3] and y.grad.array.tolist() == [30, 30, 30]
    assert w.grad.array.tolist() == [61, 61, 61]
    handle.remove()
    w.grad = None
    y = w * 2
    with y.register_hook(lambda g: g * 0):
        pass
    y.sum().backward()
    assert len(seen) == 1 and w.grad.array.tolist() == [3, 3, 3]


def test_hooks_that_are_refused():
    with pytest.raises(RuntimeError, match="register_hook: this tensor does not require grad"):
        md.ones(2).register_hook(print)
    with pytest.raises(RuntimeError, match="retain_grad: this tensor does not require grad"):
        md.ones(2).retain_grad()
    with pytest.raises(TypeError, match="register_hook: expected a function"):
        leaf().register_hook(3)
    y = leaf() * 1
    y.register_hook(lambda g: md.ones(2))
    with pytest.raises(RuntimeError, match="tensor hook: must return a gradient of shape 3, got 2"):
        y.sum().backward()
    y = leaf() * 1
    y.register_hook(lambda g: 3)
    with pytest.raises(TypeError, match="tensor hook: must return None or a Tensor, got int"):
        y.sum().backward()


def test_hooks_in_gradients_of_gradients():
    w = leaf()
    y = w * w
    y.register_hook(lambda g: g * 3)
    (g,) = md.grad((y * y).sum(), w, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), 12 * np.array(W) ** 3)
    (h,) = md.grad(g.sum(), w)
    np.testing.assert_allclose(h.numpy(), (12 + 3 * 24) * np.array(W) ** 2)  # it sees the second pass, too


def test_hooks_may_write_into_the_gradient_they_see():
    w, v = leaf(), leaf()
    y, z = w * 1, v * 1
    y.register_hook(lambda g: (g.mul_(0), None)[1])
    (y + z).sum().backward()
    assert w.grad.array.tolist() == [1, 1, 1] and v.grad.array.tolist() == [1, 1, 1]


def test_hooks_are_taken_off_one_by_one():
    w, seen = leaf(), []
    tripled = lambda g: g * 3  # noqa: E731
    handles = [w.register_hook(hook) for hook in (tripled, lambda g: g + 1, tripled)]
    (w * 1).sum().backward()
    assert w.grad.array.tolist() == [12, 12, 12]  # in the order in which they were registered
    handles[0].remove()
    handles[0].remove()
    w.grad = None
    (w * 1).sum().backward()
    assert w.grad.array.tolist() == [6, 6, 6]
    y = w * 1

    def once(g):
        handle.remove()

    handle = y.register_hook(once)
    y.register_hook(seen.append)
    y.sum().backward()
    assert len(seen) == 1


def test_retained_gradients_are_those_that_go_on():
    w = leaf()
    y = w * 1
    y.retain_grad()
    y.retain_grad()
    y.register_hook(lambda g: g * 5)
    for _ in range(2):
        (y * 1).sum().backward(retain_graph=True)
    assert y.grad.array.tolist() == [10, 10, 10]
    gc.disable()
    try:
        gone = weakref.ref(y)
        del y
        assert gone() is None
    finally:
        gc.enable()
    w.retain_grad()
    w.grad = None
    (w * 1).sum().backward()
    assert w.grad.array.tolist() == [1, 1, 1] and not w.retains_grad


def test_grad_gives_what_hooks_have_seen():
    w = leaf()
    y = w * 1
    y.register_hook(lambda g: (g * 4).to(md.float32))
    for g in md.grad(y.sum(), [y, w]):
        assert g.dtype == md.float64 and g.array.tolist() == [4, 4, 4]


def test_what_hooks_see_is_an_array_on_the_way():
    w = leaf()
    y = w * 1
    y.register_hook(lambda g: g * 2)
    assert all(type(g) is np.ndarray for step in y.sum().backward_steps() for g in (step.incoming, *step.outgoing))


def test_the_graph_can_be_looked_at():
    w = leaf()
    y = (w * 2).sum()
    assert w.grad_fn is None and y.grad_fn.name() == "sum" and repr(y.grad_fn) == "<sum>"
    ((inner, zero),) = y.grad_fn.next_functions
    ((end, _),) = inner.next_functions
    assert inner.name() == "mul" and zero == 0 and end.variable is w and repr(end) == "<AccumulateGrad>"


def test_a_gradient_grows_in_its_own_memory():
    w = leaf()
    (w * 2).sum().backward()
    g = w.grad
    (w * 3).sum().backward()
    assert w.grad is g and g.array.tolist() == [5, 5, 5]
    with pytest.warns(UserWarning, match="makes a cycle"):
        (w * w).sum().backward(create_graph=True)
    assert w.grad is not g and w.grad.requires_grad and g.array.tolist() == [5, 5, 5]
    w.grad = None


def test_a_gradient_of_another_shape_is_refused_though_it_has_as_many_elements():
    x = md.ones(2, 3, requires_grad=True)
    x.register_hook(lambda g: g.reshape(3, 2))
    with pytest.raises(RuntimeError, match="tensor hook: must return a gradient of shape 2×3, got 3×2"):
        (x * 2).sum().backward()


def test_a_gradient_of_another_dtype_is_converted():
    x = md.ones(2, requires_grad=True)
    x.register_hook(lambda g: g.double() * 3)
    (x * 2).sum().backward()
    assert x.grad.dtype == md.float32 and x.grad.tolist() == [6, 6]


def test_what_is_retained_adds_up():
    y = leaf() * 2
    y.retain_grad()
    y.retain_grad()  # once is enough
    for n in (1, 2):
        y.sum().backward(retain_graph=True)
        assert y.grad.tolist() == [n] * 3
