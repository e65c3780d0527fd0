"""Weights that are computed before each forward: `spectral_norm` and `weight_norm`."""

import copy
import pickle

import numpy as np
import pytest

import minidl as md
from minidl import nn
from minidl.nn.utils import remove_spectral_norm, remove_weight_norm, spectral_norm, weight_norm

SEED = 3
LAYERS = {
    "a matrix": lambda: nn.Linear(4, 3),
    "a convolution": lambda: nn.Conv2d(2, 3, 2),
    "a transposed convolution": lambda: nn.ConvTranspose2d(2, 3, 2),
}


def layer(case="a matrix"):
    md.manual_seed(SEED)
    return LAYERS[case]().double()


def x(net):
    shape = (5, 4) if isinstance(net, nn.Linear) else (2, 2, 4, 4)
    return md.tensor(np.random.default_rng(SEED).normal(size=shape))


def matrix(weight, dim):
    return np.moveaxis(weight.detach().numpy(), dim, 0).reshape(weight.shape[dim], -1)


@pytest.mark.parametrize("case", LAYERS)
def test_the_largest_singular_value_becomes_one(case):
    net, dim = layer(case), int(case == "a transposed convolution")
    whole = matrix(net.weight, dim)
    spectral_norm(net, n_power_iterations=60)
    net(x(net))
    left, values, right = np.linalg.svd(whole)
    assert np.allclose(matrix(net.weight, dim), whole / values[0], rtol=1e-9)
    assert np.allclose(abs(net.weight_u.array @ left[:, 0]), 1) and np.allclose(abs(net.weight_v.array @ right[0]), 1)


@pytest.mark.parametrize("case", LAYERS)
@pytest.mark.parametrize("dim", [0, 1, -1, None])
def test_the_length_of_a_weight_is_a_parameter(case, dim):
    net = layer(case)
    weight = net.weight.detach().clone()
    weight_norm(net, dim=dim)
    assert np.allclose(net.weight.array, weight.array, rtol=1e-12)
    with md.no_grad():
        net.weight_g.mul_(3)
        net.weight_v.mul_(7)
    net(x(net))
    assert np.allclose(net.weight.array, 3 * weight.array, rtol=1e-12)
    lengths = [np.linalg.norm(weight.array)] if dim in (-1, None) else np.linalg.norm(matrix(weight, dim), axis=1)
    assert np.allclose(net.weight_g.array.reshape(-1), 3 * np.asarray(lengths), rtol=1e-12)


@pytest.mark.parametrize("case", LAYERS)
@pytest.mark.parametrize("norm", [spectral_norm, weight_norm])
def test_gradients(norm, case):
    """Central differences, with the singular vectors as they stand."""
    net = norm(layer(case)).eval()
    given = x(net)
    (net(given) ** 2).sum().backward()
    for p in net.parameters():
        for i in np.ndindex(*p.shape[:2]):
            ends = []
            for step in (1e-5, -2e-5):
                p.array[i] += step
                ends.append((net(given) ** 2).sum().item())
            p.array[i] += 1e-5
            assert np.allclose(np.sum((ends[0] - ends[1]) / 2e-5), np.sum(p.grad.array[i]), rtol=1e-6, atol=1e-7)


def test_what_stands_in_the_place_of_the_weight():
    net = spectral_norm(layer())
    assert list(net.state_dict()) == ["bias", "weight_orig", "weight_u", "weight_v"]
    assert [name for name, _ in net.named_parameters()] == ["bias", "weight_orig"]
    assert list(weight_norm(layer()).state_dict()) == ["bias", "weight_g", "weight_v"]
    frozen = layer()
    frozen.weight.requires_grad = False
    assert not weight_norm(frozen).weight_g.requires_grad and frozen.bias.requires_grad
    other = spectral_norm(layer())
    other.load_state_dict(net.state_dict())
    assert md.equal(other.eval()(x(other)), net.eval()(x(net)))


def test_singular_vectors_are_sought_in_training_alone():
    net = spectral_norm(layer())
    before = net.weight_u.clone()
    net.eval()(x(net))
    assert md.equal(net.weight_u, before)
    net.train()(x(net))
    assert not md.equal(net.weight_u, before)


def test_several_forwards_before_a_backward():
    net = spectral_norm(layer())
    (net(x(net)) + net(x(net))).sum().backward()
    assert np.isfinite(net.weight_orig.grad.array).all()


def test_a_layer_that_could_be_served_with_the_next_computes_its_weight():
    net = nn.Sequential(spectral_norm(layer("a convolution")), nn.ReLU()).eval()
    net(x(net))
    with md.no_grad():
        net[0].weight_orig[0] = 0
    assert md.equal(net(x(net)), net[1](net[0](x(net))))


@pytest.mark.parametrize("norm, remove", [(spectral_norm, remove_spectral_norm), (weight_norm, remove_weight_norm)])
def test_it_is_removed(norm, remove):
    net = norm(layer(), name="weight")
    y = net.eval()(x(net))
    assert remove(net.train()) is net and list(net.state_dict()) == ["bias", "weight"] and not net._registered_hooks
    assert isinstance(net.weight, nn.Parameter) and net.weight.is_leaf and md.equal(net(x(net)), y)
    with pytest.raises(ValueError, match=rf"{remove.__name__}: weight of Linear is not computed by it"):
        remove(net)


def test_two_weights_of_a_layer():
    net = weight_norm(spectral_norm(layer()), name="bias")
    y = net.eval()(x(net))
    remove_spectral_norm(net)
    assert list(net.state_dict()) == ["bias_g", "bias_v", "weight"] and md.equal(net(x(net)), y)


def test_other_hooks_stay():
    net, seen = layer(), []
    handle = net.register_forward_pre_hook(lambda module, args: seen.append(args))
    remove_weight_norm(weight_norm(net))(x(net))
    assert len(seen) == 1 and net._registered_hooks == (handle.hook,)


def test_copies():
    net = spectral_norm(layer()).eval()
    with md.no_grad():
        net(x(net))
    for again in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert md.equal(again(x(again)), net(x(net)))
        with md.no_grad():
            again.weight_orig[0] = 0
        assert not md.equal(again(x(again)), net(x(net)))


REFUSALS = {
    "no parameter": (lambda: spectral_norm(layer(), "wait"), "spectral_norm: Linear has no parameter 'wait'"),
    "no shape": (lambda: weight_norm(nn.LazyLinear(2)), "weight_norm: LazyLinear has no parameter 'weight' whose"),
    "twice": (lambda: weight_norm(weight_norm(layer())), "weight_norm: weight of Linear is computed by it already"),
    "another": (lambda: weight_norm(spectral_norm(layer())), "weight_norm: Linear has no parameter 'weight' whose"),
    "no step": (lambda: spectral_norm(layer(), n_power_iterations=0), "n_power_iterations must be positive, got 0"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSALS)
def test_refusal(case):
    call, said = REFUSALS[case]
    with pytest.raises(ValueError if case == "no step" else RuntimeError, match=said):
        call()
