"""Optimizers in one pass are what they are written as, whatever their options and arrays."""

import numpy as np
import pytest

import minidl as md
from minidl import optim
from minidl.backend.modes import mode
from minidl.kernels.cpu import optim as kernels
from minidl.optim.optimizer import multi_tensor

OPTIONS = [
    (optim.SGD, {}),
    (optim.SGD, dict(weight_decay=0.2, maximize=True)),
    (optim.SGD, dict(momentum=0.9)),
    (optim.SGD, dict(momentum=0.9, dampening=0.3, weight_decay=0.2)),
    (optim.SGD, dict(momentum=0.8, nesterov=True, weight_decay=0.1)),
    (optim.Adam, {}),
    (optim.Adam, dict(betas=(0.5, 0.7), eps=0.1, weight_decay=0.2, maximize=True)),
    (optim.Adam, dict(amsgrad=True, betas=(0.5, 0.1))),
    (optim.Adam, dict(weight_decay=0.2, decoupled_weight_decay=True)),
    (optim.Adam, dict(weight_decay=0.2, decoupled_weight_decay=True, amsgrad=True)),
    (optim.AdamW, dict(weight_decay=0.2)),
    (optim.NAdam, dict(weight_decay=0.2, betas=(0.5, 0.7), maximize=True)),
    (optim.NAdam, dict(weight_decay=0.2, decoupled_weight_decay=True, momentum_decay=0.5, eps=0.1)),
    (optim.Adamax, dict(weight_decay=0.2, betas=(0.5, 0.7), eps=0.1)),
    (optim.RMSprop, dict(weight_decay=0.2, alpha=0.7, eps=0.1)),
    (optim.RMSprop, dict(momentum=0.9, centered=True, alpha=0.6)),
    (optim.Adagrad, dict(weight_decay=0.2, lr_decay=0.3, initial_accumulator_value=0.1)),
    (optim.Adadelta, dict(weight_decay=0.2, rho=0.6, eps=0.01)),
]


def test_every_loop_is_tried():
    assert {build for build, _ in OPTIONS} == kernels.LOOPS.keys()


ARRAYS = {
    "several": lambda draw: [draw(4, 3), draw(5), draw(1)],
    "large": lambda draw: [draw(kernels.CHUNK + 7), draw(3)],
    "a transposed parameter": lambda draw: [draw(4, 3).T, draw(3)],
    "empty, and a scalar": lambda draw: [draw(0), draw(), draw(2)],
}


def trained(build, options, arrays, gradients, steps=4):
    """The parameters after some steps, and all that the optimizer remembers."""
    parameters = [md.Tensor(a.copy("K"), requires_grad=True) for a in arrays]
    optimizer = build(parameters, lr=0.1, **options)
    for step in range(steps):
        for p, g in zip(parameters, gradients[step], strict=True):
            p.grad = md.Tensor(g.copy("K"))
        optimizer.step()
    kept = [
        np.asarray(v.numpy() if isinstance(v, md.Tensor) else v) for s in optimizer.state.values() for v in s.values()
    ]
    return [p.detach().numpy() for p in parameters] + kept


@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-13), (np.float32, 2e-6)])
@pytest.mark.parametrize("arrays", ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize("build, options", OPTIONS, ids=str)
def test_one_pass_is_what_is_written(build, options, arrays, dtype, tolerance):
    rng = np.random.default_rng(0)

    def draw(*size):
        return np.asarray(rng.standard_normal(size), dtype)

    start, gradients = arrays(draw), [arrays(draw) for _ in range(4)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mode, "fused", True)
        found = trained(build, options, start, gradients)
    with md.no_fusion():
        expected = trained(build, options, start, gradients)
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("build, options", OPTIONS, ids=str)
def test_what_is_not_finite(build, options):
    """NaN and infinity stay where they are, also beside a decay of 0."""
    start = [np.array([1.0, np.inf, np.nan, 2, 3])]
    gradients = [[np.array([1.0, 1, 1, np.nan, np.inf])], [np.ones(5)], [np.ones(5)], [np.ones(5)]]
    found = trained(build, options, start, gradients)
    with md.no_fusion():
        np.testing.assert_array_equal(np.isnan(found[0]), np.isnan(trained(build, options, start, gradients)[0]))


@pytest.mark.usefixtures("loops_serve")
@pytest.mark.parametrize("build", kernels.LOOPS)
def test_what_is_declined(build, monkeypatch):
    """Other dtypes, memory that is not in order, and all of it where loops do not serve, come back."""
    monkeypatch.setattr(kernels, "work", lambda jobs: None)
    group, kernel = build([md.zeros(1)], lr=0.1).param_groups[0], multi_tensor[build][0]
    served = (np.ones(3), np.ones(3), {})
    declined = [
        (np.ones(3, np.float16), np.ones(3, np.float16), {}),
        (np.ones((2, 3)).T, np.ones((3, 2)), {}),
        (np.ones(0), np.ones(0), {}),
    ]
    left = kernel([served, *declined], group)
    assert [id(p) for p, *_ in left] == [id(p) for p, *_ in declined]
    assert all(state == {} for *_, state in left)
    monkeypatch.setattr(kernels.loops, "serve", lambda: False)
    assert len(kernel([served], group)) == 1


@pytest.mark.usefixtures("loops_serve")
def test_small_parameters_are_worked_on_together(monkeypatch):
    """So that no thread is woken for less than is worth it; large ones are shared."""
    seen = []
    monkeypatch.setattr(mode, "fused", True)
    monkeypatch.setattr(kernels, "CHUNK", 8)
    monkeypatch.setattr(kernels, "parallel", lambda _, parts: seen.extend(parts))
    parameters = [md.zeros(n, requires_grad=True) for n in (3, 4, 2, 20, 1, 8)]
    for p in parameters:
        p.grad = md.ones(p.shape)
    optim.SGD(parameters).step()
    assert [[len(vectors[0]) for _, vectors, _ in part] for part in seen] == [[3, 4], [2], [8], [8], [4, 1], [8]]


@pytest.mark.usefixtures("loops_serve")
def test_a_gradient_that_is_for_reading_only_is_copied(monkeypatch):
    """Else loops would be compiled anew for it."""
    jobs, g = [], np.ones(3)
    g.flags.writeable = False
    monkeypatch.setattr(kernels, "work", jobs.extend)
    assert multi_tensor[optim.SGD][0]([(np.ones(3), g, {})], optim.SGD([md.zeros(1)]).param_groups[0]) == []
    ((_, vectors, _),) = jobs
    assert all(v.flags.writeable for v in vectors)
