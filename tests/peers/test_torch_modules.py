"""Containers, hooks, first values, and the utilities of gradients beside PyTorch's."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from parity import OURS, THEIRS, normal, pull, same, torch

import minidl as md

LIBRARIES = (OURS, THEIRS)


# --- containers -------------------------------------------------------------------------------------------------------


def tagged(m, tag):
    """A layer that can be told from others."""
    return m.nn.Linear(tag + 1, 1)


def contents(model):
    return [(name, tuple(tensor.shape)) for name, tensor in model.state_dict().items()]


# each does one thing to a model, given an index and a tag
ACTIONS = {
    "append": lambda m, model, i, tag: model.append(tagged(m, tag)),
    "extend": lambda m, model, i, tag: model.extend([tagged(m, tag), tagged(m, tag + 1)]),
    "insert": lambda m, model, i, tag: (model.insert(i, tagged(m, tag)), None)[1],
    "set": lambda m, model, i, tag: model.__setitem__(i, tagged(m, tag)),
    "delete": lambda m, model, i, tag: model.__delitem__(i),
    "delete a slice": lambda m, model, i, tag: model.__delitem__(slice(i, None, 2)),
    "pop": lambda m, model, i, tag: model.pop(i),
    "add": lambda m, model, i, tag: model + m.nn.Sequential(tagged(m, tag)),
    "add in place": lambda m, model, i, tag: model.__iadd__(m.nn.Sequential(tagged(m, tag))),
    "slice": lambda m, model, i, tag: model[i:],
    "slice backwards": lambda m, model, i, tag: model[i::-1],
    "index": lambda m, model, i, tag: model[i],
}  # fmt: skip


@pytest.mark.parametrize("kind", ["Sequential", "ModuleList"])
@given(st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(-4, 4)), min_size=1, max_size=8))
def test_lists_of_modules(kind, actions):
    """A series of changes gives the same names, the same modules by them, and the same results and mistakes."""
    models = [getattr(m.nn, kind)() for m in LIBRARIES]
    for tag, (action, index) in enumerate(actions):
        if action == "insert" and kind == "ModuleList":
            index = abs(index) % (len(models[0]) + 1)  # PyTorch's takes others for names
        results = []
        for m, model in zip(LIBRARIES, models, strict=True):
            try:
                result = ACTIONS[action](m, model, index, tag)
                results.append((contents(result) if isinstance(result, m.nn.Module) else None, contents(model)))
            except IndexError:
                results.append(IndexError)
        assert results[0] == results[1], (action, index)


def test_dicts_of_modules():
    def names(m):
        model = m.nn.ModuleDict({"conv": tagged(m, 1), "pool": m.nn.ReLU()})
        model["fc"] = tagged(m, 2)
        model.update({"conv": tagged(m, 3), "last": tagged(m, 4)})
        yield contents(model), list(model), list(model.keys()), len(model), "fc" in model, "f" in model
        yield [type(layer).__name__ for layer in model.values()], [name for name, _ in model.items()]
        yield contents(model.pop("fc")), contents(model)
        del model["pool"]
        yield list(model)
        yield contents(m.nn.ModuleDict([["a", tagged(m, 1)], ("b", tagged(m, 2))]))
        model.clear()
        yield list(model)

    ours, theirs = (list(names(m)) for m in LIBRARIES)
    assert ours == theirs


# --- hooks ------------------------------------------------------------------------------------------------------------


def module(m, function):
    made = type("Function", (m.nn.Module,), {"forward": lambda self, *args: function(*args)})
    return made()


FUNCTIONS = {
    "one": (lambda x: (x**2).sum(0), [(3, 2)]),
    "two": (lambda x, y: x * y + x, [(3, 2), (2,)]),
    "two of which one is not used": (lambda x, y: x**3, [(3,), (2,)]),
    "a tuple": (lambda x, y: (x * y, (x + y) ** 2), [(2, 2), (2,)]),
    "a tuple of one": (lambda x: (x**3,), [(4,)]),
    "itself": (lambda x: x, [(3,)]),
    "numbers too": (lambda x, y: (x * 3, y**2), [(3,), ()]),
}
CHANGES = {
    "none": lambda m, gi, go: None,
    "scaled": lambda m, gi, go: tuple(g * 3 for g in gi),
    "of the output": lambda m, gi, go: [g + go[0].sum() ** 2 for g in gi],
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("pre", [None, lambda module, go: None, lambda module, go: tuple(g**2 for g in go)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_backward_hooks(name, pre, change):
    """What they see, in which order, and what becomes of what they return, in two orders."""
    function, shapes = FUNCTIONS[name]
    arrays = [normal(*shape) for shape in shapes]

    def run(m):
        seen, layer = [], module(m, function)

        def note(module, *gradients):
            seen.extend(g for each in gradients for g in each)

        if pre:
            layer.register_full_backward_pre_hook(pre)
            layer.register_full_backward_pre_hook(note, prepend=True)
        layer.register_full_backward_hook(lambda module, gi, go: CHANGES[change](m, gi, go))
        layer.register_full_backward_hook(note)
        layer.register_full_backward_hook(note, prepend=True)
        inputs = [m.tensor(a, requires_grad=True) for a in arrays]
        outputs = layer(*[x * 2 for x in inputs])
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        first = pull(m, outputs, inputs, create_graph=True)
        second = pull(m, first, inputs, create_graph=False)
        return [*first, *second], seen

    (got, ours), (want, theirs) = run(OURS), run(THEIRS)
    same(got, want)
    same(ours, theirs)


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("tracked", [(True, False), (False, True), (False, False)])
def test_backward_hooks_where_not_all_is_tracked(tracked):
    """The gradients are the same; what needs none is None in minidl, zeros in PyTorch if another one needs one."""

    def run(m):
        layer, seen = m.nn.Linear(2, 2).to(m.float64), []
        made = module(m, lambda x, y: layer(x) * y)
        made.register_full_backward_hook(lambda module, gi, go: seen.extend([*gi, *go]))
        layer.load_state_dict({"weight": m.ones(2, 2), "bias": m.zeros(2)})
        made(*[m.tensor(np.arange(2.0), requires_grad=t) for t in tracked]).sum().backward()
        return layer.weight.grad, seen

    (ours, got), (theirs, want) = run(OURS), run(THEIRS)
    same([ours], [theirs])
    assert [g is None for g in got] == [not t for t in tracked] + [False]
    same(*zip(*[(a, b) for a, b in zip(got, want, strict=True) if a is not None], strict=True))


def test_forward_hooks():
    def run(m):
        layer = module(m, lambda x, y: x - y)
        layer.register_forward_pre_hook(lambda module, args: (args[0] * 2, args[1]))
        layer.register_forward_pre_hook(lambda module, args: (args[0] + 1, args[1] * 3), prepend=True)
        layer.register_forward_hook(lambda module, args, output: output * args[1])
        layer.register_forward_hook(lambda module, args, output: output + args[0], prepend=True)
        return [layer(m.tensor(2.0), m.tensor(5.0))]

    same(run(OURS), run(THEIRS))


# --- first values -----------------------------------------------------------------------------------------------------

GAINS = ["linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "sigmoid",
         "tanh", "relu", "selu", "leaky_relu"]  # fmt: skip


@pytest.mark.parametrize("param", [None, 0, 1, 0.2, -3.0])
@pytest.mark.parametrize("name", GAINS)
def test_gain(name, param):
    assert md.nn.init.calculate_gain(name, param) == pytest.approx(torch.nn.init.calculate_gain(name, param), rel=1e-15)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
@pytest.mark.parametrize("a", [0, 0.1, math.sqrt(5)])
@pytest.mark.parametrize("name", GAINS)
@pytest.mark.parametrize("shape", [(4, 6), (8, 3, 5), (2, 3, 5, 7)])
def test_kaiming(shape, name, a, mode):
    theirs = torch.empty(shape)
    expected = torch.nn.init.calculate_gain(name, a) / math.sqrt(torch.nn.init._calculate_correct_fan(theirs, mode))
    assert md.nn.init.fans(md.zeros(shape)) == torch.nn.init._calculate_fan_in_and_fan_out(theirs)
    assert md.nn.init.kaiming_std(md.zeros(shape), a, mode, name) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("name, options", [
    ("uniform_", {}), ("uniform_", dict(a=-2, b=0.5)), ("normal_", dict(mean=1, std=0.2)),
    ("trunc_normal_", {}), ("trunc_normal_", dict(std=0.02)), ("trunc_normal_", dict(mean=1, std=2, a=0.5, b=1)),
    ("xavier_uniform_", {}), ("xavier_uniform_", dict(gain=0.1)), ("xavier_normal_", dict(gain=2.0)),
    ("kaiming_uniform_", dict(a=1)), ("kaiming_uniform_", dict(mode="fan_out", nonlinearity="selu")),
    ("kaiming_normal_", {}), ("kaiming_normal_", dict(nonlinearity="relu")), ("orthogonal_", dict(gain=2)),
], ids=str)  # fmt: skip
@pytest.mark.parametrize("shape", [(60, 100), (40, 10, 3, 3)])
def test_initialisers_draw_from_the_same_distribution(name, options, shape):
    torch.manual_seed(0)
    ours, theirs = (getattr(m.nn.init, name)(m.zeros(shape), **options).numpy().ravel() for m in LIBRARIES)
    assert scipy.stats.ks_2samp(ours, theirs).pvalue > 1e-3


# --- utilities --------------------------------------------------------------------------------------------------------


def with_gradients(m, gradients):
    """Parameters that have these gradients."""
    made = []
    for g in gradients:
        made.append(m.tensor(np.zeros(3 if g is None else g.shape, "f8" if g is None else g.dtype), requires_grad=True))
        made[-1].grad = None if g is None else m.tensor(g)
    return made


GRADIENTS = {
    "two": [normal(3, 2), normal(4)],
    "one is missing": [None, normal(2, 2), None],
    "all are missing": [None, None],
    "none": [],
    "single precision": [normal(5).astype("f4"), normal(2, 3).astype("f4")],
    "both precisions": [normal(5).astype("f4"), normal(2, 3)],
    "zeros": [np.zeros(3), np.zeros((2, 2))],
    "a number": [np.asarray(-3.0)],
    "not finite": [np.array([1.0, np.inf]), normal(2)],
    "nan": [np.array([1.0, np.nan]), normal(2)],
}


@pytest.mark.parametrize("norm_type", [2.0, 1, 3, 0.5, math.inf, "inf", -math.inf, 0, -1])
@pytest.mark.parametrize("max_norm", [0, 0.1, 1, 1e9])
@pytest.mark.parametrize("name", GRADIENTS)
def test_clip_grad_norm(name, max_norm, norm_type):
    def run(m):
        parameters = with_gradients(m, GRADIENTS[name])
        total = m.nn.utils.clip_grad_norm_(iter(parameters), max_norm, norm_type)
        assert not total.requires_grad
        return [total, *(p.grad for p in parameters if p.grad is not None)]

    same(run(OURS), run(THEIRS), tol=1e-6 if "precision" in name else 1e-12)


@pytest.mark.parametrize("name", ["not finite", "nan", "two", "none"])
def test_clip_grad_norm_refuses_what_is_not_finite(name):
    for m in LIBRARIES:
        parameters = with_gradients(m, GRADIENTS[name])
        if name in ("two", "none"):
            m.nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
            continue
        with pytest.raises(RuntimeError, match="of order 2.0"):
            m.nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
        assert np.array_equal(parameters[0].grad.numpy(), GRADIENTS[name][0], equal_nan=True)


@pytest.mark.parametrize("clip_value", [0, 0.5, 10, math.inf])
@pytest.mark.parametrize("name", [name for name, grads in GRADIENTS.items() if any(g is not None for g in grads)])
def test_clip_grad_value(name, clip_value):
    def run(m):
        parameters = with_gradients(m, GRADIENTS[name])
        assert m.nn.utils.clip_grad_value_(parameters, clip_value) is None
        return [p.grad for p in parameters if p.grad is not None]

    same(run(OURS), run(THEIRS))


def test_clipping_one_tensor():
    def run(m):
        (p,) = with_gradients(m, [np.array([3.0, -4.0])])
        yield m.nn.utils.clip_grad_norm_(p, 1)
        m.nn.utils.clip_grad_value_(p, 0.7)
        yield p.grad

    same(list(run(OURS)), list(run(THEIRS)))


def test_parameters_as_a_vector():
    shapes = [(2, 3), (), (4,), (2, 1, 2)]
    start, other = [normal(*s) for s in shapes], normal(15)

    def run(m):
        parameters = [m.nn.Parameter(m.tensor(a)) for a in start]
        vector = m.nn.utils.parameters_to_vector(p for p in parameters)
        yield vector
        yield from pull(m, [vector**2], parameters, create_graph=False)
        assert m.nn.utils.vector_to_parameters(m.tensor(other), (p for p in parameters)) is None
        yield from parameters

    same(list(run(OURS)), list(run(THEIRS)))
