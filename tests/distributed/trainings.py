"""Trainers on several ranks, and on those that go on: functions for ``on_ranks.py``."""

from contextlib import suppress
from pathlib import Path

import numpy as np
from distributed.programs import refused

import minidl as md
from minidl import distributed as dist
from minidl import nn, optim
from minidl.data import DataLoader, Dataset, TensorDataset
from minidl.train import Trainer, callbacks, metrics


def samples():
    """60 samples with something to learn."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((60, 4))
    return md.tensor(x), md.tensor((x[:, 0] + 0.3 * rng.standard_normal(60) > 0).astype(np.int64))


def fitted(folder):
    """A Trainer on arrays, with all that it measures and writes."""
    md.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2)).double()
    if dist.is_initialized():
        net = dist.DistributedDataParallel(dist.SyncBatchNorm.convert_sync_batchnorm(net))
    measured = [metrics.Accuracy(), metrics.ConfusionMatrix(), metrics.ROCAUC()]
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    trainer = Trainer(net, nn.CrossEntropyLoss(), optimizer, measured, gradient_accumulation_steps=2)
    x, y = samples()
    called = [
        callbacks.CSVLogger(f"{folder}/log.csv"),
        callbacks.ModelCheckpoint(f"{folder}/{{epoch}}.safetensors", save_weights_only=False),
        callbacks.BackupAndRestore(f"{folder}/backup", save_freq=2, delete_checkpoint=False),
        callbacks.EarlyStopping(monitor="loss", patience=1, min_delta=10.0, start_from_epoch=2),
    ]
    data = TensorDataset(x[:48], y[:48])
    options = {"validation_data": (x[48:59], y[48:59]), "epochs": 9, "callbacks": called, "verbose": 2}
    if dist.is_initialized():
        history = trainer.fit(data, batch_size=12 // dist.get_world_size(), **options)
    else:
        order = dist.DistributedSampler(data, 1, 0)
        history = trainer.fit(DataLoader(data, 12, sampler=order), **options)
    return history, trainer


def training_of_a_trainer(folder):
    """The history on each rank."""
    history, trainer = fitted(folder)
    found = [None] * dist.get_world_size()
    dist.all_gather_object(found, history.rows)
    assert all(rows == found[0] for rows in found)
    if dist.get_rank() == 0:
        md.save({"rows": history.rows, "evaluated": trainer.evaluate(*samples())}, f"{folder}/history.safetensors")
    else:
        trainer.evaluate(*samples())
    best_batches(folder)
    single = Trainer(nn.Linear(4, 2), nn.CrossEntropyLoss(), optim.SGD(nn.Linear(4, 2).parameters(), lr=0.1))
    refused(lambda: single.fit(*samples()), RuntimeError, "ranks train together, and this is a Linear of one")


def best_batches(folder):
    """Which batches are the best so far is told by the losses of all ranks: 4, and then more, but on rank 0."""
    x = md.ones(2, 1)
    net = dist.DistributedDataParallel(nn.Linear(1, 1))
    trainer = Trainer(net, nn.MSELoss(), optim.SGD(net.parameters(), lr=0.0))
    losses = md.tensor([[4.0], [12.0 if dist.get_rank() else 0.0]])
    loader = DataLoader(TensorDataset(x, net.module(x).detach() + losses.sqrt()), 1)
    path = f"{folder}/best-{{batch}}-{{loss:.3f}}.safetensors"
    saved = callbacks.ModelCheckpoint(path, "loss", save_best_only=True, save_weights_only=True, save_freq=1)
    trainer.fit(loader, callbacks=[saved], verbose=0)
    assert [file.name for file in Path(folder).glob("best-*")] == ["best-1-4.000.safetensors"]


class Seen(Dataset):
    """Samples that write down which of them were asked for."""

    def __init__(self, x, y):
        self.x, self.y, self.indices = x, y, []

    def __len__(self):
        return len(self.x)

    def __getitem__(self, index):
        self.indices.append(index)
        return self.x[index], self.y[index]


class Stop(callbacks.Callback):
    """Ends a training, as if it were killed, after so many batches of all, when they are saved."""

    last = 3

    def __init__(self, batches):
        self.batches = batches

    def on_train_batch_end(self, batch, logs):
        if 4 * self.trainer.epoch + batch + 1 == self.batches:
            raise KeyboardInterrupt


def moved(folder, batches):
    """Batches of 12 samples of all ranks, up to so many of them, from where it was left; note which samples."""
    rank, size = dist.get_rank(), dist.get_world_size()
    md.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2)).double()
    net = dist.DistributedDataParallel(dist.SyncBatchNorm.convert_sync_batchnorm(net))
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    trainer = Trainer(net, nn.CrossEntropyLoss(), optimizer, [metrics.Accuracy()], gradient_accumulation_steps=2)
    x, y = samples()
    data = Seen(x[:48], y[:48])
    called = [callbacks.BackupAndRestore(f"{folder}/backup", save_freq=1, delete_checkpoint=False), Stop(int(batches))]
    with suppress(KeyboardInterrupt):
        trainer.fit(data, batch_size=12 // size, epochs=3, callbacks=called, verbose=0)
        if rank == 0:
            md.save({"model": net.module.state_dict(), "rows": trainer.history.rows}, f"{folder}/end.safetensors")
    found = [None] * size
    dist.all_gather_object(found, data.indices)
    if rank == 0:
        with open(f"{folder}/order.txt", "a") as file:
            file.writelines(f"{index}\n" for together in zip(*found, strict=True) for index in together)
