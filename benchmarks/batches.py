"""Whole networks at growing batches: from which one on a GPU pays, with ``--device cuda``."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.case import Asked, Case, benchmark
from benchmarks.networks import TOLERANCE, problem


@benchmark
def batches(asked: Asked) -> Iterator[Case]:
    """A training step and a forward pass by batch."""
    for name in "SimpLeNet", "VGG-style":
        for batch in (1, 2) if asked.quick else (1, 4, 16, 64, 256, 1024):
            model, images, labels = problem(name, batch)
            case = f"{name}, batch {batch}"
            yield Case(f"{case}, training", lambda engine: engine.training(model, images, labels), TOLERANCE)  # noqa: B023
            yield Case(f"{case}, inference", lambda engine: engine.inference(model, images))  # noqa: B023
