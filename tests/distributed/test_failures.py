"""A rank that raises, hangs or goes elsewhere ends all, with a message that says which one and why."""

import os
import random
import re
import signal
import time

import pytest
from distributed.conftest import HERE


@pytest.mark.parametrize("name, said", [
    ("raising", r"minidl: rank 1 of 3 \(process \d+ of .*\) ends the job: KeyError: 'no such thing'"),
    ("hanging", r"ends the job: RuntimeError: all_reduce: waited for 4 s: rank 1 did not come and gives no sign of "
     "life"),
    ("elsewhere", r"ends the job: RuntimeError: (backward: waited for 4 s: rank 1 waits in barrier|barrier: waited "
     "for 4 s: rank 0 waits in backward) instead"),
])  # fmt: skip
def test_the_rank_and_the_cause_are_named(ranks, name, said):
    n = 2 if name == "elsewhere" else 3
    printed = ranks(n, name, fails=True)
    assert re.search(said, printed), printed
    if name == "raising":  # the others meet no limit of their own
        assert printed.count("ends the job") == 1, printed


def ended(folder):
    """What a training has left at its end."""
    names = ["0.safetensors", "1.safetensors", "history.csv"]
    return [(folder / name).read_bytes() for name in names]


@pytest.fixture
def whole(ranks, tmp_path):
    """The end of a training that nobody kills."""
    folder = tmp_path / "whole"
    folder.mkdir()
    ranks(2, "resumed", folder)
    return ended(folder)


@pytest.mark.parametrize("times", [1, pytest.param(12, marks=pytest.mark.deep)])
def test_killed_ranks(whole, started, ranks, tmp_path, times):
    """A job whose rank is killed ends within 30 s, and its launcher says which process it was; the next goes on."""
    moments = random.Random(times)
    for attempt in range(times):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        job = started(2, HERE / "programs.py", "resumed", folder)
        _, *processes = job.stdout.readline().split()
        time.sleep(moments.uniform(0, 0.4))
        victim = moments.choice(processes)
        os.kill(int(victim), signal.SIGKILL)
        since = time.monotonic()
        printed = job.communicate(timeout=30)[0]
        assert time.monotonic() - since < 30 and job.returncode != 0
        assert f"PID {victim}" in printed, printed
        ranks(2, "resumed", folder)
        assert ended(folder) == whole
