"""Optimizers beside PyTorch's: steps over a grid of options, groups, and states that each goes on from."""

import inspect
import io
from itertools import product

import numpy as np
import pytest
from parity import MISTAKES, OURS, RNG, THEIRS, torch

import minidl as md

GRIDS = {  # options, each with its values
    "SGD": dict(
        lr=[0.1], momentum=[0, 0.9], dampening=[0, 0.3], weight_decay=[0, 0.1], nesterov=[False, True],
        maximize=[False, True],
    ),
    "Adam": dict(
        lr=[0.1], betas=[(0.9, 0.999), (0.5, 0.8)], eps=[1e-8, 0.1], weight_decay=[0, 0.1], amsgrad=[False, True],
        maximize=[False, True], decoupled_weight_decay=[False, True],
    ),
    "AdamW": dict(
        lr=[0.1], betas=[(0.9, 0.999), (0.5, 0.8)], eps=[1e-8, 0.1], weight_decay=[1e-2, 0, 0.5],
        amsgrad=[False, True], maximize=[False, True],
    ),
    "NAdam": dict(
        lr=[0.1], betas=[(0.9, 0.999), (0.5, 0.8)], eps=[1e-8, 0.1], weight_decay=[0, 0.1], momentum_decay=[4e-3, 0.5],
        decoupled_weight_decay=[False, True], maximize=[False, True],
    ),
    "Adamax": dict(
        lr=[0.1], betas=[(0.9, 0.999), (0.5, 0.8)], eps=[1e-8, 0.1], weight_decay=[0, 0.1], maximize=[False, True]
    ),
    "RMSprop": dict(
        lr=[0.01], alpha=[0.99, 0.5], eps=[1e-8, 0.1], weight_decay=[0, 0.1], momentum=[0, 0.9], centered=[False, True],
        maximize=[False, True],
    ),
    "Adagrad": dict(
        lr=[0.1], lr_decay=[0, 0.1], weight_decay=[0, 0.1], initial_accumulator_value=[0, 0.5], eps=[1e-10, 0.1],
        maximize=[False, True],
    ),
    "Adadelta": dict(
        lr=[1.0], rho=[0.9, 0.5], eps=[1e-6, 0.1], weight_decay=[0, 0.1], maximize=[False, True]
    ),
}  # fmt: skip


def test_every_optimizer_is_here():
    kinds = {name for name, kind in vars(md.optim).items() if isinstance(kind, type)}
    assert GRIDS.keys() == kinds - {"Optimizer"}


def cases():
    """A kind and its options: none or all of them off the first value; all others are deep."""
    for kind, grid in GRIDS.items():
        ends = [[values[i] for values in grid.values()] for i in (0, -1)]
        for values in product(*grid.values()):
            marks = [] if list(values) in ends else [pytest.mark.deep]
            yield pytest.param(kind, dict(zip(grid, values, strict=True)), marks=marks)


SHAPES = [(), (3,), (2, 3), (0,)]


def starts(dtype="float64"):
    return [np.asarray(RNG.standard_normal(shape), dtype) for shape in SHAPES]


def gradients(dtype="float64", steps=4):
    return [starts(dtype) for _ in range(steps)]


def made(m, kind, arrays, **options):
    parameters = [m.tensor(array, requires_grad=True) for array in arrays]
    return parameters, getattr(m.optim, kind)(parameters, **options)


def run(m, parameters, optimizer, steps):
    for arrays in steps:
        for p, g in zip(parameters, arrays, strict=True):
            p.grad = m.tensor(g)
        optimizer.step()
    return [p.detach().numpy() for p in parameters]


def close(ours, theirs, tol=1e-12):
    for a, b in zip(ours, theirs, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_allclose(a, b, rtol=tol, atol=tol)


@pytest.fixture
def double():
    """PyTorch's numbers of steps, and products of μ, in float64."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def saved(m, optimizer):
    """A state as it comes out of a file."""
    file = io.BytesIO()
    m.save(optimizer.state_dict(), file)
    file.seek(0)
    return m.load(file)


def trajectory(m, kind, options, arrays, steps):
    """The parameters after each half of the steps, which are made by an optimizer each."""
    p, first = made(m, kind, arrays, **options)
    middle = [array.copy() for array in run(m, p, first, steps[: len(steps) // 2])]
    q, second = made(m, kind, middle, lr=7)
    second.load_state_dict(saved(m, first))
    return middle + run(m, q, second, steps[len(steps) // 2 :])


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("kind, options", list(cases()), ids=str)
def test_a_hundred_steps(kind, options):
    """With a file in their middle, from which another optimizer goes on."""
    arrays, steps = starts(), gradients(steps=100)
    try:
        theirs = trajectory(THEIRS, kind, options, arrays, steps)
    except ValueError:
        with pytest.raises(ValueError):
            made(OURS, kind, arrays, **options)
    else:
        close(trajectory(OURS, kind, options, arrays, steps), theirs, 1e-10)


@pytest.mark.parametrize("dtype, tol", [("float32", 1e-5), ("float16", 5e-3)])
@pytest.mark.parametrize("kind, options", [
    ("SGD", dict(lr=0.1, momentum=0.9, weight_decay=0.1)), ("Adam", dict(lr=0.01, weight_decay=0.1, eps=1e-4)),
    ("AdamW", dict(lr=0.01, eps=1e-4)), ("NAdam", dict(lr=0.01, eps=1e-4)), ("Adamax", dict(lr=0.01, eps=1e-4)),
    ("RMSprop", dict(lr=0.01, eps=1e-2, momentum=0.9)), ("Adagrad", dict(lr=0.1, eps=1e-4)),
    ("Adadelta", dict(lr=1.0, eps=1e-2)),
])  # fmt: skip
def test_steps_in_other_dtypes(kind, options, dtype, tol):
    arrays, steps = starts(dtype), gradients(dtype)
    ours, theirs = (run(m, *made(m, kind, arrays, **options), steps) for m in (OURS, THEIRS))
    close(ours, theirs, tol)


@pytest.mark.parametrize("make", [
    lambda m, p, q: m.optim.SGD([{"params": [p]}, {"params": q, "lr": 0.5}], lr=0.1, momentum=0.9),
    lambda m, p, q: m.optim.SGD([{"params": [p], "momentum": 0.5}, {"params": [q], "weight_decay": 0.1}], 0.1),
    lambda m, p, q: m.optim.Adam([{"params": iter([p]), "betas": (0.5, 0.5)}, {"params": []}, {"params": [q]}]),
    lambda m, p, q: m.optim.SGD([("first", p), ("second", q)], lr=0.1),
    lambda m, p, q: m.optim.Adam({q: 1, p: 2}.keys(), lr=0.1),
    lambda m, p, q: m.optim.SGD([p, q], lr=m.tensor(0.1)),
    lambda m, p, q: added(m.optim.SGD([p], 0.1, 0.9), q, lr=0.5),
    lambda m, p, q: m.optim.SGD([{"params": [p]}, q]),
    lambda m, p, q: m.optim.SGD([]),
    lambda m, p, q: m.optim.SGD(iter([])),
    lambda m, p, q: m.optim.SGD(p),
    lambda m, p, q: m.optim.SGD([p, 3]),
    lambda m, p, q: m.optim.SGD([p * 2]),
    lambda m, p, q: m.optim.SGD([{"params": [p]}, {"params": [p]}]),
    lambda m, p, q: m.optim.SGD([{"params": {p}}]),
    lambda m, p, q: m.optim.SGD([p], lr=m.ones(2)),
    lambda m, p, q: added(m.optim.SGD([p]), p),
    lambda m, p, q: m.optim.SGD([p]).add_param_group([q]),
    lambda m, p, q: m.optim.SGD([p], 0.1, 0.9, 0, 0, False, True),
    lambda m, p, q: m.optim.Adam([p], betas=0.9),
    lambda m, p, q: m.optim.Adam([p], lr=-1),
    lambda m, p, q: m.optim.Adam([p], 0.1, (0.9, 1.0)),
])  # fmt: skip
def test_groups(make):
    """The same options in each group and the same steps, or refused by both."""
    arrays, steps = starts()[:2], [s[:2] for s in gradients()]

    def outcome(m):
        p, q = (m.tensor(array, requires_grad=True) for array in arrays)
        optimizer = make(m, p, q)
        groups = [{k: float(v) if hasattr(v, "item") else v for k, v in g.items() if k != "params"}
                  for g in optimizer.param_groups]  # fmt: skip
        return run(m, [p, q], optimizer, steps), groups, [len(g["params"]) for g in optimizer.param_groups]

    try:
        theirs = outcome(THEIRS)
    except MISTAKES:
        with pytest.raises(MISTAKES):
            outcome(OURS)
    else:
        ours = outcome(OURS)
        close(ours[0], theirs[0])
        assert ours[1:] == theirs[1:]


def added(optimizer, p, **options):
    optimizer.add_param_group({"params": p, **options})
    return optimizer


def carried(value, to):
    """A state dict with the tensors of the other library."""
    if isinstance(value, dict):
        return {key: carried(entry, to) for key, entry in value.items()}
    if isinstance(value, list):
        return [carried(entry, to) for entry in value]
    return to(value.detach().numpy().copy()) if isinstance(value, (torch.Tensor, md.Tensor)) else value


@pytest.mark.parametrize("kind, options", [
    ("SGD", dict(lr=0.1)), ("SGD", dict(lr=0.1, momentum=0.9, nesterov=True)), ("Adam", dict(lr=0.1, weight_decay=0.1)),
    ("Adam", dict(lr=0.1, amsgrad=True)), ("AdamW", dict(lr=0.1)), ("NAdam", dict(lr=0.1)), ("Adamax", dict(lr=0.1)),
    ("RMSprop", dict(lr=0.01, momentum=0.9, centered=True)), ("Adagrad", dict(lr=0.1, lr_decay=0.1)),
    ("Adadelta", dict(lr=0.1)),
])  # fmt: skip
@pytest.mark.usefixtures("double")
def test_each_goes_on_from_a_state_of_the_other(kind, options):
    arrays, first, second = starts(), gradients(), gradients()
    for here, there, to in ((OURS, THEIRS, torch.tensor), (THEIRS, OURS, md.tensor)):
        p, optimizer = made(here, kind, arrays, **options)
        middle = [array.copy() for array in run(here, p, optimizer, first)]
        q, resumed = made(there, kind, middle, lr=7)
        resumed.load_state_dict(carried(optimizer.state_dict(), to))
        assert resumed.state_dict()["param_groups"] == optimizer.state_dict()["param_groups"]
        close(run(there, q, resumed, second), run(here, p, optimizer, second))


@pytest.mark.parametrize("name", [*GRIDS, "Optimizer.add_param_group", "Optimizer.zero_grad", "Optimizer.step"])
def test_signatures(name):
    kind, _, method = name.partition(".")
    ours, theirs = (getattr(m.optim, kind) for m in (OURS, THEIRS))
    if method:
        ours, theirs = getattr(ours, method), getattr(theirs, method)
    ours, theirs = (inspect.signature(f).parameters for f in (ours, theirs))
    assert [(k, p.kind, p.default) for k, p in ours.items()] == [(k, p.kind, p.default) for k, p in theirs.items()]
