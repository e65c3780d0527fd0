"""What a profile shows: tables, a trace, and a roofline."""

import json
import threading

import pytest

import minidl as md
from minidl import nn
from minidl.profiler import Peaks, measure_peaks, profile, record_function
from minidl.profiler.roofline import roofline


def test_table():
    """PyTorch's columns, sorted and cut off where it is asked for."""
    x = md.ones(1000, 10)
    with profile() as prof:
        for _ in range(3):
            x.exp()
        x.reshape(10, 1000)
    lines = prof.key_averages().table(sort_by="count").splitlines()
    assert lines[1].split("  ")[0] == "Name" and "Self CPU %" in lines[1] and "# of Calls" in lines[1]
    assert [line.split()[0] for line in lines[3:5]] == ["exp", "reshape"]
    short = prof.key_averages().table(sort_by="flops", row_limit=1)
    assert "reshape" not in short and "and 1 more" in short
    assert "reshape" in prof.key_averages().table(row_limit=-1)
    with pytest.raises(ValueError, match="sort_by must be one of count, cpu_time, .* got 'cuda_time'"):
        prof.key_averages().table(sort_by="cuda_time")


def test_shapes():
    x, y = md.ones(2, 3), md.ones(4)
    with profile() as prof:
        for z in x, y, y:
            z.exp()
    found = [(a.key, a.input_shapes, a.count) for a in prof.key_averages(group_by_input_shape=True)]
    assert found == [("exp", ((2, 3),), 1), ("exp", ((4,),), 2)]
    assert "[[2, 3]]" in prof.key_averages(group_by_input_shape=True).table()
    assert len(prof.key_averages()) == 1 and prof.key_averages()[0].count == 3


def test_chrome_trace(tmp_path):
    """Complete events, in microseconds, each within the one around it."""
    with profile() as prof, record_function("step"):
        nn.Sequential(nn.Linear(4, 4))(md.ones(3, 4))
    prof.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text("utf-8"))["traceEvents"]
    assert [(e["name"], e["cat"]) for e in events[:3]] == [
        ("step", "range"), ("Sequential", "layer"), ("0 (Linear)", "layer"),
    ]  # fmt: skip
    assert all(e["ph"] == "X" and e["ts"] >= 0 and e["dur"] > 0 for e in events)
    step, network = events[:2]
    assert step["ts"] <= network["ts"] and network["ts"] + network["dur"] <= step["ts"] + step["dur"]
    assert events[3]["args"]["layer"] == "Sequential > 0 (Linear)"


def test_a_trace_event_by_event(ticking, tmp_path, monkeypatch):
    """By the clock of looks: the op's from 1 to 2 seconds."""
    monkeypatch.setattr("os.getpid", lambda: 7)
    with profile() as prof:
        md.ones(5).exp()
    prof.export_chrome_trace(str(tmp_path / "trace.json"))
    assert json.loads((tmp_path / "trace.json").read_text("utf-8")) == {
        "traceEvents": [{
            "name": "exp", "cat": "op", "ph": "X", "ts": 1e6, "dur": 1e6, "pid": 7, "tid": threading.get_ident(),
            "args": {"layer": "", "flops": 5, "bytes": 40},
        }],
        "displayTimeUnit": "ms",
    }  # fmt: skip


def test_roofline():
    """By hand, with 10 bytes and 100 operations a second: of 5 operations a byte 50 can be had, of 50 a byte 100."""
    thin = md.profiler.Average("thin", 1, 2e6, 2e6, flops=50, bytes=10)
    thick = md.profiler.Average("thick", 1, 1e6, 1e6, flops=50, bytes=1)
    lines = roofline([thick, thin], Peaks(flops=100, bandwidth=10), 5).splitlines()
    assert " ".join(lines[3].split()) == "thin 2.000s 5.00 0.00 0.00 0.0 50 % memory"
    assert " ".join(lines[4].split()) == "thick 1.000s 50.00 0.00 0.00 0.0 50 % arithmetic"
    assert len(roofline([thick, thin], Peaks(100, 10), 1).splitlines()) == len(lines) - 1
    assert Peaks(100, 10).roof(5) == 50 and Peaks(100, 10).roof(20) == 100


def test_roofline_of_a_profile():
    with profile() as prof:
        md.ones(50, 50) @ md.ones(50, 50)
    table = prof.roofline(Peaks(flops=2e9, bandwidth=1e9))
    assert "matrix_product" in table and "this machine: product 2 GFLOP/s, copy 1.0 GB/s" in table
    assert "arithmetic" in table  # 250,000 operations on 30,000 bytes


def test_peaks(ticking):
    """Two operations for each multiplication, and a byte counts when it is read and when it is written."""
    flops, bandwidth = measure_peaks(side=10, megabytes=1)
    assert flops == 2 * 10**3 and bandwidth == 2 * 2**20  # in a second, by the clock of looks
