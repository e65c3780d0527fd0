"""Penalties on weights: values and gradients by hand, where they are summed, and refusals."""

import copy

import numpy as np
import pytest

import minidl as md
from minidl import nn
from minidl.nn.regularizers import L1, L1L2, L2, regularization, regularized

X = [[1.0, -2.0], [0.5, 0.0]]


@pytest.mark.parametrize("make, value, gradient", [
    (lambda: L1(0.5), 1.75, [[0.5, -0.5], [0.5, 0]]), (lambda: L1(), 0.035, [[0.01, -0.01], [0.01, 0]]),
    (lambda: L2(0.5), 2.625, [[1, -2], [0.5, 0]]), (lambda: L2(), 0.0525, [[0.02, -0.04], [0.01, 0]]),
    (lambda: L1L2(0.5, 0.5), 4.375, [[1.5, -2.5], [1, 0]]), (lambda: L1L2(l2=0.5), 2.625, [[1, -2], [0.5, 0]]),
    (lambda: L1L2(l1=0.5), 1.75, [[0.5, -0.5], [0.5, 0]]),
])  # fmt: skip
def test_values_and_gradients(make, value, gradient):
    x = md.tensor(X, dtype=md.float64, requires_grad=True)
    penalty = make()(x)
    penalty.backward()
    assert penalty.shape == () and penalty.dtype == md.float64
    np.testing.assert_allclose(penalty.item(), value)
    np.testing.assert_allclose(x.grad.numpy(), gradient)


def test_rates_of_nothing():
    assert L1L2()(md.tensor(X)).item() == 0
    assert [repr(r) for r in (L1(0.5), L2(), L1L2(1, 2))] == ["L1(l1=0.5)", "L2(l2=0.01)", "L1L2(l1=1.0, l2=2.0)"]


def test_all_layers_of_a_network_are_summed():
    shared = regularized(nn.Linear(2, 2), weight=L2(0.1), bias=L1(0.3))
    network = nn.Sequential(shared, nn.Sequential(nn.ReLU(), regularized(nn.Conv1d(1, 1, 1), bias=L2(1))), shared)
    plain = nn.Linear(2, 1)
    for i, p in enumerate(network.parameters()):
        p.detach().fill_(i + 1.0)
    assert regularization(network).item() == pytest.approx(0.1 * 4 + 0.3 * 2 * 2 + 4**2)
    assert regularization(plain) == 0.0 and regularization(regularized(plain)) == 0.0
    assert regularization(copy.deepcopy(network)).item() == regularization(network).item()
    assert not any("regularizers" in name for name in network.state_dict())


def test_a_regularizer_is_replaced_by_name():
    layer = regularized(nn.Linear(1, 1), weight=L2(1), bias=L1(1))
    for p in layer.parameters():
        p.detach().fill_(3.0)
    assert regularization(regularized(layer, weight=L1(1))).item() == 6
    assert regularization(regularized(layer, weight=lambda w: w.sum() * 10)).item() == 33


def test_weight_decay_of_sgd_is_half_of_it():
    one, other = (nn.Linear(3, 2) for _ in range(2))
    other.load_state_dict(one.state_dict())
    regularized(one, weight=L2(0.05), bias=L2(0.05))
    x = md.ones(4, 3)
    for net, decay in ((one, 0), (other, 0.1)):
        optimizer = md.optim.SGD(net.parameters(), lr=0.1, weight_decay=decay)
        for _ in range(3):
            optimizer.zero_grad()
            (net(x).square().sum() + regularization(net)).backward()
            optimizer.step()
    np.testing.assert_allclose(one.weight.detach().numpy(), other.weight.detach().numpy(), rtol=1e-5)


def test_weights_that_are_computed_are_penalised_as_they_are():
    layer = regularized(nn.utils.weight_norm(nn.Linear(2, 1)), weight=L2(1))
    layer.weight_g.detach().fill_(3.0)
    layer(md.ones(1, 2))
    penalty = regularization(layer)
    penalty.backward()
    assert penalty.item() == pytest.approx(9, rel=1e-5) and layer.weight_g.grad.item() == pytest.approx(6, rel=1e-5)


@pytest.mark.parametrize("call, error, said", [
    (lambda: L1(-1), ValueError, "L1: l1 must be a number, not negative, got -1"),
    (lambda: L2(float("inf")), ValueError, "L2: l2 must be a number, not negative, got inf"),
    (lambda: L1L2(0, float("nan")), ValueError, "L1L2: l2 must be a number, not negative, got nan"),
    (lambda: L1("a"), ValueError, "L1: l1 must be a number, not negative, got 'a'"),
    (lambda: L2(0.1)(np.ones(3)), TypeError, "L2: expected a Tensor, got ndarray"),
    (lambda: regularized(3, weight=L2()), TypeError, "regularized: expected a Module, got int"),
    (lambda: regularized(nn.ReLU(), weight=L2()), AttributeError, "regularized: ReLU has no parameter 'weight'"),
    (lambda: regularized(nn.Linear(1, 1, False), bias=L2()), AttributeError,
     "regularized: Linear has no parameter 'bias'"),
    (lambda: regularized(nn.Linear(1, 1), weight=0.1), TypeError, r"weight=0.1 is no regularizer; L2\(1e-4\) is one"),
    (lambda: regularization([nn.Linear(1, 1)]), TypeError, "regularization: expected a Module, got list"),
])  # fmt: skip
def test_refuses(call, error, said):
    with pytest.raises(error, match=said):
        call()
