"""The ``minidl`` command."""

import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md
from minidl import __main__ as cli
from minidl.__main__ import main
from minidl.kernels import loops


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No data set is to be had."""
    monkeypatch.setenv("MINIDL_OFFLINE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("MINIDL_DATA", raising=False)


def refused(capsys, *arguments):
    """The exit code and the one line of the error."""
    try:
        code = main(arguments)
    except SystemExit as exit:
        code = exit.code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("\n") and captured.err.count("\n") == 1
    return code, captured.err


def test_version_as_a_module():
    done = subprocess.run([sys.executable, "-m", "minidl", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"minidl {md.__version__}\n"


HELP = """usage: minidl [-h] [--version] COMMAND ...

A deep-learning engine that can be read whole.

positional arguments:
  COMMAND
    info      show versions, what it computes with, and which data sets are
              here
    data      find a data set, or download it, and print its folder
    train     let a network learn from images
    transfer  use a network's weights for a few hundred images of one's own
    evaluate  measure how right a trained network is
    predict   tell what a trained network sees in pictures
    draw      make a page on which a trained network reads what one draws
    summary   show the layers of a network
    learn     the course: its map, or a lesson step by step
    check     run what you wrote in lessons, and judge the exercises
    warm      compile all loops now, so that no later process has to
    bench     in a checkout, time minidl beside its peers (bench --help)

options:
  -h, --help  show this help message and exit
  --version   show program's version number and exit
"""


def help_of(capsys, *command):
    """What --help prints."""
    with pytest.raises(SystemExit) as left:
        main([*command, "--help"])
    assert left.value.code == 0
    return capsys.readouterr().out


def test_help(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert help_of(capsys) == HELP


@pytest.mark.parametrize("command, options, example", [
    ("data", "{mnist,fashion-mnist,cifar10}", ""), ("summary", "--input C,H,W", ""), ("info", "--debug", ""),
    ("warm", "compile all loops", ""),
    ("train", "--data --out --epochs --batch-size --optimizer --lr --weight-decay --schedule --input --samples "
     "--augment --seed --workers --save-every --resume --device NETWORK crop,flip RandomCrop OneCycleLR 130",
     "minidl train simplenet --data mnist --out runs/a"),
    ("transfer", "--weights --images --out --scheme --seeds --classes --samples --input --augment --epochs "
     "--fine-tuning-epochs --lr --fine-tuning-lr --top --batch-size --device",
     "minidl transfer --weights efficientnet-lite0 --images photos --out runs/pets"),
    ("evaluate", "--data --batch-size --device RUN", "minidl evaluate runs/a"),
    ("predict", "--top --device RUN PICTURE", "minidl predict runs/a photo.png"),
])  # fmt: skip
def test_help_of_commands(command, options, example, capsys):
    said = help_of(capsys, command)
    assert all(option in said for option in options.split()) and example in said
    if example:
        cli.parser().parse_args(example.split()[1:])  # it is a command


def test_info(capsys, monkeypatch, tmp_path):
    libraries = [{"user_api": "openmp"}, {"user_api": "blas", "internal_api": "mkl", "version": "7", "num_threads": 3}]
    monkeypatch.setattr(cli, "threadpool_info", lambda: libraries)
    monkeypatch.setattr(cli, "platform", SimpleNamespace(python_version=lambda: "3.99"))
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(loops, "COMPILED", False)
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    cifar = tmp_path / "cifar-10-batches-bin"
    cifar.mkdir()
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        (cifar / f"{name}.bin").touch()
    assert main(["info"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"minidl {md.__version__}, Python 3.99, NumPy {np.__version__}",
        "BLAS: mkl 7, 3 threads",
        "loops: not compiled (MINIDL_COMPILED=0)",
        "GPU: not used (cuda: CuPy is not installed; pip install 'minidl[cuda13]' (or 'minidl[cuda12]'), to match the "
        "driver)",
        "mnist: not found; `minidl data mnist` gets it",
        "fashion-mnist: not found; `minidl data fashion-mnist` gets it",
        f"cifar10: {cifar}",
    ]
    (cifar / "test_batch.bin").unlink()  # of the other split
    main(["info"])
    assert capsys.readouterr().out.splitlines()[-1] == "cifar10: not found; `minidl data cifar10` gets it"


def test_loops(capsys, monkeypatch):
    """What compiles them is told, and they are compiled when asked for."""
    compiled = []
    monkeypatch.setattr(loops.Loop, "compile", lambda loop, dtype: compiled.append((loop.__name__, dtype)))
    monkeypatch.setattr(cli.metadata, "version", lambda name: f"{name} 9")
    for there, said, code in ((False, "not used, NumPy is slower", 1), (True, "compiled by numba numba 9", 0)):
        monkeypatch.setattr(loops, "installed", lambda there=there: there)
        main(["info"])
        assert f"loops: {said}" in capsys.readouterr().out
        assert main(["warm"]) == code
        if code:
            assert (
                "warm: loops are not used, NumPy is slower (for numba: pip install 'minidl[fast]')"
                in capsys.readouterr().err
            )
    names = [loop.__name__ for loop in loops.declared]
    assert capsys.readouterr().out == f"{len(names)} loops, compiled for float32 and float64\n"
    assert compiled == [(name, dtype) for name in names for dtype in (md.float32, md.float64)]


def test_info_of_a_gpu(capsys, standin):  # noqa: F811
    main(["info"])
    assert "GPU: stand-in, CuPy 14.2.0" in capsys.readouterr().out.splitlines()


def test_data_prints_the_folder(capsys, monkeypatch):
    monkeypatch.setattr("minidl.__main__.fetch", lambda name: f"/somewhere/{name}")
    assert main(["data", "cifar10"]) == 0
    assert capsys.readouterr().out == "/somewhere/cifar10\n"


def test_data_not_found(capsys, tmp_path):
    """What it tells to do is not what has just been done."""
    folder = tmp_path / "minidl" / "mnist"
    files = (
        "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz, t10k-labels-idx1-ubyte.gz"
    )
    code, line = refused(capsys, "data", "mnist")
    assert (code, line) == (
        1,
        f"minidl: mnist: data set not found; in {folder}: no {files}; download: not tried (MINIDL_OFFLINE is set); "
        f"Let it be downloaded (without MINIDL_OFFLINE), bring these files to {folder} by hand or set MINIDL_DATA to a "
        "folder that has them in mnist/.\n",
    )


def test_summary(capsys):
    assert main(["summary", "simplenet"]) == 0
    assert (
        capsys.readouterr().out
        == """\
layer                   output shape  parameters  multiply-adds
───────────────────────────────────────────────────────────────
features.0 (Conv2d)     N×20×24×24           520        288,000
features.1 (MaxPool2d)  N×20×12×12             0              0
features.2 (ReLU)       N×20×12×12             0              0
features.3 (Conv2d)     N×50×8×8          25,050      1,600,000
features.4 (MaxPool2d)  N×50×4×4               0              0
features.5 (ReLU)       N×50×4×4               0              0
classifier.0 (Linear)   N×256            205,056        204,800
classifier.1 (ReLU)     N×256                  0              0
classifier.2 (Linear)   N×10               2,570          2,560
───────────────────────────────────────────────────────────────
parameters: 233,196
multiply-adds: 2,095,360 for one input
memory: 932.8 kB of parameters and statistics, 90.4 kB of outputs of layers
"""
    )


@pytest.mark.parametrize("name", ["vgg-style", "vgg_style"])
def test_networks(name, capsys):
    assert main(["summary", name]) == 0
    total = "parameters: 815,466 = 814,570 learned + 896 statistics"
    assert capsys.readouterr().out.splitlines()[-3] == total


def test_a_network_that_is_not_known(capsys):
    assert refused(capsys, "summary", "vgg-15") == (
        1, "minidl: no network is named 'vgg_15'; did you mean vgg19 or vgg16 or vgg13?\n"
    )  # fmt: skip


@pytest.mark.parametrize("arguments, said", [
    ((), "minidl: the following arguments are required: COMMAND"),
    (("teach",), "minidl: argument COMMAND: invalid choice: teach "
     "(choose from info, data, train, transfer, evaluate, predict, draw, summary, learn, check, warm, bench)"),
    (("data",), "minidl data: the following arguments are required: name"),
    (("data", "imagenet"),
     "minidl data: argument name: invalid choice: imagenet (choose from mnist, fashion-mnist, cifar10)"),
    (("summary",), "minidl summary: the following arguments are required: NETWORK"),
    (("--fast",), "minidl: the following arguments are required: COMMAND"),
    (("info", "--fast", "1"), "minidl: unrecognized arguments: --fast 1"),
    (("data", "mnist", "cifar10"), "minidl: unrecognized arguments: cifar10"),
    (("summary", "simplenet", "-v"), "minidl: unrecognized arguments: -v"),
])  # fmt: skip
def test_usage(arguments, said, capsys):
    code, line = refused(capsys, *arguments)
    assert (code, line.replace("'", "")) == (2, said + "\n")  # Python 3.14 quotes choices no more


def test_summary_of_another_size(capsys):
    assert main(["summary", "vgg-style", "--input", "1,64,64"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split() == ["features.0", "(Conv2d)", "N×32×64×64", "288", "0", "1,179,648"]
    assert lines[-3].startswith("parameters: 2,387,754 = 2,386,858 learned")
    code, line = refused(capsys, "summary", "vgg-style", "--input", "3,64,48")  # its dense layers are of one size
    assert code == 1 and "linear" in line


def broken(error):
    """A command that fails."""

    def run(*_):
        raise error

    return run


@pytest.mark.parametrize("error, code, said", [
    (ValueError("of two\n  lines"), 1, "minidl: of two; lines\n"),
    (OSError(28, "No space left on device", "a.txt"), 1, "minidl: [Errno 28] No space left on device: 'a.txt'\n"),
    (ImportError("predict needs PIL"), 1, "minidl: predict needs PIL\n"), (RuntimeError("x"), 1, "minidl: x\n"),
    (KeyError("x"), 1, "minidl: KeyError: 'x'; --debug shows where\n"),
    (KeyboardInterrupt(), 130, "\nminidl: interrupted\n"),
])  # fmt: skip
def test_errors(error, code, said, capsys, monkeypatch):
    ended = []
    monkeypatch.setattr(cli, "fetch", broken(error))
    monkeypatch.setattr(cli, "joined", lambda: SimpleNamespace(abort=ended.append))
    assert main(["data", "mnist"]) == code
    assert capsys.readouterr().err == said
    assert ended == [said.strip().removeprefix("minidl: ")]  # with those of other ranks
    if code == 1:
        with pytest.raises(type(error)):
            main(["data", "mnist", "--debug"])


def test_warnings_take_a_line(capsys, monkeypatch):
    monkeypatch.setattr(cli, "fetch", lambda name: warnings.warn(f"{name} is old", stacklevel=1))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["data", "mnist"]) == 0
    assert capsys.readouterr().err == "minidl: mnist is old\n"


def test_bench(monkeypatch, tmp_path, capsys):
    """It passes its arguments on, and its exit code back; where there are no benchmarks it says so."""
    asked = []
    monkeypatch.setattr("benchmarks.__main__.main", lambda arguments: asked.append(arguments) or 7)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert main(["bench", "training", "--quick"]) == 7 and asked == [["training", "--quick"]]
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "minidl" / "__main__.py"))
    said = "minidl: bench: only a checkout has the benchmarks; there: pip install -e . && minidl bench\n"
    assert refused(capsys, "bench") == (1, said)
