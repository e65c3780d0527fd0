"""The same benchmarks in several processes, one after the other: what a process happens upon at its start, it keeps.

Memory that lies well or badly, and the order in which threads were made, move a ratio by more than its samples show.
Each process has only as many cores as threads, where a number is asked for, so that every engine keeps to it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

VARIABLES = ("MINIDL", "OMP", "OPENBLAS", "MKL")  # …_NUM_THREADS


def measured(
    arguments: Sequence[str], starts: int, threads: Sequence[int | None]
) -> Iterator[tuple[int | None, dict[str, Any]]]:
    """For each start and number of threads that number, and what ``python -m benchmarks`` with `arguments` wrote.

    Raises
    ------
    RuntimeError
        If a process failed, with what it printed.
    """
    for start in range(starts):
        for count in threads:
            print(f"start {start + 1} of {starts}" + (f", {count} threads" if count else ""), flush=True)
            yield count, child(arguments, count)


def child(arguments: Sequence[str], threads: int | None) -> dict[str, Any]:
    """What one process wrote."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks", *arguments, "--out", folder]
        environment = dict(os.environ)
        if threads:
            environment |= {f"{name}_NUM_THREADS": str(threads) for name in VARIABLES}
        before = cores()
        try:
            give(sorted(before)[:threads])
            done = subprocess.run(
                command, env=environment, cwd=Path(__file__).parents[1], capture_output=True, text=True
            )
        finally:
            give(before)
        written = list(Path(folder).glob("*.json"))
        if not written:  # a refused candidate ends with 1, too, but has its figures
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
        return json.loads(written[0].read_text("utf-8"))


def cores() -> set[int]:
    """The cores that this process may use; none where the system does not tell (it is Linux's)."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def give(allowed: Sequence[int] | set[int]) -> None:
    """Keep this process, and those that it starts, to these cores."""
    if allowed and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, allowed)
