"""The benchmarks: all of them run, what is wrong is refused, and figures are what they say. No time is asserted."""

import dataclasses
import json
import math

import numpy as np
import pytest

import minidl as md
from benchmarks import floor, memory
from benchmarks.__main__ import MODULES, main
from benchmarks.case import Case, registry
from benchmarks.engines import Lacking, Minidl, Work, engine
from benchmarks.networks import NETWORKS, problem
from benchmarks.report import as_json, digits, table
from benchmarks.timing import Wrong, check, measure, reference
from minidl.__main__ import main as minidl
from minidl.backend.modes import mode


class Shifted(Minidl):
    """An engine whose results are a little off, or not there at all."""

    name = "shifted"

    def __init__(self, by):
        super().__init__()
        self.by = by

    def numpy(self, tensor):
        return super().numpy(tensor) + self.by


class Nothing(engine.Engine):
    """An engine without any work."""

    name = "nothing"


@pytest.fixture(autouse=True)
def no_collections(monkeypatch):
    """What the whole suite holds takes a second to walk over, and before each case a benchmark does."""
    monkeypatch.setattr("gc.collect", lambda: 0)


def chain():
    """A small case."""
    x, a, b = np.random.default_rng(0).random((3, 4, 4), np.float32)
    return Case("chain", lambda engine: engine.chain(x, a, b))


def arithmetic(candidate, case=None):
    """The row of a case for minidl and one other engine."""
    return measure("test", case or chain(), [Minidl(), candidate], repeats=2)


@pytest.mark.parametrize("name", registry)
def test_each_benchmark(name, tmp_path, capsys):
    """Its quick form ends, refuses nobody, and writes JSON with finite figures of minidl in every row."""
    assert main([name, "--quick", "--repeats", "1", "--peers", "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / f"{name}.json").read_text("utf-8"))
    assert record["command"].endswith(f"--out {tmp_path}") and record["versions"]["minidl"] == md.__version__
    assert min(record["ceilings"].values()) > 0
    printed = capsys.readouterr().out
    for row in record["results"]:
        assert row["benchmark"] == name and row["case"] in printed
        assert all(math.isfinite(x) and x >= 0 for x in row["samples"]["minidl"])
        assert row["samples"]["minidl"] and not row["refused"]
    assert len({row["case"] for row in record["results"]}) == len(record["results"])


def test_pictures(tmp_path):
    arguments = ["--quick", "--repeats", "1", "--peers", "--out", str(tmp_path), "--cases"]
    main(["small_ops", *arguments, "CHAIN"])
    main(["ops", *arguments, "depthwise"])
    assert {path.name for path in tmp_path.glob("*.png")} == {"small_ops-ratios.png", "ops-roofline.png"}


@pytest.mark.parametrize("peer", ["torch", "mygrad"])
def test_peers_agree(peer, capsys):
    """Each installed peer computes the same training steps, of every network that it has the layers for."""
    library = pytest.importorskip(peer)
    if peer == "torch":
        library.set_num_threads(1)  # beside other tests its threads wait for one another
    assert main(["training", "--quick", "--repeats", "1", "--peers", peer]) == 0
    assert capsys.readouterr().out.count(" × this") >= 3


@pytest.mark.parametrize("by", [1e-2, np.nan, np.inf, np.zeros((2, 1, 1))])
def test_wrong_is_refused(by):
    """Off values, no numbers, and other shapes; the others are timed."""
    row = arithmetic(Shifted(by))
    assert list(row.samples) == ["minidl"] and list(row.refused) == ["shifted"]
    assert "REFUSED" in table(row)


def test_near_is_taken():
    assert list(arithmetic(Shifted(1e-6)).samples) == ["minidl", "shifted"]


def test_refusal_shows_in_the_exit_code(monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.__main__.engines", lambda *_: [Minidl(), Shifted(1)])
    assert main(["small_ops", "--quick", "--repeats", "1"]) == 1
    assert "shifted                  REFUSED: differs from the reference by" in capsys.readouterr().out


def test_lacking_is_left_out():
    row = arithmetic(Nothing())
    assert row.left_out == {"nothing": "a chain of small ops"} and list(row.samples) == ["minidl"]
    assert "left out: it has no a chain of small ops" in table(row)
    row = arithmetic(Nothing(), dataclasses.replace(chain(), threads=1))
    assert row.left_out == {"nothing": "a number of threads that can be set"}


def test_absent_peer_is_said(monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.__main__.installed", lambda package: False)
    assert main(["small_ops", "--quick", "--repeats", "1", "--peers", "torch", "jax"]) == 0
    printed = capsys.readouterr().out
    assert "torch is not installed, so it is left out" in printed and "jax is not installed" in printed


@pytest.mark.parametrize("arguments", [["trainig"], ["--peers", "numpy"], ["--device", "tpu"], ["--device", "cuda:99"]])
def test_usage(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--quick"])
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err.splitlines()[-1]


def test_ratios_are_of_medians():
    row = arithmetic(Shifted(0))
    row.samples = {"minidl": [1.0, 2.0, 9.0], "shifted": [4.0, 4.0, 4.0]}
    assert row.ratios() == {"shifted": 0.5}
    assert "2.00 s   (1.00 – 9.00)" in table(row) and "minidl: 0.50 × this" in table(row)
    assert as_json(row)["minidl / candidate"] == {"shifted": 0.5}
    assert [digits(x) for x in (0.0123, 1.5, 12.34, 123.4, 1234.5)] == ["0.01", "1.50", "12.3", "123", "1234"]


@pytest.mark.parametrize("unit, value, shown", [
    ("s", 2.5, "2.50 s   (2.50 – 2.50)"), ("s", 0.0125, "12.5 ms  (12.5 – 12.5)"),
    ("s", 3e-6, "3.00 µs  (3.00 – 3.00)"), ("MiB", 0.5, "0.50 MiB (0.50 – 0.50)"),
])  # fmt: skip
def test_units(unit, value, shown):
    row = arithmetic(Nothing())
    row.case, row.samples = dataclasses.replace(row.case, unit=unit), {"minidl": [value]}
    assert shown in table(row)


def test_the_reference_is_double_precision_without_kernels():
    case = Case("modes", lambda engine: Work(None, lambda: [np.array(mode.fused), engine.tensor(np.ones(1)).array]))
    fused, numbers = reference(case)
    assert not fused and numbers.dtype == np.float64


def test_a_sample_is_the_time_of_one_call():
    """Of as many as fill 20 ms, after one that is not timed; warm-up and the search for their number come before."""
    calls, timed = [], []

    class Clocked(Minidl):
        warm_up = 3

        def seconds(self, call, times):
            calls.clear() if times == 1 else timed.append(len(calls))
            for _ in range(times):
                call()
            return 0.001 * times

    case = Case("clock", lambda engine: Work(lambda: calls.append(None)))
    assert measure("test", case, [Clocked()], repeats=3).samples == {"minidl": pytest.approx([0.001] * 3)}
    assert timed == [2, 23, 44]  # each after one more call than the 20 timed ones before
    case = dataclasses.replace(case, repeats=2)
    assert len(measure("test", case, [Clocked()], repeats=3).samples["minidl"]) == 2


def test_the_clock_is_that_of_the_wall(monkeypatch):
    seconds = iter([10.0, 10.5])
    monkeypatch.setattr("time.perf_counter", lambda: next(seconds))
    calls = []
    assert Minidl().seconds(lambda: calls.append(None), 4) == 0.5 and len(calls) == 4


def test_samples_of_what_measures_itself():
    case = Case("own", lambda engine: Work(lambda: 7.5), unit="MiB", repeats=1)
    assert measure("test", case, [Minidl()], repeats=3).samples == {"minidl": [7.5]}


def test_threads_are_given_back():
    before, seen = md.get_num_threads(), []
    case = Case("threads", lambda engine: Work(lambda: seen.append(md.get_num_threads()) or 1.0), unit="MiB", threads=1)
    try:
        md.set_num_threads(3)
        measure("test", case, [Minidl()], repeats=1)
        assert seen == [1] and md.get_num_threads() == 3
    finally:
        md.set_num_threads(before)


def test_layers_are_the_network():
    """The list of layers, which peers translate, computes what the network does."""
    for name in NETWORKS:
        network, images, _ = problem(name, 2)
        x = md.from_numpy(images)
        expected = network.eval()(x).detach().numpy()
        layers, _ = engine.stack(network, training=False)
        np.testing.assert_array_equal(md.nn.Sequential(*layers)(x).detach().numpy(), expected)


def test_unknown_layer():
    with pytest.raises(Lacking, match="ReLU"):
        engine.forward({}, [md.nn.ReLU()], [], None)


def test_products_of_the_floor():
    """Their operations are 2·N·OH·OW·O·C·K² for each product, twice for the first layer and three times for others."""
    network, images, _ = problem("SimpLeNet", 3)
    operations = sum(2 * out.size * a.shape[1] for a, _, out in floor.products(network, images))
    first, *others = 24**2 * 20 * 25, 8**2 * 50 * 20 * 25, 800 * 256, 256 * 10
    assert operations == 2 * 3 * (2 * first + 3 * sum(others))


def test_memory_is_of_its_own_process():
    """A large array of this process doesn't count in the child's peak."""
    held = np.ones(1 << 26, np.float32)
    first, last = memory.peaks(Minidl(), "MLP 784-256-256-10", 2, 1)
    assert 1 < first <= last < 256 == held.nbytes / 2**20 < memory.peak()


def test_check_names_both():
    with pytest.raises(Wrong, match=r"by 1.0e\+00, allowed 1e-04"):
        check([np.zeros(2)], [np.ones(2)], 1e-4)
    assert check([], [], 1e-4) == 0


def test_every_module_has_a_benchmark():
    assert {module.__name__ for module in MODULES} == {f"benchmarks.{name}" for name in registry}


def test_minidl_bench(capsys):
    assert minidl(["bench", "small_ops", "--quick", "--repeats", "1", "--peers"]) == 0
    assert "20-op chain" in capsys.readouterr().out


def test_minidl_bench_without_a_checkout(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("minidl.__main__.__file__", str(tmp_path / "minidl" / "__main__.py"))
    assert minidl(["bench"]) == 1
    assert capsys.readouterr().err == (
        "minidl: bench: only a checkout has the benchmarks; there: pip install -e . && minidl bench\n"
    )
