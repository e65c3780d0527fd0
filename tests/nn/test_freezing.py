"""What is frozen stays as it is, whatever mode the network is put in."""

import copy

import numpy as np
import pytest

import minidl as md
from minidl import nn

X = md.tensor(np.random.default_rng(0).standard_normal((6, 3)))


def network():
    """Two blocks, each with a norm and dropout, and a head."""
    md.manual_seed(0)
    blocks = [nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.5)) for _ in range(2)]
    return nn.Sequential(*blocks, nn.Linear(3, 2)).double()


def moved(model):
    """The names of what a step of training changes."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = md.optim.SGD(model.parameters(), lr=0.1)
    (model(X) ** 2).sum().backward()
    optimizer.step()
    return {name for name, value in model.state_dict().items() if not np.array_equal(value.numpy(), before[name])}


FIRST = {f"0.{name}" for name in ("0.weight", "1.weight", "1.bias")}
STATISTICS = {"0.1.running_mean", "0.1.running_var", "0.1.num_batches_tracked"}


def test_what_is_frozen_stays_as_it_is():
    """Its parameters and its statistics, after train(), too; gradients flow through it."""
    model = network()
    assert moved(model) >= FIRST | STATISTICS
    assert nn.freeze(model[1]) is model[1]
    model.train()
    changed = moved(model)
    assert changed >= FIRST | STATISTICS and not any(name.startswith("1.") for name in changed)
    assert model.training and model[0][2].training and not any(part.training for part in model[1].modules())
    np.testing.assert_array_equal(model[1](X).detach().numpy(), model[1](X).detach().numpy())  # nothing is dropped


def test_without_requires_grad_statistics_go_on():
    """That alone is PyTorch's: no gradients of parameters."""
    model = network()
    model[0].requires_grad_(False)
    assert moved(model.train()) & (FIRST | STATISTICS) == STATISTICS


def test_unfreezing():
    """All of it or a part; it trains then, and a step changes it."""
    model = nn.freeze(network())
    assert not any(p.requires_grad for p in model.parameters()) and not model.training
    assert nn.unfreeze(model[0]) is model[0]
    model.train()
    assert model[0].training and not model[1].training
    assert moved(model) >= FIRST | STATISTICS
    nn.unfreeze(model)
    assert all(part.training for part in model.modules()) and all(p.requires_grad for p in model.parameters())
    assert not model.eval()[1].training


def test_a_copy_is_frozen_too():
    model = copy.deepcopy(nn.freeze(network()))
    assert not any(part.training for part in model.train().modules())


def test_a_trainer_keeps_what_is_frozen():
    model = network().float()
    nn.freeze(model[0])
    before = {name: value.clone() for name, value in model[0].state_dict().items()}
    trainer = md.train.Trainer(model, nn.CrossEntropyLoss(), md.optim.Adam(model.parameters()))
    trainer.fit(X.float(), md.tensor([0, 1, 0, 1, 0, 1]), epochs=2, verbose=0)
    for name, value in model[0].state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name].numpy())
    assert not model[0].training and model[1].training


@pytest.mark.parametrize("mode", [True, False])
def test_modes_of_what_is_not_frozen(mode):
    assert all(part.training is mode for part in network().train(mode).modules())
