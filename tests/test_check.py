"""gradcheck finds what is wrong, and says where."""

import itertools

import numpy as np
import pytest

import minidl as md
from minidl import GradcheckError, gradcheck, gradgradcheck
from minidl.core import Tensor
from minidl.fusion import composite, composites
from minidl.op import op, registry


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
        lambda g, x: 2.0 * (g * x)[::-1],
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


def test_a_kink_is_reported_by_index():
    x = md.tensor([1.0, 0.0, -1.0], dtype=md.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match=r"kink lies within eps of input 0 at \[1\]$"):
        gradcheck(md.relu, x)
    ties = md.tensor([[2.0, 5.0, 5.0]], dtype=md.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match=r"kink lies within eps of input 0 at \[0, 1\], \[0, 2\]$"):
        gradcheck(lambda x: x.max(1).values, ties)


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

    with pytest.raises(GradcheckError, match="an input was changed in place"):
        gradcheck(declare(greedy, lambda g: 2.0 * g), normal(3))

    def grasping(g):
        g *= 2.0
        return g

    with pytest.raises(GradcheckError, match="cotangent of output 0 was changed in place"):
        gradcheck(declare(lambda x: x * 2, lambda g: grasping(g) if isinstance(g, np.ndarray) else g * 2.0), normal(3))


def test_a_kernel_that_hides_a_fault_of_its_reference_is_found(declare):
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


def test_an_output_without_gradient_must_be_constant():
    assert gradcheck(lambda x: (x * 2, x.detach() * 0), normal(3))
    with pytest.raises(GradcheckError, match="output 1 depends on input 0, but carries no gradient"):
        gradcheck(lambda x: (x * 2, x.detach()), normal(3))


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
