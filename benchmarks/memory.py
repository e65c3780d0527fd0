"""Peak resident memory of training steps, each engine in a process of its own.

The process is this file: ``python -m benchmarks.memory ENGINE NETWORK BATCH WARM STEPS`` prints, in MiB, the peak
before the first step, after WARM of them, and after STEPS more.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.case import Case, benchmark
from benchmarks.engines import Engine, Work, find
from benchmarks.networks import problem


def peak() -> float:
    """The largest resident memory that this process ever had, in MiB.

    Linux counts in ``ru_maxrss`` also what the process was before exec, here the benchmarks with all the peers in it;
    its ``VmHWM`` starts anew.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text("ascii").partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def peaks(engine: Engine, network: str, batch: int, warm: int, steps: int) -> tuple[float, float, float]:
    """The peaks of a process that does these training steps: before, after the first `warm`, and at the end."""
    command = [sys.executable, "-m", "benchmarks.memory", engine.name, network, *map(str, (batch, warm, steps))]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    return json.loads(done.stdout)


def case(name: str, what: Callable[[tuple[float, float, float]], float], *run: object) -> Case:
    """A figure of the peaks of a run."""

    def work(engine: Engine) -> Work:
        return Work(lambda: what(peaks(engine, *run)))  # type: ignore[arg-type]

    return Case(name, work, unit="MiB", repeats=3)


@benchmark
def memory(quick: bool) -> Iterator[Case]:
    """Peak resident memory: of the whole process, of the steps beyond what was there before, and its growth."""
    for network in ["SimpLeNet"] if quick else ["SimpLeNet", "VGG-style"]:
        batches = [1] if quick else [32, 64, 128, 256]
        for batch in batches:
            yield case(f"{network}, batch {batch}, steps", lambda p: p[1] - p[0], network, batch, 5, 0)
        yield case(f"{network}, batch {batches[-1]}, process", lambda p: p[1], network, batches[-1], 5, 0)
        many, batch = (5, 1) if quick else (1000, 16)
        name = f"{network}, batch {batch}, growth over {many:,} steps"
        yield case(name, lambda p: p[2] - p[1], network, batch, 20, many)


if __name__ == "__main__":
    engine, network, *numbers = sys.argv[1:]
    batch, warm, steps = map(int, numbers)
    step = find(engine).training(*problem(network, batch)).call
    found = [peak()]
    for count in warm, steps:
        for _ in range(count):
            step()
        found.append(peak())
    print(json.dumps(found))
