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
from minidl.commands import images, recipe
from minidl.commands.interrupt import Interruptible
from minidl.train import Checkpoints


def weights(folder):
    """The weights of a run, as bytes."""
    return {name: tensor.numpy().tobytes() for name, tensor in md.load(folder / "weights.safetensors").items()}


def test_what_it_leaves(trained, said):
    assert sorted(os.listdir(trained)) == ["checkpoints", "history.csv", "run.json", "weights.safetensors"]
    assert Checkpoints(trained / "checkpoints").steps == [4, 8, 12]
    said_of = json.loads(files.metadata(trained / "weights.safetensors")["minidl.trained"])
    assert said_of["classes"] == ["blue", "red"] and said_of["network"] == "tiny"
    assert said_of["data"] == str(trained.parents[1] / "photos")
    assert len((trained / "history.csv").read_text().splitlines()) == 4
    begun = json.loads((trained / "run.json").read_text())
    assert begun["settings"] == {
        "network": "tiny", "data": said_of["data"], "input": [3, 6, 6], "lr": 0.01, "weight_decay": 0.0,
        "optimizer": "adam", "schedule": "constant", "batch_size": 4, "augment": [], "samples": None, "seed": 0,
        "epochs": 3, "workers": 0, "save_every": None, "device": "cpu",
    }  # fmt: skip
    assert begun["trained"] == said_of and begun["images"] == 16


def test_what_it_says(photos, said):
    code, out, err = said(*TRAIN)
    first, *epochs, last = out.splitlines()
    assert code == 0 and len(epochs) == 3
    assert first == f"tiny: 16 images of {photos} to learn from, 4 to test on"
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
    resume = ("train", "--out", "runs/a", "--resume")
    assert said(*resume)[0] == 0  # nothing to do
    assert said(*resume, "--epochs", "5")[0] == 0 and said(*resume)[0] == 0
    assert json.loads((trained / "run.json").read_text())["settings"]["epochs"] == 5  # which it remembers
    assert said(*TRAIN, "--out", "runs/b", "--epochs", "5", "--save-every", "3", "--workers", "2")[0] == 0
    assert weights(trained) == weights(trained.parent / "b")
    assert Checkpoints("runs/b/checkpoints").steps == [16, 18, 20]


def test_going_on_takes_nothing_but_the_folder(photos, said, monkeypatch, tmp_path):
    """Every setting is on record, the data's place for whatever folder one is in; the same ones may be said again."""
    odd = ("--samples", "11", "--seed", "3", "--optimizer", "sgd", "--weight-decay", "0.01", "--augment", "flip,crop",
           "--schedule", "cosine", "--lr", "0.02", "--batch-size", "5", "--workers", "1",
           "--save-every", "2")  # fmt: skip
    for folder in ("whole", "a"):
        if folder == "a":
            monkeypatch.setattr("minidl.commands.train.Interruptible", AfterBatches)
            monkeypatch.setattr(AfterBatches, "batches", 4)
        code = said("train", "tiny", "--data", "photos", "--out", f"runs/{folder}", "--epochs", "3", *odd)[0]
        assert code == (130 if folder == "a" else 0)
    monkeypatch.setattr(AfterBatches, "batches", 99)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    again = ("train", "--out", "../runs/a", "--resume")
    assert said(*again, "--augment", "flip,crop", "--lr", "0.02", "--data", str(photos), "tiny")[0] == 0
    assert weights(tmp_path / "runs/a") == weights(tmp_path / "runs/whole")
    assert said("evaluate", "../runs/a")[0] == 0
    code, _, err = said(*again, "--epochs", "4")
    assert code == 1 and err == (
        "minidl: --resume: ../runs/a was begun with --epochs 3, not 4; a cosine schedule ends where it was planned to; "
        "leave that out, or begin another --out\n"
    )


@pytest.mark.parametrize("changed", [
    ("--seed", "1"), ("--optimizer", "sgd"), ("--optimizer", "adamw"), ("--optimizer", "nadam"),
    ("--optimizer", "rmsprop"), ("--samples", "9"), ("--batch-size", "5"), ("--lr", "0.02"),
    ("--input", "3,6,7"), ("--weight-decay", "0.1"), ("--schedule", "cosine"), ("--schedule", "linear"),
    ("--schedule", "one-cycle"), ("--schedule", "step"), ("--augment", "crop"), ("--augment", "rotate"),
    ("--augment", "zoom"), ("--augment", "color"), ("--augment", "erase"), ("--augment", "erase,crop"),
])  # fmt: skip
def test_what_is_asked_for_matters(changed, trained, said):
    assert said(*TRAIN, "--out", "runs/b", *changed)[0] == (changed[0] == "--input")
    if changed[0] != "--input":
        assert weights(trained) != weights(trained.parent / "b")
    code, out, err = said("train", "--out", "runs/a", "--resume", *changed)
    assert code == 1 and err.startswith(f"minidl: --resume: runs/a was begun with {changed[0]} ")
    assert err.endswith(f", not {changed[1]}; leave that out, or begin another --out\n")


def rates(folder):
    """The learning rates at the end of each epoch."""
    rows = [line.split(",") for line in (folder / "history.csv").read_text().splitlines()]
    return [float(row[rows[0].index("learning_rate")]) for row in rows[1:]]


@pytest.mark.parametrize("schedule, expected", [
    ("constant", [0.01] * 3), ("cosine", [0.0075, 0.0025, 0]), ("linear", [0.01 * 2 / 3, 0.01 / 3, 0]),
    ("step", [0.001, 0.0001, 0.00001]), ("one-cycle", [0.00933, 0.002831, 0.000346]),
])  # fmt: skip
def test_schedules(schedule, expected, photos, said):
    """Over all 12 steps."""
    assert said(*TRAIN, "--schedule", schedule)[0] == 0
    np.testing.assert_allclose(rates(photos.parent / "runs/a"), expected, atol=1e-5)


def test_optimizers():
    """By their defaults, and as they are made of what was asked for."""
    assert {name: entry[1:3] for name, entry in recipe.OPTIMIZERS.items()} == {
        "adam": (0.001, 0), "adamw": (0.001, 0.01), "nadam": (0.002, 0), "rmsprop": (0.001, 0), "sgd": (0.05, 0)
    }  # fmt: skip
    made = {name: recipe.optimizer_of(md.nn.Linear(1, 1), name, 0.5, 0.25) for name in recipe.OPTIMIZERS}
    assert [type(each).__name__ for each in made.values()] == ["Adam", "AdamW", "NAdam", "RMSprop", "SGD"]
    assert all(
        (each.param_groups[0]["lr"], each.param_groups[0]["weight_decay"]) == (0.5, 0.25) for each in made.values()
    )
    assert made["sgd"].param_groups[0]["momentum"] == 0.9


def test_augmentation_is_for_what_is_learnt_from():
    """In the form that the network takes, before it is normalised."""
    raw = md.data.TensorDataset(md.rand(9, 1, 16, 24), md.arange(9))
    size, mean, std = (3, 8, 16), (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
    made = recipe.augmentations(("crop", "flip", "rotate", "zoom", "color", "erase"), *size[1:])
    kinds = (
        "RandomCrop",
        "RandomHorizontalFlip",
        "RandomRotation",
        "RandomResizedCrop",
        "ColorJitter",
        "RandomErasing",
    )
    assert [type(each).__name__ for each in made] == [*kinds]
    assert tuple(made[0].size) == tuple(made[3].size) == (8, 16) and made[0].padding == [2, 2, 1, 1]
    seen = []
    spy = md.data.transforms.Lambda(lambda image: seen.append(image) or image)
    for count in range(len(made) + 1):
        x, _ = raw.with_transform(images.prepare(size, mean, std, [*made[:count], spy]))[0]
        assert x.shape == size
        back = x.numpy() * np.reshape(std, (3, 1, 1)) + np.reshape(mean, (3, 1, 1))
        np.testing.assert_allclose(seen[-1].numpy(), back, atol=1e-5)
        assert back.min() >= -1e-5 and back.max() <= 1 + 1e-5


def test_what_is_tested_on_is_not_augmented(photos, said, monkeypatch):
    made = []
    monkeypatch.setattr("minidl.commands.train.prepare", lambda *args: made.append(args) or images.prepare(*args))
    assert said(*TRAIN, "--augment", "erase")[0] == 0
    assert [len(args[3]) if len(args) > 3 else 0 for args in made] == [1, 0]
    code, out, _ = said("evaluate", "runs/a")
    assert code == 0 and f"accuracy {100 * last(photos.parent / 'runs/a', 'val_accuracy'):.2f}%" in out


def last(folder, name):
    """The last number of a column of the history."""
    first, *_, row = (line.split(",") for line in (folder / "history.csv").read_text().splitlines())
    return float(row[first.index(name)])


def test_other_images_than_it_was_begun_with(trained, photos, said):
    (photos / "red" / "more.png").write_bytes((photos / "red" / "1.png").read_bytes())
    code, _, err = said("train", "--out", "runs/a", "--resume")
    assert code == 1 and err == (
        f"minidl: --resume: {photos} has 17 images to learn from, and runs/a was begun with 16; bring them back, or "
        "begin another --out\n"
    )
    (photos / "red").rename(photos / "rose")
    code, _, err = said("train", "--out", "runs/a", "--resume")
    assert code == 1 and err.endswith("its classes are blue, rose; what is learnt are blue, red\n")


@pytest.mark.parametrize("parts", [
    {"train": range(7), "val": range(7, 10)},
    {"train": range(7), "test": range(7, 10), "val": range(0)},
])  # fmt: skip
def test_train_and_test_apart(parts, photos, said):
    """Folders that say what is held out: ``test``, or where there is none ``val``."""
    for name in ("red", "blue"):
        for part, some in parts.items():
            (photos / part / name).mkdir(parents=True)
            for i in some:
                path = photos / name / f"{i}.{'png' if i % 2 else 'jpg'}"
                path.rename(photos / part / name / path.name)
        (photos / name).rmdir()
    code, out, _ = said(*TRAIN)
    assert code == 0 and out.startswith(f"tiny: 14 images of {photos} to learn from, 6 to test on\n")


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
