"""Trainings that another number of ranks goes on with, where one was stopped or killed."""

import os
import re
import shutil
import signal

import numpy as np
import pytest
from distributed import trainings

import minidl as md
from minidl.__main__ import main


@pytest.fixture(scope="module")
def stopped():
    """Trainings that were not stopped, and such that were within an epoch and what an optimizer's step gathers."""
    return {}


def moved(ranks, n, folder, batches):
    """A training on n ranks, up to so many batches; its folder."""
    if n == 1:
        trainings.moved(folder, batches)
    else:
        ranks(n, ["trainings.moved", folder, batches])
    return folder


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("before, after", [(2, 1), pytest.param(1, 2, marks=pytest.mark.deep),
                                           pytest.param(2, 4, marks=pytest.mark.deep)])  # fmt: skip
def test_by_a_trainer(ranks, tmp_path, stopped, tmp_path_factory, before, after):
    """The same samples in the same order, and the weights of one process, to a rounding."""
    for n, batches in (1, 99), (before, 7):
        if (n, batches) not in stopped:
            stopped[n, batches] = moved(ranks, n, tmp_path_factory.mktemp("training"), batches)
    whole = stopped[1, 99]
    folder = shutil.copytree(stopped[before, 7], tmp_path / "training")
    assert len((folder / "order.txt").read_text().split()) == 7 * 12 and not (folder / "end.safetensors").exists()
    moved(ranks, after, folder, 99)
    assert (folder / "order.txt").read_text() == (whole / "order.txt").read_text()
    ours, theirs = (md.load(each / "end.safetensors") for each in (folder, whole))
    for name, tensor in theirs["model"].items():
        np.testing.assert_allclose(ours["model"][name].numpy(), tensor.numpy(), rtol=1e-10, atol=1e-10)
    for found, expected in zip(ours["rows"], theirs["rows"], strict=True):
        assert found == pytest.approx(expected, rel=1e-9)


@pytest.fixture
def photos(tmp_path):
    """A folder of pictures of two classes, in which chance has the lesser part."""
    image, rng = pytest.importorskip("PIL.Image"), np.random.default_rng(0)
    for name, level in ("dark", 60), ("light", 160):
        for i in range(20):
            path = tmp_path / "photos" / name / f"{i:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            image.fromarray((level + rng.integers(0, 80, (28, 28))).astype(np.uint8)).save(path)


@pytest.mark.deep
@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize("before, after", [(2, 1), (1, 2), (2, 4)])
def test_by_the_command(started, tmp_path, monkeypatch, before, after):
    """``minidl train`` under ``mpiexec``, of which a rank is killed, and ``--resume`` by another number."""
    monkeypatch.chdir(tmp_path)
    told = "fc64 --data photos --input 1,28,28 --epochs 4 --batch-size 8 --save-every 1 --optimizer sgd --lr 0.01"
    assert main(["train", *told.split(), "--out", "whole"]) == 0
    job = started(before, "-m", "minidl", "train", *told.split(), "--out", "moved")
    printed = ""
    while "Epoch 1/4: loss" not in printed:
        line = job.stdout.readline()
        assert line, printed
        printed += line
    processes = re.findall(r"is process (\d+) of", printed)
    os.kill(int(processes[-1]) if processes else job.pid, signal.SIGKILL)
    job.communicate(timeout=300)
    assert not (tmp_path / "moved" / "history.csv").exists()
    if after == 1:
        assert main(["train", "--out", "moved", "--resume"]) == 0
    else:
        job = started(after, "-m", "minidl", "train", "--out", "moved", "--resume")
        printed = job.communicate(timeout=300)[0]
        assert job.returncode == 0, printed
    theirs, ours = (np.genfromtxt(tmp_path / run / "history.csv", delimiter=",") for run in ("whole", "moved"))
    np.testing.assert_allclose(ours[1:], theirs[1:], rtol=1e-4)
    ours, theirs = (md.load(tmp_path / folder / "weights.safetensors") for folder in ("moved", "whole"))
    for name, tensor in theirs.items():
        np.testing.assert_allclose(ours[name].numpy(), tensor.numpy(), rtol=1e-4, atol=1e-5)
