"""Sanity checks: what explains a network changes with it, and an edge detector does not."""

import numpy as np
import pytest

import minidl as md
import minidl.functional as F
from minidl import interpret, nn, optim

RNG = np.random.default_rng(3)
IMAGES = RNG.random((60, 1, 8, 8))
LABELS = np.arange(60) % 2
IMAGES[LABELS == 1, :, 2:4, 2:4] += 1.5  # what tells the classes apart


def trained(labels, seed=1):
    """A network that has learnt these labels by heart."""
    md.manual_seed(seed)
    layers = [nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 32), nn.ReLU(), nn.Linear(32, 2)]
    network = nn.Sequential(*layers).double()
    optimizer = optim.Adam(network.parameters(), lr=3e-3)
    for _ in range(150):
        optimizer.zero_grad()
        F.cross_entropy(network(md.tensor(IMAGES)), md.tensor(labels)).backward()
        optimizer.step()
    assert (network(md.tensor(IMAGES)).detach().numpy().argmax(1) == labels).all()
    return network


@pytest.fixture(scope="module")
def network():
    return trained(LABELS)


def explained(model):
    return interpret.saliency(model, md.tensor(IMAGES[:8]), md.tensor(LABELS[:8]), abs=False)


def edges(model):
    """What the network does not come into."""
    return md.tensor(np.diff(IMAGES[:8], axis=3))


def test_an_explanation_falls_as_weights_become_random(network):
    md.manual_seed(2)
    alike = interpret.randomization_test(network, explained)
    assert list(alike) == ["5", "3", "0"]
    assert max(map(abs, list(alike.values())[1:])) < 0.5
    assert interpret.randomization_test(network, edges) == pytest.approx({"5": 1, "3": 1, "0": 1})


def test_layers_become_random_one_after_the_other_or_each_alone(network):
    """What is left of the first weights, at each of the calls."""
    kept = {path: p.numpy().copy() for path, p in network.state_dict().items()}

    def untouched(model):
        calls.append([path for path, p in model.state_dict().items() if np.array_equal(p.numpy(), kept[path])])
        return explained(model)

    for cascading, due in ((True, [6, 4, 2, 0]), (False, [6, 4, 4, 4])):
        calls = []
        interpret.randomization_test(network, untouched, cascading)
        assert list(map(len, calls)) == due
    assert all(np.array_equal(p.numpy(), kept[path]) for path, p in network.state_dict().items())


def test_an_explanation_of_random_labels_is_another(network):
    same, other = trained(LABELS, seed=5), trained(np.random.default_rng(0).permutation(LABELS), seed=5)
    first = explained(network).abs()
    alike, unlike = (interpret.rank_correlation(first, explained(model).abs()) for model in (same, other))
    assert alike > 0.3 > unlike


def test_what_ranks_nothing_agrees_with_nothing():
    flat, rising = md.ones(2, 4), md.tensor([[1.0, 2, 3, 4], [4, 3, 2, 1]])
    assert interpret.rank_correlation(flat, rising) == 0
    assert interpret.rank_correlation(rising, rising.flip(0)) == pytest.approx(-1)
