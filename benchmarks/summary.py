"""What several processes measured of the same cases: medians of each, and ratios with their spread."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.report import UNITS, digits


@dataclass
class Summary:
    """A case over all starts of a process.

    Attributes
    ----------
    threads : on how many threads, where that was asked for
    medians : for each candidate, the median of each start
    own : the candidate whose ratios to the others are asked for
    left_out, refused : candidates without times, and why
    """

    benchmark: str
    case: str
    threads: int | None
    unit: str
    own: str
    medians: dict[str, list[float]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def ratios(self, over: str | None = None) -> dict[str, list[float]]:
        """In each start, `own` over every other candidate; or with `over`, every candidate over that one."""
        if over is not None:
            return {name: quotients(times, self.medians.get(over, [])) for name, times in self.medians.items()}
        own = self.medians.get(self.own, [])
        return {name: quotients(own, times) for name, times in self.medians.items() if name != self.own}

    def table(self) -> str:
        """Lines for the terminal."""
        lines = [f"  {self.case}"]
        for name, times in self.medians.items():
            median = statistics.median(times)
            units = UNITS[self.unit]
            scale, unit = next(((s, u) for s, u in units if median >= s), units[-1])
            line = f"    {name:24}{digits(median / scale):>8} {unit:3}"
            if ratios := self.ratios().get(name):
                middle, low, high = statistics.median(ratios), min(ratios), max(ratios)
                line += f"    {self.own}: {middle:.2f} × this ({low:.2f} – {high:.2f} in {len(ratios)} starts)"
            lines.append(line)
        lines += [f"    {name:24} left out: it has no {what}" for name, what in self.left_out.items()]
        lines += [f"    {name:24} REFUSED: {why}" for name, why in self.refused.items()]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The case with the median of every start."""
        ratios = {
            name: {"median": statistics.median(values), "low": min(values), "high": max(values)}
            for name, values in self.ratios().items()
            if values
        }
        return asdict(self) | {"own / candidate": ratios}


def quotients(a: Sequence[float], b: Sequence[float]) -> list[float]:
    """a / b, start by start; none where there is nothing to divide by."""
    return [x / y for x, y in zip(a, b, strict=False) if x and y]


def summarise(runs: Iterable[tuple[int | None, list[dict[str, Any]]]]) -> list[Summary]:
    """The cases of all runs: each is the threads that it had, and its rows as `report.as_json` gives them."""
    found: dict[tuple[str, str, int | None], Summary] = {}
    for threads, rows in runs:
        for row in rows:
            key = row["benchmark"], row["case"], threads
            summary = found.setdefault(key, Summary(*key, row["unit"], row["own"]))
            for name, median in row["median"].items():
                summary.medians.setdefault(name, []).append(median)
            summary.left_out |= row["left out"]
            summary.refused |= row["refused"]
    return sorted(found.values(), key=lambda summary: summary.threads or 0)


def grouped(summaries: Sequence[Summary]) -> Iterator[tuple[str, list[Summary]]]:
    """The cases of each benchmark and number of threads, under a title."""
    for (benchmark, threads), cases in itertools.groupby(summaries, lambda s: (s.benchmark, s.threads)):
        yield benchmark + (f", {threads} thread{'s' * (threads > 1)}" if threads else ""), list(cases)


def means(cases: Sequence[Summary]) -> dict[str, float]:
    """By candidate, the geometric mean of the median ratios to it, over all cases that it takes part in."""
    ratios: dict[str, list[float]] = {}
    for case in cases:
        for name, values in case.ratios().items():
            if values:
                ratios.setdefault(name, []).append(statistics.median(values))
    return {name: statistics.geometric_mean(values) for name, values in ratios.items() if len(values) > 1}
