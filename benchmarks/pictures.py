"""Pictures of what was measured; each function returns a matplotlib Figure, or None where there is nothing to draw."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.timing import Row


def pyplot() -> Any:
    """Matplotlib, imported when something is drawn."""
    return import_module("matplotlib.pyplot")


def ratios(rows: Sequence[Row]) -> Any:
    """A bar for each candidate of each case: minidl's median over the candidate's, on a logarithmic axis."""
    shown = [row for row in rows if row.ratios()]
    if not shown:
        return None
    names = list(dict.fromkeys(name for row in shown for name in row.ratios()))
    height = 0.8 / len(names)
    size = (9, 1.5 + 0.16 * sum(len(row.ratios()) + 1 for row in shown))
    figure, axes = pyplot().subplots(figsize=size, layout="constrained")
    for i, name in enumerate(names):
        places = np.arange(len(shown)) + (i + 0.5) * height - 0.4
        lengths = np.array([row.ratios().get(name, 1) for row in shown])  # 1: no bar
        axes.barh(places, lengths - 1, height, left=1, label=name)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.margins(y=0.01)
    axes.set_yticks(range(len(shown)), [f"{row.benchmark}: {row.case.name}" for row in shown], fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("minidl's median / the candidate's: left of 1, minidl is ahead")
    axes.legend(fontsize=7)
    return figure


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
