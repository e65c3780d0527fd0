"""All that is asked of a GPU on the day that one stands, in five minutes: ``python -m benchmarks.gpu``.

Whether weights become the CPU's; how long training steps take beside PyTorch's on the same GPU; and the tests that are
marked gpu, in the time that is left. What fits into no time is said.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import minidl as md
from benchmarks.__main__ import engines, machine
from benchmarks.case import Asked
from benchmarks.engines import Cuda, Minidl
from benchmarks.engines.model import without_dropout
from benchmarks.machine import description
from benchmarks.networks import NETWORKS, problem
from benchmarks.report import as_json, table
from benchmarks.timing import Row, error, measure
from benchmarks.training import training

STEPS = 3
EQUAL = 1e-8  # of float64


class Clock:
    """The time that is left of some minutes."""

    def __init__(self, minutes: float) -> None:
        self.end = time.monotonic() + 60 * minutes

    def left(self) -> float:
        """In seconds."""
        return self.end - time.monotonic()


def weights(engine: Minidl, name: str, batch: int) -> list[np.ndarray]:
    """What a network's weights are after some steps of SGD, without dropout."""
    model, inputs, targets = problem(name, batch, "functional")
    network, x, y = engine.translate(model), engine.tensor(inputs), engine.tensor(targets)
    optimizer = md.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9)
    with without_dropout(network.modules()):
        for _ in range(STEPS):
            optimizer.zero_grad()
            getattr(md.functional, model.loss)(network(x), y).backward()
            optimizer.step()
    return [engine.numpy(p) for p in network.parameters()]


def equality(device: str, batch: int, clock: Clock) -> dict[str, float | None]:
    """By network, how far the weights on the GPU are from the CPU's, in float64; None where time was up."""
    off: dict[str, float | None] = dict.fromkeys(NETWORKS)
    for name in NETWORKS:
        if clock.left() > 0:
            cpu, gpu = (weights(engine, name, batch) for engine in (Minidl(np.float64), Cuda(device, np.float64)))
            off[name] = error(gpu, cpu)
            print(f"  {name:24} {off[name]:.1e}", flush=True)
    return off


def ratios(device: str, asked: Asked, repeats: int, clock: Clock) -> list[Row]:
    """Training steps on the GPU and on the CPU, beside PyTorch on the same GPU, until time is up."""
    candidates, rows = engines(["torch"], device), []
    for case in training(asked):
        if clock.left() > 0:
            rows.append(measure("training", case, candidates, repeats, f"minidl {device}"))
            print(table(rows[-1]), flush=True)
    return rows


def tests(paths: Sequence[str], seconds: float) -> dict[str, Any]:
    """What pytest says at its end of the tests that are marked gpu; when time is up it is ended, which is said."""
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-n", "auto", "-q", *paths]
    with tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(
            command, cwd=Path(__file__).parents[1], stdout=printed, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            process.wait(max(seconds, 1))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its workers, too
            process.wait()
        printed.seek(0)
        text = printed.read().strip()
    ended = process.returncode >= 0
    return {
        "command": command[1:],
        "passed": process.returncode == 0,
        "summary": text.rpartition("\n")[2] if ended else f"time was up after {seconds:.0f} s",
        "printed": "" if process.returncode == 0 else text[-4000:],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask all; returns 1 for weights that are not the CPU's, a refused candidate, or tests that did not all pass."""
    top = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    top.add_argument("--device", default="cuda", metavar="cuda[:N]")
    top.add_argument("--minutes", type=float, default=5, metavar="N", help="for all of it (default: 5)")
    top.add_argument(
        "--tests", nargs="*", default=["tests"], metavar="PATH", help="by default all; none: leave them out"
    )
    top.add_argument("--quick", action="store_true", help="tiny batches")
    top.add_argument("--out", type=Path, default=Path("benchmarks/results"), metavar="FOLDER", help="of gpu.json")
    asked = top.parse_args(arguments)
    try:
        about = description([]) | Cuda(asked.device).description()
    except (RuntimeError, ValueError) as error:
        top.error(str(error))
    print(machine(about), "on", about["gpu"])
    end = Clock(asked.minutes)
    print(f"weights after {STEPS} steps in float64, how far from the CPU's")
    off = equality(asked.device, 2 if asked.quick else 16, Clock(asked.minutes * 2 / 5))
    print("training steps")
    rows = ratios(asked.device, Asked(asked.quick), 1 if asked.quick else 10, Clock(asked.minutes * 2 / 5))
    record = about | {"weights": off, "results": [as_json(row) for row in rows], "tests": None}
    passed = True
    if asked.tests:
        print("tests", flush=True)
        record["tests"] = tests(asked.tests, end.left())
        passed = record["tests"]["passed"]
        print(record["tests"]["summary"])
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "gpu.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")
    equal = all(value is not None and value <= EQUAL for value in off.values())
    return int(not (equal and passed) or any(row.refused for row in rows))


if __name__ == "__main__":
    sys.exit(main())
