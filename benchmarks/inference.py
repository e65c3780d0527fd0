"""Forward passes of whole networks in evaluation mode."""

from collections.abc import Iterator

from benchmarks.case import Asked, Case, benchmark
from benchmarks.networks import AT_224, NETWORKS, problem, titled


@benchmark
def inference(asked: Asked) -> Iterator[Case]:
    """A forward pass in evaluation mode, batch 1, 8 and 128; of networks for 224² images, 1 and 8."""
    for name in filter(asked.wants, [*NETWORKS, *AT_224]):
        large = name in AT_224
        if large and asked.quick and not asked.networks:
            continue  # nothing about them is tiny
        batches = (1, 8) if large else (1, 2) if asked.quick else (1, 8, 128)
        for style in asked.styles[:1] if large else asked.styles:
            for batch in batches:
                model, images, _ = problem(name, batch, style)
                yield Case(
                    f"{titled(name, style)}, batch {batch}",
                    lambda engine: engine.inference(model, images),  # noqa: B023
                    repeats=5 if large else None,
                )
