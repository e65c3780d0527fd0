"""The command line: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks import small_ops, training  # noqa: F401: they register themselves
from benchmarks.case import registry
from benchmarks.engines import PEERS, Minidl, installed, peers
from benchmarks.report import table
from benchmarks.timing import measure


def parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    top = argparse.ArgumentParser(prog="python -m benchmarks", description="Time minidl beside its peers, in one run.")
    top.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(registry)}; by default all")
    top.add_argument("--cases", default="", metavar="TEXT", help="only cases with this text in their name")
    top.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="by default all that are installed")
    top.add_argument("--repeats", type=int, default=20, metavar="N", help="timed runs of each candidate (default: 20)")
    top.add_argument("--quick", action="store_true", help="tiny cases, to see that everything works")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; returns 1 if a candidate was refused."""
    asked = parser().parse_args(arguments)
    engines = [Minidl()]
    for package in asked.peers:
        if installed(package):
            engines += peers(package)
        else:
            print(f"{package} is not installed, so it is left out")
    rows = []
    for name in asked.names or registry:
        print(f"{name}: {registry[name].__doc__}", flush=True)
        for case in registry[name](asked.quick):
            if asked.cases.lower() in case.name.lower():
                rows.append(measure(case, engines, asked.repeats))
                print(table(rows[-1]), flush=True)
    return int(any(row.refused for row in rows))


if __name__ == "__main__":
    sys.exit(main())
