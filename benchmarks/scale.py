"""How a training step would grow on many machines: ``python -m benchmarks.scale``.

Measured is one process: when, in backward, each gradient is whole, and how long a step takes. Computed is all else: a
clock, on which nobody sleeps, runs the schedule of buckets that `DistributedDataParallel` has, with messages that take
as long as the α-β model says: α for each of them, β for each byte. Thakur, Rabenseifner & Gropp (2005), "Optimization
of collective communication operations in MPICH", section 4.5: an all-reduce of n bytes by recursive halving and
doubling takes 2 ⌈log₂ p⌉ α + 2 n β (p − 1)/p on p ranks; its additions are left out. Each rank has a batch as measured.

``mpiexec -n 2 python -m benchmarks.scale --link --out link.json`` measures α and β between the ranks that it runs on,
and ``--measured link.json`` computes with them, too. On a busy machine ``--processor`` measures a rank of one thread by
the time that its processor works for it.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import minidl as md
from benchmarks.machine import description
from benchmarks.networks import AT_224, NETWORKS
from minidl import distributed, nn, optim
from minidl.commands.arguments import number
from minidl.distributed.buckets import CAP, FIRST, Schedule, planned
from minidl.distributed.collectives import reduced
from minidl.distributed.group import joined
from minidl.engine.arrivals import receive

RANKS = tuple(2**i for i in range(11))
BATCHES = {"SimpLeNet": 128, "VGG-style": 128, "ResNet-50": 8}


class Link(NamedTuple):
    """What lies between ranks: seconds for each message, and for each byte."""

    alpha: float
    beta: float

    def all_reduce(self, size: int, ranks: int) -> float:
        """Seconds for an all-reduce of so many bytes."""
        return 2 * math.ceil(math.log2(ranks)) * self.alpha + 2 * size * self.beta * (ranks - 1) / ranks


LINKS = {  # of their data sheets, not measured
    "Ethernet, 10 Gbit/s": Link(30e-6, 8 / 10e9),
    "InfiniBand HDR, 200 Gbit/s": Link(1.5e-6, 8 / 200e9),
}


class Step(NamedTuple):
    """A training step of one process: its seconds, up to where backward begins and ends, and in all.

    `arrivals` are the seconds from the beginning of backward at which each parameter's gradient was whole, by number,
    and `sizes` the bytes of them all.
    """

    forward: float
    backward: float
    rest: float
    arrivals: dict[int, float]
    sizes: list[int]

    @property
    def seconds(self) -> float:
        """How long it takes on one rank."""
        return self.forward + self.backward + self.rest


class Watch:
    """Takes gradients, and notes when."""

    def __init__(self, parameters: Sequence[md.Tensor], clock: Callable[[], float]) -> None:
        self.number, self.clock = {id(p): i for i, p in enumerate(parameters)}, clock
        self.times: dict[int, float] = {}
        for p in parameters:
            receive(p, self)

    def arrived(self, leaf: md.Tensor, g: Any) -> None:
        """Leave it where the optimizer finds it."""
        self.times[self.number[id(leaf)]] = self.clock()
        leaf.grad = g if isinstance(g, md.Tensor) else md.Tensor(np.array(g))

    def begun(self, readers: Any, partly: bool) -> bool:
        """Take them all."""
        return True

    def finished(self) -> None:
        """Nothing is on its way."""

    failed = finished


def measured(name: str, batch: int, repeats: int, clock: Callable[[], float] = time.perf_counter) -> Step:
    """The fastest of some training steps, by a clock."""
    network = {**NETWORKS, **AT_224}[name]
    net = network.sequential(nn)
    parameters = list(net.parameters())
    optimizer, watch = optim.SGD(parameters, lr=1e-3, momentum=0.9), Watch(parameters, clock)
    rng = np.random.default_rng(0)
    images = md.tensor(rng.random((batch, *network.size), np.float32))
    labels = md.tensor(rng.integers(0, 10, batch))
    steps = []
    for _ in range(repeats + 1):
        optimizer.zero_grad()
        start = clock()
        loss = md.functional.cross_entropy(net(images), labels)
        begun = clock()
        loss.backward()
        ended = clock()
        optimizer.step()
        arrivals = {i: at - begun for i, at in watch.times.items()}
        sizes = [p.array.nbytes for p in parameters]
        steps.append(Step(begun - start, ended - begun, clock() - ended, arrivals, sizes))
    return min(steps[1:], key=lambda step: step.seconds)


class Run(NamedTuple):
    """A step on a simulated clock: its seconds, and those in which it did nothing but wait for messages."""

    seconds: float
    waited: float


def simulated(step: Step, link: Link, ranks: int, overlap: bool = True, first: int = FIRST, cap: int = CAP) -> Run:
    """The step on so many ranks; without `overlap` nothing is sent before backward has ended."""
    if ranks == 1:
        return Run(step.seconds, 0.0)
    buckets = planned(step.sizes, [0] * len(step.sizes), first, cap)
    schedule, free = Schedule(buckets), 0.0  # when the line is free again
    for parameter, at in sorted(step.arrivals.items(), key=lambda arrival: arrival[1]):
        for bucket in schedule.arrived(parameter):
            size = sum(step.sizes[i] for i in buckets[bucket])
            free = max(free, at if overlap else step.backward) + link.all_reduce(size, ranks)
    waited = max(0.0, free - step.backward)
    return Run(step.seconds + waited, waited)


def fitted(sizes: Sequence[int], seconds: Sequence[float], ranks: int) -> Link:
    """The link by which an all-reduce takes nearest to these times, by least squares of their relative errors."""
    rows = [[2 * math.ceil(math.log2(ranks)), 2 * size * (ranks - 1) / ranks] for size in sizes]
    weighted = np.array(rows) / np.array(seconds)[:, None]
    (alpha, beta), *_ = np.linalg.lstsq(weighted, np.ones(len(sizes)), rcond=None)
    return Link(max(float(alpha), 0.0), max(float(beta), 0.0))


def between_ranks(repeats: int) -> dict[str, Any]:
    """The link between the ranks of this job, measured: the fastest of some all-reduces of several sizes."""
    group = joined()
    sizes, seconds = [1 << k for k in range(10, 25, 2)], []
    for size in sizes:
        buffer, times = np.zeros(size // 4, np.float32), []
        for _ in range(repeats):
            distributed.barrier()
            start = time.perf_counter()
            group.wait(reduced(group, buffer), "all-reduce")
            times.append(time.perf_counter() - start)
        seconds.append(min(times))
    link = fitted(sizes, seconds, group.size)
    return {"ranks": group.size, "sizes": sizes, "seconds": seconds, "alpha": link.alpha, "beta": link.beta}


def misfit(link: dict[str, Any]) -> str:
    """What each size of message took, and what the link makes of it, a line each."""
    model, lines = Link(link["alpha"], link["beta"]), []
    for size, seconds in zip(link["sizes"], link["seconds"], strict=True):
        told = model.all_reduce(size, link["ranks"])
        lines.append(f"{size:>12,} bytes: {seconds * 1e6:9.1f} µs, by α and β {told * 1e6:9.1f} ({told / seconds:.0%})")
    return "\n".join(lines)


def file(text: str) -> Path:
    """A file in a folder that is there; argparse's error says where it is not."""
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    return path


def table(step: Step, links: dict[str, Link], ranks: Sequence[int]) -> str:
    """Seconds of a step, and how much of the images a second of so many single ranks that is."""
    lines = [f"{'ranks':>6}" + "".join(f"  {name:>28}" for name in links)]
    for count in ranks:
        cells = []
        for link in links.values():
            run, plain = simulated(step, link, count), simulated(step, link, count, overlap=False)
            share, without = step.seconds / run.seconds, step.seconds / plain.seconds
            cells.append(f"{run.seconds * 1e3:9.2f} ms {share:6.1%} ({without:.1%})")
        lines.append(f"{count:>6}" + "".join(f"  {cell:>28}" for cell in cells))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and compute, and print what came of it."""
    top = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.partition("\n")[0])
    top.add_argument("--link", action="store_true", help="measure the link between the ranks that mpiexec has started")
    counted = "timed steps, or messages (default: 10)"
    top.add_argument("--repeats", type=number(int, 1), default=10, metavar="N", help=counted)
    top.add_argument("--quick", action="store_true", help="tiny batches, to see that it works")
    top.add_argument("--measured", type=file, metavar="FILE", help="compute with the link that --link has left, too")
    top.add_argument("--processor", action="store_true", help="one thread, by the time that the processor works")
    top.add_argument("--out", type=file, metavar="FILE", help="leave the figures there (JSON)")
    asked = top.parse_args(arguments)
    if asked.processor:
        md.set_num_threads(1)
    record: dict[str, Any] = description([])
    if asked.link:
        distributed.init_process_group()
        if distributed.get_world_size() == 1:
            top.error("--link: one rank has no link; mpiexec -n 2 python -m benchmarks.scale --link")
        record["link"] = between_ranks(asked.repeats)
        if joined().rank == 0:
            alpha, beta = record["link"]["alpha"], record["link"]["beta"]
            print(f"measured, {joined().size} ranks: α {alpha * 1e6:.1f} µs, 1/β {1e-9 / max(beta, 1e-15):.2f} GB/s")
            print(misfit(record["link"]))
            write(asked.out, record)
        return 0
    links, clock = dict(LINKS), time.process_time if asked.processor else time.perf_counter
    if asked.measured:
        link = json.loads(asked.measured.read_text("utf-8"))["link"]
        links["measured"] = Link(link["alpha"], link["beta"])
    names = ["SimpLeNet"] if asked.quick else list(BATCHES)
    record["networks"] = {}
    for name in names:
        batch = 2 if asked.quick else BATCHES[name]
        step = measured(name, batch, asked.repeats, clock)
        print(
            f"{name}, batch {batch} a rank, {sum(step.sizes) / 1e6:.1f} MB of gradients. Measured: forward "
            f"{step.forward * 1e3:.1f} ms, backward {step.backward * 1e3:.1f} ms, step {step.seconds * 1e3:.1f} ms.\n"
            "Computed: the step, and the share of its images a second that each rank keeps (without overlap):"
        )
        print(table(step, links, RANKS), flush=True)
        computed = {link: [simulated(step, links[link], ranks) for ranks in RANKS] for link in links}
        record["networks"][name] = {"batch": batch, "measured": step._asdict(), "computed": computed}
    record |= {"links": links, "ranks": RANKS, "clock": clock.__name__}
    write(asked.out, record)
    return 0


def write(path: Path | None, record: dict[str, Any]) -> None:
    """Leave a record in a file, if one was asked for."""
    if path is not None:
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
