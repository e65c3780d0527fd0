"""What the commands are tried on: pictures of two colours, and a network that tells them apart in no time."""

import os
import shutil

import pytest

from minidl import files, nn
from minidl.__main__ import main
from minidl.commands.trained import TEXT
from minidl.models.registry import NETWORKS, Network


def tiny(num_classes=10):
    """(N, 3, 6, 6) to scores; it learns in a step or two."""
    return nn.Sequential(nn.Flatten(), nn.Linear(108, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, num_classes))


@pytest.fixture(autouse=True)
def network(monkeypatch, tmp_path):
    """``tiny`` is a network; commands run in a folder of their own."""
    monkeypatch.setitem(NETWORKS, "tiny", Network(tiny, (3, 6, 6)))
    monkeypatch.chdir(tmp_path)


TRAIN = ("train", "tiny", "--data", "photos", "--out", "runs/a", "--batch-size", "4", "--epochs", "3", "--lr", "0.01")


@pytest.fixture(scope="session")
def done(tmp_path_factory):
    """A folder with ten pictures each of red and blue, of several sizes and kinds, and a run that has learnt them."""
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("done")
    for name, color in (("red", (220, 30, 20)), ("blue", (10, 40, 200))):
        for i in range(10):
            path = folder / "photos" / name / f"{i}.{'png' if i % 2 else 'jpg'}"
            path.parent.mkdir(parents=True, exist_ok=True)
            shade = tuple(max(0, channel - 9 * i) for channel in color)
            image.new("RGB", (6 + i % 3, 6 + i % 4), shade).save(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS, "tiny", Network(tiny, (3, 6, 6)))
        patch.chdir(folder)
        assert main(TRAIN) == 0
    return folder


@pytest.fixture
def photos(done, tmp_path):
    """The pictures."""
    return shutil.copytree(done / "photos", tmp_path / "photos")


@pytest.fixture
def trained(done, photos, tmp_path):
    """The folder of the run."""
    run = shutil.copytree(done / "runs", tmp_path / "runs") / "a"
    begun, weights = run / "run.json", run / "weights.safetensors"
    begun.write_text(begun.read_text().replace(str(done), str(tmp_path)))
    text = files.metadata(weights)[TEXT].replace(str(done), str(tmp_path))
    files.save(files.load(weights), weights, {TEXT: text})
    return run


@pytest.fixture
def said(capsys):
    """What a command leaves: its exit code, and what it has printed and complained of."""

    def run(*arguments):
        try:
            code = main(list(map(os.fspath, arguments)))
        except SystemExit as exit:
            code = exit.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
