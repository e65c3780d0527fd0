"""A benchmark is a generator of cases: rows in which every engine does the same work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.engines import Engine, Work


@dataclass(frozen=True)
class Case:
    """One row of a benchmark.

    Attributes
    ----------
    name : as the table calls it
    work : what an engine is asked for
    tolerance : how far a candidate's outputs may be from the reference's, as ‖difference‖ / ‖reference‖ of each array
    baselines : further candidates that are no engine, such as the matrix products alone
    flops, bytes : the arithmetic of the case, and the memory that it must at least move; 0 where neither is said
    unit : "s", or for a call that measures itself the unit of what it returns
    threads : on how many threads it is done; None leaves to each engine what it does by itself
    repeats : at most so many samples, where one takes long
    """

    name: str
    work: Callable[[Engine], Work]
    tolerance: float = 1e-4
    baselines: Mapping[str, Callable[[Engine], Work]] = field(default_factory=dict)
    flops: float = 0
    bytes: float = 0
    unit: str = "s"
    threads: int | None = None
    repeats: int | None = None


@dataclass(frozen=True)
class Asked:
    """What the command line asks of a benchmark.

    Attributes
    ----------
    quick : tiny cases, for tests
    networks : only networks that have one of these texts in their name; all, where there is none
    styles : in which form networks are written, of `benchmarks.networks.STYLES`
    """

    quick: bool = False
    networks: Sequence[str] = ()
    styles: Sequence[str] = ("functional",)

    def wants(self, network: str) -> bool:
        """Whether a network is asked for."""
        return not self.networks or any(text.lower() in network.lower() for text in self.networks)


Benchmark = Callable[[Asked], Iterator[Case]]
registry: dict[str, Benchmark] = {}


def benchmark(function: Benchmark) -> Benchmark:
    """Register ``function(asked)`` under its name."""
    registry[function.__name__] = function
    return function
