"""Trials on ranks come to what they come to in one process."""

from math import isnan

from distributed import searched
from distributed.conftest import HERE

import minidl as md


def test_trials_on_ranks(started, tmp_path):
    job = started(2, "-m", "mpi4py.futures", HERE / "searched.py", tmp_path / "found.safetensors")
    printed = job.communicate(timeout=300)[0]
    assert job.returncode == 0, printed
    found = md.load(tmp_path / "found.safetensors")["found"]
    assert len(found) == 12
    for ours, theirs in zip(searched.searched(), found, strict=True):
        assert ours == theirs or isnan(ours[2]) and isnan(theirs[2]) and ours[3] == theirs[3]
