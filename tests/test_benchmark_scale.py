"""The model of scale: messages by hand, the simulated clock by hand, and what it must tend to."""

import json
import time
from pathlib import Path

import numpy as np
import pytest

import minidl as md
from benchmarks.scale import LINKS, RANKS, Link, Step, fitted, main, measured, misfit, simulated
from minidl import distributed
from minidl.distributed.group import LAUNCHED

# gradients of 4 parameters, the last one first: 1 s apart, of 1, 2, 3 and 4 bytes
STEP = Step(forward=2.0, backward=4.5, rest=0.5, arrivals={3: 1.0, 2: 2.0, 1: 3.0, 0: 4.0}, sizes=[1, 2, 3, 4])


@pytest.mark.parametrize("ranks, seconds", [(2, 2 * 3 + 10 / 2 * 2), (8, 6 * 3 + 2 * 10 * 7 / 8), (5, 6 * 3 + 16)])
def test_a_message(ranks, seconds):
    assert Link(3.0, 1.0).all_reduce(10, ranks) == seconds


def test_the_clock():
    """Buckets of parameters 3, then 2 and 1, then 0; of 4, 5 and 1 bytes, and as many seconds on two ranks."""
    options = {"first": 4, "cap": 5}
    # the first from 1 to 5, the second from 5 to 10, the third from 10 to 11: 6.5 s after backward
    assert simulated(STEP, Link(0, 1), 2, **options) == (7 + 6.5, 6.5)
    # with half a second a message and nothing a byte: from 1 to 2, 3 to 4, and 4 to 5
    assert simulated(STEP, Link(0.5, 0), 2, **options) == (7.5, 0.5)
    assert simulated(STEP, Link(0, 1), 2, overlap=False, **options) == (7 + 10, 10)
    assert simulated(STEP, Link(0, 1), 1, **options) == (7, 0)
    assert simulated(STEP, Link(0, 1e-9), 1024, **options).waited == 0


def test_what_it_tends_to():
    """More ranks take longer, and no longer than all that is sent after all that is computed."""
    for link in LINKS.values():
        runs = [simulated(STEP, link, ranks) for ranks in RANKS]
        assert all(a.seconds <= b.seconds for a, b in zip(runs, runs[1:], strict=False))
        assert all(
            run.seconds <= simulated(STEP, link, n, overlap=False).seconds for run, n in zip(runs, RANKS, strict=True)
        )


def test_a_link_is_found_again():
    sizes = [1 << k for k in range(8, 24, 3)]
    link = Link(2e-6, 3e-10)
    np.testing.assert_allclose(fitted(sizes, [link.all_reduce(size, 4) for size in sizes], 4), link, rtol=1e-6)


def test_what_a_link_does_not_tell_is_printed():
    link = {"ranks": 2, "sizes": [1000, 4000], "seconds": [3e-3, 50e-3], "alpha": 1e-3, "beta": 1e-6}
    assert misfit(link).splitlines() == [
        "       1,000 bytes:    3000.0 µs, by α and β    3000.0 (100%)",
        "       4,000 bytes:   50000.0 µs, by α and β    6000.0 (12%)",
    ]


@pytest.mark.parametrize("network", ["SimpLeNet", "VGG-style", "ResNet-50"])
def test_two_machines(network):
    """By the recorded step of one, over Ethernet, they learn from at least 1.8 times its images a second."""
    record = json.loads((Path(__file__).parents[1] / "benchmarks" / "results" / "scale.json").read_text("utf-8"))
    measured = record["networks"][network]["measured"]
    arrivals = {int(number): at for number, at in measured["arrivals"].items()}
    step = Step(**measured | {"arrivals": arrivals})
    assert 2 * step.seconds / simulated(step, LINKS["Ethernet, 10 Gbit/s"], 2).seconds >= 1.8


def test_a_step_is_measured():
    step = measured("SimpLeNet", 2, repeats=1)
    assert sorted(step.arrivals) == list(range(len(step.sizes)))
    assert 0 < step.arrivals[len(step.sizes) - 1] < step.arrivals[0] <= step.backward
    assert step.seconds > step.forward + step.backward


def test_the_command(tmp_path, capsys):
    start = time.perf_counter()
    assert main(["--quick", "--repeats", "1", "--out", str(tmp_path / "scale.json")]) == 0
    assert time.perf_counter() - start < 60
    assert "1024" in capsys.readouterr().out
    record = json.loads((tmp_path / "scale.json").read_text())
    assert len(record["networks"]["SimpLeNet"]["computed"]["Ethernet, 10 Gbit/s"]) == len(RANKS)


def test_the_command_with_a_link_and_the_processors_time(tmp_path, capsys):
    link, out = tmp_path / "link.json", tmp_path / "out.json"
    link.write_text('{"link": {"alpha": 1.0, "beta": 0.0}}')
    threads = md.get_num_threads()
    try:
        assert main(["--quick", "--repeats", "1", "--processor", "--measured", str(link), "--out", str(out)]) == 0
    finally:
        md.set_num_threads(threads)
    record = json.loads(out.read_text())
    step = Step(**record["networks"]["SimpLeNet"]["measured"])
    assert record["clock"] == "process_time" and record["threads"] == 1 and record["links"]["measured"] == [1, 0]
    assert record["networks"]["SimpLeNet"]["computed"]["measured"][1][1] == pytest.approx(
        2 - step.backward + max(step.arrivals.values()), abs=1e-6
    )
    assert "measured" in capsys.readouterr().out


@pytest.mark.parametrize("asked, said", [
    (["--link"], "--link: one rank has no link; mpiexec -n 2 python -m benchmarks.scale --link"),
    (["--out", "nowhere/out.json"], "argument --out: there is no folder nowhere"),
    (["--measured", "nowhere/link.json"], "argument --measured: there is no folder nowhere"),
])  # fmt: skip
def test_what_can_not_be_asked(asked, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in LAUNCHED:
        monkeypatch.delenv(name, raising=False)
    try:
        with pytest.raises(SystemExit) as error:
            main(asked)
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
    assert error.value.code == 2 and said in capsys.readouterr().err
