"""The page of transforms: its programs run, and every option of Keras's ImageDataGenerator has a row that does it."""

import ast
import inspect
import os
import re
from pathlib import Path

import numpy as np
import pytest

import minidl as md
from minidl.data import transforms as T

PAGE = (Path(T.__file__).parent / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", PAGE, re.M)
IMAGES = np.random.default_rng(0).random((50, 3, 16, 16), np.float32)


def rows_of(images):
    return images.reshape(len(images), -1).astype(float)


@pytest.fixture
def names():
    """What the rows may name."""
    md.manual_seed(0)
    known = {"T": T, "md": md, "np": np, "images": IMAGES, "dataset": md.data.TensorDataset(IMAGES, np.arange(50))}
    exec(PAGE.partition("```python\ndef ")[2].join(["def ", ""]).partition("```")[0], known)
    return known


OPTIONS = {call.partition("=")[0]: (call, program) for call, program in ROWS}
# what an option that draws nothing makes of the images
EXACT = {
    "featurewise_center": lambda x: x - x.mean((0, 2, 3), keepdims=True),
    "featurewise_std_normalization": lambda x: (x - x.mean((0, 2, 3), keepdims=True)) / x.std((0, 2, 3), keepdims=True),
    "samplewise_center": lambda x: x - x.mean((1, 2, 3), keepdims=True),
    "samplewise_std_normalization": lambda x: (x - x.mean((1, 2, 3), keepdims=True)) / x.std((1, 2, 3), keepdims=True),
    "rescale": lambda x: 2 * x,
    "preprocessing_function": np.sqrt,
    "data_format": lambda x: x.transpose(0, 2, 3, 1),
    "dtype": lambda x: x.astype(np.float64),
}


@pytest.mark.parametrize("option", [
    pytest.param(option, marks=[pytest.mark.deep] * option.startswith("zca"))
    for option in OPTIONS if option != "validation_split"
])  # fmt: skip
def test_option(option, names):
    transform = eval(OPTIONS[option][1], names)
    given = md.data.TransformedDataset(names["dataset"], transform)
    ((z, labels),) = md.data.DataLoader(given, batch_size=50)
    assert labels.tolist() == list(range(50))
    assert (z.shape, z.dtype) != (IMAGES.shape, IMAGES.dtype) or (z.numpy() != IMAGES).any()
    if option in EXACT:
        np.testing.assert_allclose(z.numpy(), EXACT[option](IMAGES), 1e-4, 1e-5)
        assert z.dtype == EXACT[option](IMAGES).dtype
    elif option == "zca_whitening":  # what varies at all, varies alike, and without correlation
        covariance = rows_of(z.numpy()).T @ rows_of(z.numpy()) / 50
        values = np.linalg.eigvalsh(covariance)
        np.testing.assert_allclose(values[-49:], 1, atol=0.02)
    elif not option.startswith("zca"):
        alike = transform(md.tensor(IMAGES[:1]).expand(50, 3, 16, 16)).numpy()
        assert len(np.unique(alike.reshape(50, -1), axis=0)) > 1


def test_validation_split(names):
    train, valid = eval(OPTIONS["validation_split"][1], names)
    assert (len(train), len(valid)) == (40, 10)


@pytest.fixture(scope="module")
def generator():
    """Keras's class, which takes seconds to import."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras.src.legacy.preprocessing.image").ImageDataGenerator


@pytest.mark.deep
def test_every_option_has_a_row(generator):
    assert sorted(OPTIONS) == sorted(inspect.signature(generator).parameters)


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:This ImageDataGenerator specifies")
@pytest.mark.parametrize("option", sorted(EXACT.keys() - {"data_format", "dtype"}))
def test_kerass_own(option, names, generator):
    """The same as Keras makes of an image."""
    name, _, value = OPTIONS[option][0].partition("=")
    theirs = generator(**{name: eval(value, names)})
    pictures = IMAGES.transpose(0, 2, 3, 1)
    theirs.fit(pictures)
    expected = np.stack([theirs.standardize(picture.copy()) for picture in pictures]).transpose(0, 3, 1, 2)
    ours = md.data.TransformedDataset(names["dataset"], eval(OPTIONS[option][1], names))
    np.testing.assert_allclose(np.stack([ours[i][0].numpy() for i in range(50)]), expected, 1e-4, 1e-4)


def test_the_page_names_what_there_is():
    for name in re.findall(r"\bT\.(\w+)|transforms\.([A-Z]\w+)", PAGE):
        assert hasattr(T, "".join(name)), name
    ast.parse(re.search(r"```python\n(from .*?)```", PAGE, re.S)[1])
