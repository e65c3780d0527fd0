"""Callbacks against Keras's own: what it does along rows of values is what is on record."""

import inspect
import os
import warnings

import pytest
from train import traces

from minidl.train import callbacks

pytestmark = [pytest.mark.deep, pytest.mark.filterwarnings("ignore")]  # the import alone takes seconds
CASES, FILES = traces.recorded()


@pytest.fixture(scope="module", autouse=True)
def keras():
    """The package, on PyTorch."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("keras", reason="of the extra peers")


@pytest.mark.parametrize("name", ["EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint", "LearningRateScheduler"])
def test_what_keras_does_is_on_record(name):
    """Ours is held to the record in `tests/train/test_traces.py`."""
    for kind, values, options, outcome in CASES:
        if kind == name:
            assert traces.theirs(kind, values, options) == outcome, options


def test_a_first_value_that_is_nan_is_its_best():
    """Ours is none: `test_a_first_value_that_is_nan_is_no_best_one` of `tests/train/test_traces.py`."""
    outcome = traces.theirs(*traces.UNLIKE)
    assert (outcome["epochs"], outcome["weights"]) == (3, 0)


def test_its_files_are_on_record():
    assert traces.their_files() == FILES


@pytest.mark.parametrize("name", ["EarlyStopping", "ReduceLROnPlateau", "LearningRateScheduler", "LambdaCallback"])
def test_arguments(name, keras):
    """Ours have Keras's, in its order, with its defaults."""
    ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (callbacks, keras.callbacks))
    assert [(p.name, p.default) for p in ours.values()] == [
        (p.name, p.default) for p in theirs.values() if p.name != "kwargs" or name == "LambdaCallback"
    ]
