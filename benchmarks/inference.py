"""Forward passes of whole networks in evaluation mode."""

from collections.abc import Iterator

from benchmarks.case import Case, benchmark
from benchmarks.networks import NETWORKS, problem


@benchmark
def inference(quick: bool) -> Iterator[Case]:
    """A forward pass in evaluation mode, batch 1 and 128."""
    for name in NETWORKS:
        for batch in (1, 2) if quick else (1, 128):
            network, images, _ = problem(name, batch)
            yield Case(f"{name}, batch {batch}", lambda engine: engine.inference(network, images))  # noqa: B023
