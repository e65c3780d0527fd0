"""A Trainer that is interrupted goes on bit for bit."""

import os

import numpy as np
import pytest

import minidl as md
from minidl import nn
from minidl.optim import lr_scheduler
from minidl.train import Checkpoints, Trainer
from minidl.train.callbacks import BackupAndRestore, Callback, ModelCheckpoint


class Interrupt(Callback):
    """Ends the training after so many batches."""

    def __init__(self, batches):
        self.left = batches

    def on_train_batch_end(self, batch, logs):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt


def learn(backup=None, until=0, make=md.optim.Adam, schedule=None, **options):
    """Twelve batches in three epochs; weights and history, or None if it was interrupted."""
    md.manual_seed(0)
    x = md.rand(40, 6)
    model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 6))
    optimizer = make(model.parameters())
    options["scheduler"] = schedule and schedule(optimizer)
    trainer = Trainer(model, nn.CrossEntropyLoss(), optimizer, gradient_accumulation_steps=3, **options)
    callbacks = ([backup] if backup else []) + [Interrupt(until)]  # which is called first all the same
    try:
        history = trainer.fit(x, x.argmax(1), 8, 3, callbacks=callbacks, validation_split=0.2, verbose=0)
    except KeyboardInterrupt:
        return None
    return [tensor.numpy().tolist() for tensor in model.state_dict().values()], history.rows


@pytest.mark.parametrize(
    "save_freq, until", [(1, 1), (1, 4), (1, 6), (2, 7), ("epoch", 6), ("epoch", 3), (np.int64(3), 12)]
)
def test_to_the_bit(save_freq, until, tmp_path):
    folder = tmp_path / "backup"
    assert learn(BackupAndRestore(folder, save_freq), until) is None
    assert learn(BackupAndRestore(folder, save_freq)) == learn()
    assert not folder.exists()  # it came to its end


class Score(Callback):
    """Adds to the logs what is lowest in the second epoch."""

    def on_epoch_end(self, epoch, logs):
        logs["score"] = [1.0, 0.5, 0.8][epoch]


class Kill(Callback):
    """Ends the training after the second epoch, when all is saved."""

    last = 3

    def on_epoch_end(self, epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt


def test_it_knows_what_others_have_saved(tmp_path):
    """Also what comes after it in the list."""

    def fitted(*killed):
        model = nn.Linear(6, 6)
        trainer = Trainer(model, nn.CrossEntropyLoss(), md.optim.SGD(model.parameters(), 0.1))
        best = ModelCheckpoint(tmp_path / "best.safetensors", "score", save_best_only=True, mode="min")
        backup = BackupAndRestore(tmp_path / "backup")
        trainer.fit(md.rand(8, 6), md.arange(8) % 6, epochs=3, callbacks=[backup, best, Score(), *killed], verbose=0)

    with pytest.raises(KeyboardInterrupt):
        fitted(Kill())
    fitted(Kill())
    assert md.load(tmp_path / "best.safetensors")["epoch"] == 2


OPTIMIZERS = [name for name, kind in vars(md.optim).items() if isinstance(kind, type) and name != "Optimizer"]
SCHEDULES = {
    "StepLR": lambda optimizer: lr_scheduler.StepLR(optimizer, 1, 0.5),
    "CosineAnnealingLR": lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 5),
    "SequentialLR": lambda optimizer: lr_scheduler.SequentialLR(
        optimizer, [lr_scheduler.LinearLR(optimizer), lr_scheduler.ExponentialLR(optimizer, 0.9)], [2]
    ),
}


@pytest.mark.parametrize("interval, schedule", [("step", "CosineAnnealingLR"), ("epoch", "StepLR")])
def test_schedules(interval, schedule, tmp_path):
    options = dict(schedule=SCHEDULES[schedule], scheduler_interval=interval)
    assert learn(BackupAndRestore(tmp_path, 1), 7, **options) is None
    whole = learn(**options)
    assert learn(BackupAndRestore(tmp_path, 1), **options) == whole != learn()


@pytest.mark.deep
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_all_optimizers(name, schedule, tmp_path):
    options = dict(make=lambda parameters: getattr(md.optim, name)(parameters, lr=0.01), schedule=SCHEDULES[schedule])
    options |= dict(scheduler_interval="step", max_norm=1.0)
    whole = learn(**options)
    for until in (1, 5, 8):
        learn(BackupAndRestore(tmp_path / str(until), 1), until, **options)
        assert learn(BackupAndRestore(tmp_path / str(until), 1), **options) == whole


@pytest.mark.parametrize("save_freq, double, steps", [
    ("epoch", False, [8]), ("epoch", True, [4, 8]), (3, False, [9]), (3, True, [8, 9]), (1, True, [9, 10]),
])  # fmt: skip
def test_what_is_saved(save_freq, double, steps, tmp_path):
    learn(BackupAndRestore(tmp_path, save_freq, double), 11)
    assert Checkpoints(tmp_path).steps == steps


def test_the_end_stays(tmp_path):
    first = learn(BackupAndRestore(tmp_path, delete_checkpoint=False))
    assert Checkpoints(tmp_path).steps == [12]
    assert learn(BackupAndRestore(tmp_path, delete_checkpoint=False)) == first  # there is nothing left to do


def test_the_best_epoch(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=1, best="min")
    _, rows = learn(BackupAndRestore(checkpoints, monitor="val_loss", delete_checkpoint=False))
    losses = [row["val_loss"] for row in rows]
    assert checkpoints.best == 4 * (losses.index(min(losses)) + 1)
    assert checkpoints.score(checkpoints.best) == min(losses)


@pytest.mark.parametrize("options, said", [
    (dict(save_freq="batch"), "save_freq must be 'epoch' or a number, got 'batch'"),
    (dict(save_freq=0), "save_freq must be an integer of 1 or more, got 0"),
    (dict(save_freq=2.5), "save_freq must be an integer"),
    (dict(double_checkpoint=True), "double_checkpoint=True: say it by keep= of the Checkpoints"),
])  # fmt: skip
def test_refusals(options, said, tmp_path):
    with pytest.raises(ValueError, match=f"BackupAndRestore: {said}"):
        BackupAndRestore(Checkpoints(tmp_path), **options)


def test_what_is_not_measured(tmp_path):
    with pytest.raises(ValueError, match="BackupAndRestore: monitor 'val_acc' is not among loss, val_loss, learning"):
        learn(BackupAndRestore(tmp_path, monitor="val_acc"))
    assert os.listdir(tmp_path) == []
