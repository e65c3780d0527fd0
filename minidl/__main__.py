"""The ``minidl`` command."""

import argparse
import importlib
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import NoReturn

import numpy as np
from threadpoolctl import threadpool_info

from minidl import __version__, backend
from minidl.backend import cuda
from minidl.backend.dtypes import float32, float64
from minidl.data.catalog import CIFAR10_FILES, FASHION_MNIST_FILES, MNIST_FILES, fetch
from minidl.kernels import loops
from minidl.models.registry import find
from minidl.nn import summary

DATA_SETS = (MNIST_FILES, FASHION_MNIST_FILES, CIFAR10_FILES)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors take one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parser() -> Parser:
    """What the command line may say."""
    top = Parser(prog="minidl", description="A deep-learning engine that can be read whole.")
    top.add_argument("--version", action="version", version=f"minidl {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    commands.add_parser("info", help="show versions, what it computes with, and which data sets are here")
    data = commands.add_parser("data", help="find a data set, or download it, and print its folder")
    data.add_argument("name", choices=[files.name for files in DATA_SETS])
    network = commands.add_parser("summary", help="show the layers of a network")
    network.add_argument("name", metavar="NAME", help="such as resnet50; a wrong one gets those that are close")
    commands.add_parser("warm", help="compile all loops now, so that no later process has to")
    commands.add_parser("bench", add_help=False, help="in a checkout, time minidl beside its peers (bench --help)")
    return top


def info() -> str:
    """Versions, linear algebra, GPU and data sets, a line each."""
    lines = [f"minidl {__version__}, Python {platform.python_version()}, NumPy {np.__version__}"]
    for library in threadpool_info():
        if library["user_api"] == "blas":
            lines.append(f"BLAS: {library['internal_api']} {library['version']}, {library['num_threads']} threads")
    lines.append(f"loops: {compiler()}")
    lines.append(f"GPU: {gpu()}")
    for files in DATA_SETS:
        try:
            where = str(files.locate({**files.train, **files.test}, download=False))
        except FileNotFoundError:
            where = f"not found; `minidl data {files.name}` gets it"
        lines.append(f"{files.name}: {where}")
    return "\n".join(lines)


def compiler() -> str:
    """What runs the loops of kernels."""
    if not loops.COMPILED:
        return "not compiled (MINIDL_COMPILED=0)"
    if not loops.installed():
        return "not used, NumPy is slower (for numba: pip install 'minidl[fast]')"
    return f"compiled by numba {metadata.version('numba')}"


def warm() -> str:
    """Compile every loop for both of its dtypes; says how many there are."""
    if not loops.COMPILED or not loops.installed():
        raise ValueError(f"warm: loops are {compiler()}")
    for loop in loops.declared:
        for dtype in (float32, float64):
            loop.compile(dtype)
    return f"{len(loops.declared)} loops, compiled for float32 and float64"


def gpu() -> str:
    """The GPU that CuPy uses, or why there is none."""
    try:
        return f"{cuda.get_device_name()}, CuPy {backend.cupy().__version__}"
    except RuntimeError as error:
        return f"not used ({error})"


def bench(arguments: Sequence[str]) -> int:
    """Run the benchmarks, which are no part of the package but stand beside it in a checkout."""
    checkout = Path(__file__).resolve().parents[1]
    if not (checkout / "benchmarks" / "__main__.py").exists():
        raise FileNotFoundError("bench: only a checkout has the benchmarks; there: pip install -e . && minidl bench")
    sys.path.insert(0, str(checkout))
    return importlib.import_module("benchmarks.__main__").main(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its exit code, 1 for an error that is told on one line."""
    top = parser()
    asked, rest = top.parse_known_args(arguments)
    if rest and asked.command != "bench":
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        if asked.command == "bench":
            return bench(rest)
        if asked.command == "info":
            print(info())
        elif asked.command == "warm":
            print(warm())
        elif asked.command == "data":
            print(fetch(asked.name))
        else:
            network = find(asked.name.replace("-", "_"))
            print(summary(network.build(), network.input_size))
    except (OSError, ValueError) as error:
        print(f"minidl: {'; '.join(line.strip() for line in str(error).splitlines())}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
