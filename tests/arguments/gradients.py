"""Gradients as they are asked for: `backward`, `grad`, products with Jacobians; `gradcheck` just inside its limits."""

import warnings

from arguments.functions import X
from arguments.table import Part, each, fixed, flat, given, of, put, row, wave

# --- of a graph -------------------------------------------------------------------------------------------------------

Z, LEAF, UNUSED = Part("x cubed"), Part("x"), Part("x and another")


def of_graph(m, row, found, args, options):
    """The gradients of the cubes of a leaf, what is left in it, and whether the graph is still there."""
    x, other = m.tensor(wave(3), requires_grad=True), m.tensor(1.0, requires_grad=True)
    z = x**3
    args, options = put({"x cubed": z, "x": x, "x and another": [x, other]}, args, options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the cycle that create_graph makes
        outcome = list(flat(found(*args, **options)))
        try:
            found(*args, **options)
        except RuntimeError:
            return [*outcome, x.grad, other.grad, "freed"]
    return [*outcome, x.grad, other.grad]


V = fixed(wave(3, phase=1.0))
GRAPH = dict(retain_graph=True, create_graph=each(True, given(True, retain_graph=False)))
row("Tensor.backward", of_graph, self=Z, gradient=V)(gradient=fixed(wave(3)), **GRAPH)
row("grad", of_graph, outputs=Z, inputs=LEAF, grad_outputs=V)(
    grad_outputs=fixed(wave(3)), allow_unused=given(True, inputs=UNUSED), materialize_grads=given(True, inputs=UNUSED),
    **GRAPH,
)  # fmt: skip


def functional(name):
    """What PyTorch has in ``autograd.functional``."""
    return lambda m, *args, **options: getattr(m.autograd.functional, name)(*args, **options)


CUBES, SUM = of(lambda m: lambda x: x**3), of(lambda m: lambda x: (x**3).sum())
row("vjp", None, functional("vjp"), func=CUBES, inputs=X, v=X)(v=given(None, func=SUM), create_graph=True)
row("jvp", None, functional("jvp"), func=CUBES, inputs=X, v=X)(v=wave(3, 4, phase=1.0), create_graph=True)
row("hvp", None, functional("hvp"), func=SUM, inputs=X, v=X)(v=wave(3, 4, phase=1.0), create_graph=True)
row("jacobian", None, functional("jacobian"), func=CUBES, inputs=wave(2))(create_graph=True)

# --- gradcheck --------------------------------------------------------------------------------------------------------


def wrong_by(relative, absolute=0.0):
    """A function of which backward sees the gradient 3, differences one that is larger."""
    return of(lambda m: lambda x: 3 * x + x.detach() * (3 * relative + absolute))


def gradcheck(m, *args, **options):
    return m.autograd.gradcheck(*args, **options)


def checked(m, row, found, args, options):
    """Whether it passes, fails or raises."""
    try:
        return found(*args, **options)
    except RuntimeError:
        return "raises"


INPUTS = of(lambda m: (m.tensor([1.0], dtype=m.float64, requires_grad=True),))
STRICT = dict(atol=0.0, rtol=0.0, raise_exception=False)


def check(relative, absolute, **options):
    return row("gradcheck", checked, gradcheck, func=wrong_by(relative, absolute), inputs=INPUTS, **options)


check(0.0, 0.9e-5, **STRICT)(atol=0.92e-5, rtol=0.31e-5, raise_exception=True)
check(0.0, 0.9e-5, **STRICT | dict(atol=0.88e-5))()
check(0.0, 0.9e-5, **STRICT | dict(rtol=0.29e-5))()
check(0.98e-3, 1e-5)(func=wrong_by(1.02e-3, 1e-5))
NEAR = STRICT | dict(atol=1e-4)  # the error of differences is the square of their step
row("gradcheck", checked, gradcheck, func=CUBES, inputs=INPUTS, **NEAR)(eps=1.1e-2)
row("gradcheck", checked, gradcheck, func=CUBES, inputs=INPUTS, **NEAR, eps=0.9e-2)()
