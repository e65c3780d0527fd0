"""What is measured of a piece of work, by works whose cost is known."""

import os
import time
from contextlib import contextmanager

import numpy as np
import pytest
from distributed.conftest import absent

from minidl.backend import memory
from minidl.learn import measuring
from minidl.learn.measuring import megabytes, on_ranks, seconds

MIB = 1 << 20


@pytest.mark.parametrize("device, clock", [("cpu", "process_time"), ("cuda:1", "perf_counter")])
def test_the_fastest_after_the_first(monkeypatch, device, clock):
    now, takes = [100.0], iter([1.0, 5.0, 3.0, 4.0])
    monkeypatch.setattr(time, clock, lambda: now[0])

    def work():
        now[0] += next(takes)

    assert seconds(work, 3, device) == 3.0
    assert next(takes, None) is None


def test_sleep_costs_a_processor_nothing():
    assert seconds(lambda: time.sleep(0.05), 1) < 0.04 < seconds(lambda: time.sleep(0.05), 1, "cuda")


@pytest.mark.parametrize("empty", [np.empty, memory.empty])
def test_the_most_memory_at_once(empty):
    """Eight MiB, then twelve: what was there before, and went before the most was there, is left out."""
    before, calls = empty((3 * MIB,), np.uint8), []

    def work():
        calls.append(empty((8 * MIB,), np.uint8))
        calls.clear()
        calls.append(empty((8 * MIB,), np.uint8))
        calls.append(empty((4 * MIB,), np.uint8))
        calls.clear()

    assert megabytes(work) == pytest.approx(12 * MIB / 1e6, abs=0.1)
    assert before.nbytes == 3 * MIB


def test_memory_is_no_longer_traced_after_an_error():
    def work(calls=[]):  # noqa: B006
        calls.append(1)
        if len(calls) == 2:
            raise KeyError("second")

    with pytest.raises(KeyError):
        megabytes(work)
    assert not measuring.tracemalloc.is_tracing()


@contextmanager
def typed(keys):
    """Keys that wait in standard input; what is left of them can be read."""
    before, (left, written) = os.dup(0), os.pipe()
    os.write(written, keys)
    os.close(written)
    os.dup2(left, 0)
    try:
        yield left
    finally:
        os.dup2(before, 0)
        for end in before, left:
            os.close(end)


@pytest.mark.skipif(bool(absent()), reason=absent())
def test_on_ranks(tmp_path, capsys, monkeypatch):
    """Also: how long one may wait for the others, and all for an end."""
    monkeypatch.delenv("MINIDL_TIMEOUT", raising=False)
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\nfrom pathlib import Path\nfrom mpi4py import MPI\n"
        "Path(sys.argv[1], str(MPI.COMM_WORLD.rank)).write_text(sys.argv[2] + os.environ['MINIDL_TIMEOUT'])\n"
        "sys.exit(int(sys.argv[3]))\n"
    )
    with typed(b"next") as left:
        assert on_ranks(2, program, tmp_path, "said", 0, limit=100) and capsys.readouterr().out == ""
        assert os.read(left, 9) == b"next"
    assert [(tmp_path / rank).read_text() for rank in "01"] == ["said34", "said34"]
    assert not on_ranks(2, program, tmp_path, "said", 3)
    assert "has not run program.py:" in capsys.readouterr().out
    program.write_text("import time\ntime.sleep(60)\n")
    assert not on_ranks(2, program, limit=1)
    assert "program.py has not ended on 2 ranks within 1 s:" in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["shutil.which", "is_available"])
def test_without_mpi(monkeypatch, tmp_path, capsys, missing):
    monkeypatch.setattr(f"minidl.learn.measuring.{missing}", lambda *_, **__: None)
    assert on_ranks(2, tmp_path / "program.py") is False
    assert capsys.readouterr().out == "No MPI here, and so no ranks: pip install 'minidl[mpi]' brings one\n"
