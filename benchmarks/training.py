"""A training step of whole networks: forward, cross-entropy, backward, Adam."""

from collections.abc import Iterator

from benchmarks.case import Case, benchmark
from benchmarks.networks import NETWORKS, problem

TOLERANCE = 2e-2  # near-ties of max pooling and relu flip in float32, in every engine


@benchmark
def training(quick: bool) -> Iterator[Case]:
    """A training step of batch 128."""
    for name in NETWORKS:
        network, images, labels = problem(name, batch=4 if quick else 128)
        yield Case(name, lambda engine: engine.training(network, images, labels), TOLERANCE)  # noqa: B023
