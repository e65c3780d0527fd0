"""What a profiler has seen, and tables of it: the names are those of ``torch.autograd.profiler_util``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass
class Event:
    """A stretch of time on the profiled thread, or in which a message was on its way.

    Attributes
    ----------
    name : of the op, the layer, or the range
    kind : "op", "layer", "range" or "message"
    layers : the layers that it belongs to, the outermost first
    backward : whether it is of the backward pass
    nested : whether it lies in an op
    start, end : in seconds, from the beginning of the profile
    inner : seconds of events in it
    products : seconds in which matrices were multiplied
    flops, bytes : operations on numbers, and bytes that must at least be moved; 0 of what lies in another op
    input_shapes : of its arrays
    """

    name: str
    kind: str
    layers: tuple[str, ...]
    backward: bool = False
    nested: bool = False
    start: float = 0.0
    end: float = 0.0
    inner: float = 0.0
    products: float = 0.0
    flops: int = 0
    bytes: int = 0
    input_shapes: tuple[tuple[int, ...], ...] = ()

    @property
    def seconds(self) -> float:
        """From its start to its end."""
        return self.end - self.start


class Shares(NamedTuple):
    """Where the time of a profile went, as parts of 1: products of matrices, other loops over arrays, and Python."""

    products: float
    traffic: float
    python: float


@dataclass
class Average:
    """Events under one name. Times are in microseconds, as PyTorch's.

    Attributes
    ----------
    key : the name
    count : how many events
    cpu_time_total, self_cpu_time_total : with and without the events in them; of a layer, forward and backward
    backward_time_total : the part of `cpu_time_total` in the backward pass
    products_time_total : the part in which matrices were multiplied
    flops, bytes : of all the events
    input_shapes : where it was grouped by them
    """

    key: str
    count: int = 0
    cpu_time_total: float = 0.0
    self_cpu_time_total: float = 0.0
    backward_time_total: float = 0.0
    products_time_total: float = 0.0
    flops: int = 0
    bytes: int = 0
    input_shapes: tuple[tuple[int, ...], ...] = ()

    @property
    def cpu_time(self) -> float:
        """The mean time of an event."""
        return self.cpu_time_total / max(self.count, 1)

    def add(self, event: Event, count: int, total: float, own: float) -> None:
        """Take an event in, with so many seconds of it and of it alone."""
        self.count += count
        self.cpu_time_total += 1e6 * total
        self.self_cpu_time_total += 1e6 * own
        self.backward_time_total += 1e6 * total * event.backward
        self.products_time_total += 1e6 * event.products
        self.flops += event.flops
        self.bytes += event.bytes


SORTED_BY = ("count", "cpu_time", "cpu_time_total", "self_cpu_time_total", "backward_time_total", "flops", "bytes")
Column = tuple[str, Callable[[Average], str]]


@dataclass
class EventList:
    """Averages, and the time that they are parts of: what `profile.key_averages` and `profile.layers` give.

    Attributes
    ----------
    averages : one for each name
    seconds : how long the profile took
    shares : where its time went
    of_layers : whether the names are of layers, whose times have a forward and a backward part
    """

    averages: list[Average]
    seconds: float
    shares: Shares
    of_layers: bool = False
    shapes: bool = field(default=False, repr=False)

    def __iter__(self) -> Any:
        return iter(self.averages)

    def __len__(self) -> int:
        return len(self.averages)

    def __getitem__(self, index: int) -> Average:
        return self.averages[index]

    def table(self, sort_by: str | None = None, row_limit: int = 100) -> str:
        """The averages as a table, a row each, and below it where the time went.

        Parameters
        ----------
        sort_by : str, optional
            ``"self_cpu_time_total"``, ``"cpu_time_total"``, ``"cpu_time"``, ``"backward_time_total"``, ``"count"``,
            ``"flops"`` or ``"bytes"``, the largest first. Default: in the order in which they came.
        row_limit : int
            At most so many rows; -1 for all.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        if sort_by is not None and sort_by not in SORTED_BY:
            raise ValueError(f"table: sort_by must be one of {', '.join(SORTED_BY)}, got {sort_by!r}")
        averages = list(self.averages)
        if sort_by is not None:
            averages.sort(key=lambda average: getattr(average, sort_by), reverse=True)
        shown = averages if row_limit < 0 else averages[:row_limit]
        columns = self.columns()
        lines = aligned([[title for title, _ in columns], *[[show(a) for _, show in columns] for a in shown]])
        if len(shown) < len(averages):
            lines.insert(-1, f"and {len(averages) - len(shown)} more")
        products, traffic, python = (f"{100 * share:.0f} %" for share in self.shares)
        total = f"{duration(1e6 * self.seconds)}: products of matrices {products}, memory traffic {traffic}"
        return "\n".join([*lines, f"{total}, Python {python}"])

    def columns(self) -> list[Column]:
        """Titles, and what stands below them."""

        def part(time: float) -> str:
            return f"{1e-4 * time / self.seconds:.1f} %" if self.seconds else ""

        times: list[Column] = [
            ("Self CPU %", lambda a: part(a.self_cpu_time_total)),
            ("Self CPU", lambda a: duration(a.self_cpu_time_total)),
            ("CPU total", lambda a: duration(a.cpu_time_total)),
            ("CPU time avg", lambda a: duration(a.cpu_time)),
        ]
        if self.of_layers:
            times = [
                ("Total %", lambda a: part(a.cpu_time_total)),
                ("Forward", lambda a: duration(a.cpu_time_total - a.backward_time_total)),
                ("Backward", lambda a: duration(a.backward_time_total)),
            ]
        rest: list[Column] = [
            ("# of Calls", lambda a: str(a.count)),
            (
                "Products",
                lambda a: f"{100 * a.products_time_total / a.cpu_time_total:.0f} %" if a.cpu_time_total else "",
            ),
            ("GFLOP/s", lambda a: rate(a.flops, a.cpu_time_total)),
            ("GB/s", lambda a: rate(a.bytes, a.cpu_time_total)),
        ]
        shapes: list[Column] = [("Input Shapes", lambda a: str(list(map(list, a.input_shapes))))]
        return [("Name", lambda a: a.key), *times, *rest, *(shapes if self.shapes else [])]


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table: its first column to the left, the others to the right, with rules around and below the head."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    rule = "-" * len(lines[0])
    return [rule, lines[0], rule, *lines[1:], rule]


def duration(microseconds: float) -> str:
    """A time with its unit, as PyTorch's tables have it."""
    if microseconds >= 1e6:
        return f"{microseconds / 1e6:.3f}s"
    return f"{microseconds / 1e3:.3f}ms" if microseconds >= 1e3 else f"{microseconds:.3f}us"


def rate(amount: float, microseconds: float) -> str:
    """Thousand millions a second; empty of nothing."""
    return f"{amount / microseconds / 1e3:.2f}" if amount and microseconds else ""


def by_name(events: Iterable[Event], with_shapes: bool) -> list[Average]:
    """An average for each name of an op or a range, forward and backward apart; of layers there are `by_layer`.

    Messages are left out: while they are on their way, this thread does something else.
    """
    found: dict[Any, Average] = {}
    for event in events:
        if event.kind in ("op", "range"):
            shapes = event.input_shapes if with_shapes else ()
            average = found.setdefault((event.name, shapes), Average(event.name, input_shapes=shapes))
            average.add(event, 1, event.seconds, event.seconds - event.inner)
    return list(found.values())


def by_layer(events: Iterable[Event]) -> list[Average]:
    """An average for each layer: the time of its forward, and of the backward of all ops that it called."""
    found: dict[str, Average] = {}
    for event in events:  # a layer ends after what is in it, but is to stand before it
        for name in event.layers:
            found.setdefault(name, Average(name))
        if event.kind == "layer":
            found[event.name].add(event, 1, event.seconds, event.seconds - event.inner)
        elif event.kind == "op":
            backward = event.seconds if event.backward and not event.nested else 0.0  # forward's is in the layer's
            for name in set(event.layers):
                found[name].add(event, 0, backward, backward)
    return list(found.values())
