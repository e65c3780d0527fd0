"""The lessons as pages: prose, code and what it printed and drew, and below it the numbers on record."""

from __future__ import annotations

import itertools
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minidl.learn import course

NOTE = """
:::{note}
The outputs on this page are of the profile `ci`: at most 2,000 images, so that the site is built in minutes.%s
`minidl learn %s` steps through the lesson.
:::
"""
KERNEL = """# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
# ---

"""
LONGER = " What\nlonger runs gave stands [at its end](#numbers-on-record)."
RECORD = """
## Numbers on record

Of `--record` runs of this script on more data, each on the machine that is named; ± is the deviation between seeds.
"""


def pages(source: Path) -> None:
    """A page for each lesson."""
    folder = source / "lessons"
    folder.mkdir()
    for script in course.scripts():
        (folder / script.path.name).write_text(page(script), "utf-8")


def page(script: course.Script) -> str:
    """The script, with a note after its title, and the recorded numbers at its end."""
    opening, code = script.path.read_text("utf-8").split("\n\n# %%\n", 1)
    record = script.path.parent / "results" / f"{script.number}.json"
    said = RECORD + recorded(json.loads(record.read_text("utf-8"))) if record.exists() else ""
    note = NOTE % (LONGER if said else "", script.number)
    return f"{KERNEL}{opening}\n{commented(note)}\n\n# %%\n{code}\n# %% [markdown]\n{commented(said)}\n"


def commented(text: str) -> str:
    """Text as the prose of a cell."""
    return "\n".join(f"# {line}".rstrip() for line in text.splitlines())


def recorded(runs: list[dict[str, Any]]) -> str:
    """For each run on record the tables of what it has found."""
    parts = []
    for run in runs:
        where = f"{run['cpu']}, {run['cores']} cores, {run['seconds']:,.0f} s"
        parts += [f"\n**{run['data']}**, profile `{run['profile']}` ({where}):\n", *tables(run["results"])]
    return "".join(parts)


def tables(results: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """A table for those, one after another, of which the same was measured."""
    for keys, rows in itertools.groupby(results.items(), lambda row: [key for key in row[1][0] if key != "seed"]):
        lines = [f"| | {' | '.join(keys)} | seeds |", "|---" * (len(keys) + 2) + "|"]
        for name, seeds in rows:
            cells = [spread([one[key] for one in seeds if key in one]) for key in keys]
            lines.append(f"| {name} | {' | '.join(cells)} | {len(seeds)} |")
        yield "\n" + "\n".join(lines) + "\n"


def spread(values: list[Any]) -> str:
    """The mean, and the deviation between several; anything but numbers in words, seed by seed."""
    if not values or not all(isinstance(value, (int, float)) for value in values):
        return "; ".join(map(said, values))
    mean = f"{statistics.mean(values):.4g}"
    return f"{mean} ± {statistics.stdev(values):.2g}" if len(values) > 1 else mean


def said(value: Any) -> str:
    """Numbers, names, and lists and mappings of them, in words."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {said(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(said, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
