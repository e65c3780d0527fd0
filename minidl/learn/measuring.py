"""What a piece of work costs: the processor's time, memory, and the same on several ranks."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from minidl.backend import memory
from minidl.distributed import is_available


def seconds(work: Callable[[], Any], repeats: int, device: str = "cpu") -> float:
    """The fastest of some calls, after one that is not counted.

    On the CPU it is the time for which processors worked for this process: what else runs on the machine doesn't count,
    and two threads count twice. On a GPU it is the time until the work is done, for which the work itself must wait.
    """
    clock = time.process_time if device == "cpu" else time.perf_counter
    work()
    took = []
    for _ in range(repeats):
        started = clock()
        work()
        took.append(clock() - started)
    return min(took)


def megabytes(work: Callable[[], Any]) -> float:
    """The most memory of the CPU that a call takes at once, beyond what is held, after one that is not counted."""
    work()
    memory.empty_cache()  # or it would take what the first call has left
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def on_ranks(count: int, program: Path, *arguments: object, limit: float = 600) -> bool:
    """Run a program on so many ranks, by ``mpiexec``; False where that can't be done, and why is printed.

    It is ended after `limit` seconds. A rank that waits for others ends it after a third of that, and names them.
    """
    mpiexec = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
    if mpiexec is None or not is_available():
        print("No MPI here, and so no ranks: pip install 'minidl[mpi]' brings one")
        return False
    command = [mpiexec, "-n", str(count), sys.executable, str(program), *map(str, arguments)]
    environment = {"MINIDL_TIMEOUT": str(math.ceil(limit / 3))} | os.environ
    # What is typed is for the lesson: mpiexec would read it
    options: Any = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        done = subprocess.run(command, env=environment, timeout=limit, **options)
    except subprocess.TimeoutExpired as error:
        print(f"{program.name} has not ended on {count} ranks within {limit:g} s:", text(error.output))
        return False
    if done.returncode:
        print(f"{mpiexec} has not run {program.name}:", text(done.stdout))
    return not done.returncode


def text(printed: bytes | None) -> str:
    """What a program has printed."""
    return (printed or b"").decode(errors="replace")
