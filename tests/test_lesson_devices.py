"""Whole lessons on a GPU's stand-in: nothing passes between it and the CPU but what the lesson itself asks for."""

import itertools
import runpy
import shutil
import sys
from pathlib import Path

import pytest
from standin import asked_for, no_sync, standin, traffic  # noqa: F401

import minidl as md
from minidl import backend, optim
from minidl.data import DataLoader
from minidl.learn import Lesson

LESSONS = Path(__file__).parents[1] / "lessons"


@pytest.fixture
def crossings(monkeypatch):
    """`no_sync`, but for the ways across that the engine has: ``.numpy()``, ``.item()``, ``.to()``, and random draws.

    Without kernels dropout draws on the CPU; with them no copy is made.
    """
    ways = {name: getattr(backend, name) for name in ("fetched", "move", "fill_uniform")}
    for name in ways:

        def across(*args, name=name):
            with asked_for():
                return ways[name](*args)

        monkeypatch.setattr(backend, name, across)
    with no_sync():
        yield


@pytest.fixture
def default_device():
    """What the default device is set to goes with the test."""
    yield
    md.set_default_device("cpu")


@pytest.mark.parametrize("lesson", sorted(path.stem for path in LESSONS.glob("[0-9][0-9]_*.py")))
def test_a_whole_lesson_hides_no_traffic(lesson, standin, crossings, default_device, monkeypatch, tmp_path, capsys):  # noqa: F811
    script = shutil.copy(LESSONS / f"{lesson}.py", tmp_path)
    for name, value in {"MINIDL_OFFLINE": "1", "MINIDL_DATA": "", "XDG_CACHE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", [str(script), "--profile", "ci", "--device", "cuda"])
    devices = set()
    step = optim.Optimizer.step

    def watched(self):
        devices.update(p.device for group in self.param_groups for p in group["params"])
        step(self)

    monkeypatch.setattr(optim.Optimizer, "step", watched)
    epoch = DataLoader.__iter__
    monkeypatch.setattr(DataLoader, "__iter__", lambda self: itertools.islice(epoch(self), 4))  # of the 50 batches
    runpy.run_path(str(script), run_name="__main__")
    assert devices == {"cuda:0"}
    assert "held-out" in capsys.readouterr().out.splitlines()[-1]


def test_an_unknown_device_is_refused(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lesson.py", "--device", "tpu"])
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "lesson.py", raising=False)
    with pytest.raises(SystemExit):
        Lesson("99")
    assert "expected 'cpu', 'cuda' or 'cuda:N', got 'tpu'" in capsys.readouterr().err
