"""Peak resident memory of training steps, each engine in a process of its own.

The process is this file: ``python -m benchmarks.memory PACKAGE ENGINE NETWORK BATCH STEPS``. It prints by how many MiB
its peak, after 20 steps and after STEPS more, is above what it held before the first.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.case import Asked, Case, benchmark
from benchmarks.engines import Engine, Work, of_package
from benchmarks.networks import problem

PROC = Path("/proc/self")  # of Linux
WARM = 20


def peak() -> float:
    """The largest resident memory that this process had, in MiB.

    Linux counts in ``ru_maxrss`` also what the process was before exec, here the benchmarks with all the peers in it;
    its ``VmHWM`` starts anew.
    """
    if PROC.exists():
        return int((PROC / "status").read_text("utf-8").partition("VmHWM:")[2].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def start_anew() -> None:
    """Forget the peak of the imports, where the system can: from now on it is what is held, and more."""
    if PROC.exists():
        (PROC / "clear_refs").write_text("5", "ascii")


def peaks(engine: Engine, network: str, batch: int, steps: int) -> tuple[float, float]:
    """What a process needs for training steps, in MiB: in the first 20, and in these and `steps` more."""
    command = [sys.executable, "-m", "benchmarks.memory", engine.package, engine.name, network, str(batch), str(steps)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    first, last = json.loads(done.stdout)
    return first, last


def needed(network: str, batch: int) -> Case:
    """The peak of the first steps."""

    def work(engine: Engine) -> Work:
        return Work(lambda: peaks(engine, network, batch, 0)[0])

    return Case(f"{network}, batch {batch}", work, unit="MiB", repeats=3)


def growth(network: str, batch: int, steps: int) -> Case:
    """By how much the peak rises in further steps."""

    def work(engine: Engine) -> Work:
        def grown() -> float:
            first, last = peaks(engine, network, batch, steps)
            return last - first

        return Work(grown)

    return Case(f"{network}, batch {batch}, growth over {steps:,} more steps", work, unit="MiB", repeats=1)


@benchmark
def memory(asked: Asked) -> Iterator[Case]:
    """The peak of training steps above what the process held before them."""
    for network in ["SimpLeNet"] if asked.quick else ["SimpLeNet", "VGG-style"]:
        for batch in [1] if asked.quick else [32, 64, 128, 256]:
            yield needed(network, batch)
        yield growth(network, *((1, 2) if asked.quick else (16, 1000)))


def main(package: str, name: str, network: str, batch: str, steps: str) -> None:
    """The process that is measured; of the engines it imports its own alone."""
    engine = next(engine for engine in of_package(package) if engine.name == name)
    step = engine.training(*problem(network, int(batch))).call
    start_anew()
    before, found = peak(), []
    for count in WARM, int(steps):
        for _ in range(count):
            step()
        found.append(peak() - before)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
