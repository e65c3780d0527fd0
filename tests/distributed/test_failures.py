"""A rank that raises, hangs or goes elsewhere ends all, with a message that says which one and why."""

import re

import pytest


@pytest.mark.parametrize("name, said", [
    ("raising", r"minidl: rank 1 of 3 \(process \d+ of .*\) ends the job: KeyError: 'no such thing'"),
    ("hanging", r"ends the job: RuntimeError: all_reduce: waited for 1.5 s: rank 1 did not come and gives no sign of "
     "life"),
    ("elsewhere", r"ends the job: RuntimeError: backward: waited for 1.5 s: rank 1 waits in barrier instead"),
])  # fmt: skip
def test_the_rank_and_the_cause_are_named(ranks, name, said):
    n = 2 if name == "elsewhere" else 3
    printed = ranks(n, name, fails=True)
    assert re.search(said, printed), printed
    assert printed.count("ends the job") == 1, printed
