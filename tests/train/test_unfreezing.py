"""Layers that learn one after the other."""

import re

import numpy as np
import pytest
from train.problem import data, network, trainer, weights

import minidl as md
from minidl import nn
from minidl.train import Trainer
from minidl.train.callbacks import Callback, GradualUnfreezing

X, Y = data()


class Learning(Callback):
    """Writes down which layers learn in each epoch."""

    def __init__(self):
        self.epochs = []

    def on_train_batch_begin(self, batch, logs):
        if batch == 0:
            layers = [path for path, p in self.model.named_parameters() if p.requires_grad and path.endswith("weight")]
            self.epochs.append("".join(path[0] for path in layers))


@pytest.mark.parametrize("options, epochs", [
    (dict(layers=["1", "0"]), ["4", "14", "014"]),
    (dict(layers=[["0", "1"]], start_from_epoch=2), ["4", "4", "014"]),
    (dict(layers=["1", "0"], start_from_epoch=0, freq=2), ["14", "14", "014"]),
])  # fmt: skip
def test_layers_are_unfrozen_one_after_the_other(options, epochs):
    """What waits keeps its parameters and its statistics."""
    model, told = network(), Learning()
    before = weights(model[1])
    t = trainer(model)
    t.fit(X, Y, 20, epochs=1, callbacks=[GradualUnfreezing(**options), told], verbose=0)
    assert np.array_equal(weights(model[1]), before) == (epochs[0] == "4")
    t.fit(X, Y, 20, initial_epoch=1, epochs=3, callbacks=[GradualUnfreezing(**options), told], verbose=0)
    assert told.epochs == epochs and not np.array_equal(weights(model[1]), before)


def test_unfreezing_goes_on_within_an_epoch():
    class Stops(Callback):
        last = 2
        saved = None

        def on_train_batch_end(self, batch, logs):
            if self.trainer.epoch == 1 and Stops.saved is None:
                Stops.saved = self.trainer.state_dict()
                self.trainer.stop_training = True

    trainer().fit(X, Y, 20, epochs=2, callbacks=[GradualUnfreezing(["1", "0"]), Stops()], verbose=0)
    again = trainer()
    again.load_state_dict(Stops.saved)
    again.fit(X, Y, 20, epochs=2, callbacks=[GradualUnfreezing(["1", "0"]), Stops()], verbose=0)
    assert [p.requires_grad for p in again.model.parameters()] == [False, False, True, True, True, True]


@pytest.mark.parametrize("options, said", [
    (dict(layers=[]), "expected a list of paths, or of lists of them, got []"),
    (dict(layers="0"), "expected a list of paths, or of lists of them, got '0'"),
    (dict(layers=5), "expected a list of paths, or of lists of them, got 5"),
    (dict(layers=[3]), "expected a list of paths, or of lists of them, got [3]"),
    (dict(layers=[["0"], []]), "expected a list of paths, or of lists of them, got [['0'], []]"),
    (dict(layers=["0"], freq=0), "freq must be an integer of 1 or more, got 0"),
    (dict(layers=["0"], start_from_epoch=-1), "start_from_epoch must be an integer of 0 or more, got -1"),
])  # fmt: skip
def test_unfreezing_that_is_refused(options, said):
    with pytest.raises(ValueError, match=f"GradualUnfreezing: {re.escape(said)}"):
        GradualUnfreezing(**options)


def test_unfreezing_of_what_is_not_there_or_would_not_learn():
    with pytest.raises(ValueError, match="GradualUnfreezing: there is no layer '7', there are 0, 1, 2, 3, 4"):
        trainer().fit(X, Y, callbacks=[GradualUnfreezing(["7"])], verbose=0)
    model = network()
    head = Trainer(model, nn.CrossEntropyLoss(), md.optim.Adam(model[4].parameters()))
    with pytest.raises(ValueError, match="GradualUnfreezing: 0 would not learn, the optimizer lacks its parameters"):
        head.fit(X, Y, callbacks=[GradualUnfreezing(["0"])], verbose=0)
