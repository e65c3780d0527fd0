"""gradcheck finds what is wrong, and says where."""

import itertools

import numpy as np
import pytest

import minidl as md
from minidl import GradcheckError, gradcheck, gradgradcheck
from minidl.engine.core import Tensor
from minidl.engine.fusion import composite, composites
from minidl.engine.op import op, registry
from minidl.ops.shape import flip


@pytest.fixture
def declare():
    """Declare an op of one argument; the registry forgets it again."""
    ops, composed = dict(registry), dict(composites)

    def make(forward, rule):
        def planted(xp, x):
            return forward(x)

        function = op(planted)
        function.vjp(x=rule)
        return function

    yield make
    for table, before in ((registry, ops), (composites, composed)):
        for name in set(table) - set(before):
            del table[name]


def normal(*shape):
    return Tensor(np.random.default_rng(0).standard_normal(shape), requires_grad=True)


@pytest.mark.parametrize("size", [3, 200])
@pytest.mark.parametrize(
    "rule",
    [
        lambda g, x: g * 0.0,
        lambda g, x: -2.0 * g * x,
        lambda g, x: 2.001 * g * x,
        lambda g, x: 2.0 * g,
        lambda g, x: 2.0 * flip(g * x, 0),
        lambda g, x: 2.0 * g * x + 0.01,
    ],
)
def test_a_wrong_rule_is_found(declare, rule, size):
    square = declare(lambda x: x * x, rule)
    with pytest.raises(GradcheckError):
        gradcheck(square, normal(size), rtol=1e-5, atol=1e-7)
    assert gradcheck(square, normal(size), rtol=1e-5, atol=1e-7, raise_exception=False) is False


def test_the_report_names_input_element_and_values(declare):
    square = declare(lambda x: x * x, lambda g, x: 3.0 * g * x)
    with pytest.raises(GradcheckError, match=r"input 0 at \[0\], output 0 at \[0\]: analytic 6, numeric 4"):
        gradcheck(square, md.tensor([2.0, 5.0], dtype=md.float64, requires_grad=True))


def test_a_zeroed_softmax_is_found_though_its_sum_is_constant(declare):
    softmax = declare(lambda x: np.exp(x) / np.exp(x).sum(), lambda g, x: g * 0.0)
    with pytest.raises(GradcheckError):
        gradcheck(softmax, normal(5))


def test_a_wrong_second_order_is_found(declare):
    # right as it stands; but the derivative by x of `raw(x)` is lost when it is differentiated again
    cube = declare(lambda x: x**3, lambda g, x: g * (3.0 * (x.detach() if isinstance(x, Tensor) else x) ** 2))
    assert gradcheck(cube, normal(4))
    with pytest.raises(GradcheckError):
        gradgradcheck(cube, normal(4))


def test_a_pass_that_is_not_deterministic_is_found(declare):
    count = itertools.count()
    noisy = declare(lambda x: x * 2, lambda g: 2.0 * g + 1e-9 * next(count) * g)
    with pytest.raises(GradcheckError, match="two backward passes differ"):
        gradcheck(noisy, normal(3))
    assert gradcheck(noisy, normal(3), nondet_tol=1e-3)


def test_an_affine_rule_is_found(declare):
    """A zero cotangent must give zero."""
    shifted = declare(lambda x: x * 2, lambda g: 2.0 * g + 1e-9)
    with pytest.raises(GradcheckError, match="a zero cotangent gives a gradient that is not zero"):
        gradcheck(shifted, normal(3))


def test_writes_into_inputs_and_cotangents_are_found(declare):
    def greedy(x):
        x += 1
        return x * 2

    with pytest.raises(GradcheckError, match="input 0 was changed in place"):
        gradcheck(declare(greedy, lambda g: 2.0 * g), normal(3))

    def grasping(g):
        g *= 2.0
        return g

    with pytest.raises(GradcheckError, match="cotangent of output 0 was changed in place"):
        gradcheck(declare(lambda x: x * 2, lambda g: grasping(g) if isinstance(g, np.ndarray) else g * 2.0), normal(3))


def test_a_kernel_that_hides_a_fault_of_its_reference_is_found(declare, monkeypatch):
    monkeypatch.setattr(md.backend.modes.mode, "fused", True)
    wrong = declare(lambda x: x * x, lambda g: g * 0.0)

    @composite
    def hidden(x):
        return wrong(x)

    class Kernel:
        when = staticmethod(lambda x: True)
        forward = staticmethod(lambda x: (x * x, None))
        backward = staticmethod(lambda g, saved, needs, x: [2 * g * x])

    hidden.kernels.append(Kernel)
    with pytest.raises(GradcheckError, match="fused kernels and their references differ"):
        gradcheck(hidden, normal(3))


def test_rules_that_differ_on_tensors_are_found(declare):
    double = declare(lambda x: x * 2, lambda g: g * (3.0 if isinstance(g, Tensor) else 2.0))
    with pytest.raises(GradcheckError, match="plain and recorded backward passes differ"):
        gradcheck(double, normal(3))


def test_outputs_without_gradient_must_be_constant_where_none_has_one():
    assert gradcheck(lambda x: (x.detach(), x * 2), normal(3))
    assert gradcheck(lambda x: x.max(0), normal(3))
    assert gradcheck(lambda x: (x.argmax(), x.detach() * 0), normal(3))
    assert gradcheck(lambda x: (), normal(3))
    assert gradcheck(lambda x: x.detach() * float("nan"), normal(3))
    with pytest.raises(GradcheckError, match="output 1 depends on input 0, but carries no gradient"):
        gradcheck(lambda x: (x.argmax(), x.detach()), normal(3))
    assert gradgradcheck(lambda x: (x.detach(), x * x), normal(3))


def test_every_output_and_every_input_is_checked(declare):
    wrong = declare(lambda x: x * x, lambda g, x: g * x)
    x, y = normal(3), normal(3)
    assert gradcheck(lambda x, y: [x * y, x - y], [x, y]) and gradgradcheck(lambda x, y: [x * y, x - y], [x, y])
    with pytest.raises(GradcheckError, match=r"input 1 at \[0\], output 1 at \[0\]"):
        gradcheck(lambda x, y: (x * y, x + wrong(y)), (x, y))


def test_a_closure_over_an_input_is_checked_too(declare):
    """As for a module's parameters: the tensor itself is moved, whatever its layout."""
    layer = md.nn.Linear(3, 2).to(md.float64)
    x, weight, bias = normal(4, 3), layer.weight, layer.bias
    assert gradcheck(lambda *_: layer(x), (x, weight, bias)) and gradgradcheck(lambda *_: layer(x), (x, weight, bias))
    wrong = declare(lambda x: x * x, lambda g, x: g * x)
    with pytest.raises(GradcheckError, match="input 0"):
        gradcheck(lambda _: wrong(weight), weight)
    repeated = Tensor(np.broadcast_to(np.array([1.0, 2.0]), (3, 2)), requires_grad=True)
    assert gradcheck(lambda x: x * x, repeated)


def test_along_random_directions_only(declare):
    calls = itertools.count()
    assert gradcheck(lambda x: (next(calls), x.exp())[1], normal(40), fast_mode=True)
    assert gradgradcheck(lambda x: x.exp(), normal(40), fast_mode=True)
    assert next(calls) < 20
    square = declare(lambda x: x * x, lambda g, x: 2.001 * g * x)
    with pytest.raises(GradcheckError, match="input 0 along a random direction, output 0 along a random direction"):
        gradcheck(square, normal(40), rtol=1e-5, atol=1e-7, fast_mode=True)


def test_shapes_that_depend_on_values_are_refused():
    x = md.ones(1, dtype=md.float64).requires_grad_()
    with pytest.raises(GradcheckError, match="outputs of other shapes when input 0 moves"):
        gradcheck(lambda x: md.cat([x, x]) if x.item() >= 1 else x, x)


@pytest.mark.parametrize(
    "f, values, at",
    [
        (md.relu, [1, 0, -1], r"\[1\]"),
        (md.relu, [1, 5e-7, -1], r"\[1\]"),
        (abs, [1, -3e-7], r"\[1\]"),
        (lambda x: x.clip(-1, 1), [0, 1], r"\[1\]"),
        (lambda x: md.maximum(x, 2.0 * x), [3, 4e-7], r"\[1\]"),
        (lambda x: x.max(1).values, [[2, 5, 5]], r"\[0, 1\], \[0, 2\]"),
        (lambda x: x.max(0).values, [7, 7, 1], r"\[0\], \[1\]"),
        (lambda x: x.amax() * x.amin(), [0.5 + 5e-7, 0.5, 0.2], r"\[0\], \[1\]"),
        (lambda x: md.functional.max_pool2d(x, 2), [[[1, 3], [3, 2]]], r"\[0, 0, 1\], \[0, 1, 0\]"),
        (lambda x: x.relu(), 0, "its value"),
        (lambda x: x.relu(), [0] * 6, r"\[0\], \[1\], \[2\], \[3\], \[4\]"),  # the first five
    ],
)
def test_a_kink_is_reported_by_index(f, values, at):
    """Both orders say where, since no gradient is right there."""
    x = md.tensor(values, dtype=md.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match=f"analytic .*; a kink lies within eps of input 0 at {at}$"):
        gradcheck(f, x)
    with pytest.raises(GradcheckError, match=f"a kink lies within eps of input 0 at {at}$"):
        gradgradcheck(f, x)


@pytest.mark.parametrize("factor, right", [(2 + 0.9e-3, True), (2 + 0.1, False)])
@pytest.mark.parametrize("size", [3, 200])
def test_what_every_element_may_be_off_by_the_whole_may(size, factor, right, declare):
    """Along a random direction errors of many elements add up."""
    doubled = declare(lambda x: x * 2, lambda g: g * factor)
    assert gradcheck(doubled, normal(size), atol=1e-3, rtol=0, raise_exception=False) is right


def test_what_is_steep_has_no_kink(declare):
    """Its slopes differ by more than those of a corner, but by little of what they are."""
    steep = declare(lambda x: 1e6 * x * x, lambda g, x: g * x)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(steep, md.ones(2, dtype=md.float64).requires_grad_())
    assert "analytic" in str(caught.value) and "kink" not in str(caught.value)


def test_an_input_that_is_changed_by_little_is_changed():
    x, other = normal(3), md.ones(2, dtype=md.float64)
    with pytest.raises(GradcheckError, match="input 1 was changed in place"):
        gradcheck(lambda x, other: (other.add_(1e-12), x * 2)[1], (x, other))


@pytest.mark.parametrize("f", [abs, lambda x: x.amax()])
def test_a_kink_whose_gradient_is_the_mean_of_both_sides_passes(f):
    """As it does in PyTorch."""
    assert gradcheck(f, md.zeros(2, dtype=md.float64).requires_grad_())


def test_a_gradient_that_is_not_a_number_is_reported_where_it_is():
    x = md.tensor([4.0, 0.0, 1.0], dtype=md.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match=r"input 0 at \[1\], output 0 at \[.\]: analytic nan"):
        gradcheck(md.sqrt, x)
    with pytest.raises(GradcheckError, match=r"output 0 at \[0\]: analytic nan"):  # as in both passes
        gradcheck(md.sqrt, md.tensor([-1.0, 4.0], dtype=md.float64, requires_grad=True))


def test_passes_may_differ_by_a_rounding_of_what_is_large(declare):
    turns = itertools.count()
    steep = declare(lambda x: x * 1e6, lambda g: g * 1e6 * (1 + 5e-13 * (next(turns) % 2)))
    assert gradcheck(steep, normal(3), nondet_tol=1e-12, atol=1e-2)


def test_at_second_order_the_same_is_drawn_each_time_and_an_input_may_be_unused():
    seen = []

    def square(x, y):
        z = x * x
        z.register_hook(lambda g: seen.append(g.detach().numpy().copy()))
        return z

    for _ in range(2):
        assert gradgradcheck(square, (normal(3), normal(2)))
    half = len(seen) // 2
    assert half and all((a == b).all() for a, b in zip(seen[:half], seen[half:], strict=True))


def test_a_rule_that_is_not_linear_is_found(declare):
    """Right for unit cotangents, and for zero."""
    squared = declare(lambda x: x * 2, lambda g: 2.0 * g * abs(g))
    with pytest.raises(GradcheckError, match="the gradient of a sum of cotangents and the sum of their gradients"):
        gradcheck(squared, normal(3))


def test_a_gradient_of_another_dtype_or_shape_is_found(declare, monkeypatch):
    monkeypatch.setattr(md.engine.op, "checked", lambda op, i, d, shape, dtype: d)
    for rule, found in (lambda g: g.astype("f4"), "float32 3"), (lambda g: g[:1], "float64 1"):
        with pytest.raises(GradcheckError, match=f"the gradient of input 0 is {found}, not as the input"):
            gradcheck(declare(lambda x: x * 1, rule), normal(3))


def test_what_can_not_be_checked_is_refused():
    with pytest.raises(ValueError, match="no input requires grad"):
        gradcheck(md.relu, md.ones(2))
    with pytest.raises(TypeError, match="must return tensors, got float"):
        gradcheck(lambda x: 1.0, normal(2))
    with pytest.warns(UserWarning, match="input 0 is float32"):
        gradcheck(lambda x: x * 2, md.ones(2).requires_grad_(), eps=1e-3)


def test_given_cotangents_and_inputs_that_are_not_checked():
    x, scale = normal(3), md.tensor([1.0, 2.0, 3.0], dtype=md.float64)
    assert gradcheck(lambda x, s, n: (x * s) ** n, (x, scale, 3))
    assert gradgradcheck(lambda x, s, n: (x * s) ** n, (x, scale, 3), normal(3))


@pytest.mark.parametrize(
    "size, where", [(50, r"input 0 at \[49\], output 0 at \[49\]"), (51, "along a random direction")]
)
def test_up_to_50_elements_are_compared_one_by_one(declare, size, where):
    wrong = declare(lambda x: x * x, lambda g, x: g * x)
    x = md.ones(size, dtype=md.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match=where):
        gradcheck(lambda x: md.cat([x[:-1] * 2, wrong(x[-1:])]), x)
