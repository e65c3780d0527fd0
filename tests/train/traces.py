"""What callbacks do along a row of monitored values: ours, Keras's (with Keras), and Keras's as it is on record.

``KERAS_BACKEND=torch python tests/train/traces.py`` records it.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

RECORD = Path(__file__).with_name("traces.json")
EPOCHS = 14


def drawn():
    """Cases: a callback's name, its arguments, and a number of each epoch. In quarters, so that values come again."""
    random = np.random.default_rng(0)
    for i in range(60):
        values = (random.integers(0, 9, EPOCHS) / 4 + 1).tolist()
        if i % 3 == 0:
            values = sorted(values, reverse=True)
        mode, delta = str(random.choice(["auto", "min", "max"])), float(random.choice([0, 0.25, -0.25, 0.5]))
        patience = int(random.integers(0, 5))
        common = dict(monitor="val_loss", mode=mode, patience=patience, min_delta=delta)
        yield (
            "EarlyStopping",
            values,
            common
            | dict(
                baseline=[None, 1.5, 2.0][i % 3],
                restore_best_weights=bool(i % 2),
                start_from_epoch=int(random.integers(0, 4)),
            ),
        )
        yield (
            "ReduceLROnPlateau",
            values,
            common
            | dict(
                factor=float(random.choice([0.1, 0.5])), cooldown=int(random.integers(0, 4)), min_lr=[0.0, 0.03][i % 2]
            ),
        )
        if i % 3 == 0:
            yield "ModelCheckpoint", values, dict(
                filepath="{epoch:02d}-{val_loss:.2f}", monitor="val_loss", mode=mode, save_best_only=bool(i % 2),
                save_weights_only=bool(i % 4 == 0), initial_value_threshold=[None, 2.0][i % 2]
            )  # fmt: skip
    for batches in 1, 2, 3, 5, 7:
        yield "ModelCheckpoint", [1.0] * 4, dict(filepath="{epoch}-{batch:02d}", save_freq=batches)
    for name in "with_lr", "of_epoch":
        yield "LearningRateScheduler", [1.0] * 4, dict(schedule=name)


# Where ours are meant to differ: a first value that is NaN is Keras's best, on which nothing improves.
UNLIKE = "EarlyStopping", [float("nan"), 3.0, 2.0, 1.0], dict(monitor="val_loss", patience=2, restore_best_weights=True)
SCHEDULES = {"with_lr": lambda epoch, lr: lr * 0.5 if epoch else lr, "of_epoch": lambda epoch: 1.0 / (1 + epoch)}
LOGS = [{"loss": 0.5, "b": 1}, {"loss": 0.25, "val_loss": 1.5, "a": 3}, {"b": [1, 2]}]
CSV = [dict(), dict(separator=";"), dict(append=True)]


class Stopped(Exception):
    """The training has ended."""


def played(callback, values, model, rates, batches=3):
    """Call a callback's hooks as a training does, whose weights are the number of the epoch."""
    epochs = []
    callback.on_train_begin({})
    for epoch, value in enumerate(values):
        model.set(epoch)
        callback.on_epoch_begin(epoch, {})
        for batch in range(batches):
            model.epoch = epoch
            callback.on_train_batch_end(batch, {"loss": 1.0})
        rates.append(model.rate())
        callback.on_epoch_end(epoch, {"loss": 1.0, "val_loss": value})
        epochs.append(epoch)
        if model.stopped():
            break
    callback.on_train_end({})
    return {"epochs": len(epochs), "weights": model.get(), "rates": [float(f"{rate:.6g}") for rate in rates]}


def theirs(name, values, options):
    """What Keras's callback comes to."""
    import keras

    class Optimizer:
        """An optimizer, whose rate is a float32, as Keras keeps it."""

        rate = np.float32(0.1)
        learning_rate = property(lambda self: self.rate, lambda self, rate: setattr(self, "rate", np.float32(rate)))

    class Model:
        """What Keras's callbacks ask of a model."""

        def __init__(self):
            self.optimizer = Optimizer()
            self.stop_training, self.weights, self.saved = False, 0, []

        def set(self, epoch):
            self.weights = epoch

        get = get_weights = lambda self: self.weights
        set_weights = set
        rate = lambda self: float(self.optimizer.learning_rate)  # noqa: E731
        stopped = lambda self: self.stop_training  # noqa: E731

        def save(self, path, overwrite):
            self.saved.append(Path(path).name.removesuffix(".keras"))

        def save_weights(self, path, overwrite):
            self.saved.append(Path(path).name.removesuffix(".weights.h5"))

    if "filepath" in options:
        suffix = ".weights.h5" if options.get("save_weights_only") else ".keras"
        options = options | {"filepath": options["filepath"] + suffix}
    if "schedule" in options:
        options = options | {"schedule": SCHEDULES[options["schedule"]]}
    callback, model = getattr(keras.callbacks, name)(**options), Model()
    callback.set_model(model)
    return played(callback, values, model, []) | {"saved": model.saved}


def their_files():
    """The files of Keras's CSVLogger."""
    import keras

    files = []
    with tempfile.TemporaryDirectory() as folder:
        for i, options in enumerate(CSV):
            logger = keras.callbacks.CSVLogger(f"{folder}/{i}.csv", **options)
            for _ in range(2):
                logger.on_train_begin()
                for epoch, logs in enumerate(LOGS):
                    logger.on_epoch_end(epoch, dict(logs))
                logger.on_train_end()
            files.append(Path(f"{folder}/{i}.csv").read_bytes().decode())
    return files


def recorded():
    """Cases, each with what Keras's callback came to; and the files of its CSVLogger."""
    record = json.loads(RECORD.read_text())
    return [(*case, outcome) for case, outcome in zip(drawn(), record["outcomes"], strict=True)], record["files"]


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    cases = [json.dumps(theirs(*case)) for case in drawn()]
    text = ",\n".join(cases)
    RECORD.write_text(f'{{"files": {json.dumps(their_files())},\n"outcomes": [\n{text}\n]}}\n')
    sys.stdout.write(f"{len(cases)} cases\n")
