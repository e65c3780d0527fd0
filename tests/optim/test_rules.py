"""Each option of each optimizer, off its default, by keyword and by position, against the update rule written out."""

import inspect

import numpy as np
import pytest

import minidl as md
from minidl import optim

START = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, -0.1]])
GRADIENTS = np.random.default_rng(0).normal(size=(5, 2, 3))


def sgd(p, gradients, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False):
    """Sutskever et al. (2013) as in PyTorch: the first velocity is the gradient."""
    v = None
    for g in gradients:
        g = (-g if maximize else g) + weight_decay * p
        if momentum:
            v = g if v is None else momentum * v + (1 - dampening) * g
            g = g + momentum * v if nesterov else v
        p = p - lr * g
    return p


def adam(
    p, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, amsgrad=False, maximize=False,
    decoupled_weight_decay=False,
):  # fmt: skip
    """Kingma & Ba (2015), algorithm 1."""
    m = v = most = np.zeros_like(p)
    for t, g in enumerate(gradients, start=1):
        g = -g if maximize else g
        if decoupled_weight_decay:
            p = p - lr * weight_decay * p
        else:
            g = g + weight_decay * p
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2
        most = np.maximum(most, v)
        corrected = (most if amsgrad else v) / (1 - betas[1] ** t)
        p = p - lr * (m / (1 - betas[0] ** t)) / (np.sqrt(corrected) + eps)
    return p


def adamw(p, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2, amsgrad=False, maximize=False):
    """Loshchilov & Hutter (2019), algorithm 2."""
    return adam(p, gradients, lr, betas, eps, weight_decay, amsgrad, maximize, decoupled_weight_decay=True)


def nadam(
    p, gradients, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, momentum_decay=4e-3,
    decoupled_weight_decay=False, maximize=False,
):  # fmt: skip
    """Dozat (2016), algorithm 2, with the schedule of μ that Keras and PyTorch take."""
    mu = [betas[0] * (1 - 0.96 ** (t * momentum_decay) / 2) for t in range(len(gradients) + 2)]
    m = v = np.zeros_like(p)
    for t, g in enumerate(gradients, start=1):
        g = -g if maximize else g
        if decoupled_weight_decay:
            p = p - lr * weight_decay * p
        else:
            g = g + weight_decay * p
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2
        ahead = mu[t + 1] * m / (1 - np.prod(mu[1 : t + 2])) + (1 - mu[t]) * g / (1 - np.prod(mu[1 : t + 1]))
        p = p - lr * ahead / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
    return p


def adamax(p, gradients, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0, maximize=False):
    """Kingma & Ba (2015), algorithm 2."""
    m = u = np.zeros_like(p)
    for t, g in enumerate(gradients, start=1):
        g = (-g if maximize else g) + weight_decay * p
        m, u = betas[0] * m + (1 - betas[0]) * g, np.maximum(betas[1] * u, np.abs(g) + eps)
        p = p - lr / (1 - betas[0] ** t) * m / u
    return p


def rmsprop(p, gradients, lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False, maximize=False):
    """Graves (2013), equations 38-41, with eps outside the root."""
    v = m = b = np.zeros_like(p)
    for g in gradients:
        g = (-g if maximize else g) + weight_decay * p
        v, m = alpha * v + (1 - alpha) * g**2, alpha * m + (1 - alpha) * g
        b = momentum * b + g / (np.sqrt(v - m**2 if centered else v) + eps)
        p = p - lr * b
    return p


def adagrad(p, gradients, lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10, maximize=False):
    """Duchi et al. (2011)."""
    s = np.full_like(p, initial_accumulator_value)
    for t, g in enumerate(gradients):
        g = (-g if maximize else g) + weight_decay * p
        s = s + g**2
        p = p - lr / (1 + t * lr_decay) * g / (np.sqrt(s) + eps)
    return p


def adadelta(p, gradients, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, maximize=False):
    """Zeiler (2012), algorithm 1."""
    v = u = np.zeros_like(p)
    for g in gradients:
        g = (-g if maximize else g) + weight_decay * p
        v = rho * v + (1 - rho) * g**2
        step = np.sqrt(u + eps) / np.sqrt(v + eps) * g
        u = rho * u + (1 - rho) * step**2
        p = p - lr * step
    return p


RULES = {
    optim.SGD: sgd, optim.Adam: adam, optim.AdamW: adamw, optim.NAdam: nadam, optim.Adamax: adamax,
    optim.RMSprop: rmsprop, optim.Adagrad: adagrad, optim.Adadelta: adadelta,
}  # fmt: skip
HEAVY = {"lr": 0.1, "momentum": 0.9}
QUICK = {"lr": 0.1, "betas": (0.8, 0.9)}
FAST = {"lr": 0.1, "alpha": 0.8}
VARIED = {  # beside these options, others than the defaults; each must change the result
    optim.SGD: [
        ({}, "lr", 0.5), ({"lr": 0.1}, "momentum", 0.9), (HEAVY, "dampening", 0.3), ({"lr": 0.1}, "weight_decay", 0.1),
        (HEAVY, "weight_decay", 0.1), (HEAVY, "nesterov", True), ({"lr": 0.1}, "maximize", True),
        (HEAVY | {"weight_decay": 0.1}, "maximize", True), (HEAVY | {"weight_decay": 0.1}, "nesterov", True),
        ({}, "lr", md.tensor(0.5)), ({"lr": 0.1}, "weight_decay", np.float32(0.5)), (HEAVY, "dampening", -1),
    ],
    optim.Adam: [
        ({}, "lr", 0.5), ({"lr": 0.1}, "betas", (0.5, 0.999)), ({"lr": 0.1}, "betas", (0.9, 0.9)), (QUICK, "eps", 0.1),
        (QUICK, "weight_decay", 0.1), (QUICK, "amsgrad", True), (QUICK, "maximize", True),
        (QUICK | {"weight_decay": 0.5}, "decoupled_weight_decay", True),
        (QUICK | {"weight_decay": 0.5}, "amsgrad", True),
        (QUICK | {"weight_decay": 0.5}, "maximize", True), ({}, "lr", md.tensor([0.5])), ({"lr": 0.1}, "betas", [0, 0]),
    ],
    optim.AdamW: [
        ({}, "lr", 0.5), ({"lr": 0.1}, "betas", (0.5, 0.9)), (QUICK, "eps", 0.1), (QUICK, "weight_decay", 0.5),
        (QUICK, "weight_decay", 0), (QUICK, "amsgrad", True), (QUICK, "maximize", True),
    ],
    optim.NAdam: [
        ({}, "lr", 0.5), ({"lr": 0.1}, "betas", (0.5, 0.9)), (QUICK, "eps", 0.1), (QUICK, "weight_decay", 0.5),
        (QUICK, "momentum_decay", 1.0), (QUICK, "maximize", True), (QUICK | {"momentum_decay": 1}, "momentum_decay", 0),
        (QUICK | {"weight_decay": 0.5}, "decoupled_weight_decay", True), ({"lr": 0.1}, "betas", [0, 0]),
    ],
    optim.Adamax: [
        ({}, "lr", 0.5), ({"lr": 0.1}, "betas", (0.5, 0.999)), ({"lr": 0.1}, "betas", (0.9, 0.3)), (QUICK, "eps", 0.1),
        (QUICK, "weight_decay", 0.5), (QUICK, "maximize", True),
    ],
    optim.RMSprop: [
        ({}, "lr", 0.5), ({"lr": 0.1}, "alpha", 0.5), (FAST, "eps", 0.1), (FAST, "weight_decay", 0.5),
        (FAST, "momentum", 0.9), (FAST, "centered", True), (FAST, "maximize", True),
        (FAST | {"momentum": 0.9, "weight_decay": 0.5}, "centered", True), (FAST | {"centered": True}, "eps", 0.1),
    ],
    optim.Adagrad: [
        ({}, "lr", 0.5), ({"lr": 0.1}, "lr_decay", 0.5), ({"lr": 0.1}, "weight_decay", 0.5), ({"lr": 0.1}, "eps", 0.1),
        ({"lr": 0.1}, "initial_accumulator_value", 0.5), ({"lr": 0.1}, "maximize", True),
    ],
    optim.Adadelta: [
        ({}, "lr", 5.0), ({}, "rho", 0.5), ({}, "eps", 0.1), ({}, "weight_decay", 0.5), ({}, "maximize", True),
        ({}, "rho", 0), ({"eps": 0.1}, "lr", md.tensor(0.5)),
    ],
}  # fmt: skip
SAME = {
    **dict.fromkeys((optim.SGD, optim.Adam, optim.AdamW, optim.Adagrad), {"foreach": True, "fused": True}),
    **dict.fromkeys((optim.NAdam, optim.Adamax, optim.RMSprop, optim.Adadelta), {"foreach": True}),
}
REFUSED = {
    kind: {"differentiable": True} | ({} if kind in (optim.SGD, optim.Adagrad) else {"capturable": True})
    for kind in RULES
}
EACH = [(kind, *row) for kind, rows in VARIED.items() for row in rows]
each_option = pytest.mark.parametrize(
    "kind, beside, option, value", EACH, ids=lambda part: getattr(part, "__name__", part)
)


def trained(kind, dtype=md.float64, *args, **options):
    """The parameter after five steps."""
    p = md.tensor(START, dtype=dtype, requires_grad=True)
    optimizer = kind([p], *args, **options)
    for g in GRADIENTS:
        p.grad = md.tensor(g, dtype=dtype)
        optimizer.step()
    return p.detach().numpy()


@each_option
def test_an_option(kind, beside, option, value):
    number = float(value) if isinstance(value, md.Tensor) else value
    expected = RULES[kind](START, GRADIENTS, **beside | {option: number})
    np.testing.assert_allclose(trained(kind, **beside | {option: value}), expected, rtol=1e-12, atol=1e-14)
    with md.no_fusion():  # the rule that can be read, whatever kernel makes the steps
        np.testing.assert_allclose(trained(kind, **beside | {option: value}), expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(trained(kind, md.float32, **beside | {option: value}), expected, rtol=1e-5, atol=2e-6)
    assert np.abs(expected - RULES[kind](START, GRADIENTS, **beside)).max() > 1e-4


@pytest.mark.parametrize("kind", RULES)
def test_every_option_is_varied(kind):
    known = set(inspect.signature(kind).parameters) - {"params"}
    assert known == {option for _, option, _ in VARIED[kind]} | SAME[kind].keys() | REFUSED[kind].keys()


def test_every_optimizer_is_here():
    kinds = {kind for kind in vars(optim).values() if isinstance(kind, type) and issubclass(kind, optim.Optimizer)}
    assert kinds - {optim.Optimizer} == RULES.keys()


BY_POSITION = [
    (optim.SGD, (0.5, 0.9, 0, 0.1, True)), (optim.SGD, (0.5, 0.9, 0.3)),
    (optim.Adam, (0.5, (0.5, 0.9), 0.1, 0.3, True)),
    (optim.AdamW, (0.5, (0.5, 0.9), 0.1, 0.3, True)), (optim.NAdam, (0.5, (0.5, 0.9), 0.1, 0.3, 0.2, True)),
    (optim.Adamax, (0.5, (0.5, 0.9), 0.1, 0.3)), (optim.RMSprop, (0.5, 0.7, 0.1, 0.3, 0.9, True)),
    (optim.Adagrad, (0.5, 0.1, 0.3, 0.2, 0.4)), (optim.Adadelta, (0.5, 0.7, 0.1, 0.3)),
]  # fmt: skip


@pytest.mark.parametrize("kind, arguments", BY_POSITION)
def test_by_position(kind, arguments):
    expected = RULES[kind](START, GRADIENTS, *arguments)
    np.testing.assert_allclose(trained(kind, md.float64, *arguments), expected, rtol=1e-12, atol=1e-14)
    with pytest.raises(TypeError, match="positional"):
        kind([md.ones(1, requires_grad=True)], *arguments, *[False] * 9)


SWITCHES = dict(maximize=False, foreach=None, differentiable=False)
MOMENTS = dict(betas=(0.9, 0.999), eps=1e-8, weight_decay=0, capturable=False)
DEFAULTS = {
    optim.SGD: dict(lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, fused=None),
    optim.Adam: MOMENTS | dict(lr=1e-3, amsgrad=False, fused=None, decoupled_weight_decay=False),
    optim.AdamW: MOMENTS | dict(lr=1e-3, weight_decay=1e-2, amsgrad=False, fused=None, decoupled_weight_decay=True),
    optim.NAdam: MOMENTS | dict(lr=2e-3, momentum_decay=4e-3, decoupled_weight_decay=False),
    optim.Adamax: MOMENTS | dict(lr=2e-3),
    optim.RMSprop: dict(lr=1e-2, alpha=0.99, eps=1e-8, weight_decay=0, momentum=0, centered=False, capturable=False),
    optim.Adagrad: dict(lr=1e-2, lr_decay=0, weight_decay=0, initial_accumulator_value=0, eps=1e-10, fused=None),
    optim.Adadelta: dict(lr=1.0, rho=0.9, eps=1e-6, weight_decay=0, capturable=False),
}


@pytest.mark.parametrize("kind", RULES)
def test_defaults(kind):
    p, defaults = md.ones(1, requires_grad=True), DEFAULTS[kind] | SWITCHES
    assert kind([p]).defaults == defaults and kind([p]).param_groups == [defaults | {"params": [p]}]
    np.testing.assert_allclose(trained(kind), RULES[kind](START, GRADIENTS), rtol=1e-12)


@pytest.mark.parametrize("kind, option, value", [(k, *item) for k, items in SAME.items() for item in items.items()])
def test_options_that_change_nothing(kind, option, value):
    assert np.array_equal(trained(kind, **{option: value}), trained(kind))
    assert kind([md.ones(1)], **{option: value}).param_groups[0][option] is value


@pytest.mark.parametrize("kind, option", [(k, option) for k, options in REFUSED.items() for option in options])
def test_what_is_not_supported_is_refused_by_name(kind, option):
    with pytest.raises(ValueError, match=f"{kind.__name__}: {option}=True is not supported: .*step"):
        kind([md.ones(1, requires_grad=True)], **{option: True})


@pytest.mark.parametrize("fused", [True, False])
def test_a_variance_below_zero_counts_as_none(fused):
    """Of a gradient that stays the same nothing is left, or less by rounding, of which the root would be NaN."""
    p = md.ones(100, requires_grad=True)
    optimizer = optim.RMSprop([p], alpha=0.5, centered=True)
    for _ in range(60):
        p.grad = md.linspace(0.1, 7, 100)
        with md.no_fusion() if not fused else md.enable_grad():
            optimizer.step()
    assert md.isfinite(p).all()
    variance = optimizer.state[p]["square_avg"] - optimizer.state[p]["grad_avg"] ** 2
    assert (variance < 0).any()


def test_momentum_and_deviation_may_be_asked_for_later():
    p = md.tensor(START, requires_grad=True)
    optimizer = optim.RMSprop([p])
    for options in ({}, {"momentum": 0.9}, {"centered": True}, {"momentum": 0, "centered": False}):
        optimizer.param_groups[0] |= options
        p.grad = md.tensor(GRADIENTS[0])
        optimizer.step()
    assert optimizer.state[p].keys() == {"step", "square_avg", "momentum_buffer", "grad_avg"}
    assert optimizer.state[p]["step"] == 4


def test_a_state_of_adam_goes_on_decoupled():
    p, q = (md.tensor(START, requires_grad=True) for _ in range(2))
    adam, adamw = optim.Adam([p], weight_decay=0.5), optim.AdamW([q])
    adamw.load_state_dict(adam.state_dict())
    assert adamw.param_groups[0]["decoupled_weight_decay"] is True
    p.grad = q.grad = md.zeros(2, 3, dtype=md.float64)
    adam.step()
    adamw.step()
    np.testing.assert_allclose(q.detach().numpy(), START * (1 - 1e-3 * 0.5))
