"""What the trainer costs over the loop that one would write by hand."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator

import minidl as md
from benchmarks.case import Asked, Case, benchmark
from benchmarks.engines import Engine, Lacking, Work
from minidl.train import Trainer

NETWORKS: dict[str, tuple[Callable[[], md.nn.Module], tuple[int, ...], int]] = {  # with sizes of an input, of a batch
    "SimpLeNet": (md.models.SimpLeNet, (1, 28, 28), 128),
    "MLP 784-256-256-10": (lambda: md.models.mlp(784, 256, 256, 10), (784,), 128),
    "nothing to compute, Linear 2-10": (lambda: md.nn.Linear(2, 10), (2,), 4),  # the difference is the trainer's own
}


class InTurns:
    """A loader for the trainer that makes, before it gives a batch, the same step by hand.

    Both are timed, step by step, by the processor's time: what others do on the machine meets both alike.
    """

    def __init__(self, name: str, batches: int, quick: bool) -> None:
        build, shape, batch = NETWORKS[name]
        batch = min(batch, 4) if quick else batch
        md.manual_seed(0)
        self.batch, self.batches = (md.randn(batch, *shape), md.randint(0, 10, (batch,))), batches
        self.by_hand, trained = build(), build()
        self.loss_of = md.nn.CrossEntropyLoss()
        self.optimizer = md.optim.Adam(self.by_hand.parameters())
        self.trainer = Trainer(trained, self.loss_of, md.optim.Adam(trained.parameters()))
        self.times: dict[str, list[float]] = {}
        self.total = 0.0

    def __iter__(self) -> Iterator[tuple[md.Tensor, md.Tensor]]:
        self.times = {"by hand": [], "trainer": []}
        for _ in range(self.batches):
            with self.timed("by hand"):
                self.step()
            with self.timed("trainer"):
                yield self.batch

    def step(self) -> None:
        """A step by hand."""
        images, labels = self.batch
        self.optimizer.zero_grad()
        loss = self.loss_of(self.by_hand(images), labels)
        loss.backward()
        self.optimizer.step()
        self.total += loss.item()

    @contextlib.contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """The time of a block, put down under a name."""
        started = time.process_time()
        yield
        self.times[name].append(time.process_time() - started)

    def fit(self) -> float:
        """The median time of a step of the trainer."""
        self.trainer.fit(self, verbose=0)
        return statistics.median(self.times["trainer"])

    def loop(self) -> float:
        """That of the steps by hand in between."""
        return statistics.median(self.times["by hand"])


@benchmark
def trainer(asked: Asked) -> Iterator[Case]:
    """A step of the trainer, and of a loop written by hand, in turns, in processor time."""
    for name in filter(asked.wants, NETWORKS):
        turns = InTurns(name, 2 if asked.quick else 30, asked.quick)

        def by_trainer(engine: Engine, fit: Callable[[], float] = turns.fit) -> Work:
            if engine.name != "minidl":
                raise Lacking("trainer of ours")
            return Work(fit)

        yield Case(
            name, by_trainer, baselines={"by hand": lambda _, loop=turns.loop: Work(loop)}, unit="CPU s", repeats=10
        )
