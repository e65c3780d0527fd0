"""Whole lessons on a GPU's stand-in: nothing passes between it and the CPU but what the lesson itself asks for."""

import itertools
import runpy
import shutil
import sys
from pathlib import Path

import pytest
from standin import HiddenTraffic, asked_for, no_sync, standin  # noqa: F401

import minidl as md
from minidl import optim
from minidl.backend import random, transfer
from minidl.data import DataLoader
from minidl.engine import walk
from minidl.functional import losses
from minidl.learn import Lesson
from minidl.nn import layers
from minidl.optim import optimizer

LESSONS = Path(__file__).parents[2] / "lessons"
SHORT = "06_simplenet"
LOOKING = ("01_gradient", "02_tape", "04_optimizers", "05_convolution", "18_cost")  # at numbers
PACKAGE = Path(md.__file__).parent

# Ways across in the engine, which whoever calls them answers for.
PLUMBING = ("backend/", "engine/core.py", "engine/op.py", "engine/writes.py", "ops/inplace.py")
PLUMBING += ("engine/composed.py", "engine/values.py", "engine/walk.py")
PLUMBING += ("ops/create.py", "ops/from_data.py", "ops/convert.py", "ops/draw.py")
# Who may ask beside the lesson: its data and pictures, files, new parameters.
ASKING = ("learn/", "data/", "files.py", "nn/init.py", "nn/module.py", "nn/summary.py")
DRAWING = "functional/dropout.py:dropout_mask"  # on the CPU, where there are no kernels
PASSES = ("backward", "backward_steps", "step_by_step")  # of engine/walk.py, during which nobody has asked for a value


def asker(frame, script):
    """The function that stands behind a way across, as ``file:name``, or the lesson, which may ask."""
    while frame:
        path, name = Path(frame.f_code.co_filename), frame.f_code.co_name
        if path == script:
            return None
        if path.is_relative_to(PACKAGE):
            place = path.relative_to(PACKAGE).as_posix()
            if not place.startswith(PLUMBING) or name in PASSES:
                return None if f"{place}:{name}".startswith((*ASKING, DRAWING)) else f"{place}:{name}"
        frame = frame.f_back
    return "nobody"


@pytest.fixture
def crossings(monkeypatch, tmp_path, standin):  # noqa: F811
    """`no_sync`, but for ``.numpy()``, ``.item()``, ``.to()`` and the like of whoever may ask, and for random draws."""

    def across(way):
        def crossing(*args):
            if way.__name__ != "fill_uniform" and asker(sys._getframe(1), tmp_path / "lesson.py"):
                return way(*args)
            with asked_for():
                return way(*args)

        return crossing

    for home, name in ((transfer, "fetched"), (transfer, "move"), (random, "fill_uniform")):
        monkeypatch.setattr(home, name, across(getattr(home, name)))
    with no_sync():
        yield


@pytest.fixture
def default_device():
    """What the default device is set to goes with the test."""
    yield
    md.set_default_device("cpu")


@pytest.fixture
def run(default_device, monkeypatch, tmp_path):
    """Run a lesson on the default device, a little of it."""

    def run(lesson):
        script = shutil.copy(LESSONS / f"{lesson}.py", tmp_path / "lesson.py")
        runpy.run_path(str(script), run_name="__main__")

    for name, value in {"MINIDL_OFFLINE": "1", "MINIDL_DATA": "", "XDG_CACHE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["lesson.py", "--profile", "ci", "--device", "cuda"])
    epoch = DataLoader.__iter__
    monkeypatch.setattr(DataLoader, "__iter__", lambda self: itertools.islice(epoch(self), 4))  # of the 50 batches
    return run


@pytest.mark.deep
@pytest.mark.parametrize("lesson", LOOKING)
def test_a_lesson_runs_on_a_gpu(lesson, run, standin, capsys):  # noqa: F811
    run(lesson)
    assert capsys.readouterr().out.endswith(" s in all\n")


@pytest.mark.deep
def test_a_whole_lesson_hides_no_traffic(crossings, run, monkeypatch, capsys):
    devices = set()
    step = optim.Optimizer.step

    def watched(self):
        devices.update(p.device for group in self.param_groups for p in group["params"])
        step(self)

    monkeypatch.setattr(optim.Optimizer, "step", watched)
    run(SHORT)
    assert devices == {"cuda:0"}
    assert "held-out" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (walk, "into_leaves"),  # of backward
        pytest.param(losses, "_check_labels", marks=pytest.mark.deep),  # of cross-entropy
        pytest.param(losses.loss, "softmax_cross_entropy", marks=pytest.mark.deep),
        pytest.param(layers.F, "linear", marks=pytest.mark.deep),
        pytest.param(optimizer.Optimizer, "_require_gradient", marks=pytest.mark.deep),
    ],
    ids=lambda part: getattr(part, "__name__", part),
)
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(md.Tensor.item, id="item"),
        pytest.param(md.Tensor.cpu, id="cpu", marks=pytest.mark.deep),
        pytest.param(bool, id="bool", marks=pytest.mark.deep),
    ],
)
def test_hidden_traffic_is_found(owner, name, way, crossings, run, monkeypatch):
    """A value on the GPU is looked at where the engine calls one of its functions."""
    function = getattr(owner, name)

    def looking(*args, **options):
        way(md.ones(1))
        return function(*args, **options)

    monkeypatch.setattr(owner, name, looking)
    with pytest.raises(HiddenTraffic):
        run(SHORT)


def test_an_unknown_device_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lesson.py", "--device", "tpu"])
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "lesson.py", raising=False)
    with pytest.raises(SystemExit):
        Lesson("99")
    assert "expected 'cpu', 'cuda' or 'cuda:N', got 'tpu'" in capsys.readouterr().err
