"""Graphs as SVG: boxes on floors, each above all that it rests on; colours are the page's own, light or dark."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

HEIGHT, GAP, FLOOR, LETTER = 44, 18, 96, 8.4  # of a box, between boxes, from floor to floor, of a letter


class Box(NamedTuple):
    """What is written in a box, on two lines, and where a click on it leads."""

    title: str
    text: str
    address: str = ""


def floors(below: Mapping[str, set[str]]) -> dict[str, int]:
    """The floor of each, the lowest being 0: one above the highest of those that it rests on."""
    found: dict[str, int] = {}

    def floor(name: str) -> int:
        if name not in found:
            found[name] = max((floor(other) + 1 for other in below[name]), default=0)
        return found[name]

    return {name: floor(name) for name in below}


def direct(below: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Only what is not to be had by way of another: an edge that a longer way replaces is left out."""
    reach: dict[str, set[str]] = {}
    for name in sorted(below, key=floors(below).__getitem__):
        reach[name] = below[name].union(*(reach[other] for other in below[name]))
    return {name: {o for o in found if not any(o in reach[p] for p in found)} for name, found in below.items()}


def graph(boxes: Mapping[str, Box], below: Mapping[str, set[str]], title: str, downward: bool = False) -> str:
    """A drawing of boxes and of what they rest on; `downward` puts the lowest floor at the top, as one reads."""
    level = floors(below)
    rows = [[name for name in boxes if level[name] == number] for number in range(max(level.values()) + 1)]
    sizes = {
        name: max(90.0, LETTER * max(len(box.title) + 1, 0.85 * len(box.text)) + 16) for name, box in boxes.items()
    }
    width = max(sum(sizes[name] + GAP for name in row) for row in rows) + GAP
    height = FLOOR * len(rows) - FLOOR + HEIGHT + 2 * GAP
    places: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        x = (width - sum(sizes[name] + GAP for name in row) + GAP) / 2
        y = GAP + FLOOR * (number if downward else len(rows) - 1 - number)
        for name in row:
            places[name] = x, y
            x += sizes[name] + GAP
    lines = []
    for name, others in direct(below).items():
        for other in sorted(others):
            (x, y), (u, v) = places[name], places[other]
            x, u = x + sizes[name] / 2, u + sizes[other] / 2
            y, v = (y, v + HEIGHT) if downward else (y + HEIGHT, v)
            lines.append(
                f'<path d="M{x:.0f} {y:.0f}C{x:.0f} {(y + v) / 2:.0f} {u:.0f} {(y + v) / 2:.0f} {u:.0f} {v:.0f}"/>'
            )
    drawn = "".join(box(boxes[name], *places[name], sizes[name]) for name in boxes)
    role = "group" if any(one.address for one in boxes.values()) else "img"  # an image has no links in it
    return (
        f'<svg class="graph" role="{role}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'style="min-width:{width * 0.62:.0f}px">'
        f'<title>{escape(title)}</title><g class="edges">{"".join(lines)}</g>{drawn}</svg>'
    )


def box(one: Box, x: float, y: float, width: float) -> str:
    """A box, with its two lines."""
    middle = x + width / 2
    drawn = (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{HEIGHT}" rx="5"/>'
        f'<text x="{middle:.0f}" y="{y + 19:.0f}" class="name">{escape(one.title)}</text>'
        f'<text x="{middle:.0f}" y="{y + 35:.0f}">{escape(one.text)}</text>'
    )
    return f'<a href="{one.address}">{drawn}</a>' if one.address else f"<g>{drawn}</g>"
