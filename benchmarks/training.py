"""A training step of whole networks: forward, loss, backward, Adam."""

from collections.abc import Iterator

from benchmarks.case import Asked, Case, benchmark
from benchmarks.networks import NETWORKS, problem, titled


@benchmark
def training(asked: Asked) -> Iterator[Case]:
    """A training step of batch 128."""
    for name in filter(asked.wants, NETWORKS):
        for style in asked.styles:
            model, images, targets = problem(name, 4 if asked.quick else 128, style)
            yield Case(
                titled(name, style),
                lambda engine: engine.training(model, images, targets),  # noqa: B023
                NETWORKS[name].tolerance,
            )
