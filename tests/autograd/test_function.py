"""autograd.Function: derivatives written by hand, in the graph like those of any op."""

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md

VALUES = np.array([1.0, 2.0, -1.5])


class Cube(md.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        assert not md.is_grad_enabled()
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class Exp(md.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_variables
        assert y is ctx.saved_tensors[0]
        return g * y


class ProductAndSum(md.autograd.Function):
    @staticmethod
    def forward(ctx, x, y, k):
        ctx.save_for_backward(x, y)
        ctx.k = k
        return x * y * k, x + y, (x > y)

    @staticmethod
    def backward(ctx, product, total, larger):
        x, y = ctx.saved_tensors
        assert larger.dtype == md.bool and larger.shape == x.shape and not larger.any()
        assert ctx.needs_input_grad[2] is False
        return product * y * ctx.k + total, product * x * ctx.k + total, None


class NewStyle(md.autograd.Function):
    @staticmethod
    def forward(x):
        return x * 5

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.factor = 5

    @staticmethod
    def backward(ctx, g):
        return g * ctx.factor


def leaf(values=VALUES):
    return md.tensor(values, dtype=md.float64, requires_grad=True)


@pytest.mark.parametrize("function, first, second", [
    (Cube.apply, 3 * VALUES**2, 6 * VALUES), (Exp.apply, np.exp(VALUES), np.exp(VALUES)),
    (NewStyle.apply, np.full(3, 5.0), None),
])  # fmt: skip
def test_derivatives_of_both_orders(function, first, second):
    x = leaf()
    (g,) = md.grad(function(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), first, rtol=1e-14)
    if second is not None:
        np.testing.assert_allclose(md.grad(g.sum(), x)[0].numpy(), second, rtol=1e-14)
    assert md.gradcheck(function, leaf()) and md.gradgradcheck(function, leaf())


def test_several_outputs_and_options():
    x, y = leaf(), leaf([0.5, -1.0, 3.0])
    product, total, larger = ProductAndSum.apply(x, y, 2.5)
    assert larger.array.tolist() == [True, True, False] and not larger.requires_grad
    np.testing.assert_allclose(product.detach().numpy(), VALUES * y.array * 2.5)
    (product * 2 + total).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 5 * y.array + 1)
    np.testing.assert_allclose(y.grad.numpy(), 5 * VALUES + 1)
    assert md.gradgradcheck(lambda x, y: ProductAndSum.apply(x, y, 2.0)[:2], (leaf(), leaf([0.5, -1.0, 3.0])))


def test_nothing_is_recorded_where_nothing_is_wanted():
    assert not Cube.apply(md.ones(2)).requires_grad
    with md.no_grad():
        assert not Cube.apply(leaf()).requires_grad
    assert Cube.apply(leaf()).grad_fn.name() == "Cube"


def test_an_argument_without_a_gradient_gets_zeros(standin):  # noqa: F811
    class First(Cube):
        @staticmethod
        def forward(ctx, x, y):
            return x * y

        @staticmethod
        def backward(ctx, g):
            return g, None

    for device, dtype in (("cpu", md.float32), ("cuda:1", md.float64)):  # which is not the current one
        x, y = (md.ones(2, 3, dtype=dtype, device=device, requires_grad=True) for _ in range(2))
        z = First.apply(x, y)
        z.sum().backward()
        assert z.shape == (2, 3) and x.grad.tolist() == [[1] * 3] * 2 and y.grad.tolist() == [[0] * 3] * 2
        assert y.grad.dtype == dtype and y.grad.device == device


def test_what_is_saved_may_be_none_and_set_apart():
    class Scaled(md.autograd.Function):
        @staticmethod
        def forward(x, factor):
            return x * factor

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(None, output)
            ctx.factor = inputs[1]

        @staticmethod
        def backward(ctx, g):
            nothing, z = ctx.saved_tensors
            assert nothing is None
            return g * ctx.factor * z, None

    x = leaf()
    Scaled.apply(x, 3.0).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 9 * VALUES)


def test_outputs_marked_without_gradient():
    class Rounded(Cube):
        @staticmethod
        def forward(ctx, x):
            y = x.round()
            ctx.mark_non_differentiable(y)
            return x * 2, y

        @staticmethod
        def backward(ctx, g, none):
            assert none.tolist() == [0.0] * 3 and none.dtype == md.float64
            return g * 2

    x = leaf()
    doubled, rounded = Rounded.apply(x)
    assert doubled.requires_grad and not rounded.requires_grad
    doubled.sum().backward()
    assert x.grad.tolist() == [2.0] * 3


def test_a_write_into_what_was_saved_is_noticed():
    x = leaf()
    y = Cube.apply(x)
    with md.no_grad():
        x.add_(1.0)
    with pytest.raises(RuntimeError, match="Cube: saved, needed for its gradient, was changed in place"):
        y.sum().backward()


def test_what_was_saved_goes_with_backward():
    x = leaf()
    y = Cube.apply(x)
    ctx = y.grad_fn.op.ctx
    assert ctx.to_save == ()
    y.sum().backward()
    assert ctx.saved_tensors == () and y.grad_fn.kept is None
    with pytest.raises(RuntimeError, match="Cube: backward a second time"):
        y.sum().backward()


def test_a_saved_tensor_without_gradient_is_a_constant():
    x, y = leaf(), leaf([0.5, -1.0, 3.0]).detach()
    (g,) = md.grad(ProductAndSum.apply(y, x, 2.0)[0].sum(), x, create_graph=True)
    np.testing.assert_array_equal(g.detach().numpy(), 2 * y.array)
    x = md.ones(3, requires_grad=True)
    z = Cube.apply(x.detach())
    assert not z.requires_grad and z.grad_fn is None


def test_a_gradient_takes_the_dtype_of_its_argument():
    class Doubles(Cube):
        @staticmethod
        def backward(ctx, g):
            return g.double()

    x = md.ones(3, requires_grad=True)
    y = x * 1
    assert [step.outgoing[0].dtype for step in Doubles.apply(y).backward_steps(md.ones(3))][0] == md.float32
    z = Doubles.apply(y.detach().requires_grad_())
    assert all(type(g) is np.ndarray for step in z.backward_steps(md.ones(3)) for g in step.outgoing)


def wrong(returned=None, made=None):
    class Wrong(md.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2 if made is None else made(ctx, x)

        @staticmethod
        def backward(ctx, g):
            return returned

    return Wrong.apply


def test_more_gradients_than_arguments_may_be_none():
    """As where an argument was taken away."""
    x = leaf()
    wrong((md.ones(3, dtype=x.dtype), None, None))(x).sum().backward()
    assert x.grad.tolist() == [1, 1, 1]


class NoBackward(md.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2


REFUSED = {
    "too few": (wrong(()), RuntimeError, "Wrong: backward must return 1 gradients, one an argument; got 0"),
    "too many": (wrong((md.ones(3), md.ones(3))), RuntimeError, "must return 1 gradients, one an argument; got 2"),
    "a number": (wrong(3), TypeError, "Wrong: backward must return tensors or None, got int"),
    "another shape": (wrong(md.ones(2)), RuntimeError, "gradient of shape 2 for argument 0, which is 3"),
    "as many elements": (wrong(md.ones(1, 3)), RuntimeError, "gradient of shape 1×3 for argument 0, which is 3"),
    "no tensor": (wrong(made=lambda ctx, x: 3), TypeError, "Wrong: forward must return tensors, got int"),
    "two dtypes": (wrong(made=lambda ctx, x: (x * 1, x.float())), TypeError, "dtypes, float64 and float32$"),
    "saving a number": (wrong(made=lambda ctx, x: ctx.save_for_backward(3)), TypeError, "expected tensors, got int"),
    "writing": (wrong(made=lambda ctx, x: ctx.mark_dirty(x)), RuntimeError, "mark_dirty: a Function can't write"),
    "no zeros": (wrong(made=lambda ctx, x: ctx.set_materialize_grads(False)), RuntimeError, "set_materialize_grads"),
    "no bool": (wrong(made=lambda ctx, x: ctx.set_materialize_grads(1)), RuntimeError, "set_materialize_grads"),
    "an instance": (lambda x: Cube(), TypeError, "Cube: a Function is not made; call Cube.apply"),
    "no forward": (lambda x: md.autograd.Function.apply(x), NotImplementedError, "Function: .* method forward"),
    "no backward": (NoBackward.apply, NotImplementedError, "Function: a subclass needs a static method backward"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name):
    function, kind, says = REFUSED[name]
    with pytest.raises(kind, match=says):
        function(leaf()).sum().backward()
