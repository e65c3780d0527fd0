"""`inplace=True`: the result is written over the input, for all who hold it, and gradients stay right."""

import inspect

import numpy as np
import pytest

import minidl as md
import minidl.functional as F
from minidl import nn

X = np.array([-7.3, -3.6, -2.2, -0.7, -0.2, 0.3, 0.6, 0.9, 2.5, 3.7, 6.4, 25.0])
# name: arguments off their defaults, and the layer
FUNCTIONS = {
    "relu": ({}, nn.ReLU), "relu6": ({}, nn.ReLU6), "leaky_relu": ({"negative_slope": 0.3}, nn.LeakyReLU),
    "elu": ({"alpha": 0.3}, nn.ELU), "selu": ({}, nn.SELU), "celu": ({"alpha": 0.3}, nn.CELU),
    "silu": ({}, nn.SiLU), "mish": ({}, nn.Mish), "hardtanh": ({"min_val": -3.0, "max_val": 0.5}, nn.Hardtanh),
    "hardsigmoid": ({}, nn.Hardsigmoid), "hardswish": ({}, nn.Hardswish),
    "threshold": ({"threshold": 0.5, "value": -3.0}, nn.Threshold),
}  # fmt: skip
DROPOUTS = {
    "dropout": nn.Dropout,
    "dropout1d": nn.Dropout1d,
    "dropout2d": nn.Dropout2d,
    "alpha_dropout": nn.AlphaDropout,
}


def test_no_function_is_forgotten():
    having = {name for name, f in vars(F).items() if callable(f) and "inplace" in inspect.signature(f).parameters}
    assert having == {*FUNCTIONS, *DROPOUTS}
    layers = {f for f in vars(nn).values() if callable(f) and "inplace" in inspect.signature(f).parameters}
    assert layers == {*(layer for _, layer in FUNCTIONS.values()), *DROPOUTS.values()}


def results(write):
    """What a function that writes gives, with what becomes of other names and views of its input, and the gradient."""
    leaf = md.tensor(X, requires_grad=True)
    x = leaf * 1
    alias, part = x.detach(), x[3:]
    z = write(x)
    (z * z + x).sum().backward()
    return [t.detach().numpy() for t in (z, x, alias, part, leaf.grad)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_activations(name):
    options, layer = FUNCTIONS[name]
    function, values = getattr(F, name), options.values()
    leaf = md.tensor(X, requires_grad=True)
    z = function(leaf, **options)
    (z * z + z).sum().backward()
    expected = [z.detach().numpy(), *[z.detach().numpy()] * 2, z.detach().numpy()[3:], leaf.grad.numpy()]
    forms = [
        lambda x: function(x, *values, True), lambda x: function(x, **options, inplace=True),
        layer(*values, True), layer(**options, inplace=True), nn.Sequential(layer(**options, inplace=True)),
    ]  # fmt: skip
    if hasattr(F, f"{name}_"):
        forms.append(lambda x: getattr(F, f"{name}_")(x, **options))
    for form in forms:
        for got, want in zip(results(form), expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-12)
    x = md.tensor(X)
    assert function(x, **options, inplace=True) is x and (x != md.tensor(X)).any()
    kept = md.tensor(X)
    assert function(kept, *values, False) is not kept and (kept == md.tensor(X)).all()
    assert repr(layer(**options, inplace=True)).endswith("inplace=True)") and layer(**options, inplace=True).inplace
    assert "inplace" not in repr(layer(**options)) and layer(**options).inplace is False


@pytest.mark.parametrize("name", DROPOUTS)
def test_dropouts(name):
    function, layer = getattr(F, name), DROPOUTS[name]
    for form in (lambda x: function(x, 0.4, True, True), lambda x: function(x, 0.4, True, inplace=True),
                 layer(0.4, True), layer(p=0.4, inplace=True)):  # fmt: skip
        md.manual_seed(3)
        start = md.tensor(np.ones((3, 4, 2)), requires_grad=True)
        want = function(start, 0.4, True)
        md.manual_seed(3)
        leaf = md.tensor(np.ones((3, 4, 2)), requires_grad=True)
        x = leaf * 1
        z = form(x)
        assert z is x and (z == want).all()
        assert md.grad(z.sum(), leaf)[0].numpy() == pytest.approx(md.grad(want.sum(), start)[0].numpy())
    x = md.ones(2, 3, 4)
    assert layer(inplace=True).eval()(x) is x
    assert repr(layer(0.3, True)) == f"{layer.__name__}(p=0.3, inplace=True)"
    assert repr(layer(0.3)) == f"{layer.__name__}(p=0.3, inplace=False)"


class Shortcut(nn.Module):
    """Its shortcut reads what the relu before the body overwrites, as published networks do."""

    def __init__(self, inplace):
        self.body = nn.Sequential(nn.ReLU(inplace), nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(inplace))

    def forward(self, x):
        return self.body(x) + x


@pytest.mark.parametrize("fused", [True, False])
def test_what_a_shortcut_reads_is_overwritten(fused):
    x = md.tensor(np.random.default_rng(0).normal(size=(2, 2, 5, 5)).astype(np.float32))
    net, plain = Shortcut(True), Shortcut(False)
    plain.load_state_dict(net.state_dict())
    body, first = plain.body[1:], F.relu(x)

    def run():
        return net(x * 1), body(first) + first

    got, want = run() if fused else md.no_fusion()(run)()
    np.testing.assert_allclose(got.detach().numpy(), want.detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("layers", [
    lambda i: [nn.Conv2d(2, 4, 3), nn.ReLU(i)], lambda i: [nn.Conv2d(2, 4, 3), nn.ReLU(i), nn.MaxPool2d(2)],
    lambda i: [nn.Conv2d(2, 4, 3), nn.MaxPool2d(2), nn.ReLU(i)],
    lambda i: [nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(i)], lambda i: [nn.BatchNorm2d(2), nn.ReLU(i)],
    lambda i: [nn.BatchNorm2d(2), nn.MaxPool2d(2), nn.ReLU(i)],
])  # fmt: skip
@pytest.mark.parametrize("training", [True, False])
def test_runs_of_layers_give_the_same(layers, training):
    """What is overwritten inside a run nobody sees; the run's input stays."""
    x = md.tensor(np.random.default_rng(0).normal(size=(2, 2, 6, 6)).astype(np.float32), requires_grad=True)
    net, plain = (nn.Sequential(*layers(inplace)).train(training) for inplace in (True, False))
    plain.load_state_dict(net.state_dict())
    outcomes = []
    for model in (net, plain):
        z = model(x)
        outcomes.append([z, *md.grad((z * z).sum(), [x, *model.parameters()])])
    for got, want in zip(*outcomes, strict=True):
        assert np.array_equal(got.detach().numpy(), want.detach().numpy())


def test_what_can_not_be_overwritten_is_refused():
    leaf = md.tensor(X, requires_grad=True)
    with pytest.raises(RuntimeError, match="ReLU.*relu_: a leaf that requires grad can't be changed in place"):
        nn.ReLU(True)(leaf)
    assert (leaf == md.tensor(X)).all()
    with md.no_grad():
        assert nn.ReLU(True)(leaf) is leaf and (leaf >= 0).all()
    z = (y := md.tensor(X, requires_grad=True).sigmoid())
    F.relu(y, True)
    with pytest.raises(RuntimeError, match="sigmoid: z, needed for its gradient, was changed in place"):
        z.sum().backward()
    with pytest.raises(TypeError, match="relu_: expected a Tensor, got ndarray"):
        F.relu(X, inplace=True)
