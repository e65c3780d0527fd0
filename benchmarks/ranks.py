"""Ranks of one thread against one process of as many: ``mpiexec -n 2 python -m benchmarks.ranks``.

Both train a network on the same batches, in turns within one job, so that what else the machine does is shared by both;
while the one process trains, the other ranks sleep. Beside the ratio of their images a second stands how much of its
way a gradient makes while backward still computes others: by a profile of one step, which `--trace` leaves for
chrome://tracing or Perfetto.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence

import numpy as np

import minidl as md
from benchmarks.machine import description
from benchmarks.networks import NETWORKS
from benchmarks.scale import file, write
from minidl import distributed, nn, optim
from minidl.commands.arguments import number
from minidl.profiler.events import Event


def trained(net: nn.Module, images: md.Tensor, labels: md.Tensor) -> Callable[[], None]:
    """A training step."""
    optimizer = optim.SGD(net.parameters(), lr=1e-3, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()

    return step


def seconds(step: Callable[[], None], steps: int) -> float:
    """How long some steps take."""
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return time.perf_counter() - start


def overlap(events: Sequence[Event]) -> float:
    """The part of the messages' time that lies before the end of the last op of backward; NaN without messages."""
    until = max(event.end for event in events if event.backward)
    messages = [event for event in events if event.kind == "message"]
    total = sum(event.seconds for event in messages)
    return sum(max(0.0, min(event.end, until) - event.start) for event in messages) / total if total else float("nan")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print what came of it on rank 0."""
    top = argparse.ArgumentParser(prog="python -m benchmarks.ranks", description=__doc__.partition("\n")[0])
    top.add_argument("--network", choices=NETWORKS, default="VGG-style", help="default: VGG-style")
    top.add_argument("--batch", type=number(int, 1), default=128, metavar="N", help="of all ranks (default: 128)")
    top.add_argument("--turns", type=number(int, 1), default=9, metavar="N", help="default: 9")
    top.add_argument("--steps", type=number(int, 1), default=3, metavar="N", help="of each turn (default: 3)")
    top.add_argument("--trace", type=file, metavar="FILE", help="leave a Chrome trace of a step on rank 0 there")
    top.add_argument("--out", type=file, metavar="FILE", help="leave the figures there (JSON)")
    asked = top.parse_args(arguments)
    distributed.init_process_group()
    rank, size = distributed.get_rank(), distributed.get_world_size()
    if size == 1 or asked.batch % size:
        top.error(f"{size} ranks for a batch of {asked.batch}: start it by mpiexec -n N, of which the batch has a part")
    rng = np.random.default_rng(0)
    images = md.tensor(rng.random((asked.batch, *NETWORKS[asked.network].size), np.float32))
    labels = md.tensor(rng.integers(0, 10, asked.batch))
    together = NETWORKS[asked.network].sequential(nn)
    together = trained(distributed.DistributedDataParallel(together), images[rank::size], labels[rank::size])
    alone = trained(NETWORKS[asked.network].sequential(nn), images, labels)
    ratios = []
    for turn in range(-1, asked.turns):  # one to warm up
        md.set_num_threads(1)
        distributed.barrier()
        ranks = seconds(together, asked.steps)
        distributed.barrier()
        if rank == 0:
            md.set_num_threads(size)
            ratios += [seconds(alone, asked.steps) / ranks] * (turn >= 0)
        distributed.barrier()
    md.set_num_threads(1)
    with md.profiler.profile() as prof:
        together()
    if rank == 0:
        low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
        share = overlap(prof.events())
        print(
            f"{asked.network}, batch {asked.batch}: {size} ranks of one thread give {middle:.3f} × the images a second "
            f"of one process of {size} threads (quartiles {low:.3f}, {high:.3f}, of {asked.turns} turns)\n"
            f"overlap: {share:.0%} of the time of messages is within backward"
        )
        if asked.trace:
            prof.export_chrome_trace(asked.trace)
        about = description([]) | {"network": asked.network, "batch": asked.batch, "ranks": size}
        write(asked.out, about | {"ratios": ratios, "overlap": share})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
