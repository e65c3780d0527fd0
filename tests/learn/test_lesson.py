"""What lessons share: their arguments, pictures, progress, and the record of their numbers."""

import hashlib
import io
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import matplotlib
import numpy as np
import pytest

import minidl as md
from minidl.learn import Lesson, plots, progress
from minidl.learn.extras import extra
from minidl.learn.lesson import fingerprint, processor
from minidl.models.weights import CATALOG


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
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("MINIDL_PROFILE", "ci")
    assert script().profile == "ci"
    assert "trains too little for all that the text says to be seen; core, the default" in capsys.readouterr().out
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
    expected = {"seconds", "device", "cpu", "cores", "python", "numpy", "minidl", "code_sha256"}
    assert expected <= runs[0].keys()
    assert runs[0]["code_sha256"] == hashlib.sha256(b"").hexdigest()  # of a script without code


def test_a_record_by_value(script, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("minidl.learn.lesson.processor", lambda: "a processor")
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    monkeypatch.chdir(tmp_path)
    lesson = script("--record", "--profile", "ci")
    capsys.readouterr()
    monkeypatch.setattr("time.perf_counter", lambda: lesson.started + 12.34)
    lesson.record("digits", "cuda:0", {"net": [{"seed": 1, "error": 0.5}]})
    (run,) = json.loads((tmp_path / "results" / "99.json").read_text("utf-8"))
    assert run.pop("seconds") == 12.3
    assert run == {
        "profile": "ci", "data": "digits", "results": {"net": [{"seed": 1, "error": 0.5}]}, "device": "cuda:0",
        "cpu": "a processor", "cores": 3, "python": platform.python_version(), "numpy": np.__version__,
        "minidl": version("minidl"), "code_sha256": hashlib.sha256(b"").hexdigest(),
    }  # fmt: skip
    assert capsys.readouterr().out == f"recorded: {Path('results', '99.json')}\n"


def test_a_record_that_fails_leaves_those_before(script, tmp_path):
    script("--record").record("digits", "cpu", {})
    path = tmp_path / "results" / "99.json"
    before = path.read_bytes()
    with pytest.raises(UnicodeEncodeError):
        script("--record").record("half a letter: \ud800", "cpu", {})
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_the_fingerprint_is_of_lines_of_code_alone():
    code = b"x = 1  # kept\nif x:\n    y = '#'"
    assert fingerprint(code) == hashlib.sha256(code).hexdigest()
    assert fingerprint(b"# %%\n# prose\n\nx = 1  # kept\r\n   # a remark\nif x:\n\n    y = '#'\n") == fingerprint(code)


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


def test_the_first_data_that_can_be_had(script, monkeypatch, tmp_path, capsys):
    for name, value in {"MINIDL_OFFLINE": "1", "MINIDL_DATA": "", "XDG_CACHE_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    train, test = script(sources=["cifar10", "mnist", "fashion-mnist"]).data()
    assert (type(train), train.train, test.train) == (md.data.MNIST, True, False)
    told = capsys.readouterr().out.splitlines()
    assert [line for line in told if "not found" in line] == ["cifar10: data set not found"]
    assert told[-1] == "This lesson goes on with mnist."
    script(sources=["mnist", "fashion-mnist"]).data()
    assert capsys.readouterr().out == ""
    with pytest.raises(FileNotFoundError, match="^lesson 99: can't have any of cifar10, fashion-mnist$"):
        script(sources=["cifar10", "fashion-mnist"]).data()


def test_the_first_weights_that_can_be_had(script, monkeypatch, tmp_path, capsys):
    path = tmp_path / "weights" / "small.safetensors"
    path.parent.mkdir()
    network = md.models.resnet20()
    md.save(network.state_dict(), path)
    facts = CATALOG["resnet20.cifar10"]._replace(file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setitem(CATALOG, "resnet20.cifar10", facts)
    places = {"MINIDL_WEIGHTS": str(path.parent), "XDG_CACHE_HOME": str(tmp_path)}
    for name, value in {"MINIDL_OFFLINE": "1", **places}.items():
        monkeypatch.setenv(name, value)
    lesson = script()
    found, of_it = lesson.weights("efficientnet_lite0.pypi", "resnet20.cifar10", "squeezenet1_1.caffe")
    assert of_it is facts
    np.testing.assert_array_equal(found.linear.weight.detach().numpy(), network.linear.weight.detach().numpy())
    assert capsys.readouterr().out.startswith("no efficientnet_lite0.safetensors in ")
    assert lesson.weights("efficientnet_lite0.pypi") is None
    with pytest.raises(ValueError, match="no weights are named 'efficientnet_lite0.pipy', there are efficientnet"):
        lesson.weights("efficientnet_lite0.pipy")


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
