"""Pictures of what was measured; each function returns a matplotlib Figure, or None where there is nothing to draw."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.summary import Summary, grouped
from benchmarks.timing import Row


def pyplot() -> Any:
    """Matplotlib, imported when something is drawn."""
    return import_module("matplotlib.pyplot")


def ratios(summaries: Sequence[Summary], title: str) -> Any:
    """A dot for each candidate of each case: its time over PyTorch's, or over minidl's where PyTorch has none.

    A line through a dot goes from the smallest to the largest of several starts. minidl is black; below the cases of a
    benchmark stands their geometric mean.
    """
    shown = [summary for summary in summaries if any(summary.ratios().values())]
    if not shown:
        return None
    names = list(dict.fromkeys(name for summary in shown for name in summary.medians))
    own = shown[0].own
    base = next((name for name in names if name.startswith("PyTorch")), own)
    labels, rows = lines(shown, base)
    figure, axes = pyplot().subplots(figsize=(9, 1.8 + 0.3 * len(rows)), layout="constrained")
    others = [name for name in names if name not in (own, base)]
    colours = dict(zip(others, itertools.cycle(f"C{i}" for i in range(10)), strict=False)) | {own: "black"}
    axes.axvline(1, color="C7", linewidth=1.5, label=base)
    for name in (own, *others):
        for place, row in enumerate(rows):
            if name != base and (times := row.get(name)):
                size = dict(markersize=8, zorder=3) if name == own else dict(markersize=5)
                axes.plot([min(times), max(times)], [place, place], color=colours[name], linewidth=1.2)
                axes.plot(statistics.median(times), place, "o", color=colours[name], **size)
        if name != base:
            axes.plot([], [], "o", color=colours[name], label=name)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g} ×")
    axes.xaxis.set_minor_formatter(pyplot().NullFormatter())
    low, high = axes.get_xlim()
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= tick <= high]
    axes.set_xticks(ticks or [1])
    axes.grid(axis="x", alpha=0.3)
    axes.set_yticks(range(len(rows)), labels, fontsize=8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(f"time, as a multiple of {base}'s      ← faster · slower →")
    axes.set_title(title, fontsize=9, loc="left")
    figure.legend(loc="outside upper center", ncols=4, fontsize=8)
    return figure


def lines(summaries: Sequence[Summary], base: str) -> tuple[list[str], list[dict[str, list[float]]]]:
    """The lines of the picture of ratios: a label, and for each candidate its times over the base's."""
    labels: list[str] = []
    rows: list[dict[str, list[float]]] = []
    for title, cases in grouped(summaries):
        found = [case.ratios(base if base in case.medians else case.own) for case in cases]
        labels += [f"{title}: {case.case}" for case in cases]
        rows += found
        means = geometric_means([row for row, case in zip(found, cases, strict=True) if base in case.medians])
        if means.keys() - {base}:
            labels.append(f"{title}: GEOMETRIC MEAN")
            rows.append(means)
    return labels, rows


def geometric_means(rows: Sequence[dict[str, list[float]]]) -> dict[str, list[float]]:
    """For each candidate that takes part in all rows, the mean of its medians; nothing of a single row."""
    everywhere = [name for name in rows[0] if all(row.get(name) for row in rows)] if len(rows) > 1 else []
    return {name: [statistics.geometric_mean([statistics.median(row[name]) for row in rows])] for name in everywhere}


def roofline(rows: Sequence[Row], ceilings: dict[str, float]) -> Any:
    """FLOP/s of each case against its arithmetic intensity, under the machine's own product and copy.

    After Williams, Waterman & Patterson (2009), "Roofline: an insightful visual performance model". Above the roof may
    be what stays in the caches, which the copy does not, and convolutions that need fewer multiplications than they
    are counted for.
    """
    counted = [row for row in rows if row.case.flops]
    if not counted:
        return None
    figure, axes = pyplot().subplots(figsize=(8, 5.5), layout="constrained")
    intensity = np.array([row.case.flops / row.case.bytes for row in counted])
    line = np.geomspace(intensity.min() / 2, intensity.max() * 2, 200)
    axes.plot(line, np.minimum(ceilings["flops"], ceilings["bytes"] * line) / 1e9, color="black", label="roof")
    names = dict.fromkeys(name for row in counted for name in row.samples)
    for name, marker in zip(names, itertools.cycle("o^sDvP"), strict=False):
        speed = [row.case.flops / row.medians().get(name, np.inf) / 1e9 or np.nan for row in counted]
        axes.plot(intensity, speed, marker, markersize=4, alpha=0.7, label=name)
    axes.set(xscale="log", yscale="log", xlabel="FLOP / byte that must move", ylabel="GFLOP/s")
    axes.set_title(
        f"product {ceilings['flops'] / 1e9:.0f} GFLOP/s, copy {ceilings['bytes'] / 1e9:.1f} GB/s", fontsize=9
    )
    axes.legend(fontsize=7)
    return figure
