"""A small problem that trainings in these tests learn, one of a search, and a callback that writes down its calls."""

import math

import numpy as np

import minidl as md
from minidl import nn
from minidl.train import Trainer
from minidl.train.callbacks import Callback
from minidl.train.callbacks.callback import HOOKS


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


def weights(model):
    """All parameters and buffers, as one list of numbers."""
    return np.concatenate([tensor.numpy().ravel() for tensor in model.state_dict().values()])


def score(trial):
    """The better, the nearer lr is to 0.02; more budget takes it nearer."""
    return abs(math.log10(trial["lr"] / 0.02)) + 1 / (trial.budget or 1)


class Told(Callback):
    """Writes down which hooks are called, with what."""

    def __init__(self):
        self.calls = []

    def cleanup(self):
        self.calls.append("cleanup")


for hook in HOOKS:
    setattr(Told, hook, lambda self, *args, hook=hook: self.calls.append((hook.removeprefix("on_"), *args[:-1])))
