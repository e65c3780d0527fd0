"""One property test a promise, walked over every registered op: an op without a specification fails."""

import contextlib
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specs import DIFFERENTIABLE, OPS, SPECS, Case, cases, oracles, sides

import minidl as md
from minidl.engine.core import Node, Tensor
from minidl.engine.fusion import composites
from minidl.engine.op import Op

MODULES = [
    md.engine.op,
    md.functional.activations,
    *(module for module in vars(md.ops).values() if isinstance(module, ModuleType)),
]
FUNCTIONS = {name: f for module in MODULES for name, f in vars(module).items() if name in OPS and callable(f)}
TINY = 1e-30  # the complex step: nothing is subtracted, so no digits are lost
STEP = 2.0**-15  # the real one, from which a kink is farther
REAL = {"root", "tap", *composites}  # their gradients can't be computed on complex numbers: `keep` works on bits


def call(name, arrays, options):
    """The op's result: the first, where it gives auxiliary arrays too."""
    with np.errstate(all="ignore"):
        result = FUNCTIONS[name](*arrays, **options)
    return result[0] if isinstance(result, tuple) else result


def checked(name, case):
    """The positions that the op can be differentiated by."""
    op = OPS[name]
    return [i for i, a in enumerate(case.arrays) if a is not None and a.dtype.kind == "f" and op.differentiable(i)]


def readonly(a):
    a.flags.writeable = False
    return a


def tensors(name, case):
    """The arguments, on memory that nobody may write into."""
    wanted = checked(name, case)
    return [a if a is None else Tensor(readonly(a), requires_grad=i in wanted) for i, a in enumerate(case.arrays)]


def cotangent(z, seed=0):
    """Random numbers in the shape and dtype of a result, on memory that nobody may write into."""
    return Tensor(readonly(np.asarray(np.random.default_rng(seed).standard_normal(z.shape).astype(z.dtype))))


def gradients(name, case, v=None):
    """The result, and the gradients that a cotangent gives, by default a random one."""
    xs = tensors(name, case)
    z = call(name, xs, case.options)
    wanted = [xs[i] for i in checked(name, case)]
    return z, *(md.grad(z, wanted, cotangent(z) if v is None else Tensor(readonly(v))) if wanted else ())


def as_function(name, case):
    """The op as a function of the arguments that it can be differentiated by, and these."""
    xs, wanted = tensors(name, case), checked(name, case)

    def func(*given):
        given = dict(zip(wanted, given, strict=True))
        return call(name, [given.get(i, x) for i, x in enumerate(xs)], case.options)

    return func, [xs[i] for i in wanted]


def tangents(inputs):
    return [cotangent(x, seed=10 + i) for i, x in enumerate(inputs)]


def products(left, right):
    return [a.detach().numpy() * b.detach().numpy() for a, b in zip(left, right, strict=True)]


def same_sum(left, right, tol):
    """Two lists of products have one sum, but for `tol` of what they are made of."""
    size = sum(np.abs(p).sum() for p in (*left, *right))
    assert abs(sum(p.sum() for p in left) - sum(p.sum() for p in right)) <= tol * (1 + size)


def test_every_op_has_a_specification():
    assert set(SPECS) == set(OPS)


# --- values and derivatives -------------------------------------------------------------------------------------------


def check_value(name, case):
    z = call(name, tensors(name, case), case.options)
    assert isinstance(z, Tensor) and isinstance(z.array, np.ndarray)
    with np.errstate(all="ignore"):
        expected = SPECS[name].oracle(*case.arrays, **case.options)
    np.testing.assert_allclose(z.detach().numpy(), expected, rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(call(name, case.arrays, case.options), z.detach().numpy())


def check_first_order(name, case):
    assert md.gradcheck(lambda *xs: call(name, xs, case.options), tensors(name, case), rtol=1e-5, atol=1e-7)


def check_second_order(name, case):
    assert md.gradgradcheck(lambda *xs: call(name, xs, case.options), tensors(name, case), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(OPS))
@given(data=st.data())
def test_value(name, data):
    check_value(name, data.draw(cases(SPECS[name])))


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_first_order(name, data):
    check_first_order(name, data.draw(cases(SPECS[name])))


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_second_order(name, data):
    check_second_order(name, data.draw(cases(SPECS[name])))


def derivative(f, analytic):
    """Of an array-valued function of one number, at 0: by the complex step (Squire & Trapp 1998), to the last digits.

    Where it is not analytic it is piecewise linear, and a plain difference exact.
    """
    return f(1j * TINY).imag / TINY if analytic else (f(STEP) - f(-STEP)) / (2 * STEP)


def shifted(arrays, places, steps, by):
    """The arrays, those at `places` moved along a step each."""
    steps = dict(zip(places, steps, strict=True))
    return [np.asarray(a + by * steps[i].numpy()) if i in steps else a for i, a in enumerate(arrays)]


def pulled(name, case, arrays, g):
    """The gradients by an op's rules, on raw arrays, which may be complex."""
    op, places = OPS[name], tuple(checked(name, case))
    arrays, options = op.bind(tuple(arrays), case.options)
    with np.errstate(all="ignore"):
        z = op.forward(np, *arrays, **options)
        kept = dict(zip(op.arguments, arrays, strict=False)) | options | {"z": z, "shapes": [a.shape for a in arrays]}
        edges = [(i, Tensor.__new__(Tensor)) for i in places]
        for i, parent in edges:
            parent.array = np.empty(arrays[i].shape, g.dtype)
        return op.pull(Node(op, edges, kept, z), g, edges)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_first_order_exactly(name, data):
    """⟨v, Ju⟩, with J·u from the op itself, moved by a step along u."""
    case = data.draw(cases(SPECS[name]))
    places = checked(name, case)
    z, *grads = gradients(name, case)
    us = tangents(grads)
    along = derivative(
        lambda h: np.asarray(call(name, shifted(case.arrays, places, us, h), case.options)), SPECS[name].analytic
    )
    same_sum(products(us, grads), [cotangent(z).numpy() * along], 1e-12 if SPECS[name].analytic else 1e-10)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_second_order_exactly(name, data):
    """The same of the gradient: the recorded second order against the rules on arrays, moved by a step.

    Where these take no complex numbers: against a difference, of sixth order, of the first order by the complex step.
    """
    case = data.draw(cases(SPECS[name]))
    func, xs = as_function(name, case)
    places = checked(name, case)
    z = func(*xs)
    v = cotangent(z).requires_grad_()
    grads = md.grad(z, xs, v, create_graph=True)
    ts, us = tangents(grads), [cotangent(x, seed=20 + i) for i, x in enumerate([*xs, v])]
    ours = products(us, md.grad(grads, [*xs, v], ts, materialize_grads=True))
    v, w, analytic = v.detach().numpy(), us.pop().numpy(), SPECS[name].analytic

    def by_rules(h):
        moved = pulled(name, case, shifted(case.arrays, places, us, h), v + h * w)
        return np.concatenate([(t.numpy() * g).ravel() for t, g in zip(ts, moved, strict=True)])

    def by_first_order(h):
        start = shifted(case.arrays, places, us, h)
        return (v + h * w) * derivative(
            lambda h: np.asarray(call(name, shifted(start, places, ts, h), case.options)), analytic
        )

    if name not in REAL:
        same_sum(ours, [derivative(by_rules, analytic)], 1e-11 if analytic else 1e-10)
    else:
        weights = {1: 45, 2: -9, 3: 1}
        differences = [c * (by_first_order(n * STEP) - by_first_order(-n * STEP)) for n, c in weights.items()]
        same_sum(ours, [d / (60 * STEP) for d in differences], 1e-9)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_adjoint_identity(name, data):
    """⟨J·u, v⟩ = ⟨u, Jᵀ·v⟩, with J·u from the rules of the rules."""
    func, xs = as_function(name, data.draw(cases(SPECS[name])))
    us = tangents(xs)
    z, along = md.jvp(func, xs, us)
    _, back = md.vjp(func, xs, cotangent(z))
    same_sum(products([along], [cotangent(z)]), products(us, back), 1e-11)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_adjoint_identity_at_second_order(name, data):
    """The same of the gradient, as a function of arguments and cotangent. By the arguments it is symmetric."""
    func, xs = as_function(name, data.draw(cases(SPECS[name])))
    v = cotangent(func(*xs))

    def gradient(*given):
        return md.grad(func(*given[:-1]), given[:-1], given[-1], create_graph=True)

    us = tangents([*xs, v])
    grads, along = md.jvp(gradient, (*xs, v), us)
    ts = [cotangent(g, seed=20 + i) for i, g in enumerate(grads)]
    _, back = md.vjp(gradient, (*xs, v), ts)
    same_sum(products(along, ts), products(us, back), 1e-11)
    _, mirrored = md.jvp(gradient, (*xs, v), (*ts, v * 0))
    for a, b in zip(mirrored, back[:-1], strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-11, 1e-11 * (1 + np.abs(b.numpy()).max(initial=0)))


ORDERS = {
    1: [test_first_order, test_first_order_exactly, test_adjoint_identity],
    2: [test_second_order, test_second_order_exactly, test_adjoint_identity_at_second_order],
}


@pytest.mark.parametrize("order", ORDERS)
def test_every_derivative_has_two_oracles(order):
    """As many tests walk over an op as `oracles` says."""
    for name, op in OPS.items():
        walking = [test for test in ORDERS[order] if name in test.pytestmark[0].args[1]]
        assert len(walking) == len(oracles(name)[order]) and (len(walking) >= 2) == bool(getattr(op, "rules", True))


# --- kinds of input ---------------------------------------------------------------------------------------------------

# where a specification draws no size of 0: the arguments, and the dimension of each that is cut to size
CUT = {"conv": {0: 0}, "conv_x": {0: 0}, "conv_w": {0: 0, 1: 0}, "linear": {0: 0}, "matrix_product": {0: -2}}
CUT |= {"window_argmax": {0: 0}, "window_sum": {0: 0}, "window_spread": {0: 0}, "window_take": {0: 0, 1: 0}}
CUT |= {"window_put": {0: 0, 1: 0}, "im2col": {0: 0}, "col2im": {0: 0}, "place": {0: 0, 1: 0}}
CUT |= {"normalize_channels": {0: 0}, "normalize_rows": {0: 0}, "convolve": {0: 0}, "max_pool": {0: 0}}
REFUSED = {
    name: "has no elements to choose from"
    for name in ("amax", "amin", "argmax", "argmin", "greatest", "least", "median_index")
}


def sized(name, size):
    """Cases of an op in which a size is 0, or everything as small as can be."""

    @st.composite
    def build(draw):
        with sides(size, max(1, 2 * (size == 0))):
            case = draw(cases(SPECS[name]))
        for i, dim in CUT.get(name, {}).items():
            case.arrays[i] = case.arrays[i].take(range(min(size, case.arrays[i].shape[dim])), dim)
        return case

    return build().filter(lambda case: any(size in (a.size, *a.shape) for a in case.arrays if a is not None))


def elsewhere(arrays):
    """The arrays in other memory: every other element, reversed, channels last."""
    yield [np.repeat(a, 2, axis=-1)[..., ::2] if a is not None and a.ndim else a for a in arrays]
    yield [np.flip(np.flip(a).copy()) if a is not None and a.ndim else a for a in arrays]
    yield [np.moveaxis(np.moveaxis(a, 1, -1).copy(), -1, 1) if a is not None and a.ndim > 1 else a for a in arrays]


def check_all(name, case):
    check_value(name, case)
    check_memory_and_dtype(name, case)
    if name in DIFFERENTIABLE:
        check_first_order(name, case)
        check_second_order(name, case)


def check_memory_and_dtype(name, case):
    """Gradients have memory of their own; layout and repetition change nothing; narrow dtypes stay as they are."""
    first = gradients(name, case)
    assert all(type(z.array) is np.ndarray for z in first), "not an array, but a number of NumPy"
    v = cotangent(first[0]).numpy()
    owned = [a for a in case.arrays if a is not None] + [v]
    for i, g in enumerate(first[1:]):
        others = owned + [other.array for other in first[: i + 1]]
        assert not any(np.shares_memory(g.array, other) for other in others), "a gradient is not its own"
    for a, b in zip(first, gradients(name, case), strict=True):
        assert a.detach().numpy().tobytes() == b.detach().numpy().tobytes()
    for *arrays, cotangent_there in elsewhere([*case.arrays, v]):
        same(gradients(name, Case(arrays, case.options), cotangent_there), first, 1e-12)
    once = [a if a is None or not a.size else np.broadcast_to(a.ravel()[0], a.shape) for a in (*case.arrays, v)]
    *arrays, spread = [None if a is None else a.copy() for a in once]
    same(
        gradients(name, Case(once[:-1], case.options), once[-1]),
        gradients(name, Case(arrays, case.options), spread),
        1e-12,
    )
    if name != "cast" and first[0].dtype.kind == "f":
        for dtype, tol in (("f4", 2e-3), ("f2", None)):
            narrow = [a if a is None or a.dtype.kind != "f" else a.astype(dtype) for a in case.arrays]
            there = gradients(name, Case(narrow, case.options))
            assert {x.dtype for x in there} == {np.dtype(dtype)}
            if tol:
                same(there, first, tol)


def same(ours, theirs, tol):
    for a, b in zip(ours, theirs, strict=True):
        a, b = a.detach().numpy(), b.detach().numpy()
        np.testing.assert_allclose(a, b, tol, tol * (1 + np.abs(b).max(initial=0)))


@pytest.mark.parametrize("name", sorted(OPS))
@given(data=st.data())
def test_memory_and_dtype(name, data):
    check_memory_and_dtype(name, data.draw(cases(SPECS[name])))


@pytest.mark.parametrize("name", sorted(OPS))
@settings(max_examples=2)
@given(data=st.data())
def test_one_element(name, data):
    check_all(name, data.draw(sized(name, 1)))


@pytest.mark.parametrize("name", sorted(OPS))
@settings(max_examples=2)
@given(data=st.data())
def test_no_elements(name, data):
    """Right, or refused in the op's name."""
    case = data.draw(sized(name, 0))
    try:
        call(name, tensors(name, case), case.options)
    except ValueError as error:
        assert name in REFUSED and str(error).startswith(f"{name}: ") and REFUSED[name] in str(error)
    else:
        check_all(name, case)


@pytest.mark.parametrize("name", [name for name in DIFFERENTIABLE if getattr(OPS[name], "broadcasts", False)])
@given(data=st.data())
def test_broadcasting_in_every_argument(name, data):
    """Each argument in turn is the one that is repeated: it lacks a dimension, or has a size of 1 there."""
    case = data.draw(cases(SPECS[name]))
    ndim = max(a.ndim for a in case.arrays)
    flat = [a.reshape((1,) * (ndim - a.ndim + 1) + a.shape) for a in case.arrays]
    for i, a in enumerate(case.arrays):
        for small in (a, flat[i]):
            arrays = [small if j == i else np.repeat(b, 2, axis=0) for j, b in enumerate(flat)]
            check_value(name, Case(arrays, case.options))
            check_first_order(name, Case(arrays, case.options))


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@given(data=st.data())
def test_only_what_is_needed_is_computed(name, data):
    """Where one argument alone needs a gradient, it is the same; no rule but its own runs, and a kernel is told so."""
    case = data.draw(cases(SPECS[name]))
    op, wanted = OPS[name], checked(name, case)
    _, *grads = gradients(name, case)
    for only, g in zip(wanted, grads, strict=True):
        xs = [a if a is None else Tensor(a, requires_grad=i == only) for i, a in enumerate(case.arrays)]
        with watched(op) as called:
            z = call(name, xs, case.options)
            (alone,) = md.grad(z, xs[only], cotangent(z))
        assert called <= {op.argument(only)}
        np.testing.assert_array_equal(alone.numpy(), g.numpy())


@contextlib.contextmanager
def watched(op):
    """Collects the arguments whose rules are run, or whose gradients are asked of a kernel."""
    called: set[str] = set()
    with pytest.MonkeyPatch.context() as patch:
        if isinstance(op, Op):
            for argument, rule in op.rules.items():
                spied = rule._replace(function=lambda *g, a=argument, f=rule.function, **k: called.add(a) or f(*g, **k))
                patch.setitem(op.rules, argument, spied)
        else:
            for kernel in op.kernels:

                def spied(g, saved, needs, *args, f=kernel.backward, **k):
                    called.update(map(op.argument, needs))
                    return f(g, saved, needs, *args, **k)

                patch.setattr(kernel, "backward", staticmethod(spied))
        yield called


# --- exact points -----------------------------------------------------------------------------------------------------


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
