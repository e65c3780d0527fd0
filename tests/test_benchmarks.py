"""The benchmarks: all of them run, what is wrong is refused, and figures are what they say. No time is asserted."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md
from benchmarks import floor, gpu, memory, pictures, starts
from benchmarks.__main__ import MODULES, main
from benchmarks.case import Asked, Case, registry
from benchmarks.engines import Minidl, Work, engine
from benchmarks.networks import problem
from benchmarks.report import as_json, digits, table
from benchmarks.summary import grouped, means, summarise
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


SLOW = [pytest.param(name, marks=pytest.mark.deep) for name in registry if name != "small_ops"]


@pytest.mark.parametrize("name", ["small_ops", *SLOW])
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


@pytest.mark.deep
@pytest.mark.parametrize("peer, agreeing", [("torch", 18), ("mygrad", 4), ("jax", 9)])
def test_peers_agree(peer, agreeing, capsys):
    """Each installed peer computes the same training steps, of every network that it has the layers for."""
    library = pytest.importorskip(peer)
    if peer == "torch":
        library.set_num_threads(1)  # beside other tests its threads wait for one another
    assert main(["training", "--quick", "--repeats", "1", "--peers", peer]) == 0
    assert capsys.readouterr().out.count(" × this") == agreeing


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


@pytest.mark.parametrize("arguments", [
    ["trainig"], ["--peers", "numpy"], ["--device", "tpu"], ["--device", "cuda:99"],
    ["training", "--networks", "LeNet", "AlexNet"], ["training", "--starts", "0"], ["--threads", "1", "0"],
])  # fmt: skip
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
    assert as_json(row)["own / candidate"] == {"shifted": 0.5}
    row.samples["shifted"] = [4.0, 1.0, 1.0]
    assert as_json(row)["own / candidate in the same turn, quartiles"] == {"shifted": [1.125, 2.0, 5.5]}
    row.samples["shifted"] = [0.0, 0.0, 0.0]
    assert row.paired() == {}
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
    calls, timed, warmed = [], [], []

    class Clocked(Minidl):
        warm_up = 3

        def seconds(self, call, times):
            warmed.append(len(calls)) if times == 1 else timed.append(len(calls))
            calls[:] = calls if times > 1 else []
            for _ in range(times):
                call()
            return 0.001 * times

    case = Case("clock", lambda engine: Work(lambda: calls.append(None)))
    assert measure("test", case, [Clocked()], repeats=3).samples == {"minidl": pytest.approx([0.001] * 3)}
    assert warmed == [3] and timed == [2, 23, 44]  # each after one more call than the 20 timed ones before
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


def test_a_peak_is_in_units_of_1024_kibibytes(monkeypatch, tmp_path):
    (tmp_path / "status").write_text("VmPeak:\t 9999 kB\nVmHWM:\t    2560 kB\nVmRSS:\t 1 kB\n")
    monkeypatch.setattr(memory, "PROC", tmp_path)
    assert memory.peak() == 2.5


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


# --- several processes ------------------------------------------------------------------------------------------------


def rows(benchmark="training", case="A", **medians):
    """What a process wrote of a case."""
    return {"benchmark": benchmark, "case": case, "unit": "s", "own": "minidl", "median": medians} | {
        "left out": {}, "refused": {}
    }  # fmt: skip


def test_ratios_of_starts():
    """A ratio is of the medians of one start; of several the median is said, the smallest and the largest."""
    runs = [(1, [rows(minidl=1.0, torch=2.0)]), (1, [rows(minidl=3.0, torch=2.0)]), (1, [rows(minidl=2.0, torch=2.0)])]
    [summary] = summarise(runs)
    assert summary.ratios() == {"torch": [0.5, 1.5, 1.0]}
    assert summary.ratios("torch") == {"minidl": [0.5, 1.5, 1.0], "torch": [1, 1, 1]}
    assert "minidl: 1.00 × this (0.50 – 1.50 in 3 starts)" in summary.table()
    assert summary.as_json()["own / candidate"] == {"torch": {"median": 1.0, "low": 0.5, "high": 1.5}}


def test_geometric_means():
    runs = [(threads, [rows(minidl=1.0, torch=2.0), rows(case="B", minidl=8.0, torch=2.0)]) for threads in (1, 2)]
    groups = dict(grouped(summarise(runs)))
    assert list(groups) == ["training, 1 thread", "training, 2 threads"]
    assert means(groups["training, 1 thread"]) == {"torch": pytest.approx(math.sqrt(0.5 * 4))}
    assert means(groups["training, 1 thread"][:1]) == {}
    assert list(dict(grouped(summarise(runs[::-1])))) == list(groups)
    labels, found = pictures.lines(summarise(runs[:1]), "torch")
    assert labels == [f"training, 1 thread: {case}" for case in ("A", "B", "GEOMETRIC MEAN")]
    assert found[0]["minidl"] == [0.5] and found[2]["minidl"] == [pytest.approx(math.sqrt(2))]


def test_what_any_start_left_out_is_said():
    runs = [(None, [rows(minidl=1.0) | {"left out": {name: name.upper()}}]) for name in "ab"]
    [summary] = summarise(runs)
    assert summary.left_out == {"a": "A", "b": "B"}


@pytest.mark.deep
def test_several_starts(tmp_path, capsys):
    """Two processes on one thread, and what they found together."""
    arguments = ["--quick", "--repeats", "1", "--peers", "--starts", "2", "--threads", "1", "--out", str(tmp_path)]
    assert main(["small_ops", *arguments]) == 0
    record = json.loads((tmp_path / "small_ops.json").read_text("utf-8"))
    [result] = record["results"]
    assert record["starts"] == 2 and result["threads"] == 1
    assert len(result["medians"]["minidl"]) == len(result["medians"]["NumPy by hand"]) == 2
    assert "start 2 of 2, 1 threads" in capsys.readouterr().out


def test_a_process_has_its_threads(monkeypatch):
    """And as many cores; this one has its own again."""
    given = []
    monkeypatch.setattr(starts, "cores", lambda: {3, 5})
    monkeypatch.setattr(starts, "give", lambda allowed: given.append(list(allowed)))
    record = starts.child(["small_ops", "--quick", "--repeats", "1", "--peers"], 1)
    assert record["threads"] == 1 and record["environment"]["OMP_NUM_THREADS"] == "1"
    assert given == [[3], [3, 5]]


def test_all_libraries_have_the_threads(monkeypatch):
    given, found = [], []

    def run(command, env, **_):
        found.append({name: value for name, value in env.items() if name.endswith("_NUM_THREADS")})
        (Path(command[-1]) / "x.json").write_text("{}")

    monkeypatch.setattr(starts, "cores", lambda: {3, 5, 7})
    monkeypatch.setattr(starts, "give", lambda allowed: given.append(list(allowed)))
    monkeypatch.setattr("subprocess.run", run)
    assert starts.child([], 2) == {} and given == [[3, 5], [3, 5, 7]]
    assert found[0].items() >= {f"{name}_NUM_THREADS": "2" for name in ("MINIDL", "OMP", "OPENBLAS", "MKL")}.items()


def test_a_failure_of_a_process_is_shown():
    with pytest.raises(RuntimeError, match="no benchmark nonsense"):
        starts.child(["nonsense"], None)


# --- a GPU ------------------------------------------------------------------------------------------------------------


def test_day_of_the_gpu(standin, tmp_path, monkeypatch, capsys):  # noqa: F811
    """On the stand-in: weights are the CPU's, and rows are of minidl on the device that was asked for."""
    few = {name: gpu.NETWORKS[name] for name in ("LeNet-5", "Keras convnet")}
    monkeypatch.setattr("benchmarks.gpu.NETWORKS", few)
    monkeypatch.setattr("benchmarks.training.NETWORKS", few)
    assert gpu.main(["--device", "cuda:1", "--quick", "--tests", "--out", str(tmp_path)]) == 0
    record = json.loads((tmp_path / "gpu.json").read_text("utf-8"))
    assert list(record["weights"]) == list(few) and max(record["weights"].values()) < 1e-10
    assert [row["own"] for row in record["results"]] == ["minidl cuda:1"] * 2
    assert all(row["samples"]["minidl cuda:1"] for row in record["results"])
    left_out = record["results"][0]["left out"]
    assert all("GPU" in why for why in left_out.values())


def test_other_weights_are_noticed(standin, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr("benchmarks.gpu.NETWORKS", {"LeNet-5": gpu.NETWORKS["LeNet-5"]})
    monkeypatch.setattr("benchmarks.training.NETWORKS", {})
    monkeypatch.setattr("benchmarks.gpu.Cuda.numpy", lambda self, tensor: tensor.detach().cpu().numpy() + 1e-6)
    assert gpu.main(["--quick", "--tests", "--out", str(tmp_path)]) == 1


def test_weights_that_no_time_was_left_for_are_no_equal_ones(standin, tmp_path):  # noqa: F811
    assert gpu.main(["--quick", "--minutes", "0", "--tests", "--out", str(tmp_path)]) == 1


def test_without_a_gpu(capsys):
    with pytest.raises(SystemExit) as ended:
        gpu.main(["--quick"])
    assert ended.value.code == 2 and "cuda" in capsys.readouterr().err


@pytest.mark.deep
@pytest.mark.parametrize("body, seconds, passed, summary", [
    ("pass", 60, True, "1 passed"), ("assert False", 60, False, "1 failed"),
    ("import time; time.sleep(60)", 3, False, "time was up after 3 s"),
])  # fmt: skip
def test_tests_of_a_gpu(body, seconds, passed, summary, tmp_path):
    """What pytest says at its end, or that its time was up."""
    (tmp_path / "test_it.py").write_text(f"import pytest\n@pytest.mark.gpu\ndef test_it():\n    {body}\n", "utf-8")
    found = gpu.tests([str(tmp_path), "-n0"], seconds)
    assert found["passed"] == passed and summary in found["summary"]
    assert bool(found["printed"]) != passed or seconds == 3


def test_nothing_is_begun_when_time_is_up():
    assert 59 < gpu.Clock(1).left() <= 60
    clock = gpu.Clock(0)
    assert set(gpu.equality("cuda", 1, clock).values()) == {None}
    assert not gpu.ratios("cpu", Asked(quick=True), 1, clock)
