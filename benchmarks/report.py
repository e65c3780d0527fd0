"""What was measured, as a table for the terminal and as JSON."""

from __future__ import annotations

from benchmarks.timing import Row

UNITS = {"s": [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs")]}


def shown(value: float, scale: float) -> str:
    """Three digits at least."""
    return f"{value / scale:.{1 if value / scale >= 100 else 2}f}"


def table(row: Row) -> str:
    """The lines of a case: median, range, and the ratio of minidl to each."""
    medians = row.medians()
    lines = [f"  {row.case.name}"]
    for name, median in medians.items():
        scale, unit = next(((s, u) for s, u in UNITS[row.case.unit] if median >= s), UNITS[row.case.unit][-1])
        low, high = (shown(f(row.samples[name]), scale) for f in (min, max))
        line = f"    {name:24}{shown(median, scale):>8} {unit:3} ({low} – {high})"
        if "minidl" in medians and name != "minidl":
            line = f"{line:66}minidl takes {medians['minidl'] / median:.2f} × its time"
        lines.append(line)
    lines += [f"    {name:24} left out: it {reason}" for name, reason in row.left_out.items()]
    lines += [f"    {name:24} REFUSED: it {reason}" for name, reason in row.refused.items()]
    return "\n".join(lines)
