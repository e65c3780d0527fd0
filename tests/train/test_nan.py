"""TerminateOnNaN: it names where the first number came from that is not finite, and changes nothing else."""

import math
import re

import numpy as np
import pytest
from train.problem import data, network, trainer, weights

import minidl as md
from minidl import nn
from minidl.train import Trainer
from minidl.train.callbacks import LambdaCallback, LayerRecorder, TerminateOnNaN
from minidl.train.metrics import Accuracy

X, Y = data()


class Faulty(nn.Module):
    """A network that divides by zero, or takes the root of it, from a call on."""

    def __init__(self, fault, after=2):
        self.first, self.last, self.fault, self.left = nn.Linear(3, 3), nn.Linear(3, 2), fault, after
        self.odd = Odd()

    def forward(self, x):
        self.left -= self.training
        return self.last(self.odd(self.first(x), self.fault if self.left < 0 else None))


class Odd(nn.Module):
    """Where it happens."""

    def forward(self, x, fault):
        return x if fault is None else fault(x)


@pytest.mark.parametrize(("fault", "words"), [
    (lambda x: x / (x - x), r"NaN first from div, in odd \(Odd\)|infinite first from div, in odd"),
    (lambda x: (x * 0 + 1000).exp() * 0, r"NaN first from mul, in odd .*; infinite first from exp, in odd \(Odd\)"),
    (lambda x: (x * 0).sqrt() + x, r"NaN first from the backward of mul.*; infinite .* the backward of sqrt, in odd"),
    (lambda x: nn.functional.dropout(x, 0.5) / 0, r"first from div, in odd \(Odd\)"),
])  # fmt: skip
@pytest.mark.parametrize("accumulated", [1, 4])
def test_where_nan_comes_from(fault, words, accumulated, capsys):
    model = Faulty(fault)
    t = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(model.parameters(), lr=0.1), metrics=[Accuracy()],
                gradient_accumulation_steps=accumulated)  # fmt: skip
    kept = []
    before = LambdaCallback(on_train_batch_begin=lambda batch, logs: kept.append(weights(model)))
    stop = TerminateOnNaN()
    t.fit(X, Y, 8, epochs=3, callbacks=[before, stop], verbose=0)
    assert re.search(words, stop.reason), stop.reason
    batch = 2 if accumulated == 1 or "backward" not in words else 3
    assert stop.reason.startswith(f"Batch {batch}: not all numbers are finite, training ends; ")
    assert capsys.readouterr().out == stop.reason + "\n"
    assert len(kept) == batch + 1 and np.array_equal(weights(model), kept[-1]) and t.history.epoch == [0]
    model.left = 2
    with pytest.raises(RuntimeError, match="Batch .: not all numbers are finite"):
        t.fit(X, Y, 8, epochs=3, callbacks=[TerminateOnNaN(raise_error=True)], verbose=0)


def test_what_was_drawn_is_drawn_again():
    """An infinite number that comes by chance is found where it was, and the stream then stands where it stood."""
    md.manual_seed(3)
    model = Faulty(lambda x: x / (md.rand(1) < 0.9).float(), after=0)
    t = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(model.parameters(), lr=0.01))
    states, stop = [], TerminateOnNaN()
    note = LambdaCallback(on_before_optimizer_step=lambda batch, logs: states.append(md.get_rng_state().numpy()))
    t.fit([(X[:8], Y[:8])] * 100, callbacks=[note, stop], verbose=0)
    assert "infinite first from div, in odd (Odd)" in stop.reason and len(states) < 100
    assert np.array_equal(md.get_rng_state().numpy(), states[-1])


def test_nan_in_data_and_parameters():
    for where, words in (
        ("data", "NaN stands in input 0"),
        ("first.weight", "infinite stands in parameter first.weight"),
    ):
        model, x = Faulty(None), X.clone()
        t = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(model.parameters(), lr=0.1))
        with md.no_grad():
            if where == "data":
                x[3, 1] = math.nan
            else:
                model.first.weight[0, 0] = math.inf
        stop = TerminateOnNaN()
        t.fit(x, Y, 40, callbacks=[stop], verbose=0)
        assert words in stop.reason


def test_gradients_whose_sum_alone_is_too_large():
    model = nn.Linear(1, 8, bias=False)
    t = Trainer(model, lambda outputs, _: (outputs * 3e38).sum(), md.optim.SGD(model.parameters(), lr=1e-38))
    nn.init.zeros_(model.weight)
    ending = TerminateOnNaN()
    t.fit(md.ones(1, 1), md.ones(1), callbacks=[ending], verbose=0)
    assert not ending.reason and model.weight.grad.sum().item() == math.inf
    assert model.weight.detach().numpy() == pytest.approx(np.full((8, 1), -3.0))


def test_training_is_the_same_where_no_nan_is_found():
    results = []
    for callbacks in [], [TerminateOnNaN()], [LayerRecorder(freq=2)]:
        t = trainer(network(dropout=0.3))
        t.fit(X, Y, 8, epochs=2, callbacks=callbacks, verbose=0)
        results.append(weights(t.model))
    assert np.array_equal(results[0], results[1])
    np.testing.assert_allclose(results[2], results[0], rtol=1e-4, atol=1e-6)
