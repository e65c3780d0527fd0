"""The ``minidl`` command."""

import subprocess
import sys
from importlib.metadata import version

import pytest
from standin import standin  # noqa: F401

from minidl.__main__ import main


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
    assert done.stdout == f"minidl {version('minidl')}\n"


def test_info(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    cifar = tmp_path / "cifar-10-batches-bin"
    cifar.mkdir()
    for name in ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        (cifar / f"{name}.bin").touch()
    assert main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"minidl {version('minidl')}, Python {sys.version_info.major}.")
    assert any(line.startswith("BLAS: ") and line.endswith("threads") for line in lines)
    assert lines[-3:] == [
        "mnist: not found; `minidl data mnist` gets it",
        "fashion-mnist: not found; `minidl data fashion-mnist` gets it",
        f"cifar10: {cifar}",
    ]


def test_info_of_a_gpu(capsys, standin):  # noqa: F811
    main(["info"])
    assert "GPU: stand-in, CuPy 14.2.0" in capsys.readouterr().out.splitlines()


def test_info_without_cupy(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    main(["info"])
    assert "GPU: not used (cuda: CuPy is not installed; pip install" in capsys.readouterr().out


def test_data_prints_the_folder(capsys, monkeypatch):
    monkeypatch.setattr("minidl.__main__.fetch", lambda name: f"/somewhere/{name}")
    assert main(["data", "cifar10"]) == 0
    assert capsys.readouterr().out == "/somewhere/cifar10\n"


def test_data_not_found(capsys):
    code, line = refused(capsys, "data", "mnist")
    assert code == 1
    assert line.startswith("minidl: mnist: data set not found; in ")


@pytest.mark.parametrize(
    ("name", "total"), [("simplenet", "parameters: 233,196 "), ("vgg-style", "parameters: 814,570 ")]
)
def test_summary(capsys, name, total):
    assert main(["summary", name]) == 0
    assert total in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [(), ("learn",), ("data",), ("data", "imagenet"), ("summary", "resnet"), ("--fast",)]
)
def test_usage(capsys, arguments):
    code, line = refused(capsys, *arguments)
    assert code == 2
    assert line.startswith("minidl")
