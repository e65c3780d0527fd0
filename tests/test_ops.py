"""One property test a promise, walked over every registered op: an op without a specification fails."""

import warnings
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs import SPECS, Case, cases

import minidl as md
from minidl.core import Tensor
from minidl.fusion import composites
from minidl.op import Op, registry

OPS = registry | composites
DIFFERENTIABLE = sorted(name for name, op in OPS.items() if not isinstance(op, Op) or op.rules)
MODULES = [md.op, *(module for module in vars(md.ops).values() if isinstance(module, ModuleType))]
FUNCTIONS = {name: f for module in MODULES for name, f in vars(module).items() if name in OPS and callable(f)}


def call(name, arrays, options):
    """The op's result: the first, where it gives auxiliary arrays too."""
    result = FUNCTIONS[name](*arrays, **options)
    return result[0] if isinstance(result, tuple) else result


def checked(name, case):
    """The positions that the op can be differentiated by."""
    op = OPS[name]
    return [i for i, a in enumerate(case.arrays) if a is not None and a.dtype.kind == "f" and op.differentiable(i)]


def tensors(name, case):
    wanted = checked(name, case)
    return [a if a is None else Tensor(a, requires_grad=i in wanted) for i, a in enumerate(case.arrays)]


def cotangent(z, seed=0):
    return Tensor(np.asarray(np.random.default_rng(seed).standard_normal(z.shape).astype(z.dtype)))


def gradients(name, case):
    """The result, and the gradients that a random cotangent gives."""
    xs = tensors(name, case)
    z = call(name, xs, case.options)
    return z, md.grad(z, [x for x in xs if x is not None and x.requires_grad], cotangent(z))


def layouts(a):
    """The same array in other memory: every other element, reversed, channels last."""
    spread = np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a
    reverse = tuple(slice(None, None, -1) for _ in a.shape)
    yield spread
    yield np.ascontiguousarray(a[reverse])[reverse] if a.ndim else a
    yield np.moveaxis(np.ascontiguousarray(np.moveaxis(a, 1, -1)), -1, 1) if a.ndim > 1 else a


def test_every_op_has_a_specification():
    assert set(SPECS) == set(OPS)


@pytest.mark.parametrize("name", sorted(OPS))
@given(data=st.data())
def test_value(name, data):
    case = data.draw(cases(SPECS[name]))
    expected = SPECS[name].oracle(*case.arrays, **case.options)
    z = call(name, tensors(name, case), case.options)
    assert isinstance(z, Tensor) and isinstance(z.data, np.ndarray)
    np.testing.assert_allclose(z.detach().numpy(), expected, rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(call(name, case.arrays, case.options), z.detach().numpy())


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_first_order(name, data):
    case = data.draw(cases(SPECS[name]))
    assert md.gradcheck(lambda *xs: call(name, xs, case.options), tensors(name, case), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_second_order(name, data):
    case = data.draw(cases(SPECS[name]))
    assert md.gradgradcheck(lambda *xs: call(name, xs, case.options), tensors(name, case), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in DIFFERENTIABLE if SPECS[name].analytic])
@given(data=st.data())
def test_first_order_by_complex_step(name, data):
    """vᵀJu = Im v·f(x + ihu) / h, to the last digits (Squire & Trapp 1998)."""
    case = data.draw(cases(SPECS[name]))
    z, grads = gradients(name, case)
    wanted = checked(name, case)
    rng = np.random.default_rng(1)
    us = {i: rng.standard_normal(case.arrays[i].shape) for i in wanted}
    moved = [a + 1e-30j * us[i] if i in us else a for i, a in enumerate(case.arrays)]
    with np.errstate(all="ignore"):
        along = np.asarray(call(name, moved, case.options)).imag / 1e-30
    exact = (cotangent(z).numpy() * along).sum()
    ours = sum((us[i] * g.numpy()).sum() for i, g in zip(wanted, grads, strict=True))
    size = sum(np.abs(us[i] * g.numpy()).sum() for i, g in zip(wanted, grads, strict=True))
    assert abs(ours - exact) <= 1e-12 * (1 + size)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_adjoint_identity(name, data):
    """⟨J·v, u⟩ = ⟨v, Jᵀ·u⟩, with J·v from the rules of the rules."""
    case = data.draw(cases(SPECS[name]))
    xs = tensors(name, case)
    wanted = checked(name, case)

    def func(*given):
        given = dict(zip(wanted, given, strict=True))
        return call(name, [given.get(i, x) for i, x in enumerate(xs)], case.options)

    inputs = [xs[i] for i in wanted]
    vs = [cotangent(x, seed=i) for i, x in enumerate(inputs)]
    z, along = md.jvp(func, inputs, vs)
    u = cotangent(z, seed=9)
    _, back = md.vjp(func, inputs, u)
    left = (along.numpy() * u.numpy()).sum()
    right = sum((v.numpy() * g.numpy()).sum() for v, g in zip(vs, back, strict=True))
    assert abs(left - right) <= 1e-10 * (1 + np.abs(along.numpy() * u.numpy()).sum())


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_dtype_layout_and_memory(name, data):
    case = data.draw(cases(SPECS[name]))
    z, grads = gradients(name, case)
    wanted = checked(name, case)
    owned = [a for a in case.arrays if a is not None] + [cotangent(z).data]
    for i, g in enumerate(grads):
        others = owned + [other.data for other in grads[:i]]
        assert not any(np.shares_memory(g.data, other) for other in others), "a gradient is not its own"
    for arrays in zip(*[[a] * 3 if a is None else layouts(a) for a in case.arrays], strict=True):
        z2, grads2 = gradients(name, Case(list(arrays), case.options))
        for a, b in zip((z, *grads), (z2, *grads2), strict=True):
            np.testing.assert_allclose(b.detach().numpy(), a.detach().numpy(), rtol=1e-12, atol=1e-12)
    if name != "cast":
        single = [a.astype("f4") if i in wanted else a for i, a in enumerate(case.arrays)]
        z4, grads4 = gradients(name, Case(single, case.options))
        assert {z4.dtype, *(g.dtype for g in grads4)} == {np.dtype("f4")}
        np.testing.assert_allclose(z4.detach().numpy(), z.detach().numpy(), rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("name", [name for name in DIFFERENTIABLE if isinstance(OPS[name], Op)])
@given(data=st.data())
def test_only_what_is_needed_is_computed(name, data):
    """A rule runs for the arguments that need a gradient, and for no other."""
    case = data.draw(cases(SPECS[name]))
    op, wanted = OPS[name], checked(name, case)
    for only in wanted:
        xs = [a if a is None else Tensor(a, requires_grad=i == only) for i, a in enumerate(case.arrays)]
        called: list[str] = []
        rules = dict(op.rules)

        def spy(argument, rule, called=called):
            return rule._replace(function=lambda *g, **k: called.append(argument) or rule.function(*g, **k))

        try:
            op.rules.update({argument: spy(argument, rule) for argument, rule in rules.items()})
            z = call(name, xs, case.options)
            md.grad(z, xs[only], cotangent(z))
        finally:
            op.rules.update(rules)
        assert called == [op.argument(only)]


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0, 3)])
@pytest.mark.parametrize(
    "name", ["add", "mul", "div", "maximum", "exp", "tanh", "relu", "abs", "sum", "softmax", "getitem"]
)
def test_nothing_is_fine(name, shape):
    options = {"softmax": dict(dim=len(shape) - 1), "getitem": dict(index=...)}.get(name, {})
    xs = [Tensor(np.zeros(shape), requires_grad=True) for _ in OPS[name].arguments]
    z = call(name, xs, options)
    for g in md.grad(z, xs, cotangent(z)):
        assert g.shape == shape


def test_ties():
    """max along a dim and pooling give all to the first; amax and maximum share evenly."""
    x = md.tensor([[1.0, 3.0, 3.0, 2.0, 3.0]], requires_grad=True)
    values, indices = x.max(1)
    assert (values.item(), indices.item()) == (3.0, 1)
    assert md.grad(values.sum(), x)[0].numpy().tolist() == [[0, 1, 0, 0, 0]]
    np.testing.assert_allclose(md.grad(x.amax(1).sum(), x)[0].numpy(), [[0, 1 / 3, 1 / 3, 0, 1 / 3]], rtol=1e-6)
    y = md.tensor([[1.0, 0.0, 3.0, 2.0, 5.0]], requires_grad=True)
    assert md.grad(md.maximum(x, y).sum(), x)[0].numpy().tolist() == [[0.5, 1, 0.5, 0.5, 0]]
    image = md.ones(1, 1, 2, 2).requires_grad_()
    pooled = md.functional.max_pool2d(image, 2)
    assert md.grad(pooled.sum(), image)[0].numpy().ravel().tolist() == [1, 0, 0, 0]


def test_an_infinite_gradient_stays_where_it_is():
    """g · mask would make NaN of inf · 0."""
    inf = md.tensor([np.inf, np.inf])
    x = md.tensor([-1.0, 1.0], requires_grad=True)
    for f in (
        lambda x: x.relu(),
        lambda x: x.clip(0, 2),
        lambda x: md.maximum(x, 0.0),
        lambda x: md.where(x > 0, x, 0.0),
    ):
        assert md.grad(f(x), x, inf)[0].numpy().tolist() == [0, np.inf]


def test_numerically_hard_points():
    big = md.tensor([[1e4, -1e4, 0.0]], dtype=md.float64, requires_grad=True)
    for f in (md.softmax, md.log_softmax):
        z = f(big, 1)
        (g,) = md.grad(z, big, cotangent(z))
        assert np.isfinite(z.detach().numpy()).all() and np.isfinite(g.numpy()).all()
    x = md.tensor([0.0, 0.0, 2.0], dtype=md.float64, requires_grad=True)
    for power, expected in ((0, [0, 0, 0]), (1, [1, 1, 1]), (2, [0, 0, 4])):
        assert md.grad((x**power).sum(), x)[0].numpy().tolist() == expected
    y = md.tensor([2.0, 0.0], dtype=md.float64, requires_grad=True)
    assert md.grad((md.zeros(2, dtype=md.float64) ** y).sum(), y)[0].numpy().tolist() == [0, 0]
    constant = md.ones(3).requires_grad_()
    assert md.grad(constant.std(), constant)[0].numpy().tolist() == [0, 0, 0]
    assert md.sigmoid(md.tensor([-1e4, 1e4])).numpy().tolist() == [0, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert md.log(md.tensor([0.0])).item() == -np.inf
        assert np.isnan(md.tensor([1.0]).var().item())
