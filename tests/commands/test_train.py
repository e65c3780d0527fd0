"""``minidl train``: what it leaves, and that it goes on to the bit."""

import json
import os
import shlex
import signal

import numpy as np
import pytest
from commands.conftest import TRAIN
from standin import standin  # noqa: F401

import minidl as md
from minidl import files
from minidl.commands import images
from minidl.commands.interrupt import Interruptible
from minidl.train import Checkpoints


def weights(folder):
    """The weights of a run, as bytes."""
    return {name: tensor.numpy().tobytes() for name, tensor in md.load(folder / "weights.safetensors").items()}


def test_what_it_leaves(trained, said):
    assert sorted(os.listdir(trained)) == ["checkpoints", "history.csv", "run.json", "weights.safetensors"]
    assert Checkpoints(trained / "checkpoints").steps == [4, 8, 12]
    said_of = json.loads(files.metadata(trained / "weights.safetensors")["minidl.trained"])
    assert said_of["classes"] == ["blue", "red"] and said_of["network"] == "tiny" and said_of["data"] == "photos"
    assert len((trained / "history.csv").read_text().splitlines()) == 4
    assert json.loads((trained / "run.json").read_text())["batch_size"] == 4


def test_what_it_says(photos, said):
    code, out, err = said(*TRAIN)
    first, *epochs, last = out.splitlines()
    assert code == 0 and first == "tiny: 16 images of photos to learn from, 4 to test on" and len(epochs) == 3
    assert last == "runs/a/weights.safetensors: 100.00% of the test images right"


class AfterBatches(Interruptible):
    """Ctrl-C after so many batches; again and again, if `times` is more than one."""

    batches, times = 5, 1

    def on_train_batch_end(self, batch, logs):
        type(self).batches -= 1
        if self.batches == 0:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)
        super().on_train_batch_end(batch, logs)


@pytest.mark.parametrize("batches, times, steps", [(5, 1, [4, 5]), (8, 1, [4, 8]), (6, 2, [4]), (1, 2, [])])
def test_interrupted(batches, times, steps, photos, said, monkeypatch):
    """It saves, says how to go on, and goes on by what it said to the same bits."""
    assert said(*TRAIN[:5], "runs/whole", *TRAIN[6:])[0] == 0
    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr("minidl.commands.train.Interruptible", AfterBatches)
    monkeypatch.setattr(AfterBatches, "batches", batches)
    monkeypatch.setattr(AfterBatches, "times", times)
    code, out, err = said(*TRAIN)
    assert code == 130 and signal.getsignal(signal.SIGINT) is before
    first, second, command = err.strip().splitlines()[0::2][:1] + err.strip().splitlines()[-2:]
    assert first == "minidl: stopping when all is saved; Ctrl-C again stops at once"
    assert second == "minidl: stopped; go on with" and Checkpoints("runs/a/checkpoints").steps == steps
    assert said("evaluate", "runs/a")[0] == 0
    assert said(*shlex.split(command)[1:])[0] == 0
    assert weights(photos.parent / "runs/a") == weights(photos.parent / "runs/whole")
    assert (photos.parent / "runs/a/history.csv").read_text() == (photos.parent / "runs/whole/history.csv").read_text()


def test_more_epochs(trained, said):
    """A run that is done goes on for more epochs, as one that had them from the first."""
    assert said(*TRAIN, "--resume")[0] == 0  # nothing to do
    assert said(*TRAIN, "--resume", "--epochs", "5")[0] == 0
    assert said(*TRAIN, "--out", "runs/b", "--epochs", "5", "--save-every", "3", "--workers", "2")[0] == 0
    assert weights(trained) == weights(trained.parent / "b")
    assert Checkpoints("runs/b/checkpoints").steps == [16, 18, 20]


@pytest.mark.parametrize("changed", [
    ("--seed", "1"), ("--optimizer", "sgd"), ("--optimizer", "adamw"), ("--optimizer", "nadam"),
    ("--optimizer", "rmsprop"), ("--samples", "9"), ("--batch-size", "5"), ("--lr", "0.02"),
    ("--input", "3,6,6"),
])  # fmt: skip
def test_what_is_asked_for_matters(changed, trained, said):
    assert said(*TRAIN, "--out", "runs/b", *changed)[0] == 0
    assert (weights(trained) == weights(trained.parent / "b")) == (changed[0] == "--input")
    code, out, err = said(*TRAIN, "--resume", *changed)
    assert code == 1 and err.startswith(f"minidl: --resume: runs/a was begun with {changed[0]} ")
    assert err.endswith("; say the same, or begin another --out\n")


def test_train_and_test_apart(photos, said):
    """Folders that say what is held out."""
    for name in ("red", "blue"):
        for part, some in (("train", range(7)), ("val", range(7, 10))):
            (photos / part / name).mkdir(parents=True)
            for i in some:
                path = photos / name / f"{i}.{'png' if i % 2 else 'jpg'}"
                path.rename(photos / part / name / path.name)
        (photos / name).rmdir()
    code, out, _ = said(*TRAIN)
    assert code == 0 and out.startswith("tiny: 14 images of photos to learn from, 6 to test on\n")


@pytest.mark.parametrize("shape, size", [((1, 28, 28), (3, 6, 6)), ((3, 5, 7), (1, 5, 7)), ((3, 9, 9), (3, 9, 9))])
def test_images_of_another_form(shape, size):
    """Channels and sides become those of the network; mean and deviation are those of what it is then given."""
    raw = md.rand(30, *shape) * 0.5
    samples = md.data.TensorDataset(raw, md.arange(30))
    mean, std = images.measured(samples, size)
    prepared = samples.with_transform(images.prepare(size, mean, std))
    x, labels = next(iter(md.data.DataLoader(prepared, 30)))
    assert x.shape == (30, *size) and labels.tolist() == list(range(30))
    assert np.allclose(x.numpy().mean((0, 2, 3)), 0, atol=1e-5) and np.allclose(x.numpy().std((0, 2, 3)), 1, atol=1e-5)
    one, label = prepared[3]
    assert np.allclose(one.numpy(), x[3].numpy(), atol=1e-6) and label.item() == 3
    if shape == (3, 5, 7):
        gray = (raw.numpy() * np.array([0.2989, 0.587, 0.114]).reshape(3, 1, 1)).sum(1, keepdims=True)
        assert np.allclose((gray - mean[0]) / std[0], x.numpy(), atol=1e-3)


def test_a_black_channel_is_not_divided_by():
    samples = md.data.TensorDataset(md.zeros(4, 1, 2, 2), md.arange(4))
    assert images.measured(samples, (1, 2, 2)) == ((0.0,), (1.0,))


@pytest.mark.parametrize("count, indices", [(1, [0]), (2, [0, 9]), (4, [0, 3, 6, 9]), (10, range(10)), (99, range(10))])
def test_spread(count, indices):
    assert images.spread(range(10), count).indices == list(indices)


def test_on_a_gpu(photos, said, standin):  # noqa: F811
    """What is learnt there can be asked here, and goes on there."""
    assert said(*TRAIN, "--device", "cuda", "--epochs", "2")[0] == 0
    assert said(*TRAIN, "--device", "cuda:0", "--resume")[0] == 0
    code, out, err = said("evaluate", "runs/a", "--device", "cuda")
    assert (code, out) == (0, said("evaluate", "runs/a")[1])
    assert said("predict", "runs/a", "photos/red/1.png", "--device", "cuda")[1].split()[1] == "red"
