"""What an installation consists of."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import minidl as md

CHECKOUT = Path(__file__).parents[1]
pytest.importorskip("setuptools", minversion="68")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A copy of the checkout, in a folder called ``minidl``, and both kinds of wheel that pip makes of it."""
    beside = tmp_path_factory.mktemp("beside")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        (beside / "minidl").mkdir(exist_ok=True)
        shutil.copy(CHECKOUT / name, beside / "minidl")
    for name in ("minidl", "tests", "benchmarks", "lessons"):
        shutil.copytree(CHECKOUT / name, beside / "minidl" / name, ignore=shutil.ignore_patterns("__pycache__", "out"))
    build = "from setuptools import build_meta as b; b.build_wheel('whole'); b.build_editable('editable')"
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", build], cwd=beside / "minidl", check=True, capture_output=True
    )
    return beside


def unpacked(wheel: Path) -> Path:
    """The folder that a wheel is unpacked to, as pip does to site-packages."""
    folder = wheel.with_suffix("")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def test_a_wheel_holds_the_whole_package_and_nothing_else(built):
    (wheel,) = (built / "minidl" / "whole").glob("*.whl")
    assert wheel.name == f"minidl-{md.__version__}-py3-none-any.whl"
    package = unpacked(wheel) / "minidl"
    files = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    source = built / "minidl" / "minidl"
    pages = {"ops/README.md", "data/transforms/README.md"}
    assert files == {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()} - pages
    name = wheel.name.rsplit("-", 3)[0]
    assert {path.name for path in package.parent.iterdir()} == {"minidl", f"{name}.dist-info", f"{name}.data"}
    lessons, carried = CHECKOUT / "lessons", package.parent / f"{name}.data" / "data" / "share" / "minidl" / "lessons"
    scripts = {path.relative_to(lessons) for folder in (".", "exercises") for path in (lessons / folder).glob("*.py")}
    brought = {path.relative_to(carried) for path in carried.rglob("*") if path.is_file()}
    assert brought == scripts | {Path("TEACHING.md")}


@pytest.mark.parametrize("place", [".", "minidl", "minidl/lessons"])
def test_an_editable_install_is_found_from_everywhere(built, place):
    """Also from the folder beside the checkout, where Python sees a folder of the package's name."""
    (wheel,) = (built / "minidl" / "editable").glob("*.whl")
    site = "import site, sys; site.addsitedir(sys.argv[1]); import minidl; print(minidl.__file__, len(minidl.randn(2)))"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [
        sys.executable,
        "-S",
        "-c",
        f"import sys; sys.path += {[p for p in sys.path if 'packages' in p]!r}; {site}",
    ]
    done = subprocess.run(
        [*command, unpacked(wheel)], cwd=built / place, env=environment, capture_output=True, text=True
    )
    assert done.stdout == f"{built / 'minidl' / 'minidl' / '__init__.py'} 2\n", done.stderr
