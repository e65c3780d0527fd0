"""Callbacks in real trainings: what they watch, say, leave and refuse."""

import math
import sys

import numpy as np
import pytest
from train.problem import Accuracy0, data, fitted, network, trainer, weights

import minidl as md
from minidl import nn
from minidl.train import Trainer
from minidl.train.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LayerRecorder,
    LearningRateScheduler,
    LRFinder,
    ModelCheckpoint,
    Progress,
    ReduceLROnPlateau,
    TensorBoard,
)
from minidl.train.metrics import Accuracy

X, Y = data()


@pytest.mark.parametrize(("make", "error", "words"), [
    (lambda: type("Mine", (Callback,), {"on_epoch_ends": print}), TypeError, "Mine: on_epoch_ends is no hook; is it"),
    (lambda: type("Mine", (Callback,), {"on_batch_end": print}), TypeError, "on_test_batch_end or on_train_batch_end"),
    (lambda: LambdaCallback(on_end=print), TypeError, "LambdaCallback: on_end is no hook"),
    (lambda: LambdaCallback(on_test_end=3), TypeError, "on_test_end must be a function, got int"),
    (lambda: EarlyStopping(mode="low"), ValueError, "EarlyStopping: mode must be one of auto, min, max, got 'low'"),
    (lambda: ReduceLROnPlateau(factor=1.0), ValueError, "factor must be at least 0 and less than 1, got 1.0"),
    (lambda: EarlyStopping(3), TypeError, "EarlyStopping: monitor must be a name among the logs, got 3"),
    (lambda: EarlyStopping(min_delta="a"), ValueError, "EarlyStopping: min_delta must be a number, got 'a'"),
    (lambda: EarlyStopping(min_delta=math.nan), ValueError, "min_delta must be a number, got nan"),
    (lambda: EarlyStopping(patience=-1), ValueError, "patience must be an integer of 0 or more, got -1"),
    (lambda: EarlyStopping(patience="3"), ValueError, "patience must be an integer of 0 or more, got '3'"),
    (lambda: EarlyStopping(start_from_epoch=0.5), ValueError, "start_from_epoch must be an integer of 0"),
    (lambda: EarlyStopping(baseline="a"), ValueError, "baseline must be a number, got 'a'"),
    (lambda: EarlyStopping(restore_best_weights=1), TypeError, "restore_best_weights must be True or False, got 1"),
    (lambda: ReduceLROnPlateau(factor="a"), ValueError, "ReduceLROnPlateau: factor must be a number of 0 or more"),
    (lambda: ReduceLROnPlateau(factor=math.nan), ValueError, "factor must be a number of 0 or more, got nan"),
    (lambda: ReduceLROnPlateau(patience=True), ValueError, "patience must be an integer of 0 or more, got True"),
    (lambda: ReduceLROnPlateau(cooldown=-1), ValueError, "cooldown must be an integer of 0 or more, got -1"),
    (lambda: ReduceLROnPlateau(min_lr=-1), ValueError, "min_lr must be a number of 0 or more, got -1"),
    (lambda: ModelCheckpoint("w{epoch.safetensors"), ValueError, "ModelCheckpoint: filepath 'w{epoch.saf.*': expected"),
    (lambda: ModelCheckpoint("w{loss:q}.safetensors"), ValueError, "ModelCheckpoint: .*: Unknown format code 'q'"),
    (lambda: ModelCheckpoint("w{}.safetensors"), ValueError, "ModelCheckpoint: .* positional fields"),
    (lambda: ModelCheckpoint("a.safetensors", save_best_only="yes"), TypeError, "save_best_only must be True or False"),
    (lambda: ModelCheckpoint("a.safetensors", save_weights_only=1), TypeError, "save_weights_only must be True or"),
    (lambda: ModelCheckpoint("a.safetensors", initial_value_threshold="1"), ValueError, "threshold must be a number"),
    (lambda: ModelCheckpoint("a.h5"), ValueError, "filepath must end in .safetensors, got 'a.h5'"),
    (lambda: ModelCheckpoint("a.safetensors", save_freq=0), ValueError, "save_freq must be an integer of 1"),
    (lambda: LearningRateScheduler(3), TypeError, "schedule must be a function of epoch and lr, got 3"),
    (lambda: LearningRateScheduler(max), TypeError, "schedule must be a function of epoch and lr, got <built-in"),
    (lambda: LearningRateScheduler(lambda: 3), TypeError, "schedule must be a function of epoch and lr"),
    (lambda: CSVLogger("a.csv", separator=", "), ValueError, "separator must be one character, got ', '"),
    (lambda: LayerRecorder(freq=0), ValueError, "LayerRecorder: freq must be an integer of 1"),
    (lambda: LRFinder(min_lr=1.0), ValueError, "must be 0 < min_lr < max_lr, got 1.0 and 1.0"),
    (lambda: LRFinder(smoothing=1), ValueError, "smoothing must be in"),
    (lambda: LRFinder(divergence=1), ValueError, "divergence more than 1"),
    (lambda: LRFinder(steps=1), ValueError, "steps must be an integer of 2"),
    (lambda: LRFinder().suggestion(), ValueError, "the loss does not fall; fit first"),
    (lambda: Progress(True), ValueError, "verbose must be one of 'auto', 0, 1, 2, got True"),
    (lambda: TensorBoard(histogram_freq=-1), ValueError, "histogram_freq must be an integer of 0"),
    (lambda: TensorBoard(update_freq="step"), ValueError, "update_freq must be an integer of 1"),
    (lambda: fitted(EarlyStopping("val_mean")), ValueError, "whether 'val_mean' is better low or high is not"),
    (lambda: fitted(ReduceLROnPlateau("other")), ValueError, "whether 'other' is better low or high"),
    (lambda: fitted(ModelCheckpoint("a.safetensors", "other", save_best_only=True)), ValueError, "whether 'other' is"),
    (lambda: fitted(EarlyStopping("recall")), ValueError, "EarlyStopping: 'recall' has 2 numbers, expected one to"),
    (lambda: fitted(ReduceLROnPlateau("recall", mode="max")), ValueError, "ReduceLROnPlateau: 'recall' has 2 numbers"),
    (lambda: fitted(ModelCheckpoint("a.safetensors", "recall", save_best_only=True)), ValueError, "'recall' has 2 num"),
    (lambda: fitted(ModelCheckpoint("{b}.safetensors")), ValueError, "asks for 'b'; there are epoch, loss"),
    (lambda: fitted(ModelCheckpoint("{recall:.2f}.safetensors")), ValueError, "ModelCheckpoint: .*unsupported format"),
    (lambda: fitted(ModelCheckpoint("{loss[0]}.safetensors")), ValueError, "ModelCheckpoint: .* not subscriptable"),
    (lambda: fitted(LearningRateScheduler(lambda epoch: "a")), ValueError, "must give a number, not negative, got 'a'"),
    (lambda: fitted(LayerRecorder(["9"])), ValueError, "there is no layer '9', there are 0, 1, 2, 3, 4"),
])  # fmt: skip
def test_refusals(make, error, words):
    with pytest.raises(error, match=words):
        make()


# --- what they watch --------------------------------------------------------------------------------------------------


def test_what_is_better_is_what_the_metric_says():
    """Accuracy is watched for its highest, a loss for its lowest."""
    stop = EarlyStopping("val_accuracy", patience=1, restore_best_weights=True)
    t = trainer(metrics=[Accuracy()])
    history = t.fit(X, Y, 8, epochs=30, callbacks=[stop], validation_data=(X, Y), verbose=0)
    best = int(np.argmax(history["val_accuracy"]))
    assert len(history.epoch) == best + 2 < 30 and stop.best_epoch == best
    assert t.evaluate(X, Y)["accuracy"] == max(history["val_accuracy"]) == stop.best


def test_nan_is_no_improvement():
    for mode in "min", "max":
        stop = EarlyStopping("loss", mode=mode)
        assert not stop.improves(math.nan, None) and not stop.improves(math.nan, 1.0) and stop.improves(1.0, None)
    stop.trainer = trainer()
    stop.on_train_begin({})
    stop.on_epoch_end(0, {"loss": math.nan})
    assert not stop.trainer.stop_training and stop.best is None
    stop.on_epoch_end(1, {"loss": math.nan})
    assert stop.trainer.stop_training


def test_what_is_not_there_is_warned_of(tmp_path):
    with pytest.warns(
        UserWarning, match="EarlyStopping: there is no 'val_loss' to watch, there are: loss, learning_rate"
    ):
        trainer().fit(X, Y, callbacks=[EarlyStopping()], verbose=0)
    saving = ModelCheckpoint(tmp_path / "a.safetensors", save_best_only=True)
    with pytest.warns(UserWarning, match="ModelCheckpoint: saved, as there is no 'val_loss'"):
        trainer().fit(X, Y, callbacks=[saving], verbose=0)


def test_a_log_that_is_gone_on_with_before_its_first_line_was_known(tmp_path):
    """A line that was written after the state was saved is taken off, and no file is made longer by that."""
    path, row = tmp_path / "log.csv", {"loss": 1.0}
    path.write_text("before\n")
    logger = CSVLogger(path, append=True)
    logger.on_train_begin({})
    state = logger.state_dict()
    logger.on_epoch_end(0, row)
    again = CSVLogger(path, append=True)
    again.on_train_begin({})
    again.load_state_dict(state)
    assert path.read_text() == "before\n"
    again.on_epoch_end(0, row)
    state = again.state_dict()
    path.write_text("short\n")
    again.load_state_dict(state)
    assert path.read_text() == "short\n"


def test_what_they_say(capsys, tmp_path):
    stop = EarlyStopping("loss", mode="max", verbose=1, restore_best_weights=True)
    slow = ReduceLROnPlateau("loss", mode="max", patience=1, verbose=1)
    saving = ModelCheckpoint(tmp_path / "a.safetensors", verbose=1)
    fitted(stop, slow, saving, LearningRateScheduler(lambda epoch: 0.05, verbose=1), epochs=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "Epoch 1: the learning rate is set to 0.05",
        f"Epoch 1: saved {tmp_path / 'a.safetensors'}",
        "Epoch 2: the learning rate is set to 0.05",
        "Epoch 2: the learning rate is reduced to 0.005",
        f"Epoch 2: saved {tmp_path / 'a.safetensors'}",
        "Epoch 2: early stopping",
        "Restoring the weights of the best epoch: 1",
    ]


# --- what they leave --------------------------------------------------------------------------------------------------


def test_checkpoints_of_weights_and_of_the_training(tmp_path):
    name = tmp_path / "new" / "{epoch:02d}-{val_loss:.3f}.safetensors"
    t = fitted(ModelCheckpoint(name, save_weights_only=True), ModelCheckpoint(tmp_path / "all.safetensors"), epochs=2)
    losses = t.history["val_loss"]
    files = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert files == [f"{epoch:02d}-{loss:.3f}.safetensors" for epoch, loss in enumerate(losses, start=1)]
    saved = md.load(tmp_path / "new" / files[1])
    assert all(np.array_equal(saved[key].numpy(), value.numpy()) for key, value in t.model.state_dict().items())
    state = md.load(tmp_path / "all.safetensors")
    again = trainer(network(seed=7), metrics={"mean": Accuracy0()})
    again.load_state_dict(state)
    assert np.array_equal(weights(again.model), weights(t.model)) and state["history"]["epoch"] == [0, 1]


def test_rates_of_epochs():
    model = network()
    groups = [{"params": model[0].parameters()}, {"params": model[4].parameters(), "lr": 0.5}]
    t = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(groups, lr=0.25))
    history = t.fit(X, Y, epochs=3, callbacks=[LearningRateScheduler(lambda epoch, lr: lr / 2)], verbose=0)
    assert history["learning_rate"] == [0.125, 0.0625, 0.03125]
    assert [group["lr"] for group in t.optimizer.param_groups] == [0.03125, 0.0625]


def test_progress_in_lines_and_bars(capsys, monkeypatch):
    t = trainer(metrics=[Accuracy()])
    history = t.fit(X, Y, 8, epochs=2)
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 2 and not err
    assert lines[1].startswith(f"Epoch 2/2: loss {history['loss'][1]:.4g}, accuracy {history['accuracy'][1]:.4g}, ")
    assert lines[1].endswith(" s)")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert Progress().verbose == 1 and Progress(2).verbose == 2
    t.fit(X, Y, 8, epochs=2, verbose=1)
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2 and "0/5" in err
    t.fit(X, Y, 8, verbose=0)
    assert capsys.readouterr() == ("", "")
