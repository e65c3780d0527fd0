"""What looks inside a training: layers on record, batch by batch, and the search for a rate."""

import math

import numpy as np
import pytest
from train.problem import data, network, trainer, weights

import minidl as md
from minidl import nn
from minidl.train import Trainer
from minidl.train.callbacks import Callback, LayerRecorder, LRFinder

X, Y = data()


def test_layers_are_recorded():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 2)))
    with md.no_grad():
        model[0].weight.fill_(1.0)
        model[0].bias.copy_(md.tensor([-1e3, 0.0, 1e3, -1e3]))
    t = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(model.parameters(), lr=0.0), max_norm=1e-3)
    recorder = LayerRecorder()
    t.fit(X, Y, 8, epochs=2, shuffle=False, callbacks=[recorder], verbose=0)
    assert [(r["epoch"], r["batch"], r["layer"]) for r in recorder.records] == [
        (e, 0, layer) for e in (0, 1) for layer in ("0", "1", "2.0")
    ]
    first, relu, last = recorder.records[:3]
    outputs = model[0](X[:8]).detach().numpy().astype(float)
    assert first["mean"] == pytest.approx(outputs.mean(), rel=1e-5) and first["std"] == pytest.approx(
        outputs.std(), rel=1e-5
    )
    assert relu["dead"] == 0.5 and relu["weight_norm"] is None and relu["gradient_norm"] is None
    norm = np.sqrt(sum((p.detach().numpy() ** 2).sum() for p in model[0].parameters()))
    assert first["weight_norm"] == pytest.approx(norm, rel=1e-5)
    assert np.hypot(first["gradient_norm"], last["gradient_norm"]) == pytest.approx(1e-3, rel=1e-2)
    table = str(recorder).splitlines()
    assert table[0].split() == ["epoch", "batch", "layer", "mean", "std", "dead", "weight_norm", "gradient_norm"]
    assert len(table) == 7 and table[2].split()[2] == "1"
    assert all(not module._registered_hooks for module in model.modules())
    some = LayerRecorder(["2"], freq=3)
    t.fit(X, Y, 8, epochs=2, callbacks=[some], verbose=0)
    assert [(r["epoch"], r["batch"]) for r in some.records] == [(0, 0), (0, 3), (1, 1), (1, 4)]
    assert {r["layer"] for r in some.records} == {"2"} and some.state_dict()["seen"] == 10


def test_rates_are_tried_and_all_is_as_before():
    t = trainer(network(dropout=0.3))
    t.fit(X, Y, verbose=0)
    before, state = weights(t.model), md.get_rng_state().numpy()
    finder = LRFinder(1e-4, 1e2, steps=40)
    t.fit(X, Y, 40, epochs=40, callbacks=[finder], verbose=0)
    assert np.array_equal(weights(t.model), before) and np.array_equal(md.get_rng_state().numpy(), state)
    assert t.optimizer.param_groups[0]["lr"] == 0.05 and t.optimizer.state_dict()["state"][0]["step"] == 2
    ratios = np.array(finder.rates[1:]) / finder.rates[:-1]
    np.testing.assert_allclose(ratios, (1e2 / 1e-4) ** (1 / 39))
    assert finder.rates[0] == 1e-4 and len(finder.losses) == len(finder.rates) <= 40
    assert 1e-3 < finder.suggestion() < 10
    assert finder.losses[-1] > 4 * min(finder.losses) or len(finder.rates) == 40
    axes = finder.plot().axes[0]
    assert axes.get_xscale() == "log" and len(axes.lines[0].get_xdata()) == len(finder.losses)
    slow = LRFinder(1e-9, 1e-8, steps=7, smoothing=0.0, divergence=1e9)
    t.fit(X, Y, 8, epochs=40, callbacks=[slow], verbose=0)
    assert slow.rates[-1] == pytest.approx(1e-8) and len(slow.losses) == 7


@pytest.mark.parametrize("freq, batches", [("epoch", [0]), (1, [0, 1, 2, 3, 4]), (3, [0, 3])])
def test_layers_where_gradients_come_together(freq, batches):
    """The norms are those of the step that a batch is a part of: of batches 0 to 2, or of 3 and 4, all at once."""
    model = network()
    options = dict(gradient_accumulation_steps=3)
    t = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(model.parameters(), lr=0.0), **options)
    recorder = LayerRecorder(["0", "2"], freq)
    t.fit(X, Y, 8, shuffle=False, callbacks=[recorder], verbose=0)
    assert [(r["batch"], r["layer"]) for r in recorder.records] == [(b, layer) for b in batches for layer in "02"]
    for record in recorder.records[::2]:
        start = 0 if record["batch"] < 3 else 24
        model.zero_grad()
        parts = range(start, min(start + 24, 40), 8)
        losses = [nn.CrossEntropyLoss()(model(X[i : i + 8]), Y[i : i + 8]) for i in parts]
        (sum(losses) / len(losses)).backward()
        norm = math.sqrt(sum((p.grad.numpy().astype(float) ** 2).sum() for p in model[0].parameters()))
        assert record["gradient_norm"] == pytest.approx(norm, rel=1e-4) and record["weight_norm"] > 0
    assert all(record["weight_norm"] is record["gradient_norm"] is None for record in recorder.records[1::2])


class SavesAfter(Callback):
    """Keeps the state of a training after a batch, and ends it there."""

    last = 1

    def __init__(self, batch):
        self.batch = batch

    def on_train_batch_end(self, batch, logs):
        if batch == self.batch:
            self.state = self.trainer.state_dict()
            raise KeyboardInterrupt


def test_records_that_wait_for_a_step_go_on_with_a_saved_training():
    def recorded(batch):
        recorder, saves = LayerRecorder(["0"], 1), SavesAfter(batch)
        t = trainer(lr=0.0, gradient_accumulation_steps=3)
        loader = md.data.DataLoader(md.data.TensorDataset(X, Y), 8)
        if batch is not None:
            with pytest.raises(KeyboardInterrupt):
                t.fit(loader, callbacks=[recorder, saves], verbose=0)
            t.load_state_dict(saves.state)
            recorder, saves = LayerRecorder(["0"], 1), SavesAfter(None)
        t.fit(loader, callbacks=[recorder, saves], verbose=0)
        return recorder.records

    whole = recorded(None)
    assert len(whole) == 5 and all(record["gradient_norm"] > 0 for record in whole)
    assert recorded(1) == recorded(2) == recorded(3) == whole


def finder_of(losses, **options):
    """A finder that has seen these losses, and after how many it ended."""

    class Given(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(md.zeros(1))
            self.rest = iter(losses)

        def forward(self, x):
            return self.weight * 0 + next(self.rest)

    model = Given()
    finder = LRFinder(1e-4, 1e-1, steps=len(losses), **{"smoothing": 0.0} | options)
    t = Trainer(model, lambda output, target: output.sum(), md.optim.SGD(model.parameters(), lr=0.1))
    t.fit(X, Y, 40, epochs=99, callbacks=[finder], verbose=0)
    return finder, len(finder.losses)


def test_losses_are_smoothed():
    """Their exponential means, each over the weights that it has had so far: the first is the loss itself."""
    finder, _ = finder_of([2.0, 1.0, 1.5], smoothing=0.5)
    assert finder.losses == pytest.approx([2, (2 + 2 * 1) / 3, (2 + 2 * 1 + 4 * 1.5) / 7])


@pytest.mark.parametrize("losses, steps", [
    ([2.0, 1.0, 3.9, 4.0, 4.1, 1.0], 5), ([1.0, 0.1, 0.4, 0.41, 0.1], 4),
    ([-1.0, -3.0, -2.0, 5.9, 6.1, 0.0], 5), ([2.0, 1.0, -0.5, 0.5, 5.4, 5.6, 0.0], 6), ([0.0, 0.0, 0.0, 0.0], 4),
    ([0.0, -2.0, 3.9, 4.1, 0.0], 4), ([1.0, 0.5, math.nan, 0.1], 3),
])  # fmt: skip
def test_when_the_loss_explodes(losses, steps):
    """At 4 times the lowest; where that is negative, or 0, at 3 times the largest magnitude above it."""
    assert finder_of(losses)[1] == steps


def test_divergence_of_negative_losses():
    assert finder_of([-1.0, -2.0, 1.9, 2.1, 0.0], divergence=3.0)[1] == 4
    assert finder_of([-1.0, -2.0, 1.9, 2.1, 0.0], divergence=9.0)[1] == 5
    assert finder_of([-1.0, -1.5, -4.0, -5.0, 90.0])[0].suggestion() == pytest.approx(1e-4 * 1e3**0.5)
