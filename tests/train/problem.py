"""A small problem that trainings in these tests learn, one of a search, and a callback that writes down its calls."""

import math
from collections.abc import Mapping

import numpy as np

import minidl as md
from minidl import nn
from minidl.train import Trainer
from minidl.train.callbacks import Callback
from minidl.train.callbacks.callback import HOOKS
from minidl.train.metrics import Mean, Recall


def data(n=40, dtype=md.float32):
    """Points (n, 3), and which of two classes they are of."""
    x = np.random.default_rng(0).standard_normal((n, 3))
    return md.tensor(x, dtype=dtype), md.tensor((x.sum(1) > 0).astype(np.int64))


def network(seed=1, dropout=0.0, dtype=md.float32):
    """A network for it."""
    md.manual_seed(seed)
    layers = [nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2)]
    return nn.Sequential(*layers).to(dtype)


def trainer(model=None, lr=0.05, **options):
    """A trainer of it."""
    model = model or network()
    return Trainer(model, nn.CrossEntropyLoss(), md.optim.Adam(model.parameters(), lr=lr), **options)


def fitted(*callbacks, epochs=1, **options):
    """A trainer after so many epochs, with a metric of several numbers, and one of which no better side is known."""
    t = trainer(metrics={"mean": Accuracy0(), "recall": Recall(average=None)}, **options)
    x, y = data()
    t.fit(x, y, 8, epochs=epochs, callbacks=callbacks, validation_data=(x, y), verbose=0)
    return t


class Accuracy0(Mean):
    """A metric of which it is not known where it should be."""

    def update(self, input, target):
        return super().update(input)


def weights(model):
    """All parameters and buffers, as one list of numbers."""
    return np.concatenate([tensor.numpy().ravel() for tensor in model.state_dict().values()])


def score(trial):
    """The better, the nearer lr is to 0.02; more budget takes it nearer."""
    return abs(math.log10(trial["lr"] / 0.02)) + 1 / (trial.budget or 1)


class Told(Callback):
    """Writes down which hooks are called, with what beside logs."""

    def __init__(self):
        self.calls = []

    def cleanup(self):
        self.calls.append("cleanup")

    def tell(self, hook, *args):
        *rest, logs = args
        assert isinstance(logs, Mapping)
        self.calls.append((hook.removeprefix("on_"), *rest))


for hook in HOOKS:
    setattr(Told, hook, lambda self, *args, hook=hook: self.tell(hook, *args))
