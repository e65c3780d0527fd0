"""Gradients in the leaves: of several tensors at once, and of some leaves alone; where PyTorch has the names."""

import numpy as np
import pytest

import minidl as md
from minidl import autograd


def leaf(*values):
    return md.tensor(list(values), dtype=md.float64, requires_grad=True)


@pytest.fixture
def leaves():
    return md.tensor([1.0, 2.0, 3.0], requires_grad=True), md.tensor([4.0, 5.0, 6.0], requires_grad=True)


def test_backward_of_several_tensors_is_that_of_their_sum(leaves):
    x, y = leaves
    autograd.backward([(x * y).sum(), x * x], [None, md.tensor([1.0, 10.0, 0.0])])
    assert x.grad.tolist() == [4 + 2, 5 + 40, 6] and y.grad.tolist() == [1, 2, 3]
    autograd.backward(x.sum())
    assert x.grad.tolist() == [7, 46, 7]


def test_the_graph_is_kept_and_recorded_if_it_is_asked_for(leaves):
    x, y = leaves
    z = (x * x * y).sum()
    autograd.backward(z, retain_graph=True)
    with pytest.warns(UserWarning, match="create_graph"):
        autograd.backward(z, create_graph=True)
    assert x.grad.tolist() == [16, 40, 72]  # twice 2xy
    assert md.grad(x.grad.sum(), y)[0].tolist() == [2, 4, 6]


def test_one_leaf_twice(leaves):
    x, _ = leaves
    autograd.backward((x, x), (md.ones(3), md.ones(3) * 2))
    assert x.grad.tolist() == [3, 3, 3]


@pytest.mark.parametrize("backward", [md.Tensor.backward, autograd.backward])
def test_inputs_alone_get_a_gradient(leaves, backward):
    x, y = leaves
    z = x * y
    backward((z * z).sum(), inputs=[y, z])
    assert x.grad is None and y.grad.tolist() == [8, 40, 108] and z.grad.tolist() == [8, 20, 36]
    backward((y * 2).sum(), inputs=y)
    assert y.grad.tolist() == [10, 42, 110]


def test_an_input_that_is_not_reached_gets_none(leaves):
    x, y = leaves
    (x * 2).sum().backward(inputs=[y])
    assert x.grad is None and y.grad is None
    x.backward(md.ones(3), inputs=[y])
    assert x.grad is None and y.grad is None


@pytest.mark.parametrize(
    ("inputs", "kind", "words"),
    [
        ([], ValueError, "backward: inputs is empty"),
        ([3], TypeError, "backward: expected tensors as inputs, got int"),
        (md.ones(2), RuntimeError, "backward: an input does not require grad"),
    ],
)
def test_what_inputs_refuses(leaves, inputs, kind, words):
    with pytest.raises(kind, match=words):
        leaves[0].sum().backward(inputs=inputs)
    assert leaves[0].grad is None


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        (lambda x: (3,), TypeError, "backward: expected tensors, got int"),
        (lambda x: ([],), ValueError, "backward: expected one tensor or more, got none"),
        (lambda x: ([x, x], [md.ones(3)]), ValueError, "backward: 2 outputs need as many cotangents, got 1"),
        (lambda x: (x * 2,), RuntimeError, "backward: gradient may be left out for a scalar only"),
    ],
)
def test_what_backward_refuses(leaves, given, kind, words):
    with pytest.raises(kind, match=words):
        autograd.backward(*given(leaves[0]))


def test_functions_take_tensors():
    with pytest.raises(TypeError, match="inputs: expected tensors, got int"):
        md.jacobian(lambda x: x, 3)
    with pytest.raises(TypeError, match="^grad: expected tensors, got int"):
        md.grad(md.ones(1, requires_grad=True), 3)
    with pytest.raises(TypeError, match="grad: expected tensors, got float"):
        md.grad(2.0, md.ones(1))


def test_pytorchs_names():
    for name in ("grad", "gradcheck", "gradgradcheck", "no_grad", "enable_grad", "detect_anomaly"):
        assert getattr(autograd, name) is getattr(md, name)
    for name in ("jacobian", "hvp", "vjp", "jvp"):
        assert getattr(autograd.functional, name) is getattr(md, name)
    whole = autograd.functional.jacobian(lambda x: x * x, md.tensor([1.0, 2.0]))
    assert whole.dtype == md.float32
    np.testing.assert_array_equal(whole.numpy(), [[2, 0], [0, 4]])
    with pytest.raises(AttributeError, match="minidl.autograd.functional has no hessian; jacobian of"):
        autograd.functional.hessian  # noqa: B018


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("outputs", [None, tuple, list])
def test_results_are_built_as_what_is_given(several, outputs):
    """A Tensor for one, a tuple for a sequence of one: over the inputs, and over the outputs."""
    x, made = md.tensor([1.0, 2.0]), outputs or (lambda ys: ys[0])
    inputs = [x] if several else x

    def f(x):
        return made([x * x])

    def shape_of(result):
        return [shape_of(part) for part in result] if isinstance(result, tuple) else result.shape

    over_inputs, over_outputs = [(2,)] if several else (2,), [(2,)] if outputs else (2,)
    y, pulled = md.vjp(f, inputs, md.ones(2))
    assert (shape_of(y), shape_of(pulled)) == (over_outputs, over_inputs)
    y, pushed = md.jvp(f, inputs, md.ones(2))
    assert (shape_of(y), shape_of(pushed)) == (over_outputs, over_outputs)
    block = [(2, 2)] if several else (2, 2)
    assert shape_of(md.jacobian(f, inputs)) == ([block] if outputs else block)
    y, product = md.hvp(lambda x: (x * x).sum(), inputs, md.ones(2))
    assert (shape_of(y), shape_of(product)) == ((), over_inputs)


@pytest.mark.parametrize("function", [md.vjp, md.jvp])
def test_as_many_directions_as_there_are_ends(function):
    """Cotangents for outputs, tangents for inputs; neither fewer nor more."""
    x, one = md.ones(2), md.ones(2)
    for given in ((one,), (one, one, one)):
        with pytest.raises(ValueError, match=f"^expected 2 cotangents or tangents v, got {len(given)}$"):
            md.vjp(lambda x: (x, 2 * x), x, given) if function is md.vjp else md.jvp(lambda x, y: x * y, (x, x), given)


def test_grad_reaches_inner_tensors_and_leaves_grad_alone():
    x = leaf(3.0)
    h = x * x
    y = h * h
    gh, gx = md.grad(y, [h, x])
    assert (gh.item(), gx.item(), x.grad) == (18, 108, None)
    unused = leaf(1.0)
    with pytest.raises(RuntimeError, match="allow_unused"):
        md.grad(x * x, unused)
    assert md.grad(x * x, unused, allow_unused=True) == (None,)
    assert md.grad(x * x, unused, materialize_grads=True)[0].item() == 0
    with pytest.raises(RuntimeError, match="does not require grad"):
        md.grad(x * x, md.ones(1))


def test_grad_stops_at_its_inputs():
    """What lies behind an inner tensor is not passed, freed, or needed."""
    x = leaf(3.0)
    h = x * x
    (gh,) = md.grad((h * h).sum(), h)
    h.backward(gh)
    assert x.grad.item() == 108
    assert md.grad((h * 2.0).sum(), h)[0].item() == 2, "h's own history is freed by now"
    with pytest.raises(RuntimeError, match="second time"):
        md.grad((h * 2.0).sum(), x)
    with pytest.raises(ValueError, match="expected one tensor or more, got none"):
        md.grad(h, [])


def test_third_derivative():
    x = leaf(2.0)
    y = x**4
    for expected in (32, 48, 48, 24):
        (y,) = md.grad(y, x, create_graph=True)
        assert y.item() == pytest.approx(expected)


def test_higher_orders_do_not_depend_on_no_grad():
    x, v = md.ones(2, 2), md.ones(2, 2)
    with md.no_grad():
        assert md.hvp(lambda x: (x.reshape(-1) ** 3).sum(), x, v)[1].numpy().tolist() == [[6, 6], [6, 6]]
        assert md.jvp(lambda x: x.reshape(-1) ** 3, x, v)[1].numpy().tolist() == [3, 3, 3, 3]
    y = leaf(1.0, 2.0)
    z = (y.reshape(2, 1) ** 3).sum()
    with md.no_grad():
        assert md.grad(z, y, create_graph=True)[0].requires_grad
    with pytest.raises(ValueError, match="expected 1 .* got 2"):
        md.vjp(lambda x: x, x, (v, v))


def test_a_replaced_array_can_not_be_differentiated_again():
    x = leaf(2.0)
    y = (x * x).sum()
    x.array = x.array + 1
    with pytest.raises(RuntimeError, match="array of a leaf was replaced"):
        md.grad(y, x, create_graph=True)


def test_vjp_jvp_hvp_and_jacobian_agree():
    a = np.random.default_rng(0).standard_normal((3, 3))
    x, v = leaf(1.0, -2.0, 0.5), md.tensor([0.3, 0.1, -1.0], dtype=md.float64)

    def f(x):
        return (md.matmul(md.from_numpy(a), x)).tanh()

    y, jv = md.jvp(f, x, v)
    _, vj = md.vjp(f, x, v)
    j = md.jacobian(f, x)
    np.testing.assert_allclose(j.numpy(), (1 - y.numpy() ** 2)[:, None] * a, rtol=1e-12)
    np.testing.assert_allclose(jv.numpy(), j.numpy() @ v.numpy(), rtol=1e-12)
    np.testing.assert_allclose(vj.numpy(), v.numpy() @ j.numpy(), rtol=1e-12)
    h = md.jacobian(lambda x: md.grad((f(x) ** 2).sum(), x, create_graph=True)[0], x)
    np.testing.assert_allclose(md.hvp(lambda x: (f(x) ** 2).sum(), x, v)[1].numpy(), h.numpy() @ v.numpy(), rtol=1e-10)
    blocks = md.jacobian(lambda x, y: (x * y, x.sum()), (x, v))
    assert [[b.shape for b in row] for row in blocks] == [[(3, 3), (3, 3)], [(3,), (3,)]]
    assert not blocks[1][1].numpy().any() and not y.requires_grad


def test_what_does_not_depend_on_its_inputs_has_derivatives_of_zero():
    x, constant = leaf(1.0, 2.0), md.ones(3, dtype=md.float64)
    assert md.vjp(lambda x: constant, x, constant)[1].tolist() == [0, 0]
    assert md.jvp(lambda x: constant, x, x)[1].tolist() == [0, 0, 0]
    assert md.hvp(lambda x: constant.sum(), x, x)[1].tolist() == [0, 0]
    assert md.jacobian(lambda x, y: (constant, y * 2), (x, x))[0][1].tolist() == [[0, 0]] * 3
