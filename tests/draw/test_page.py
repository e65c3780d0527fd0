"""The page as a file."""

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest

import minidl as md
from minidl import draw
from minidl.draw.page import SCRIPTS

HERE = Path(draw.__file__).parent


def data_of(text):
    """What the page knows."""
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])


@pytest.fixture(scope="module")
def lenet():
    return md.models.lenet5()


def test_the_numbers_are_the_networks(lenet):
    text = draw.page(lenet)
    data = data_of(text)
    assert "<title>Draw a digit</title>" in text
    numbers = np.frombuffer(base64.b64decode(data["numbers"]), "<f4")
    assert len(numbers) == sum(p.numel() for p in lenet.parameters())
    told = {layer["path"]: layer for layer in data["layers"]}
    for path, parameter in lenet.named_parameters():
        layer, _, name = path.rpartition(".")
        np.testing.assert_array_equal(numbers[slice(*told[layer]["tensors"][name])], parameter.detach().numpy().ravel())
    assert told["0"]["stride"] == [1, 1] and told["0"]["padding"] == [2, 2] and told["0"]["shape"] == [6, 28, 28]
    assert (data["mean"], data["std"], data["samples"]) == (0, 1, None) and data["classes"] == list("0123456789")


def test_what_it_is_told(lenet):
    classes = ["</script>", *"bcdefghij"]
    images = np.zeros((2, 1, 28, 28), np.float32)
    images[1, 0, 3, 5:8] = 0.5, 2, -1
    text = draw.page(
        lenet, title="A <b> & C", classes=classes, mean=0.25, std=0.5, samples=(md.tensor(images), np.array([3, 9]))
    )
    assert "<title>A &lt;b&gt; &amp; C</title>" in text and text.count("</script>") == 2
    data = data_of(text)
    assert (data["classes"], data["mean"], data["std"]) == (classes, 0.25, 0.5)
    pixels = np.frombuffer(base64.b64decode(data["samples"]["pixels"]), np.uint8).reshape(2, 28, 28)
    assert data["samples"]["labels"] == [3, 9] and pixels.sum() == 128 + 255 and pixels[1, 3, 5] == 128
    digits = np.arange(784, dtype=np.uint8).reshape(1, 1, 28, 28)
    pixels = data_of(draw.page(lenet, samples=(digits, [0])))["samples"]["pixels"]
    assert base64.b64decode(pixels) == digits.tobytes()


def test_numbers_of_numpy_are_numbers_there():
    network = md.nn.Sequential(md.nn.Flatten(), md.nn.Linear(784, 2), md.nn.LeakyReLU(np.float32(0.5)))
    data = data_of(draw.page(network, classes=np.arange(2)))
    assert data["layers"][-1]["negative_slope"] == 0.5 and data["classes"] == ["0", "1"]


def test_all_is_in_it_and_nothing_is_asked_for(lenet):
    text = draw.page(lenet)
    assert not re.search(r"\{\{\w+\}\}|(?:src|href)=\"(?!data:)|@import|url\(|\bfetch\(|\bimport\b", text)
    assert sorted(path.stem for path in HERE.glob("*.js")) == sorted(SCRIPTS)
    for name in ("style.css", *(f"{script}.js" for script in SCRIPTS)):
        assert (HERE / name).read_text("utf-8") in text


def test_simplenets_page_is_small():
    digits = np.random.default_rng(0).integers(0, 256, (60, 1, 28, 28)).astype(np.uint8)
    assert len(draw.page(md.models.SimpLeNet(), samples=(digits, [0] * 60)).encode()) < 2e6


REFUSED = {
    "the network gives 10 scores, and there are 2 classes": dict(classes="ab"),
    "std must be finite and more than 0, got 0": dict(std=0),
    "std must be finite and more than 0, got inf": dict(std=float("inf")),
    "mean must be finite, got nan": dict(mean=float("nan")),
    "expected samples in .*, got some that are not finite": dict(samples=(np.full((1, 1, 28, 28), np.nan), [1])),
    "expected samples M×1×28×28 and M labels, got 2×28×28 and 2": dict(samples=(np.zeros((2, 28, 28)), [1, 2])),
    "got 2×1×28×28 and 1": dict(samples=(np.zeros((2, 1, 28, 28)), [1])),
    "expected samples that are uint8, or floats in .*, got int64": dict(samples=(np.zeros((1, 1, 28, 28), int), [1])),
    "expected labels that are integers from 0 to 9, got .*10": dict(samples=(np.zeros((1, 1, 28, 28)), [10])),
    "integers from 0 to 9, got .*0.5": dict(samples=(np.zeros((1, 1, 28, 28)), [0.5])),
}


@pytest.mark.parametrize("words", REFUSED)
def test_refusals(lenet, words):
    with pytest.raises(ValueError, match=f"draw: .*{words}"):
        draw.page(lenet, **REFUSED[words])


def test_another_network_size_is_refused():
    with pytest.raises(ValueError, match="0: Conv2d"):
        draw.page(md.nn.Sequential(md.nn.Conv2d(3, 4, 3)))
