"""The command line: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import batches, floor, import_time, inference, memory, ops, pictures, scaling, small_ops, training
from benchmarks.case import registry
from benchmarks.engines import PEERS, Cuda, Engine, installed, of_package
from benchmarks.machine import ceilings, description
from benchmarks.report import as_json, table
from benchmarks.timing import Row, measure
from minidl.backend import device_name

# they are registered in the order in which they are imported, which is the table's
MODULES = (ops, training, inference, batches, floor, small_ops, scaling, memory, import_time)


def parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    names = "\n".join(f"  {name:12} {function.__doc__}" for name, function in registry.items())
    top = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Time minidl beside its peers, in turns, in one run. Every candidate is checked first.",
        epilog=f"benchmarks:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("names", nargs="*", metavar="NAME", help="a benchmark; by default all of them, on a GPU `batches`")
    top.add_argument("--cases", default="", metavar="TEXT", help="only the cases that have this text in their name")
    top.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS), help="by default all")
    top.add_argument("--device", default="cpu", metavar="cpu|cuda[:N]", help="cuda: minidl on the CPU and on that GPU")
    top.add_argument("--repeats", type=int, default=20, metavar="N", help="timed runs of each candidate (default: 20)")
    top.add_argument("--quick", action="store_true", help="tiny cases, to see that everything works")
    top.add_argument("--out", type=Path, metavar="FOLDER", help="leave the figures (JSON) and two pictures there")
    return top


def engines(packages: Sequence[str], device: str) -> list[Engine]:
    """minidl, on a GPU too if that is asked for, and the installed ones of these peers; says which are not."""
    found = of_package("minidl")
    if device_name(device) != "cpu":
        found.append(Cuda(device))
    for package in packages:
        if installed(package):
            found += of_package(package)
        else:
            print(f"{package} is not installed, so it is left out")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; returns 1 if a candidate was refused, 2 for what can't be run."""
    top = parser()
    asked = top.parse_args(arguments)
    unknown = [name for name in asked.names if name not in registry]
    if unknown:
        top.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(registry)}")
    try:
        candidates = engines(asked.peers, asked.device)
    except (RuntimeError, ValueError) as error:
        top.error(str(error))
    about = description([engine.package for engine in candidates[1:] if not engine.variant])
    about["command"] = shlex.join(["python", "-m", "benchmarks", *(sys.argv[1:] if arguments is None else arguments)])
    print(f"{about['processor']}, {about['cores']} cores, {about['threads']} threads, {', '.join(about['blas'])}")
    on_gpu = [engine for engine in candidates if isinstance(engine, Cuda)]
    for engine in on_gpu:
        about |= engine.description()
        print(", ".join(f"{name} {value}" for name, value in engine.description().items()))
    rows: list[Row] = []
    names = asked.names or (["batches"] if on_gpu else list(registry))
    for name in names:
        print(f"{name}: {registry[name].__doc__}")
        for case in registry[name](asked.quick):
            if asked.cases.lower() in case.name.lower():
                rows.append(measure(name, case, candidates, asked.repeats))
                print(table(rows[-1]), flush=True)
    if asked.out:
        title = "all" if names == list(registry) else "-".join(names)
        write(asked.out, title, about | {"ceilings": ceilings(asked.quick)}, rows)
    return int(any(row.refused for row in rows))


def write(folder: Path, name: str, about: dict[str, Any], rows: list[Row]) -> None:
    """Leave ``name.json``, and each picture for which there are figures."""
    folder.mkdir(parents=True, exist_ok=True)
    record = about | {"results": [as_json(row) for row in rows]}
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if installed("matplotlib"):
        drawn = {"ratios": pictures.ratios(rows), "roofline": pictures.roofline(rows, about["ceilings"])}
        for what, figure in drawn.items():
            if figure is not None:
                figure.savefig(folder / f"{name}-{what}.png", dpi=120)
    else:
        print("matplotlib is not installed, so the pictures are left out: pip install 'minidl[bench]'")
    print(f"written: {', '.join(sorted(str(path) for path in folder.glob(f'{name}*')))}")


if __name__ == "__main__":
    sys.exit(main())
