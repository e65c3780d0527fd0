"""What was measured, as a table for the terminal and as JSON."""

from __future__ import annotations

from typing import Any

from benchmarks.timing import Row

UNITS = {"s": [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs")], "MiB": [(1.0, "MiB")], "%": [(1.0, "%")]}
UNITS["CPU s"] = UNITS["s"]


def table(row: Row) -> str:
    """The lines of a case: the median of each candidate, its range, and the ratio of minidl's median to it."""
    lines = [f"  {row.case.name}"]
    ratios = row.ratios()
    for name, median in row.medians().items():
        units = UNITS[row.case.unit]
        scale, unit = next(((s, u) for s, u in units if median >= s), units[-1])
        low, middle, high = (digits(x / scale) for x in (min(row.samples[name]), median, max(row.samples[name])))
        line = f"    {name:24}{middle:>8} {unit:3} ({low} – {high})"
        lines.append(f"{line:66}{row.own}: {ratios[name]:.2f} × this" if name in ratios else line)
    lines += [f"    {name:24} left out: it has no {what}" for name, what in row.left_out.items()]
    lines += [f"    {name:24} REFUSED: {why}" for name, why in row.refused.items()]
    return "\n".join(lines)


def digits(value: float) -> str:
    """Three digits, or more where there are more before the point."""
    return f"{value:.{max(0, 3 - len(str(int(abs(value)))))}f}"


def as_json(row: Row) -> dict[str, Any]:
    """A case with every sample."""
    case = row.case
    return {
        "benchmark": row.benchmark,
        "case": case.name,
        "unit": case.unit,
        "own": row.own,
        "median": row.medians(),
        "own / candidate": row.ratios(),
        "own / candidate in the same turn, quartiles": row.paired(),
        "samples": row.samples,
        "error": row.errors,
        "tolerance": case.tolerance,
        "left out": row.left_out,
        "refused": row.refused,
        "flops": case.flops,
        "bytes": case.bytes,
    }
