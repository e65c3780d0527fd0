"""The least and the largest of CuPy arrays, which one kernel finds."""

import numpy as np
import pytest
from composites import each_dtype
from devices import asked, on_device

import minidl as md
from minidl import functional as F
from minidl.backend.modes import no_fusion
from minidl.backend.transfer import extremes, fetched, unchecked
from minidl.kernels.cuda.extremes import BLOCKS, RUN
from minidl.kernels.cuda.source import BLOCK

pytestmark = pytest.mark.gpu
RNG = np.random.default_rng(0)
SIZES = [1, 2, 31, 255, 256, 257, BLOCK * RUN, BLOCK * RUN + 1, 3 * BLOCK * RUN - 1]
each_size = pytest.mark.parametrize("size", SIZES)


@pytest.fixture(autouse=True)
def nothing_waits():
    yield
    unchecked.clear()


def pair(values, ignore=None, low=0):
    """What the kernel finds."""
    z = extremes(on_device(values), low, ignore)
    assert z.shape == (2,)
    return fetched(z).tolist()


def at(place, value, size, around=1, dtype="float64"):
    """An array with another value at one place."""
    values = np.full(size, around, dtype)
    values[place] = value
    return values


@each_dtype
@each_size
def test_of_floats(size, dtype):
    values = (RNG.permutation(size) % 2000 - 900).astype(dtype)
    assert pair(values) == [values.min(), values.max()]


@each_size
def test_at_each_end(size):
    """Neither is lost that stands where a thread, a block or the array begins or ends."""
    for place in {0, 1, 31, 32, 127, 128, 255, 256, BLOCK * RUN - 1, BLOCK * RUN, size - 2, size - 1} & {*range(size)}:
        for values in (at(place, value, size, dtype=dtype) for value in (-7, 7) for dtype in ("float32", "int64")):
            assert pair(values) == [values.min(), values.max()]


@pytest.mark.parametrize("kind", ["bool", "int8", "uint8", "int16", "int32", "int64"])
def test_of_integers(kind):
    values = RNG.integers(0, 2, 300).astype(kind)
    assert pair(values) == [0, 1]
    if kind != "bool":
        limits = np.iinfo(kind)
        assert pair(np.array([1, limits.max, limits.min], kind)) == [limits.min, limits.max]


def test_what_int64_can_not_hold_is_left_to_cupy(monkeypatch):
    monkeypatch.setattr(extremes, "function", lambda *arguments: arguments)
    values = on_device(np.array([2**64 - 1], np.uint64))
    assert extremes(values, 0, None) == (values, 0, None)


@each_dtype
@pytest.mark.parametrize("place", [0, 1, 254, 5000])
def test_nan_is_both(place, dtype):
    assert np.isnan(pair(at(place, np.nan, 5001, dtype=dtype))).all()
    assert pair(at(place, np.inf, 5001, dtype=dtype)) == [1, np.inf]


@pytest.mark.parametrize("kind", ["uint8", "int16", "int64"])
@pytest.mark.parametrize("ignore", [2, 0, 250, -100, 2**31])
def test_what_is_ignored_counts_as_the_low_end(ignore, kind):
    inside = np.iinfo(kind).min <= ignore <= np.iinfo(kind).max
    values = np.array([5, 6, ignore if inside else 5, 9], kind)
    assert pair(values, ignore, low=4) == [4 if inside else 5, 9]
    assert pair(np.array([ignore] * 3, kind) if inside else values, ignore, low=7) == ([7, 7] if inside else [5, 9])
    assert pair(values, low=4) == [values.min(), values.max()]


def test_of_any_memory_without_fusion_and_of_all_blocks():
    values = RNG.integers(-50, 50, (9, 20))
    for memory in ("channels first", "apart"):
        z = extremes(on_device(values, memory), 0, 7)
        with no_fusion():
            assert fetched(extremes(on_device(values, memory), 0, 7)).tolist() == fetched(z).tolist()
    many = np.zeros(BLOCKS * BLOCK * RUN + 5000, np.float32)
    many[-1], many[len(many) // 2] = 3, -4
    assert pair(many) == [-4, 3]


def test_labels_are_held_against_their_range():
    scores = md.zeros(300, 5, device="cuda")
    F.cross_entropy(scores, md.tensor(at(7, -100, 300, dtype="int64"), device="cuda"))
    F.cross_entropy(scores, md.tensor(at(7, 8, 300, dtype="int32"), device="cuda"), ignore_index=8)
    assert scores.sum().item() == 0
    for label in (5, -1):
        F.cross_entropy(scores, md.tensor(at(299, label, 300, dtype="int64"), device="cuda"))
        with pytest.raises(ValueError, match=f"label {label} is out of range for 5 classes"):
            scores.sum().item()


def test_launches():
    labels, many = (on_device(np.zeros(size, np.int64)) for size in (4096, 4097))
    assert asked(lambda: extremes(labels, 0, -100)) == {"launch": 1}
    assert asked(lambda: extremes(many, 0, -100)) == {"launch": 2}
    assert asked(lambda: extremes(labels.astype(np.int32), 0, -100)) == {"launch": 3}
