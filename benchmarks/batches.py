"""Whole networks at growing batches: from which one on a GPU pays, with ``--device cuda``."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.case import Case, benchmark
from benchmarks.networks import problem
from benchmarks.training import TOLERANCE


@benchmark
def batches(quick: bool) -> Iterator[Case]:
    """A training step and a forward pass by batch."""
    for name in "SimpLeNet", "VGG-style":
        for batch in (1, 2) if quick else (1, 4, 16, 64, 256, 1024):
            network, images, labels = problem(name, batch)
            case = f"{name}, batch {batch}"
            yield Case(f"{case}, training", lambda engine: engine.training(network, images, labels), TOLERANCE)  # noqa: B023
            yield Case(f"{case}, inference", lambda engine: engine.inference(network, images))  # noqa: B023
