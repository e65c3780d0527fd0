"""What is said of ranks against threads: the overlap by hand, and the command on two ranks."""

import json
import math

import pytest
from distributed.conftest import started  # noqa: F401

from benchmarks.ranks import main, overlap
from minidl import distributed
from minidl.distributed.group import LAUNCHED
from minidl.profiler.events import Event


def event(kind, start, end, backward=False):
    return Event("", kind, (), backward, start=start, end=end)


def test_the_overlap():
    """Of messages from 2 to 5 and 6 to 9 seconds, backward until 7 covers 3 and 1 of 6."""
    ops = [event("op", 0, 1), event("op", 1, 4, backward=True), event("op", 4, 7, backward=True)]
    messages = [event("message", 2, 5), event("message", 6, 9)]
    assert overlap(ops + messages) == pytest.approx(4 / 6)
    assert overlap([*ops, event("message", 8, 9)]) == 0 and math.isnan(overlap(ops))


@pytest.mark.deep
def test_the_command(started, tmp_path):  # noqa: F811
    told = "--network SimpLeNet --batch 4 --turns 1 --steps 1 --trace trace.json --out out.json"
    job = started(2, "-m", "benchmarks.ranks", *told.split())
    printed = job.communicate(timeout=300)[0]
    assert job.returncode == 0 and printed.startswith("SimpLeNet, batch 4: 2 ranks of one thread give "), printed
    record = json.loads((tmp_path / "out.json").read_text())
    assert len(record["ratios"]) == 1 and 0 <= record["overlap"] <= 1
    kinds = {row["cat"] for row in json.loads((tmp_path / "trace.json").read_text())["traceEvents"]}
    assert {"op", "message"} <= kinds


def test_one_rank_is_refused(capsys, monkeypatch):
    for name in LAUNCHED:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit):
        main([])
    distributed.destroy_process_group()
    assert "1 ranks for a batch of 128: start it by mpiexec" in capsys.readouterr().err
