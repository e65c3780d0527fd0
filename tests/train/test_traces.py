"""What callbacks do along a row of values is what Keras's do, which is on record."""

import types

import pytest
from train import traces

import minidl as md
from minidl.train import callbacks
from minidl.train.callbacks import model_checkpoint

CASES, FILES = traces.recorded()


class Model:
    """A trainer whose network's weight is the number of the epoch."""

    def __init__(self):
        self.model = md.nn.Linear(1, 1, bias=False)
        self.optimizer = types.SimpleNamespace(param_groups=[{"lr": 0.1}])
        self.metrics, self.stop_training, self.epoch = {}, False, 0
        self.measured = types.SimpleNamespace(of_all_ranks=lambda: {"loss": 1.0})

    @md.no_grad()
    def set(self, epoch):
        self.model.weight.fill_(epoch)

    def get(self):
        return int(self.model.weight.item())

    def rate(self):
        return self.optimizer.param_groups[0]["lr"]

    def stopped(self):
        return self.stop_training

    def state_dict(self):
        return {"whole": True}


@pytest.fixture
def saved(monkeypatch):
    """What is saved, by its name without a suffix."""
    names = []
    monkeypatch.setattr(model_checkpoint, "save", lambda state, path: names.append((path.stem, "whole" in state)))
    return names


@pytest.mark.parametrize("through_state", [False, True])
@pytest.mark.parametrize("name", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint", "LearningRateScheduler"])
def test_what_keras_does(name, through_state, saved):
    """Also where each epoch begins with another callback, from the state of the one before."""
    for kind, values, options, outcome in CASES:
        if kind != name:
            continue
        options = dict(options)
        if "filepath" in options:
            options["filepath"] += ".safetensors"
        if "schedule" in options:
            options["schedule"] = traces.SCHEDULES[options["schedule"]]
        trainer = Model()
        make = lambda: getattr(callbacks, kind)(**options)  # noqa: B023, E731
        callback = Reborn(make) if through_state else make()
        callback.trainer = trainer
        saved.clear()
        got = traces.played(callback, values, trainer, [])
        whole = not options.get("save_weights_only")
        assert got == {key: outcome[key] for key in got}, options
        assert saved == [(path, whole) for path in outcome["saved"]], options


def test_a_first_value_that_is_nan_is_no_best_one():
    """Keras stops after three epochs, at the weights of the first: `tests/peers/test_keras_callbacks.py`."""
    kind, values, options = traces.UNLIKE
    callback, trainer = getattr(callbacks, kind)(**options), Model()
    callback.trainer = trainer
    outcome = traces.played(callback, values, trainer, [])
    assert (outcome["epochs"], outcome["weights"]) == (4, 3)


class Reborn(callbacks.Callback):
    """A callback that goes on as another of its kind in each epoch."""

    def __init__(self, make):
        self.make = make

    def on_train_begin(self, logs):
        self.callback = self.make()
        self.callback.trainer = self.trainer
        self.callback.on_train_begin(logs)

    def on_epoch_begin(self, epoch, logs):
        state = self.callback.state_dict()
        self.on_train_begin({})
        self.callback.load_state_dict(state)
        self.callback.on_epoch_begin(epoch, logs)

    def on_train_batch_end(self, batch, logs):
        self.callback.on_train_batch_end(batch, logs)

    def on_epoch_end(self, epoch, logs):
        self.callback.on_epoch_end(epoch, logs)

    def on_train_end(self, logs):
        self.callback.on_train_end(logs)


@pytest.mark.parametrize("which", range(len(FILES)))
def test_files_are_those_of_keras(which, tmp_path):
    """Also where a training is gone on with after it has written a line more than its state knows."""
    path = tmp_path / "log.csv"
    logger = callbacks.CSVLogger(path, **traces.CSV[which])
    for _ in range(2):
        logger.on_train_begin({})
        for epoch, logs in enumerate(traces.LOGS):
            logger.on_epoch_end(epoch, dict(logs))
    assert path.read_bytes().decode() == FILES[which]
    path.unlink()
    logger.on_train_begin({})
    for epoch, logs in enumerate(traces.LOGS[:2]):
        logger.on_epoch_end(epoch, dict(logs))
    state = logger.state_dict()
    logger.on_epoch_end(2, {"loss": 99.0})
    again = callbacks.CSVLogger(path, **traces.CSV[which])
    again.on_train_begin({})
    again.load_state_dict(state)
    again.on_epoch_end(2, dict(traces.LOGS[2]))
    lines = FILES[which].splitlines(keepends=True)
    assert path.read_bytes().decode() == "".join(lines[:4])
