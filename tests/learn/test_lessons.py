"""The lessons run to their end, are notebooks, and their recorded numbers are those of their present source."""

import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import jupytext
import matplotlib
import numpy as np
import pytest

import minidl as md
from minidl.learn import Lesson, plots, progress
from minidl.learn.extras import extra
from minidl.learn.lesson import processor

LESSONS = Path(__file__).parents[2] / "lessons"
SCRIPTS = sorted(LESSONS.glob("[0-9][0-9]_*.py"))
NAMES = [script.stem for script in SCRIPTS]


def stale(lessons: Path) -> list[str]:
    """The runs recorded in a folder of lessons whose source has changed since."""
    return [
        f"{script.stem}: {run['profile']}, {run['data']}"
        for script in sorted(lessons.glob("[0-9][0-9]_*.py"))
        if (results := lessons / "results" / f"{script.stem[:2]}.json").exists()
        for run in json.loads(results.read_text("utf-8"))
        if run["source_sha256"] != hashlib.sha256(script.read_bytes()).hexdigest()
    ]


def test_recorded_numbers_are_of_the_present_source():
    assert stale(LESSONS) == []


def test_every_record_belongs_to_a_lesson():
    assert {path.stem for path in (LESSONS / "results").glob("*.json")} <= {name[:2] for name in NAMES}


# --- their form -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_form(script):
    cells = jupytext.read(script).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert {cell.cell_type for cell in cells} == {"markdown", "code"}
    assert cells[0].source.startswith(f"# {script.stem[:2]} · ")
    assert len(script.read_text("utf-8").splitlines()) <= 250
    assert 1 <= len(re.findall(r"^## \d+\. ", prose, re.M)) <= 12
    for phase in ("predict", "run", "investigate", "modify", "make"):
        assert phase in prose.lower()


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_round_trip_through_a_notebook(script, tmp_path):
    notebook = jupytext.read(script)
    jupytext.write(notebook, tmp_path / "lesson.ipynb")
    again = jupytext.read(tmp_path / "lesson.ipynb")
    jupytext.write(again, tmp_path / "lesson.py", fmt="py:percent")
    assert [cell.source for cell in jupytext.read(tmp_path / "lesson.py").cells] == [c.source for c in notebook.cells]


# --- their ci profile -------------------------------------------------------------------------------------------------


def run(name: str, folder: Path) -> SimpleNamespace:
    """Run a copy of the script where there is nothing but the embedded digits, away from the checkout."""
    script = shutil.copy(LESSONS / f"{name}.py", folder)
    environment = os.environ | {"MINIDL_OFFLINE": "1", "MINIDL_DATA": "", "XDG_CACHE_HOME": str(folder)}
    environment |= {"MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, script, "--profile", "ci", "--record"]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    (record,) = json.loads((folder / "results" / f"{name[:2]}.json").read_text("utf-8"))
    return SimpleNamespace(text=done.stdout, folder=folder, out=folder / "out" / name[:2], record=record)


def test_gradient(tmp_path):
    lesson = run("01_gradient", tmp_path)
    least = {name: float(value) for name, value in re.findall(r"^(\S+): least error (\S+),", lesson.text, re.M)}
    assert least["central"] < 1e-9 < least["one-sided"] < 1e-7
    assert "f = 9.0, ∂f/∂a = 3.0, ∂f/∂b = 3.0" in lesson.text
    assert re.findall(r"^∂c/∂b = (\S+), ∂c/∂a = (\S+)$", lesson.text, re.M) == [("12.0", "36.0"), ("12.0", "24.0")]
    mine, theirs, apart = re.search(r"^losses (\S+), (\S+); gradients at most (\S+) apart$", lesson.text, re.M).groups()
    assert mine == theirs and float(apart) < 1e-12
    assert "rule        x=lambda g: g  (ops/elementwise.py:" in lesson.text
    assert lesson.record["results"]["Value"][0]["error"] < 0.25
    assert {path.name for path in lesson.out.iterdir()} == {"finite-differences.png", "moons.png"}


@pytest.mark.deep
def test_tape(tmp_path):
    lesson = run("02_tape", tmp_path)
    assert "by finite differences: [4. 4. 4.]" in lesson.text
    assert re.findall(r"^gradient of b: (.*)$", lesson.text, re.M) == ["[4. 4. 4.]", "[8. 8. 8.]"]
    assert "loss 2.3026, ln 10 = 2.3026" in lesson.text
    assert float(re.search(r"gradients at most (\S+) apart", lesson.text)[1]) < 1e-15
    (result,) = lesson.record["results"]["softmax"]
    assert result["error"] < 0.3
    assert lesson.text.splitlines()[-1].startswith(
        f"{1 - result['error']:.1%} of the held-out digits are read right (1,000 +"
    )
    assert {path.name for path in lesson.out.iterdir()} == {"templates.png", "cleared.png"}


@pytest.mark.deep
def test_convolution(tmp_path):
    lesson = run("05_convolution", tmp_path)
    assert re.findall(r"^padding \d, stride \d: (\d) windows", lesson.text, re.M) == ["3", "5", "2", "3"]
    assert "valid: (3, 3, 3) same: (3, 5, 5)" in lesson.text
    assert "M: (16, 36), 144 of 576 are not 0, 9 of them different" in lesson.text
    assert re.findall(r": (\d+) pixels wide$", lesson.text, re.M) == ["3", "7", "11", "15"]
    assert {path.name for path in lesson.out.iterdir()} == {"filters.png", "matrix.png", "fields.png"}
    assert lesson.record["results"] == {"receptive field": [{"seed": 1, "pixels": 7}]}


@pytest.mark.deep
def test_optimizers(tmp_path):
    lesson = run("04_optimizers", tmp_path)
    slow, fast, wild = map(float, re.findall(r"^lr \S+: after 60 steps the height is (\S+)$", lesson.text, re.M))
    assert fast < slow < 20 < 1000 < wild
    assert re.findall(r"(\d+) different neurons of 64", lesson.text) == ["1", "1"]
    last = dict(re.findall(r"^((?:uniform|normal), \S+) +(\S+) +\S+ +\S+ +\S+$", lesson.text, re.M))
    assert len(last) == 8
    assert (
        float(last["normal, 0.01"]) < 1e-5 < 0.1 < float(last["normal, Glorot"]) < 0.6 < 0.9 < float(last["normal, 1"])
    )
    assert len(lesson.record["results"]) == 9
    assert min(result["error"] for (result,) in lesson.record["results"].values()) < 0.4
    assert {path.name for path in lesson.out.iterdir()} == {"valley.png", "optimizers.png", "layers.png"}


@pytest.mark.deep
def test_trainer(tmp_path):
    lesson = run("07_trainer", tmp_path)
    assert "parameters: 34,826" in lesson.text
    assert "with pooling: 55,744 in convolutions, 576 × 64 = 36,864 in the first dense layer" in lesson.text
    assert "without: 55,744 in convolutions, 30,976 × 512 = 15,859,712 in the first dense layer" in lesson.text
    assert "93,322 and 15,921,098 in all" in lesson.text
    (result,) = lesson.record["results"]["Keras convnet"]
    assert result["error"] < 0.7
    files = {"history.png", "log.csv", "confusion.png"}
    assert {path.name for path in lesson.out.iterdir()} == files
    assert "(720 + 80 + 1,000 digits, a subset of MNIST)" in lesson.text.splitlines()[-1]


@pytest.mark.deep
def test_overfitting(tmp_path):
    lesson = run("08_overfitting", tmp_path)
    learnt, new = re.search(
        r"^learnt by heart: error (\S+)% on what it learnt, (\S+)% on new digits$", lesson.text, re.M
    ).groups()
    assert float(learnt) < 2 < 10 < float(new)
    reported, true = re.search(
        r"^chosen by the test digits: (\S+)% is reported, (\S+)% is true$", lesson.text, re.M
    ).groups()
    assert float(reported) < float(true)
    assert re.findall(r"^(\d+): (\S+)$", lesson.text, re.M) == [("16", "160,305"), ("4", "40,029")]
    errors = {name: result["error"] for name, (result,) in lesson.record["results"].items()}
    assert list(errors) == ["none", "smaller", "L2", "L1", "dropout", "L2 and dropout", "more data"]
    assert min(errors, key=errors.get) == "more data"
    assert {path.name for path in lesson.out.iterdir()} == {"by-heart.png", "weights.png"}


@pytest.mark.deep
def test_batchnorm(tmp_path):
    lesson = run("09_batchnorm", tmp_path)
    layers = re.findall(r"^weights (\S+): plain (\S+), with batch norm (\S+)$", lesson.text, re.M)
    (_, small, _), (_, medium, _), (_, large, _) = layers
    assert float(small) < 0.01 < 0.1 < float(medium) < 10 < float(large)
    assert {normed for _, _, normed in layers} == {"0.59"}  # relu of a standard normal: √(1/2 − 1/2π) is 0.58
    assert "256 numbers, 128 of them trainable" in lesson.text
    assert len(lesson.record["results"]) == 6
    assert lesson.record["results"]["batch norm, 0.1"][0]["error"] < lesson.record["results"]["plain, 0.1"][0]["error"]
    assert {path.name for path in lesson.out.iterdir()} == {"rates.png"}


@pytest.fixture(scope="module")
def simplenet(tmp_path_factory):
    return run("06_simplenet", tmp_path_factory.mktemp("lessons"))


@pytest.fixture(scope="module")
def vgg_style(tmp_path_factory):
    return run("12_vgg_style", tmp_path_factory.mktemp("lessons"))


def test_simplenet_learns(simplenet):
    assert "the same network: 233,196 parameters, equal scores" in simplenet.text
    first_loss = float(re.search(r"^loss (\S+), ln 10 = 2.303$", simplenet.text, re.M)[1])
    assert first_loss == pytest.approx(np.log(10), abs=0.05)
    table = {
        name: float(re.search(rf"^{name} +(\S+) ", simplenet.text, re.M)[1]) for name in simplenet.record["results"]
    }
    assert set(table) == {"FC64", "FC256-FC256", "SimpLeNet"}
    for name, (result,) in simplenet.record["results"].items():
        assert table[name] == pytest.approx(100 * result["error"], abs=0.005)
    accuracy = float(re.search(r"^SimpLeNet reads (\S+)% of the held-out digits", simplenet.text, re.M)[1])
    assert accuracy == pytest.approx(100 - table["SimpLeNet"])
    assert accuracy > 70
    assert "(1,600 + 400 digits, a subset of MNIST)" in simplenet.text.splitlines()[-1]


def test_simplenet_leaves_pictures_and_its_weights(simplenet):
    pictures = {"digits.png", "curves.png", "confusion.png", "mistakes.png"}
    assert {path.name for path in simplenet.out.iterdir()} == pictures | {"simplenet.safetensors"}
    assert "loaded back: identical scores" in simplenet.text
    md.models.SimpLeNet().load_state_dict(md.load(simplenet.out / "simplenet.safetensors"), strict=True)


@pytest.mark.deep
def test_vgg_style_takes_the_first_data_set_that_can_be_had(vgg_style):
    found = re.findall(r"^(\w+-?\w*): data set not found$|^(MNIST)\(train", vgg_style.text, re.M)
    assert ["".join(names) for names in found] == ["cifar10", "fashion-mnist", "MNIST"]


@pytest.mark.deep
def test_vgg_style_learns(vgg_style):
    accuracy = float(re.search(r"^accuracy on held-out images: (\S+)% \(MNIST, 1,600 \+ 400", vgg_style.text, re.M)[1])
    (result,) = vgg_style.record["results"]["VGG-style"]
    assert accuracy == pytest.approx(100 - 100 * result["error"], abs=0.005)
    assert accuracy > 60
    assert {path.name for path in vgg_style.out.iterdir()} == {
        "images.png",
        "curves.png",
        "confusion.png",
        "mistakes.png",
    }


@pytest.mark.deep
def test_vgg16_has_its_parameters(vgg_style):
    assert "parameters: 138,357,544\n" in vgg_style.text
    assert "convolutions 14,714,688, the first dense layer 74%" in vgg_style.text


def test_a_changed_source_makes_the_record_stale(simplenet):
    script = simplenet.folder / "06_simplenet.py"
    assert stale(simplenet.folder) == []
    source = script.read_bytes()
    script.write_bytes(source + b"\n")
    assert stale(simplenet.folder) == ["06_simplenet: ci, MNIST, 1,600 + 400"]
    script.write_bytes(source)


# --- what they share --------------------------------------------------------------------------------------------------


@pytest.fixture
def script(tmp_path, monkeypatch):
    """A lesson's script, as if it ran: returns a function that gives it arguments."""
    path = tmp_path / "99_nothing.py"
    path.write_text("# nothing\n")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(path), raising=False)
    monkeypatch.delenv("MINIDL_PROFILE", raising=False)

    def start(*arguments, **options):
        monkeypatch.setattr(sys, "argv", [str(path), *arguments])
        return Lesson("99", **options)

    return start


def test_arguments(script):
    lesson = script("--profile", "full", "--seed", "7", "--data", "b", sources=["a", "b"])
    assert (lesson.profile, lesson.seed, lesson.sources) == ("full", 7, ["b"])
    assert script(sources=["a", "b"]).sources == ["a", "b"]
    with pytest.raises(SystemExit):
        script("--data", "a")


def test_profile_from_the_environment(script, monkeypatch, capsys):
    assert script().profile == "core"
    monkeypatch.setenv("MINIDL_PROFILE", "ci")
    assert script().profile == "ci"
    assert script("--profile", "full").profile == "full"
    monkeypatch.setenv("MINIDL_PROFILE", "quick")
    with pytest.raises(SystemExit):
        script()
    assert "invalid choice: 'quick'" in capsys.readouterr().err


def test_a_notebook_has_no_arguments(script, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(sys.modules["__main__"], "__file__")
    lesson = script("-f", "kernel.json")
    assert (lesson.profile, lesson.out) == ("core", tmp_path / "out" / "99")


def test_record_only_when_asked_and_one_entry_a_kind(script, tmp_path):
    path = tmp_path / "results" / "99.json"
    script().record("digits", "cpu", {})
    assert not path.exists()
    for profile, data, error in (
        ("full", "digits", 0.1),
        ("ci", "digits", 0.2),
        ("full", "clothes", 0.3),
        ("full", "digits", 0.4),
    ):
        script("--profile", profile, "--record").record(data, "cpu", {"net": [{"seed": 1, "error": error}]})
    runs = json.loads(path.read_text("utf-8"))
    found = [(run["profile"], run["data"], run["results"]["net"][0]["error"]) for run in runs]
    assert found == [("ci", "digits", 0.2), ("full", "clothes", 0.3), ("full", "digits", 0.4)]
    expected = {"seconds", "device", "cpu", "cores", "python", "numpy", "minidl", "source_sha256"}
    assert expected <= runs[0].keys()
    assert stale(tmp_path) == []


def test_a_record_by_value(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("minidl.learn.lesson.processor", lambda: "a processor")
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    monkeypatch.chdir(tmp_path)
    lesson = script("--record", "--profile", "ci")
    monkeypatch.setattr("time.perf_counter", lambda: lesson.started + 12.34)
    lesson.record("digits", "cuda:0", {"net": [{"seed": 1, "error": 0.5}]})
    (run,) = json.loads((tmp_path / "results" / "99.json").read_text("utf-8"))
    assert run.pop("seconds") == 12.3
    assert run == {
        "profile": "ci", "data": "digits", "results": {"net": [{"seed": 1, "error": 0.5}]}, "device": "cuda:0",
        "cpu": "a processor", "cores": 3, "python": platform.python_version(), "numpy": np.__version__,
        "minidl": version("minidl"), "source_sha256": hashlib.sha256(b"# nothing\n").hexdigest(),
    }  # fmt: skip
    assert capsys.readouterr().out == f"recorded: {Path('results', '99.json')}\n"


def test_the_name_of_the_processor(monkeypatch, tmp_path):
    """As Linux tells it, or else as Python knows it."""
    monkeypatch.setattr("minidl.learn.lesson.Path", lambda path: tmp_path / path.lstrip("/").replace("/", "-"))
    monkeypatch.setattr("platform.processor", lambda: "python's")
    assert processor() == "python's"
    (tmp_path / "proc-cpuinfo").write_text("cpu MHz\t: 1\nmodel name\t: One: 2 GHz\nmodel name\t: Two\n")
    assert processor() == "One: 2 GHz"
    (tmp_path / "proc-cpuinfo").write_text("Hardware\t: other\n")
    assert processor() == "python's"


def test_help_by_value(script, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as left:
        script("--help", sources=["a", "b"])
    options = [line.split(maxsplit=2) for line in capsys.readouterr().out.partition("options:\n")[2].splitlines()]
    assert left.value.code == 0 and [" ".join(words) for words in options] == [
        "-h, --help show this help message and exit",
        "--profile {ci,core,full}", "how much to train (default: core)",
        "--seed SEED of the first training (default: 1)",
        "--record write the numbers to results/99.json",
        "--device DEVICE where to compute: cpu or cuda[:N] (default: cpu)",
        "--data {a,b} default: the first of them that can be had",
    ]  # fmt: skip


def test_a_lesson_says_where_it_is(script, tmp_path):
    lesson = script()
    assert (lesson.number, lesson.seed, lesson.device, lesson.sources) == ("99", 1, "cpu", [])
    assert lesson.folder == tmp_path and lesson.out == tmp_path / "out" / "99" and lesson.out.is_dir()
    lesson.started -= 5
    assert 5 <= lesson.seconds < 10


def test_the_device_from_the_environment(script, monkeypatch, capsys):
    monkeypatch.setenv("MINIDL_DEVICE", "tpu")
    with pytest.raises(SystemExit) as left:
        script()
    assert left.value.code == 2 and "device: expected 'cpu', 'cuda' or 'cuda:N', got 'tpu'" in capsys.readouterr().err
    assert script("--device", "cpu").device == "cpu" == md.get_default_device()


def test_progress_is_silent_without_a_terminal(capsys, monkeypatch):
    assert list(progress([1, 2], "epoch")) == [1, 2]
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(progress([1, 2], "epoch")) == [1, 2]
    shown = capsys.readouterr().err
    assert "epoch: " in shown and "/2 [" in shown and shown.endswith("\r") and "\n" not in shown  # it goes away


def test_each_line_is_shown_as_it_comes(script, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
    script()
    assert sys.stdout.line_buffering


def test_pictures_are_saved(script, capsys):
    matplotlib.use("Agg")
    lesson = script()
    lesson.show(plots.curves([2.0, 1.0], [0.5, 0.25]), "curves")
    lesson.show(plots.confusion(np.array([[3, 0], [1, 0]]), ["cat", "dog"]), "confusion")
    lesson.show(plots.pictures(np.zeros((7, 3, 4, 4)), list("abcdefg")), "pictures")
    lesson.show(plots.pictures(np.zeros((0, 1, 4, 4)), []), "none")
    assert {path.name for path in lesson.out.iterdir()} == {"curves.png", "confusion.png", "pictures.png", "none.png"}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in lesson.out.iterdir())
    assert capsys.readouterr().out.count("picture: ") == 4
    size = (lesson.out / "curves.png").read_bytes()[16:24]
    assert (int.from_bytes(size[:4], "big"), int.from_bytes(size[4:], "big")) == (1080, 420)


@pytest.mark.parametrize("backend, times", [("agg", 0), ("Agg", 0), ("module://inline", 1)])
def test_a_picture_is_shown_where_that_can_be_and_closed(script, monkeypatch, backend, times):
    shown = []
    pyplot = extra("matplotlib.pyplot")
    monkeypatch.setattr(pyplot, "get_backend", lambda: backend)
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(1))
    before = pyplot.get_fignums()
    script().show(plots.pictures(np.zeros((1, 1, 2, 2)), "a", columns=1), "one")
    assert len(shown) == times and pyplot.get_fignums() == before


def test_plots_show_what_they_are_given():
    left, right = plots.curves([2.0, 1.0], [0.5, 0.25]).axes
    assert left.lines[0].get_ydata().tolist() == [2, 1]
    assert right.lines[0].get_ydata().tolist() == [50, 25]
    (axes,) = plots.confusion(np.array([[3, 0], [1, 4]]), ["cat", "dog"]).axes
    assert [text.get_text() for text in axes.texts] == ["3", "", "1", "4"]
    assert [text.get_position() for text in axes.texts] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert [text.get_color() for text in axes.texts] == ["white", "black", "black", "white"]
    assert axes.images[0].get_array().tolist() == [[1, 0], [0.2, 0.8]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["cat", "dog"]
    assert [label.get_rotation() for label in axes.get_xticklabels()] == [90, 90]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("prediction", "label")
    assert (left.get_xlabel(), left.get_ylabel(), right.get_ylabel()) == ("epoch", "training loss", "held-out error, %")
    assert left.lines[0].get_xdata().tolist() == right.lines[0].get_xdata().tolist() == [1, 2]
    for axes in (left, right):
        assert axes.get_ylim()[0] == 0 and {float(tick).is_integer() for tick in axes.get_xticks()} == {True}
    (axes,) = plots.confusion(np.eye(2, dtype=int), ["10", "11"]).axes
    assert [label.get_rotation() for label in axes.get_xticklabels()] == [0, 0]
    titled = plots.pictures(np.zeros((2, 1, 4, 4)), ["a", "b"]).axes
    assert [axes.get_title() for axes in titled] == ["a", "b", "", "", "", ""]
    assert {axes.axison for axes in titled} == {False}
    assert (titled[0].images[0].get_clim(), titled[0].images[0].get_cmap().name) == ((0, 1), "gray")
    images = np.random.default_rng(0).random((3, 3, 4, 5))
    shown = plots.pictures(images, list("abc"), columns=2).axes
    assert len(shown) == 4 and all(
        np.array_equal(axes.images[0].get_array(), image.transpose(1, 2, 0))
        for axes, image in zip(shown, images, strict=False)
    )
    matplotlib.pyplot.close("all")


def test_a_missing_extra_is_named():
    with pytest.raises(ImportError, match=r"no_such_package is not installed; pip install 'minidl\[lessons\]'"):
        extra("no_such_package")
