"""A rank that raises, hangs or goes elsewhere ends all, with a message that says which one and why."""

import re
import subprocess
import sys

import pytest
from distributed.conftest import HERE, absent


@pytest.mark.parametrize("n, name, said", [
    (2, "rounds.uneven", r"minidl: rank 1 of 2 .* ends the job: ValueError: evaluate: there are no batches"),
    (3, "programs.raising", r"minidl: rank 1 of 3 \(process \d+ of .*\) ends the job: KeyError: 'no such thing'"),
    (2, "programs.returning", r"ends the job: .*the ranks differ: rank 1: the end of the program; the others: barrier"),
    (2, "programs.late", r"ends the job: RuntimeError: init_process_group: waited for 1 s: rank 1 did not come and "
     r"gives no sign of life\. Do all ranks call it"),
    pytest.param(3, "programs.hanging", "ends the job: RuntimeError: all_reduce: waited for 4 s: rank 1 did not come "
                 "and gives no sign of life", marks=pytest.mark.deep),
    (2, "programs.elsewhere", r"rank 0 of 2 .* ends the job: RuntimeError: backward: waited for 4 s: rank 1 waits in "
     "the end of the program instead"),
])  # fmt: skip
def test_the_rank_and_the_cause_are_named(ranks, n, name, said):
    printed = ranks(n, name, fails=True)
    assert re.search(said, printed), printed
    if name == "programs.raising":  # the others meet no limit of their own
        assert printed.count("ends the job") == 1, printed


@pytest.mark.deep
def test_killed_ranks():
    """``kills.py``: the job ends in time, names the process, and goes on to the same bits."""
    if absent():
        pytest.skip(absent())
    pytest.importorskip("PIL")
    command = [sys.executable, str(HERE / "kills.py"), "--ranks", "2", "--kills", "5"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("2 ranks, one killed 5 times") and "; 0 things were wrong" in done.stdout
