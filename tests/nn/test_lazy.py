"""Lazy layers: before their first input, at it, and after; each beside the layer that it becomes."""

import copy
import functools
import inspect
import pickle

import numpy as np
import pytest

import minidl as md
from minidl import nn

X, SIGNAL, IMAGE = (
    md.tensor(np.float32(np.random.default_rng(0).normal(size=s))) for s in ((5, 3, 4), (5, 4, 9), (5, 4, 9, 8))
)
# name: the arguments after the lazy one, every one off its default, and an input
CASES = {
    "LazyLinear": (dict(out_features=3, bias=False), X),
    "LazyConv1d": (dict(out_channels=6, kernel_size=3, stride=2, padding=1, dilation=2, groups=2, bias=False,
                    padding_mode="circular"), SIGNAL),
    "LazyConv2d": (dict(out_channels=6, kernel_size=(3, 2), stride=2, padding=1, dilation=2, groups=2, bias=False,
                    padding_mode="circular"), IMAGE),
    "LazyConvTranspose1d": (dict(out_channels=6, kernel_size=3, stride=2, padding=1, output_padding=1, groups=2,
                             bias=False, dilation=2), SIGNAL),
    "LazyConvTranspose2d": (dict(out_channels=6, kernel_size=3, stride=2, padding=1, output_padding=1, groups=2,
                             bias=False, dilation=2), IMAGE),
    "LazyBatchNorm1d": (dict(eps=0.1, momentum=0.3, bias=False), SIGNAL),
    "LazyBatchNorm2d": (dict(eps=0.1, momentum=0.3, bias=False), IMAGE),
    "LazyInstanceNorm1d": (dict(eps=0.1, momentum=0.3), SIGNAL),
    "LazyInstanceNorm2d": (dict(eps=0.1, momentum=0.3), IMAGE),
}  # fmt: skip
each = pytest.mark.parametrize("name", CASES)


def ordinary_of(name):
    """The layer that it becomes, with the defaults of the lazy one."""
    layer = getattr(nn, name.removeprefix("Lazy"))
    return functools.partial(layer, affine=True, track_running_stats=True) if "InstanceNorm" in name else layer


def lazy(name, **options):
    return getattr(nn, name)(**options)


def values(module):
    return {name: tensor.numpy().copy() for name, tensor in module.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@each
def test_a_lazy_layer_becomes_the_ordinary_one(name):
    """With the same arguments, first values, results and attributes, and the parameters that it had."""
    options, x = CASES[name]
    md.manual_seed(1)
    layer = lazy(name, **options)
    held = list(layer.parameters())
    assert layer.has_uninitialized_params() and type(layer).__name__ == name
    z = layer(x)
    md.manual_seed(1)
    ordinary = ordinary_of(name)(4, **options)
    assert type(layer) is type(ordinary) and repr(layer) == repr(ordinary)
    assert (z == ordinary(x)).all() and same(values(layer), values(ordinary))
    assert all(a is b for a, b in zip(held, layer.parameters(), strict=True))
    assert all(type(p) is nn.Parameter and p.requires_grad for p in held)
    plain = {key for key, value in vars(ordinary).items() if not isinstance(value, md.Tensor)} - {"_vacant"}
    assert {key: vars(layer)[key] for key in plain} == {key: vars(ordinary)[key] for key in plain}


@each
def test_arguments_are_those_of_the_ordinary_layer_but_the_first(name):
    _, *others = inspect.signature(getattr(nn, name.removeprefix("Lazy"))).parameters.values()
    if "InstanceNorm" in name:  # as in PyTorch
        others = [p.replace(default=True) if p.name in ("affine", "track_running_stats") else p for p in others]
    assert list(inspect.signature(getattr(nn, name)).parameters.values()) == others
    options, x = CASES[name]
    args = [options.get(p.name, p.default) for p in others if p.kind is p.POSITIONAL_OR_KEYWORD]
    rest = {p.name: options[p.name] for p in others if p.kind is p.KEYWORD_ONLY and p.name in options}
    assert repr(getattr(nn, name)(*args, **rest)) == repr(lazy(name, **options))


@each
def test_before_the_first_input(name):
    """It can be copied, pickled, moved, given to an optimizer and asked for its state, but not for a shape."""
    options, x = CASES[name]
    layer = lazy(name, **options)
    assert layer.double() is layer and all(p.dtype == md.float64 for p in layer.parameters())
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert twin.has_uninitialized_params() and twin(x.to(md.float64)).dtype == md.float64
    assert all(isinstance(p, nn.UninitializedParameter) for p in layer.parameters())
    optimizer = md.optim.SGD(layer.parameters(), lr=0.5)
    optimizer.zero_grad()
    optimizer.step()
    for use in (
        lambda p: p.shape,
        lambda p: p + 1,
        lambda p: p.numel(),
        lambda p: nn.init.zeros_(p),
        lambda p: p.array,
    ):
        with pytest.raises(RuntimeError, match="no shape yet: run the network once"):
            use(layer.weight)
    assert nn.utils.clip_grad_norm_(layer.parameters(), 1.0) == 0
    assert str(layer.weight) == "<UninitializedParameter>"
    layer(x.to(md.float64)).sum().backward()
    before = layer.weight.detach().numpy().copy()
    optimizer.step()
    assert layer.weight.numel() and np.array_equal(
        layer.weight.detach().numpy(), before - 0.5 * layer.weight.grad.numpy()
    )


@each
def test_a_copy_learns_if_it_did(name):
    options, x = CASES[name]
    layer = lazy(name, **options).requires_grad_(False)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert not any(p.requires_grad for p in twin.parameters())
        twin(x)
        assert not any(p.requires_grad for p in twin.parameters())


@pytest.mark.parametrize("shape", [(7,), (2, 7), (2, 3, 4, 7)])
def test_the_last_dimension_is_that_of_the_features(shape):
    layer = nn.LazyLinear(3)
    assert layer(md.ones(shape)).shape == (*shape[:-1], 3) and layer.in_features == 7


def test_a_copy_shares_what_was_shared():
    net = nn.Sequential(nn.LazyLinear(3), nn.LazyLinear(3))
    net[1].weight = net[0].weight
    twin = copy.deepcopy(net)
    assert twin[1].weight is twin[0].weight and twin[1].bias is not twin[0].bias


@each
def test_dtype(name):
    options, x = CASES[name]
    layer = lazy(name, **options, dtype=md.float64)
    assert layer(x.to(md.float64)).dtype == layer.weight.dtype == md.float64


@each
def test_states(name):
    """A lazy layer takes the shapes of a state; its own, still without shapes, an ordinary layer refuses."""
    options, x = CASES[name]
    md.manual_seed(2)
    ordinary, layer, other = ordinary_of(name)(4, **options), lazy(name, **options), lazy(name, **options)
    assert other.load_state_dict(layer.state_dict()) == ([], []) and other.has_uninitialized_params()
    with pytest.raises(RuntimeError, match="load_state_dict: .*weight has no shape yet"):
        ordinary.load_state_dict(layer.state_dict())
    layer.load_state_dict(ordinary.state_dict())
    assert not layer.has_uninitialized_params() and same(values(layer), values(ordinary))
    assert (layer(x) == ordinary(x)).all() and repr(layer) == repr(ordinary)


@each
def test_an_input_that_does_not_fit_leaves_it_lazy(name):
    options, x = CASES[name]
    layer = lazy(name, **options)
    with pytest.raises(ValueError, match=f"^{name}.*expected an? .*got"):
        layer(md.ones(()))
    assert layer.has_uninitialized_params() and layer(x).shape[0] == 5


def test_groups_must_divide_the_channels():
    with pytest.raises(ValueError, match="LazyConv2d.*groups=3 must divide the 4 channels"):
        nn.LazyConv2d(6, 3, groups=3)(IMAGE)


def test_a_network_of_lazy_layers():
    """As d2l writes them: one run, then first values, then training; hooks see both."""
    net, seen = (
        nn.Sequential(
            nn.LazyConv2d(6, 5), nn.LazyBatchNorm2d(), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(10)
        ),
        [],
    )
    net[0].register_forward_hook(lambda module, args, output: seen.append(output.shape))
    assert net(IMAGE).shape == (5, 10) and seen == [(5, 6, 5, 4)]
    net.apply(lambda m: nn.init.xavier_uniform_(m.weight) if type(m) in (nn.Linear, nn.Conv2d) else None)
    assert [type(m).__name__ for m in net][:2] == ["Conv2d", "BatchNorm2d"]
    assert nn.LazyBatchNorm2d(affine=False, track_running_stats=False)(IMAGE).shape == IMAGE.shape
    buffer = nn.UninitializedBuffer()
    assert not buffer.requires_grad
    buffer.materialize((2, 3))
    assert type(buffer) is md.Tensor and buffer.shape == (2, 3)
    parameter = nn.UninitializedParameter(requires_grad=False, dtype=md.float16)
    parameter.materialize((2, 3))
    assert type(parameter) is nn.Parameter and not parameter.requires_grad and parameter.dtype == md.float16
