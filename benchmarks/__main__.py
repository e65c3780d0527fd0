"""The command line: ``python -m benchmarks --help``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import (
    batches,
    floor,
    forms,
    import_time,
    inference,
    loader,
    memory,
    ops,
    pictures,
    scaling,
    small_ops,
    trainer,
    training,
    transforms,
)
from benchmarks.case import Asked, registry
from benchmarks.engines import DEFAULT, PEERS, Cuda, Engine, installed, of_package
from benchmarks.machine import ceilings, description
from benchmarks.networks import AT_224, NETWORKS, STYLES
from benchmarks.report import as_json, table
from benchmarks.starts import measured
from benchmarks.summary import Summary, grouped, means, summarise
from benchmarks.timing import Row, measure
from minidl.backend import device_name

# they are registered in the order in which they are imported, which is the table's
MODULES = (
    ops,
    training,
    inference,
    batches,
    floor,
    forms,
    small_ops,
    scaling,
    memory,
    import_time,
    transforms,
    loader,
    trainer,
)


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
    top.add_argument(
        "--networks",
        nargs="+",
        default=[],
        metavar="TEXT",
        help="of training and inference, only such with these texts",
    )
    top.add_argument(
        "--style", nargs="+", choices=STYLES, default=["functional"], help="how these networks are written"
    )
    top.add_argument(
        "--peers", nargs="*", choices=PEERS, default=DEFAULT, help=f"by default {', '.join(DEFAULT)}, if installed"
    )
    top.add_argument(
        "--device",
        default="cpu",
        metavar="cpu|cuda[:N]",
        help="cuda: minidl on the CPU and, beside PyTorch, on that GPU",
    )
    top.add_argument("--repeats", type=int, default=20, metavar="N", help="timed runs of each candidate (default: 20)")
    top.add_argument(
        "--starts", type=int, default=1, metavar="N", help="all of it in N processes (default: 1, this one)"
    )
    top.add_argument("--threads", type=int, nargs="+", metavar="N", help="in processes with so many threads and cores")
    top.add_argument("--quick", action="store_true", help="tiny cases, to see that everything works")
    top.add_argument("--out", type=Path, metavar="FOLDER", help="leave the figures (JSON) and two pictures there")
    return top


def engines(peers: Sequence[str], device: str) -> list[Engine]:
    """minidl, on a GPU too if that is asked for, and the installed ones of these peers; says which are not."""
    found = of_package("minidl")
    if device_name(device) != "cpu":
        found.append(Cuda(device))
    for peer in peers:
        if installed(peer):
            found += of_package(peer, device)
        else:
            print(f"{peer} is not installed, so it is left out")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; returns 1 if a candidate was refused, 2 for what can't be run."""
    top = parser()
    given = list(sys.argv[1:] if arguments is None else arguments)
    asked = top.parse_args(given)
    unknown = [name for name in asked.names if name not in registry]
    if unknown:
        top.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(registry)}")
    names = [*NETWORKS, *AT_224]
    unknown = [text for text in asked.networks if not any(text.lower() in name.lower() for name in names)]
    if unknown:
        top.error(f"no network {', '.join(unknown)}; there are {', '.join(names)}")
    if min([asked.starts, asked.repeats, *(asked.threads or [])]) < 1:
        top.error("--starts, --repeats and --threads are positive numbers")
    try:
        candidates = engines(asked.peers, asked.device)
    except (RuntimeError, ValueError) as error:
        top.error(str(error))
    on_gpu = [engine for engine in candidates if isinstance(engine, Cuda)]
    if not asked.names:
        asked.names = ["batches"] if on_gpu else list(registry)
    about = description([engine.package for engine in candidates[1:] if not engine.variant])
    about["command"] = shlex.join(["python", "-m", "benchmarks", *given])
    print(machine(about))
    for engine in on_gpu:
        about |= engine.description()
        print(", ".join(f"{name} {value}" for name, value in engine.description().items()))
    if asked.starts > 1 or asked.threads:
        return in_processes(asked, about)
    rows = in_this_process(asked, candidates, (on_gpu or candidates)[0].name)
    if asked.out:
        write(asked, about | {"ceilings": ceilings(asked.quick)}, rows, summarise([(None, list(map(as_json, rows)))]))
    return int(any(row.refused for row in rows))


def machine(about: dict[str, Any]) -> str:
    """What the figures are of, on a line."""
    threads = f"{about['cores']} cores, {about['threads']} threads"
    return f"{about['processor']} ({about['instructions']}), {threads}, {', '.join(about['blas'])}"


def in_this_process(asked: argparse.Namespace, candidates: list[Engine], own: str) -> list[Row]:
    """Measure and print case by case."""
    rows: list[Row] = []
    wanted = Asked(asked.quick, asked.networks, asked.style)
    for name in asked.names:
        print(f"{name}: {registry[name].__doc__}")
        for case in registry[name](wanted):
            if asked.cases.lower() in case.name.lower():
                rows.append(measure(name, case, candidates, asked.repeats, own))
                print(table(rows[-1]), flush=True)
    return rows


def in_processes(asked: argparse.Namespace, about: dict[str, Any]) -> int:
    """Let other processes measure, and print what they found together."""
    passed = [*asked.names, f"--cases={asked.cases}", "--device", asked.device, "--repeats", str(asked.repeats)]
    passed += ["--style", *asked.style, "--peers", *asked.peers, *["--quick"] * asked.quick]
    passed += ["--networks", *asked.networks] if asked.networks else []
    runs = []
    for threads, record in measured(passed, asked.starts, asked.threads or [None]):
        runs.append((threads, record["results"]))
        about |= {name: record[name] for name in ("ceilings", "versions")}
    summaries = summarise(runs)
    for title, cases in grouped(summaries):
        print(title)
        print("\n".join(case.table() for case in cases))
        for candidate, mean in means(cases).items():
            print(f"  geometric mean: {cases[0].own} {mean:.2f} × {candidate}")
    if asked.out:
        write(asked, about | {"starts": asked.starts}, None, summaries)
    return int(any(summary.refused for summary in summaries))


def write(asked: argparse.Namespace, about: dict[str, Any], rows: list[Row] | None, summaries: list[Summary]) -> None:
    """Leave ``name.json``, of every sample or of the starts, and each picture for which there are figures."""
    name = "all" if asked.names == list(registry) else "-".join(asked.names)
    asked.out.mkdir(parents=True, exist_ok=True)
    results = [summary.as_json() for summary in summaries] if rows is None else [as_json(row) for row in rows]
    record = about | {"results": results}
    (asked.out / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if installed("matplotlib"):
        title = " ".join(f"{name}: {registry[name].__doc__}" for name in asked.names[:2])
        title += f"\n{about['processor']} ({about['instructions']}), {about['cores']} cores"
        drawn = {"ratios": pictures.ratios(summaries, title)}
        drawn |= {"roofline": pictures.roofline(rows or [], about["ceilings"])}
        for what, figure in drawn.items():
            if figure is not None:
                figure.savefig(asked.out / f"{name}-{what}.png", dpi=120)
    else:
        print("matplotlib is not installed, so the pictures are left out: pip install 'minidl[bench]'")
    print(f"written: {', '.join(sorted(str(path) for path in asked.out.glob(f'{name}*')))}")


if __name__ == "__main__":
    sys.exit(main())
