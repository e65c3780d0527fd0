"""A training that is saved and gone on with, in another trainer, ends in the same bits."""

import copy

import numpy as np
import pytest
from train.problem import data, network, trainer, weights
from train.test_trainer import Schedule

import minidl as md
from minidl import nn
from minidl.data import DataLoader, TensorDataset
from minidl.train import Trainer
from minidl.train.callbacks import Callback, EarlyStopping
from minidl.train.metrics import Accuracy

X, Y = data()


class Stop(Exception):
    """The end of a process."""


class Save(Callback):
    """Keeps the state after a batch of an epoch (or after the epoch: None), and ends the training there."""

    last = True

    def __init__(self, epoch, batch, path):
        self.epoch, self.batch, self.path = epoch, batch, path

    def save(self):
        md.save(self.trainer.state_dict(), self.path)
        raise Stop

    def on_train_batch_end(self, batch, logs):
        if (self.trainer.epoch, batch) == (self.epoch, self.batch):
            self.save()

    def on_epoch_end(self, epoch, logs):
        if (epoch, None) == (self.epoch, self.batch):
            self.save()


def fit(accumulated, callback=None, saved=None):
    """Train, perhaps from a saved state on."""
    options = dict(metrics=[Accuracy()], scheduler=Schedule(), gradient_accumulation_steps=accumulated)
    t = trainer(network(seed=1 if saved is None else 2, dropout=0.3), **options)
    if saved is not None:
        t.load_state_dict(saved)
    stopping = EarlyStopping("loss", patience=9, restore_best_weights=False)
    last = [callback] if callback else []
    t.fit(X, Y, 8, epochs=4, verbose=0, callbacks=[stopping, *last], validation_data=(X, Y))
    return t, stopping


@pytest.mark.parametrize("accumulated", [1, 2])
@pytest.mark.parametrize("batch", [None, 0, 1, 3, 4])
def test_it_goes_on_to_the_same_bits(batch, accumulated, tmp_path):
    expected, stopped = fit(accumulated, Save(9, 0, tmp_path / "a"))
    with pytest.raises(Stop):
        fit(accumulated, Save(1, batch, tmp_path / "a"))
    md.manual_seed(99)
    t, stopping = fit(accumulated, Save(9, 0, tmp_path / "a"), md.load(tmp_path / "a"))
    assert np.array_equal(weights(t.model), weights(expected.model))
    assert t.history.state_dict() == expected.history.state_dict() and len(t.history.epoch) == 4
    assert t.scheduler.steps == 4 and vars(stopping).keys() == vars(stopped).keys()
    assert stopping.state_dict() == stopped.state_dict()
    assert np.array_equal(md.get_rng_state().numpy(), expected.state_dict()["random"].numpy())


class Told(Callback):
    """Tells the training to stop after a batch of an epoch (or after the epoch: None)."""

    def __init__(self, epoch, batch):
        self.moment = epoch, batch

    def on_train_batch_end(self, batch, logs):
        self.trainer.stop_training |= (self.trainer.epoch, batch) == self.moment

    def on_epoch_end(self, epoch, logs):
        self.trainer.stop_training |= (epoch, None) == self.moment


@pytest.mark.parametrize("accumulated", [1, 2])
@pytest.mark.parametrize("batch", [None, 0, 2])
def test_what_was_told_to_stop_does_not_go_on(batch, accumulated, tmp_path):
    """It is killed between what told it to stop, and its end."""

    def fitted(save, saved=None):
        t = trainer(network(seed=1 if saved is None else 2, dropout=0.3), gradient_accumulation_steps=accumulated)
        if saved is not None:
            t.load_state_dict(saved)
        t.fit(X, Y, 8, epochs=4, verbose=0, callbacks=[Told(1, batch), save], validation_data=(X, Y))
        return t

    expected = fitted(Save(9, 0, tmp_path / "a"))
    with pytest.raises(Stop):
        fitted(Save(1, batch, tmp_path / "a"))
    t = fitted(Save(9, 0, tmp_path / "a"), md.load(tmp_path / "a"))
    assert np.array_equal(weights(t.model), weights(expected.model))
    assert t.history.state_dict() == expected.history.state_dict() and len(t.history.epoch) == 2


def test_epochs_begin_once():
    """A state of within an epoch goes on in it."""

    class Count(Callback):
        def __init__(self):
            self.calls = []

        def on_train_begin(self, logs):
            self.calls.append("train")

        def on_epoch_begin(self, epoch, logs):
            self.calls.append(epoch)

        def on_train_batch_begin(self, batch, logs):
            self.calls.append((batch, round(logs["loss"], 2) if batch else None))
            self.trainer.stop_training = batch == 3

    t, count = trainer(), Count()
    loader = DataLoader(TensorDataset(X, Y), 8)

    class Keep(Count):
        def on_train_batch_end(self, batch, logs):
            if batch == 1:
                self.state = copy.deepcopy(self.trainer.state_dict())

    keep = Keep()
    t.fit(loader, callbacks=[keep], verbose=0)
    keep.state["callbacks"][0]["name"] = "Count"
    t.load_state_dict(keep.state)
    t.fit(loader, callbacks=[count], verbose=0)
    assert keep.calls[:2] == ["train", 0] and count.calls == ["train", *keep.calls[4:]]


@pytest.mark.parametrize(("change", "words"), [
    (lambda s: None, "expected what state_dict.. gives; this lacks NoneType"),
    (lambda s: {k: v for k, v in s.items() if k not in ("epoch", "history")}, "lacks epoch, history"),
    (lambda s: s | {"scheduler": None}, "the trainer has a scheduler, the state has none"),
    (lambda s: s | {"optimizer": None}, "the trainer has a optimizer, the state has none"),
    (lambda s: s | {"optimizer": {}}, "Adam: load_state_dict: expected 'param_groups'"),
])  # fmt: skip
def test_states_that_are_none(change, words):
    t = trainer(scheduler=Schedule())
    before = weights(t.model)
    other = trainer(network(seed=5), scheduler=Schedule())
    with pytest.raises(ValueError, match=words):
        t.load_state_dict(change(other.state_dict()))
    assert np.array_equal(weights(t.model), before)


def test_a_training_that_met_nan_is_saved_and_gone_on_with():
    """Moments that are NaN are what PyTorch's optimizers load, too."""
    t, other = trainer(), trainer(network(seed=2))
    x = X.clone()
    x[3] = np.nan
    t.fit(x, Y, 8, shuffle=False, verbose=0)
    other.load_state_dict(t.state_dict())
    assert np.isnan(other.optimizer.state_dict()["state"][0]["exp_avg"].numpy()).any()
    assert np.array_equal(weights(t.model), weights(other.model), equal_nan=True)


def test_a_state_that_does_not_fit_leaves_a_lazy_network_its_error():
    lazy = nn.Sequential(nn.LazyLinear(2))
    whole = nn.Sequential(nn.Linear(3, 2))
    state = Trainer(whole, None, md.optim.Adam(whole.parameters())).state_dict()
    with pytest.raises(ValueError, match="its groups have no dampening"):
        Trainer(lazy, None, md.optim.SGD(lazy.parameters(), lr=0.1)).load_state_dict(state)


def test_states_of_others():
    t = trainer()
    t.fit(X, Y, verbose=0)
    state = t.state_dict()
    t.load_state_dict(state)
    with pytest.raises(ValueError, match=r"of the callbacks \['Progress'\], these are \['EarlyStopping', 'Progress'\]"):
        t.fit(X, Y, verbose=0, callbacks=[EarlyStopping()])
    other = trainer(metrics=[Accuracy()])
    other.load_state_dict(state)
    with pytest.raises(ValueError, match=r"the state has the metrics \['loss'\], the trainer \['loss', 'accuracy'\]"):
        other.fit(X, Y, verbose=0)
    t.load_state_dict(state | {"batch": 1, "loader": None})
    with pytest.raises(ValueError, match="after batch 1 of an epoch, and a list can't say where"):
        t.fit([(X, Y)], verbose=0)
