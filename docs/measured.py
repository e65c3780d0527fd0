"""What benchmarks have measured, from ``benchmarks/results``: drawings of ratios, and every median as a table."""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections.abc import Iterator
from html import escape
from typing import Any

from benchmarks.report import UNITS, digits
from docs.markdown import CHECKOUT

RESULTS = CHECKOUT / "benchmarks" / "results"
LEFT, WIDTH, LINE = 330, 760, 24  # where the axis begins, how wide all is, how high a line
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)


def page() -> str:
    """For each file of results a drawing, the command, the machine, and a table."""
    parts = []
    for path in sorted(RESULTS.glob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        for benchmark, rows in itertools.groupby(record.get("results", []), lambda row: row["benchmark"]):
            cases = list(rows)
            parts.append(f"### {benchmark}{' (' + path.stem + ')' if benchmark not in path.stem.split('-') else ''}\n")
            parts.append(f"`{record['command']}`, {machine(record)}.\n")
            parts += [ratios(cases, benchmark), table(cases)]
    return "\n".join(parts)


def machine(record: dict[str, Any]) -> str:
    """On what it was measured."""
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items() if name != "minidl")
    return f"{record['threads']} threads on {record['cores']} cores of {record['processor']}; {versions}"


def compared(case: dict[str, Any]) -> dict[str, float]:
    """minidl's median, which comes first, over each other candidate's."""
    (_, own), *others = case["median"].items()
    return {name: own / time for name, time in others if own and time}


def ratios(cases: list[dict[str, Any]], benchmark: str) -> str:
    """A dot for each other candidate of each case, on a logarithmic axis; left of the line at 1 minidl needs less."""
    rows = [(case["case"], compared(case)) for case in cases if compared(case)]
    if not rows:
        return ""
    values = [value for _, found in rows for value in found.values()]
    low, high = math.log(min(0.5, *values) / 1.2), math.log(max(2, *values) * 1.2)
    names = list(dict.fromkeys(name for _, found in rows for name in found))
    height = LINE * (len(rows) + 2 + len(names))

    def place(value: float) -> str:
        return f"{LEFT + (WIDTH - LEFT - 20) * (math.log(value) - low) / (high - low):.1f}"

    def drawn() -> Iterator[str]:
        for tick in TICKS:
            if low <= math.log(tick) <= high:
                line = f'x1="{place(tick)}" x2="{place(tick)}" y1="4" y2="{LINE * len(rows)}"'
                yield f'<line {line} class="{"one" if tick == 1 else "tick"}"/>'
                yield f'<text x="{place(tick)}" y="{LINE * (len(rows) + 0.8):.0f}" class="middle">{tick:g} ×</text>'
        for number, (case, found) in enumerate(rows):
            y = LINE * (number + 0.5)
            yield f'<text x="{LEFT - 12}" y="{y + 4:.0f}" class="end">{escape(case[:48])}</text>'
            for name, value in found.items():
                yield f'<circle cx="{place(value)}" cy="{y:.0f}" r="5" class="c{names.index(name) % 6}"/>'
        for number, name in enumerate(names):
            y = LINE * (len(rows) + 1.7 + number)
            yield f'<circle cx="{LEFT}" cy="{y - 4:.0f}" r="5" class="c{number % 6}"/>'
            yield f'<text x="{LEFT + 12}" y="{y:.0f}">minidl over {escape(name)}</text>'

    title = f"{benchmark}: minidl's median over that of others; left of 1 minidl needs less. The table has the numbers."
    return (
        f'<div class="wide" tabindex="0"><svg class="chart" role="img" viewBox="0 0 {WIDTH} {height}" '
        f'style="min-width:{WIDTH * 0.75:.0f}px"><title>{escape(title)}</title>{"".join(drawn())}</svg></div>\n'
    )


def table(cases: list[dict[str, Any]]) -> str:
    """The medians, and in parentheses minidl's over them; behind several cases the geometric mean of these."""
    names = list(dict.fromkeys(name for case in cases for name in case["median"]))
    lines = [f"| case | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for case in cases:
        over = {name: f" ({ratio:.2f})" for name, ratio in compared(case).items()}
        cells = [amount(case["median"].get(name), case["unit"]) + over.get(name, "") for name in names]
        lines.append(f"| {case['case']} | {' | '.join(cells)} |")
    means = {name: [compared(case)[name] for case in cases if name in compared(case)] for name in names}
    if any(len(found) > 1 for found in means.values()):
        cells = [f"({statistics.geometric_mean(found):.2f})" if len(found) > 1 else "" for found in means.values()]
        lines.append(f"| *geometric mean* | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def amount(value: float | None, unit: str) -> str:
    """A median with its unit."""
    if value is None:
        return ""
    units = UNITS[unit]
    scale, name = next(((s, u) for s, u in units if value >= s), units[-1])
    return f"{digits(value / scale)} {name}"
