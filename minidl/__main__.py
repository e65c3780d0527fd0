"""The ``minidl`` command."""

import argparse
import importlib
import platform
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from threadpoolctl import threadpool_info

from minidl import __version__, backend
from minidl.backend import cuda
from minidl.backend.dtypes import float32, float64
from minidl.commands import arguments as read
from minidl.commands import draw, judge, lessons, train, transfer
from minidl.commands.networks import built, find
from minidl.data.catalog import CIFAR10_FILES, FASHION_MNIST_FILES, MNIST_FILES, fetch
from minidl.distributed.group import joined
from minidl.kernels import loops
from minidl.nn import summary
from minidl.nn.utils import skip_init

DATA_SETS = (MNIST_FILES, FASHION_MNIST_FILES, CIFAR10_FILES)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors take one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parser() -> Parser:
    """What the command line may say."""
    top = Parser(prog="minidl", description="A deep-learning engine that can be read whole.")
    top.add_argument("--version", action="version", version=f"minidl {__version__}")
    top.set_defaults(debug=False)
    debug = Parser(add_help=False)
    debug.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show where an error arose")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
        form = argparse.RawDescriptionHelpFormatter
        added = commands.add_parser(name, help=help, description=help, parents=[debug], formatter_class=form)
        added.set_defaults(run=run)
        return added

    command("info", info, "show versions, what it computes with, and which data sets are here")
    get = command("data", data, "find a data set, or download it, and print its folder")
    get.add_argument("name", choices=[files.name for files in DATA_SETS])
    train.add(command("train", train.run, "let a network learn from images"))
    transfer.add(command("transfer", transfer.run, "use a network's weights for a few hundred images of one's own"))
    judge.add_evaluate(command("evaluate", judge.evaluate, "measure how right a trained network is"))
    judge.add_predict(command("predict", judge.predict, "tell what a trained network sees in pictures"))
    draw.add(command("draw", draw.run, "make a page on which a trained network reads what one draws"))
    layers = command("summary", show, "show the layers of a network")
    layers.add_argument("name", metavar="NETWORK", help="such as simplenet; a wrong one gets those that are close")
    layers.add_argument("--input", type=read.size, metavar="C,H,W", help="size of an image, such as 3,224,224")
    lessons.add_learn(command("learn", lessons.learn, "the course: its map, or a lesson step by step"))
    lessons.add_check(command("check", lessons.check, "run what you wrote in lessons, and judge the exercises"))
    command("warm", warm, "compile all loops now, so that no later process has to")
    commands.add_parser("bench", add_help=False, help="in a checkout, time minidl beside its peers (bench --help)")
    return top


def info(_: argparse.Namespace) -> int:
    """Print versions, linear algebra, GPU and data sets, a line each."""
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
    print("\n".join(lines))
    return 0


def data(asked: argparse.Namespace) -> int:
    """Find a data set, and print its folder."""
    print(fetch(asked.name))
    return 0


def show(asked: argparse.Namespace) -> int:
    """Print the layers of a network."""
    size = asked.input or find(asked.name).input_size
    with np.errstate(all="ignore"):  # its parameters hold anything
        print(summary(skip_init(built, asked.name, size), size))
    return 0


def compiler() -> str:
    """What runs the loops of kernels."""
    if not loops.COMPILED:
        return "not compiled (MINIDL_COMPILED=0)"
    if not loops.installed():
        return "not used, NumPy is slower (for numba: pip install 'minidl[fast]')"
    return f"compiled by numba {metadata.version('numba')}"


def warm(_: argparse.Namespace) -> int:
    """Compile every loop for both of its dtypes, and print how many there are."""
    if not loops.COMPILED or not loops.installed():
        raise ValueError(f"warm: loops are {compiler()}")
    for loop in loops.declared:
        for dtype in (float32, float64):
            loop.compile(dtype)
    print(f"{len(loops.declared)} loops, compiled for float32 and float64")
    return 0


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
    """Run the command line; returns its exit code: 1 for an error, which is told on one line, 130 after Ctrl-C."""
    top = parser()
    asked, rest = top.parse_known_args(arguments)
    if rest and asked.command != "bench":
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = tell
        try:
            return bench(rest) if asked.command == "bench" else asked.run(asked)
        except KeyboardInterrupt:
            joined().abort("interrupted")
            print("\nminidl: interrupted", file=sys.stderr)
            return 130
        except Exception as error:
            if asked.debug:
                raise
            known = isinstance(error, (OSError, ValueError, RuntimeError, ImportError))
            text = str(error) if known else f"{type(error).__name__}: {error}; --debug shows where"
            line = "; ".join(line.strip() for line in text.splitlines())
            joined().abort(line)
            print(f"minidl: {line}", file=sys.stderr)
            return 1


def tell(message: Warning | str, *_: Any, **__: Any) -> None:
    """Print a warning on one line."""
    print(f"minidl: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
