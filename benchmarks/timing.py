"""Checking candidates, then timing them in turns.

All candidates of a case take turns in one process. Before each timed run comes an untimed one of the same candidate,
since the threads of the one before still spin.
"""

from __future__ import annotations

import contextlib
import gc
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minidl as md
from benchmarks.case import Case
from benchmarks.engines import Engine, Lacking, Minidl, Work

SAMPLE = 0.02  # seconds that a sample takes at least: shorter calls are repeated


@dataclass
class Row:
    """What was measured of a case: samples and errors by candidate, and why others have none.

    `own` is the candidate whose ratios to the others are asked for: minidl, on the device in question.
    """

    benchmark: str
    case: Case
    samples: dict[str, list[float]] = field(default_factory=dict)
    errors: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    own: str = "minidl"

    def medians(self) -> dict[str, float]:
        """The median of each candidate's samples."""
        return {name: statistics.median(samples) for name, samples in self.samples.items()}

    def ratios(self) -> dict[str, float]:
        """minidl's median over that of each other candidate; none where either is nothing."""
        medians = self.medians()
        own = medians.pop(self.own, 0)
        return {name: own / median for name, median in medians.items() if own and median}

    def paired(self) -> dict[str, list[float]]:
        """The quartiles of minidl's samples over those of each other candidate in the same turn."""
        own = self.samples.get(self.own, [])
        others = {name: samples for name, samples in self.samples.items() if name != self.own}
        turns = {name: [a / b for a, b in zip(own, samples, strict=True) if b] for name, samples in others.items()}
        return {name: np.quantile(ratios, [0.25, 0.5, 0.75]).tolist() for name, ratios in turns.items() if ratios}


class Wrong(ArithmeticError):
    """A candidate's outputs are not the reference's."""


def error(got: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> float:
    """The largest relative error, ‖got − expected‖ / ‖expected‖, of any of the arrays."""
    if [g.shape for g in got] != [e.shape for e in expected]:
        raise Wrong(f"shapes {[g.shape for g in got]}, expected {[e.shape for e in expected]}")
    return max((float(distance(g, e)) for g, e in zip(got, expected, strict=True)), default=0.0)


def distance(got: np.ndarray, expected: np.ndarray) -> np.floating:
    """‖got − expected‖ / ‖expected‖."""
    tiny = np.finfo(np.float64).tiny
    return np.linalg.norm((got - expected).ravel()) / max(np.linalg.norm(expected.ravel()), tiny)


def reference(case: Case) -> list[np.ndarray]:
    """What must come out: minidl's, in float64 and without fused kernels."""
    work = case.work(Minidl(np.float64))
    with md.no_fusion():
        return work.outputs() if work.outputs else []


def check(outputs: Sequence[np.ndarray], expected: Sequence[np.ndarray], tolerance: float) -> float:
    """The error of a candidate's outputs.

    Raises
    ------
    Wrong
        If it is more than `tolerance`, or no number.
    """
    off = error(outputs, expected)
    if not off <= tolerance:
        raise Wrong(f"differs from the reference by {off:.1e}, allowed {tolerance:.0e}")
    return off


def measure(benchmark: str, case: Case, engines: Sequence[Engine], repeats: int, own: str = "minidl") -> Row:
    """Check every candidate of a case, and time those that are right, `repeats` times."""
    row = Row(benchmark, case, own=own)
    expected = reference(case)
    turns: list[tuple[str, Engine, Work]] = []
    candidates = [(engine.name, engine, case.work) for engine in engines]
    candidates += [(name, engines[0], build) for name, build in case.baselines.items()]
    for name, engine, build in candidates:
        try:
            with limit(engine, case):
                work = build(engine)
                if work.outputs:
                    row.errors[name] = check(work.outputs(), expected, case.tolerance)
        except Lacking as lacking:
            row.left_out[name] = str(lacking)
        except Wrong as wrong:
            row.refused[name] = str(wrong)
        else:
            turns.append((name, engine, work))
    gc.collect()
    gc.freeze()  # or every collection walks over the modules of all the peers
    times = {name: enough(engine, work) if case.unit == "s" else 1 for name, engine, work in turns}
    row.samples = {name: [] for name in times}
    for _ in range(min(repeats, case.repeats or repeats)):
        for name, engine, work in turns:
            with limit(engine, case):
                row.samples[name].append(sample(case, engine, work, times[name]))
    gc.unfreeze()
    return row


def limit(engine: Engine, case: Case) -> AbstractContextManager[Any]:
    """The case's number of threads, where it has one."""
    return engine.threads(case.threads) if case.threads else contextlib.nullcontext()


def enough(engine: Engine, work: Work) -> int:
    """How many calls fill a sample, found when the engine is warm."""
    for _ in range(engine.warm_up):
        work.call()
    return max(1, round(SAMPLE / engine.seconds(work.call, 1)))


def sample(case: Case, engine: Engine, work: Work, times: int) -> float:
    """One sample: the seconds of a call, or what the call itself measured."""
    if case.unit != "s":
        return work.call()
    work.call()
    return engine.seconds(work.call, times) / times


def spent(call: Callable[[], Any]) -> float:
    """The processor's time that a call takes, after one that warms up."""
    call()
    started = time.process_time()
    call()
    return time.process_time() - started
