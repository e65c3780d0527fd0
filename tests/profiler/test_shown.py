"""What a profile shows: tables, a trace, and a roofline."""

import json
import threading

import numpy as np
import pytest

import minidl as md
from minidl import nn
from minidl.profiler import Average, EventList, Peaks, Shares, measure_peaks, profile, record_function
from minidl.profiler.events import duration
from minidl.profiler.roofline import median_seconds, roofline


@pytest.fixture
def averages():
    """Two ops: 2 GFLOP and 1 GB in half a second, of which a fifth was products; and one without any work."""
    one = Average("convolve", 2, 500e3, 400e3, 100e3, 100e3, 2 * 10**9, 10**9, ((2, 3), (4,)))
    return [one, Average("alias", 1, 0.0, 0.0)]


def test_a_table_line_by_line(averages):
    table = EventList(averages, 0.8, Shares(0.5, 0.3, 0.2)).table()
    rule = "-" * 93
    assert table.splitlines() == [
        rule,
        "Name      Self CPU %   Self CPU  CPU total  CPU time avg  # of Calls  Products  GFLOP/s  GB/s",
        rule,
        "convolve      50.0 %  400.000ms  500.000ms     250.000ms           2      20 %     4.00  2.00",
        "alias          0.0 %    0.000us    0.000us       0.000us           1                         ",
        rule,
        "800.000ms: products of matrices 50 %, memory traffic 30 %, Python 20 %",
    ]


def test_a_table_of_layers_and_of_shapes(averages):
    head, _, row = EventList(averages, 0.8, Shares(1, 0, 0), of_layers=True).table().splitlines()[1:4]
    assert head == "Name      Total %    Forward   Backward  # of Calls  Products  GFLOP/s  GB/s"
    assert row == "convolve   62.5 %  400.000ms  100.000ms           2      20 %     4.00  2.00"
    head, _, row = EventList(averages, 0.8, Shares(1, 0, 0), shapes=True).table().splitlines()[1:4]
    assert head.endswith("  GB/s   Input Shapes") and row.endswith("  2.00  [[2, 3], [4]]")


def test_what_is_left_out_of_a_table(averages):
    lines = EventList(averages, 0.0, Shares(0, 0, 1)).table(row_limit=1).splitlines()
    assert lines[4] == "and 1 more" and lines[5].startswith("---") and "%" not in lines[3].replace("20 %", "")
    assert "and" not in EventList(averages, 1.0, Shares(0, 0, 1)).table(row_limit=2)
    assert "and 2 more" in EventList(averages, 1.0, Shares(0, 0, 1)).table(row_limit=0)


@pytest.mark.parametrize("microseconds, shown", [
    (999.9, "999.900us"), (1000.0, "1.000ms"), (999_999.0, "999.999ms"), (1e6, "1.000s"), (2.5e9, "2500.000s"),
])  # fmt: skip
def test_durations(microseconds, shown):
    assert duration(microseconds) == shown


def test_averages_add_up(ticking):
    """Of two calls; by the clock of looks each takes a second, and of products each has one in three."""
    x = md.ones(2, 2)
    with profile() as prof:
        for _ in range(2):
            x @ x
    [average] = prof.key_averages()
    assert f"{'33 %':>10}" in prof.key_averages().table()
    assert (average.count, average.cpu_time_total, average.self_cpu_time_total) == (2, 6e6, 6e6)
    assert (average.products_time_total, average.flops, average.bytes) == (2e6, 32, 96)
    assert average.cpu_time == 3e6


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


def test_messages_in_a_trace(ticking, tmp_path):
    """Begin and end, by one number: by the clock of looks a message is sent at 1 and seen to be done at 3 seconds."""
    answers = iter([False, True, True])

    class Request:
        Test = staticmethod(lambda: next(answers))

    with profile() as prof:
        sent = prof.sent("all_reduce", Request)
        assert not sent.Test()
        prof._now()
        assert sent.Test() and sent.Test()
    prof.export_chrome_trace(tmp_path / "trace.json")
    first, last = json.loads((tmp_path / "trace.json").read_text("utf-8"))["traceEvents"]
    assert (first["name"], first["cat"], first["ph"], first["ts"]) == ("all_reduce", "message", "b", 1e6)
    assert (last["ph"], last["ts"]) == ("e", 3e6) and first["id"] == last["id"] == 0


def test_roofline():
    """By hand, with 10 bytes and 100 operations a second: of 5 operations a byte 50 can be had, of 50 a byte 100."""
    thin = md.profiler.Average("thin", 1, 2e6, 2e6, flops=50, bytes=10)
    thick = md.profiler.Average("thick", 1, 1e6, 1e6, flops=50, bytes=1)
    lines = roofline([thick, thin], Peaks(flops=100, bandwidth=10), 5).splitlines()
    assert " ".join(lines[3].split()) == "thin 2.000s 5.00 0.00 0.00 0.0 50 % memory"
    assert " ".join(lines[4].split()) == "thick 1.000s 50.00 0.00 0.00 0.0 50 % arithmetic"
    assert len(roofline([thick, thin], Peaks(100, 10), 1).splitlines()) == len(lines) - 1
    assert Peaks(100, 10).roof(5) == 50 and Peaks(100, 10).roof(20) == 100


def test_a_roofline_line_by_line(averages):
    """2 GFLOP and 1 GB in half a second, where 10 GFLOP/s and 4 GB/s can be had: 8 GFLOP/s with 2 FLOP a byte."""
    rule = "-" * 79
    moved = Average("copy", 1, 1e6, 1e6, bytes=10)  # has no operations, and no place here
    assert roofline([*averages, moved], Peaks(10e9, 4e9), 9).splitlines() == [
        rule,
        "Name           Time  FLOP/byte  GFLOP/s  GB/s  Roof, GFLOP/s  Of roof  Bound by",
        rule,
        "convolve  500.000ms       2.00     4.00  2.00            8.0     50 %    memory",
        rule,
        "this machine: product 10 GFLOP/s, copy 4.0 GB/s",
    ]


def test_roofline_of_a_profile():
    with profile() as prof:
        md.ones(50, 50) @ md.ones(50, 50)
    table = prof.roofline(Peaks(flops=2e9, bandwidth=1e9))
    assert "matrix_product" in table and "this machine: product 2 GFLOP/s, copy 1.0 GB/s" in table
    assert "arithmetic" in table  # 250,000 operations on 30,000 bytes
    with profile() as prof:
        for op in (
            md.exp,
            md.log,
            md.sin,
            md.cos,
            md.tan,
            md.tanh,
            md.sqrt,
            md.abs,
            md.neg,
            md.square,
            md.floor,
            md.ceil,
            md.sign,
            md.sigmoid,
            md.log1p,
            md.expm1,
            md.rsqrt,
            md.reciprocal,
            md.erf,
            md.log2,
            md.exp2,
        ):
            op(md.ones(3))  # fmt: skip
    assert len(prof.roofline(Peaks(1, 1)).splitlines()) == 20 + 5


def test_what_is_timed_for_peaks(monkeypatch):
    """A product and a copy in float32; half a second each."""
    products, copies = [], []
    monkeypatch.setattr(np, "matmul", lambda a, b, out: products.append((a.shape, out.shape, a.dtype)))
    monkeypatch.setattr(np, "copyto", lambda target, source: copies.append(source.nbytes))
    monkeypatch.setattr("minidl.profiler.roofline.median_seconds", lambda call: (call(), 0.5)[1])
    assert measure_peaks(side=10, megabytes=1) == (2 * 10**3 / 0.5, 2 * 2**20 / 0.5)
    assert products == [((10, 10), (10, 10), np.float32)] and sum(copies) == 2**20


def test_the_first_call_is_not_counted(ticking):
    seconds = iter([1000, 9, 1, 8, 2, 7, 3, 6, 4, 5])
    assert median_seconds(lambda: ticking(next(seconds))) == 5 + 1  # a look at the clock takes one


def test_peaks(ticking):
    """Two operations for each multiplication, and a byte counts when it is read and when it is written."""
    flops, bandwidth = measure_peaks(side=10, megabytes=1)
    assert flops == 2 * 10**3 and bandwidth == 2 * 2**20  # in a second, by the clock of looks
