"""What the benchmarks count and draw, by value: operations and bytes, roofs, peaks, bars, and what a line says."""

import gc
import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from standin import standin  # noqa: F401

from benchmarks import __main__ as cli
from benchmarks import (
    batches,
    floor,
    import_time,
    inference,
    machine,
    memory,
    ops,
    pictures,
    scaling,
    small_ops,
    training,
)  # fmt: skip
from benchmarks.case import Asked, Case, registry
from benchmarks.engines import Cuda, Lacking, Minidl, Model, Work
from benchmarks.report import as_json, table
from benchmarks.summary import summarise
from benchmarks.timing import Row, Wrong, check, measure
from minidl.profiler.roofline import median_seconds

# --- cases ------------------------------------------------------------------------------------------------------------

CONV = {  # N·OH·OW·O·C·K² multiplications and as many additions, forward; images, results and weights in bytes / 4
    "conv 1→20 5×5 @8, SimpLeNet 1": (2 * 16 * 500, 64, 320, 500),
    "conv 3→32 3×3 @8, VGG-style 1": (2 * 64 * 864, 192, 2048, 864),
    "conv 64→128 3×3 @8, ResNet down": (2 * 16 * 73_728, 4096, 2048, 73_728),
    "conv 256→64 1×1 @8, ResNet 1×1": (2 * 64 * 16_384, 16_384, 4096, 16_384),
    "conv 64→64 3×3 @8, MobileNet depthwise": (2 * 64 * 576, 4096, 4096, 576),
}
OTHERS = {
    "max pool 2×2 20@24, forward": (3 * 2880, 4 * (11_520 + 2880)),
    "max pool 2×2 20@24, forward + backward": (4 * 2880, 4 * (3 * 11_520 + 2 * 2880)),
    "batch norm 32@32, forward + backward": (16 * 65_536, 4 * 5 * 65_536),
    "softmax cross-entropy 4×10, forward + backward": (6 * 40, 4 * 2 * 40),
    "Adam step, 36 parameters": (12 * 36, 4 * 7 * 36),
    "SGD step, 36 parameters": (4 * 36, 4 * 5 * 36),
}


def test_operations_and_bytes():
    cases = {case.name: (case.flops, case.bytes) for case in ops.ops(Asked(quick=True))}
    for name, (flops, x, y, weights) in CONV.items():
        first = x < 256  # images from a data set, whose gradient nobody wants
        assert cases[f"{name}, forward"] == (flops, 4 * (x + y + weights))
        both = flops * (2 if first else 3), 4 * ((2 if first else 3) * (x + weights) + 2 * y)
        assert cases[f"{name}, forward + backward"] == both
    assert {name: cases[name] for name in OTHERS} == OTHERS
    assert len(cases) == 2 * len(ops.CONVOLUTIONS) + 4 + 2 + 2 + 2


def test_what_is_asked_of_an_engine():
    """Whether gradients of the images are wanted, the optimizer by its name, and a network on so many threads."""
    asked = []
    engine = SimpleNamespace(
        gradients=lambda network, images, g, of_images: asked.append(of_images),
        update=lambda parameters, gradients, optimizer: asked.append(optimizer),
    )
    for case in ops.ops(Asked(quick=True)):
        if case.name.startswith(("conv 1→20", "conv 64→128", "Adam", "SGD")) and not case.name.endswith("forward"):
            case.work(engine)
    assert asked == [False, True, True, "Adam", "SGD"]
    threads = {case.name: case.threads for case in scaling.scaling(Asked(quick=True))}
    assert threads == {
        "VGG-style, 8×8, batch 2": None, "VGG-style, 16×16, batch 2": None, "SimpLeNet, batch 2, 1 threads": 1,
        "SimpLeNet, batch 2, 2 threads": 2, "VGG-style, batch 2, 1 threads": 1, "VGG-style, batch 2, 2 threads": 2,
    }  # fmt: skip


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_an_update_is_the_rule(optimizer):
    """Two steps of momentum 0.9, or of Adam, with lr 0.001."""
    p, g = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    update = Minidl(np.float64).update([p], [g], optimizer)
    update.call()
    (got,) = update.outputs()
    expected = p - 1e-3 * (g + 1.9 * g) if optimizer == "SGD" else p - 2e-3 * np.sign(g)
    np.testing.assert_allclose(got, expected, rtol=1e-6)
    assert p.tolist() == [1.0, -2.0]


def test_gradients_that_are_not_wanted_are_not_computed():
    x, y = np.ones((2, 1, 3, 3), np.float32), np.ones((2, 2, 2, 2), np.float32)
    layer = Model(lambda nn: nn.Sequential(nn.Conv2d(1, 2, 2)))
    images = []

    class Kept(Minidl):
        def tensor(self, array):
            images.append(super().tensor(array))
            return images[-1]

    Kept().gradients(layer, x, y, False).call()
    assert images[0].grad is None and not images[0].requires_grad
    shapes = {wanted: [g.shape for g in Minidl().gradients(layer, x, y, wanted).outputs()] for wanted in (True, False)}
    assert shapes == {True: [(2, 1, 3, 3), (2, 1, 2, 2), (2,)], False: [(2, 1, 2, 2), (2,)]}


SIZES = {  # of what is not quick: the images of each case, by its name
    floor: {"SimpLeNet": 128, "VGG-style": 128},
    training: {"LeNet-5": 128},
    inference: {"LeNet-5, batch 1": 1, "LeNet-5, batch 8": 8, "LeNet-5, batch 128": 128},
}


@pytest.mark.parametrize("module", SIZES)
def test_sizes(module):
    seen = []
    engine = SimpleNamespace(
        training=lambda model, images, labels: seen.append(len(images)),
        inference=lambda model, images: seen.append(len(images)),
    )
    (function,) = [f for f in registry.values() if f.__module__ == module.__name__]
    names = []
    for case in function(Asked(networks=["LENET-5"])):
        names.append(case.name)
        case.work(engine)
    assert dict(zip(names, seen, strict=True)) == SIZES[module]


def test_growing_batches(monkeypatch):
    monkeypatch.setattr(batches, "problem", lambda name, batch: (None, None, None))
    (names,) = {tuple(case.name for case in batches.batches(Asked()) if case.name.startswith("SimpLeNet"))}
    assert names == tuple(
        f"SimpLeNet, batch {n}, {what}" for n in (1, 4, 16, 64, 256, 1024) for what in ("training", "inference")
    )


def test_a_case_that_says_nothing_else():
    case = Case("", None)
    assert (case.tolerance, case.unit, case.threads, case.repeats) == (1e-4, "s", None, None)


def test_collections_walk_over_all_again_afterwards(monkeypatch):
    before = gc.get_freeze_count()
    monkeypatch.setattr("gc.collect", lambda: 0)
    case = Case("own", lambda engine: Work(lambda: gc.get_freeze_count()), unit="objects")
    assert measure("test", case, [Minidl()], 1).samples["minidl"][0] > before
    assert gc.get_freeze_count() == before


@pytest.mark.parametrize("asked, repeats, samples", [(5, None, 5), (5, 2, 2), (1, 3, 1)])
def test_samples_are_at_most_those_of_the_case(asked, repeats, samples):
    case = Case("own", lambda engine: Work(lambda: 1.0), unit="MiB", repeats=repeats)
    assert measure("test", case, [Minidl()], asked).samples == {"minidl": [1.0] * samples}


def test_the_worst_of_several_arrays_counts():
    right, wrong = np.ones(2), np.full(2, 1.5)
    for outputs in ([right, wrong], [wrong, right]):
        with pytest.raises(Wrong, match="by 5.0e-01, allowed 1e-04"):
            check(outputs, [right, right], 1e-4)
    assert check([wrong], [right], 0.5) == 0.5
    with pytest.raises(Wrong, match=r"^shapes \[\(1, 2\)\], expected \[\(2,\)\]$"):  # that would broadcast
        check([right[None]], [right], 1e-4)


def test_the_chain_by_hand():
    """It is the chain that engines compute, by its derivative written out."""
    (case,) = small_ops.small_ops(Asked(quick=True))
    expected = case.work(Minidl(np.float64)).outputs()
    got = case.baselines["NumPy by hand"](None).outputs()
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4)


def test_products_are_multiplied():
    network = Model(lambda nn: nn.Sequential(nn.Flatten(), nn.Linear(4, 2)))
    images = np.ones((3, 1, 2, 2), np.float32)
    listed = floor.products(network, images)
    assert [(a.shape, b.shape, out.shape) for a, b, out in listed] == [
        ((3, 4), (4, 2), (3, 2)), ((2, 3), (3, 4), (2, 4)),
    ]  # fmt: skip
    floor.products_alone(network, images).call()


def test_imports(monkeypatch):
    """A process of the package alone; of another layout or device of it there is none."""
    ran = []
    monkeypatch.setattr("subprocess.run", lambda command, check: ran.append((command, check)))
    (case,) = import_time.import_time(Asked(quick=True))
    case.work(Minidl()).call()
    case.baselines["NumPy"](None).call()
    assert ran == [([sys.executable, "-c", f"import {name}"], True) for name in ("minidl", "numpy")]
    with pytest.raises(Lacking, match="^package of its own$"):
        case.work(SimpleNamespace(variant=True))


# --- the machine ------------------------------------------------------------------------------------------------------


def test_ceilings(monkeypatch):
    """64³ multiplications and additions; a MiB read and written, by each thread a part of it."""
    called = []
    monkeypatch.setattr("minidl.profiler.roofline.median_seconds", lambda call: called.append(call()) or 0.5)
    assert machine.ceilings(quick=True) == {"flops": 2 * 64**3 / 0.5, "bytes": 2 * 2**20 / 0.5}
    assert len(called) == 2


def test_median_seconds(monkeypatch):
    """Of the calls after the first."""
    times, calls = iter([0, 100, 200, 203, 300, 301, 400, 402]), []
    monkeypatch.setattr("time.perf_counter", lambda: next(times))
    assert median_seconds(lambda: calls.append(None), times=3) == 2 and len(calls) == 4


@pytest.mark.parametrize("found, said", [
    ({"AVX512F": True, "AVX2": True}, "AVX-512"), ({"AVX512_SKX": False, "AVX512F": False, "AVX2": True}, "AVX2"),
    ({"SVE": True, "ASIMD": True}, "SVE"), ({"ASIMD": True}, "NEON"), ({"AVX2": False}, "no AVX2"),
])  # fmt: skip
def test_instructions(found, said, monkeypatch):
    monkeypatch.setattr(machine, "__cpu_features__", found)
    assert machine.instructions() == said


@pytest.mark.parametrize("changed, said", [("", "1f2e"), (" M README.md\n", "1f2e+")])
def test_revision(monkeypatch, changed, said):
    answers = {"rev-parse": "1f2e\n", "status": changed}
    monkeypatch.setattr("subprocess.run", lambda command, **_: SimpleNamespace(stdout=answers[command[1]]))
    assert machine.revision() == said


@pytest.mark.parametrize("error", [OSError(), subprocess.CalledProcessError(1, "git")])
def test_no_revision(monkeypatch, error):
    def run(*_, **__):
        raise error

    monkeypatch.setattr("subprocess.run", run)
    assert machine.revision() is None


def test_description(monkeypatch):
    blas = {"user_api": "blas", "internal_api": "mkl", "version": "7", "num_threads": 3, "architecture": "Zen"}
    monkeypatch.setattr(machine, "threadpool_info", lambda: [{"user_api": "openmp"}, blas])
    monkeypatch.setattr(machine, "processor", lambda: "a processor")
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    monkeypatch.setattr("os.getloadavg", lambda: (1.5, 2.5, 3.5))
    monkeypatch.setattr("minidl.get_num_threads", lambda: 5)
    monkeypatch.setattr("os.environ", {"OMP_NUM_THREADS": "4", "HOME": "/"})
    said = machine.description(["scipy"])
    assert (said["processor"], said["cores"], said["threads"]) == ("a processor", 12, 5) and said["load"] == 1.5
    assert said["blas"] == ["mkl 7 (Zen), 3 threads"] and said["environment"] == {"OMP_NUM_THREADS": "4"}
    assert list(said["versions"]) == ["minidl", "numpy", "scipy"] and said["versions"]["numpy"] == np.__version__


# --- memory -----------------------------------------------------------------------------------------------------------


def test_a_peak_in_mib(monkeypatch, tmp_path):
    (tmp_path / "status").write_text("VmPeak:\t  9999 kB\nVmHWM:\t  3072 kB\nVmRSS:\t  1024 kB\n")
    monkeypatch.setattr(memory, "PROC", tmp_path)
    assert memory.peak() == 3.0
    memory.start_anew()
    assert (tmp_path / "clear_refs").read_text() == "5"


@pytest.mark.parametrize("platform, unit", [("darwin", 2**20), ("sunos", 2**10)])
def test_a_peak_without_proc(monkeypatch, tmp_path, platform, unit):
    monkeypatch.setattr(memory, "PROC", tmp_path / "none")
    monkeypatch.setattr(memory.resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=7 * unit))
    monkeypatch.setattr(memory.sys, "platform", platform)
    memory.start_anew()
    assert memory.peak() == 7.0


def test_the_process_that_is_measured(monkeypatch, capsys):
    """Its peak after 20 steps, and after those that are asked for, above what it held before the first."""
    steps, seen, peaks = [], [], iter([100.0, 130.0, 150.0])
    monkeypatch.setattr(Minidl, "training", lambda *_: Work(lambda: steps.append(None)))
    monkeypatch.setattr(memory, "start_anew", lambda: seen.append("anew"))
    monkeypatch.setattr(memory, "peak", lambda: seen.append(len(steps)) or next(peaks))
    memory.main("minidl", "minidl", "SimpLeNet", "1", "5")
    assert json.loads(capsys.readouterr().out) == [30.0, 50.0] and seen == ["anew", 0, 20, 25]


def test_what_the_process_that_is_measured_is_asked(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "subprocess.run", lambda command, **_: asked.append(command[1:]) or SimpleNamespace(stdout="[1.0, 2.0]")
    )
    assert memory.peaks(Minidl(), "SimpLeNet", 3, 5) == (1.0, 2.0)
    assert asked == [["-m", "benchmarks.memory", "minidl", "minidl", "SimpLeNet", "3", "5"]]


def test_growth_is_what_comes_after_the_first_steps(monkeypatch):
    asked = []
    monkeypatch.setattr(memory, "peaks", lambda engine, *problem: asked.append(problem) or (30.0, 50.0))
    first, grown = memory.memory(Asked(quick=True))
    assert first.work(Minidl()).call() == 30.0 and grown.work(Minidl()).call() == 20.0
    assert asked == [("SimpLeNet", 1, 0), ("SimpLeNet", 1, 2)] and {first.unit, grown.unit} == {"MiB"}
    assert grown.name == "SimpLeNet, batch 1, growth over 2 more steps"
    assert (first.repeats, grown.repeats) == (3, 1)


# --- what is said and drawn -------------------------------------------------------------------------------------------


@pytest.fixture
def row():
    case = Case("a case", lambda engine: None, tolerance=0.5, flops=6e9, bytes=2e9)
    return Row(
        "ops", case, {"minidl": [3.0, 1.0, 2.0], "peer": [0.004, 0.005, 0.003]}, {"minidl": 0.25},
        {"old": "training"}, {"wrong": "off"},
    )  # fmt: skip


def test_a_table_line_by_line(row):
    assert table(row).splitlines() == [
        "  a case",
        "    minidl                      2.00 s   (1.00 – 3.00)",
        "    peer                        4.00 ms  (3.00 – 5.00)            minidl: 500.00 × this",
        "    old                      left out: it has no training",
        "    wrong                    REFUSED: off",
    ]


def test_json_key_by_key(row):
    assert as_json(row) == {
        "benchmark": "ops", "case": "a case", "unit": "s", "own": "minidl", "median": {"minidl": 2.0, "peer": 0.004},
        "own / candidate": {"peer": 500.0},
        "own / candidate in the same turn, quartiles": {"peer": pytest.approx([1300 / 3, 2000 / 3, 2125 / 3])},
        "samples": row.samples, "error": {"minidl": 0.25}, "tolerance": 0.5,
        "left out": {"old": "training"}, "refused": {"wrong": "off"}, "flops": 6e9, "bytes": 2e9,
    }  # fmt: skip


def test_dots(row):
    """Each candidate's time over minidl's, where there is no PyTorch; a candidate without a time has none."""
    other = Row("ops", Case("other", lambda engine: None), {"minidl": [1.0], "late": [2.0]})
    summaries = summarise([(None, [as_json(r) for r in (row, Row("memory", row.case), other)])])
    (axes,) = pictures.ratios(summaries, "a title").axes
    dots = [line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata())]
    assert [line.get_xydata().tolist() for line in dots] == [[[0.002, 0]], [[2.0, 1]]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ops: a case", "ops: other"]
    assert axes.get_title("left") == "a title" and axes.get_xlabel().startswith("time, as a multiple of minidl's")
    assert axes.get_xscale() == "log" and axes.get_ylim() == (1.5, -0.5)  # the first case on top
    assert pictures.ratios([], "") is None


def test_dots_beside_pytorch():
    """Medians of several starts, with lines from the least to the most, and PyTorch as the line at 1."""
    case = Case("a case", lambda engine: None)
    starts = [Row("ops", case, {"minidl": [x], "PyTorch": [2.0]}) for x in (1.0, 8.0, 4.0)]
    (axes,) = pictures.ratios(summarise([(2, [as_json(start)]) for start in starts]), "").axes
    at_one, spread, dot, _ = axes.lines
    assert at_one.get_label() == "PyTorch" and at_one.get_xdata() == [1, 1]
    assert spread.get_xdata().tolist() == [0.5, 4.0] and dot.get_xdata().tolist() == [2.0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ops, 2 threads: a case"]


def test_points_under_a_roof(row):
    (axes,) = pictures.roofline([row], {"flops": 4e9, "bytes": 1e9}).axes
    roof, *points = axes.lines
    assert {line.get_label(): line.get_xydata().tolist() for line in points} == {
        "minidl": [[3.0, 3.0]], "peer": [[3.0, 1500.0]],
    }  # fmt: skip
    np.testing.assert_allclose(roof.get_ydata(), np.minimum(4, roof.get_xdata()))
    assert axes.get_title() == "product 4 GFLOP/s, copy 1.0 GB/s"
    assert pictures.roofline([Row("ops", Case("none", lambda engine: None))], {}) is None


def test_exit_code_and_name(monkeypatch, tmp_path, capsys):
    """One refusal among several is an error; the figures of all benchmarks are called so."""
    monkeypatch.setattr(cli, "engines", lambda *_: [Minidl()])
    monkeypatch.setattr(cli, "ceilings", lambda quick: {"flops": 1.0, "bytes": 1.0})
    for name in registry:
        monkeypatch.setitem(registry, name, lambda quick: [Case("one", lambda engine: None)])
    refused = iter([{"minidl": "off"}, *[{}] * 99])
    monkeypatch.setattr(cli, "measure", lambda name, case, *_: Row(name, case, refused=next(refused)))
    assert cli.main(["--out", str(tmp_path)]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["all.json"]
    assert cli.main(["ops", "floor", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "ops-floor.json").exists() and str(tmp_path / "ops-floor.json") in capsys.readouterr().out


def test_what_is_left_out_of_the_command_line():
    asked = vars(cli.parser().parse_args([]))
    assert asked.pop("peers") == cli.DEFAULT and asked == {
        "names": [], "cases": "", "networks": [], "style": ["functional"], "device": "cpu", "repeats": 20, "starts": 1,
        "threads": None, "quick": False, "out": None,
    }  # fmt: skip


def test_who_is_measured(monkeypatch, standin):  # noqa: F811
    """On a GPU minidl there and on the CPU, at growing batches, unless benchmarks are named."""
    seen = []
    monkeypatch.setattr("benchmarks.engines.installed", lambda package: True)
    monkeypatch.setattr(cli, "installed", lambda package: True)
    monkeypatch.setattr(cli, "of_package", lambda *asked: seen.append(asked) or [Minidl()] * (len(asked) == 1))
    monkeypatch.setattr(
        cli, "measure", lambda name, case, engines, repeats, own: seen.append((name, repeats, own)) or Row(name, case)
    )
    assert cli.main(["--device", "cuda:1", "--quick", "--cases", "BATCH 2, inf", "--peers", "torch"]) == 0
    assert seen == [("minidl",), ("torch", "cuda:1"), *[("batches", 20, "minidl cuda:1")] * 2]
    assert [engine.name for engine in cli.engines([], "cuda:1")] == ["minidl", "minidl cuda:1"]


def test_what_other_processes_are_asked_and_found(monkeypatch, capsys):
    asked = []
    row = {"benchmark": "training", "unit": "s", "own": "minidl", "median": {"minidl": 1.0, "torch": 2.0}}
    rows = [row | {"case": name, "left out": {}, "refused": {}} for name in "AB"]
    rows[1]["refused"] = {"jax": "off"}

    def measured(*given):
        asked.append(given)
        yield 2, {"results": rows, "ceilings": {}, "versions": {}}

    monkeypatch.setattr(cli, "measured", measured)
    given = ["training", "--cases", "a", "--networks", "LeNet", "--style", "layers", "--peers", "--quick"]
    given = [word if word != "layers" else cli.STYLES[-1] for word in given]
    assert cli.main([*given, "--starts", "3", "--threads", "2"]) == 1  # for the one that is refused
    passed = ["training", "--cases=a", "--device", "cpu", "--repeats", "20", "--style", cli.STYLES[-1], "--peers"]
    assert asked == [([*passed, "--quick", "--networks", "LeNet"], 3, [2])]
    assert capsys.readouterr().out.splitlines()[-1] == "  geometric mean: minidl 0.50 × torch"


def test_a_gpu_is_waited_for(monkeypatch):
    """Before the clock starts, and before it is read."""
    seen, times = [], iter([1.0, 4.0])
    monkeypatch.setattr("minidl.cuda.synchronize", lambda device: seen.append(device))
    monkeypatch.setattr("time.perf_counter", lambda: seen.append("clock") or next(times))
    engine = Cuda("cuda:1")
    assert engine.name == "minidl cuda:1" and engine.seconds(lambda: seen.append("call"), 2) == 3.0
    assert seen == ["cuda:1", "cuda:1", "clock", "call", "call", "cuda:1", "clock"]
