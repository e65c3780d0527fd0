"""The graph behind a tensor, drawn and as text: what it was computed from, and by which ops."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from minidl.backend import dims
from minidl.engine.core import Node, Tensor, origin
from minidl.nn.module import Module

ROW, GAP, HEIGHT, LETTER = 56, 24, 34, 7.2  # distances of the drawing, and the width of a letter, in pixels
STYLE = (
    "text{font:12px ui-monospace,monospace;fill:#222}.leaf{fill:#fdf0d5}.op{fill:#e8eef7}.end{fill:#dff0e3}"
    "rect{stroke:#8895a7;rx:5}path{fill:none;stroke:#8895a7}"
)


class Vertex(NamedTuple):
    """An op that was called, or a leaf; `inputs` are the places of what it was computed from, in the graph's list."""

    name: str
    shape: tuple[int, ...]
    leaf: bool
    inputs: list[int]

    @property
    def label(self) -> str:
        """What is written into its box."""
        return f"{self.name} {dims(self.shape)}"


class Graph:
    """A tensor's history: ``str(graph)`` is a list, ``graph.svg()`` a drawing, which notebooks show.

    Attributes
    ----------
    vertices : list of Vertex
        Each after those that it was computed from.
    """

    def __init__(self, vertices: list[Vertex]) -> None:
        self.vertices = vertices

    def ranks(self) -> list[int]:
        """How many ops lie between each vertex and the farthest leaf; a leaf stands just above what reads it first."""
        ranks: list[int] = []
        for vertex in self.vertices:
            ranks.append(max((ranks[i] + 1 for i in vertex.inputs), default=0))
        for number, vertex in reversed(list(enumerate(self.vertices))):
            readers = [ranks[i] for i, other in enumerate(self.vertices) if number in other.inputs]
            if vertex.leaf and readers:
                ranks[number] = min(readers) - 1
        return ranks

    def __str__(self) -> str:
        lines = []
        for number, vertex in enumerate(self.vertices):
            source = "leaf" if vertex.leaf else "of " + ", ".join(map(str, vertex.inputs))
            lines.append((str(number), vertex.name, dims(vertex.shape), source))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rows = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)
        return "\n".join(row.rstrip() for row in rows)

    def __repr__(self) -> str:
        return str(self)

    def svg(self) -> str:
        """The drawing: leaves and ops from top to bottom, each below what it was computed from."""
        ranks = self.ranks()
        rows: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
        for number, rank in enumerate(ranks):
            rows[rank].append(number)
        widths = [len(vertex.label) * LETTER + 16 for vertex in self.vertices]
        spans = [sum(widths[i] for i in row) + GAP * (len(row) - 1) for row in rows]
        width = max(spans) + 2 * GAP
        places: dict[int, tuple[float, float]] = {}  # the middle of the upper edge of each box
        for rank, row in enumerate(rows):
            x = (width - spans[rank]) / 2
            for i in row:
                places[i] = x + widths[i] / 2, GAP + rank * ROW
                x += widths[i] + GAP
        parts = []
        for number, vertex in enumerate(self.vertices):
            x, y = places[number]
            for above in vertex.inputs:
                from_x, from_y = places[above]
                start, middle = from_y + HEIGHT, (from_y + HEIGHT + y) / 2
                parts.append(
                    f'<path d="M{from_x:.0f} {start}C{from_x:.0f} {middle:.0f} {x:.0f} {middle:.0f} {x:.0f} {y}"/>'
                )
        for number, vertex in enumerate(self.vertices):
            x, y = places[number]
            kind = "leaf" if vertex.leaf else "end" if number == len(self.vertices) - 1 else "op"
            size = f'x="{x - widths[number] / 2:.0f}" y="{y}" width="{widths[number]:.0f}" height="{HEIGHT}"'
            parts.append(f'<rect class="{kind}" {size}/>')
            parts.append(f'<text x="{x:.0f}" y="{y + 21}" text-anchor="middle">{escape(vertex.label)}</text>')
        height = 2 * GAP + len(rows) * ROW - (ROW - HEIGHT)
        title = f"The graph of {escape(self.vertices[-1].label)}"
        head = f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" height="{height}">'
        body = f"<title>{title}</title><desc>{escape(str(self))}</desc><style>{STYLE}</style>{''.join(parts)}"
        return f"{head}{body}</svg>"

    def _repr_svg_(self) -> str:
        return self.svg()

    def save(self, path: str | Path) -> None:
        """Write the drawing into an .svg file."""
        Path(path).write_text(self.svg(), "utf-8")


def graph(tensor: Tensor, network: Module | None = None) -> Graph:
    """The graph that `tensor` was computed by.

    Parameters
    ----------
    tensor : Tensor
        That requires grad.
    network : Module, optional
        Whose parameters are shown by their names.

    Raises
    ------
    TypeError
        For anything but a Tensor.
    RuntimeError
        For a tensor without history, or whose graph a backward has freed.
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"graph: expected a tensor, got {type(tensor).__name__}")
    if not tensor.requires_grad:
        raise RuntimeError("graph: this tensor has no history; was it computed under no_grad(), or of constants alone?")
    named = {} if network is None else {id(p): name for name, p in network.named_parameters()}
    found = history(origin(tensor))
    places = {id(one): number for number, one in enumerate(found)}
    return Graph([vertex(one, places, named) for one in found])


def history(end: Node | Tensor) -> list[Any]:
    """The nodes and leaves behind one, each after those that it was computed from."""
    seen, stack = {id(end): end}, [end]
    while stack:
        one = stack.pop()
        for parent in parents(one):
            if id(parent) not in seen:
                seen[id(parent)] = parent
                stack.append(parent)
    leaves = [one for one in seen.values() if isinstance(one, Tensor)]
    return leaves[::-1] + sorted((one for one in seen.values() if isinstance(one, Node)), key=lambda node: node.serial)


def parents(one: Node | Tensor) -> Iterable[Node | Tensor]:
    """Where the arguments came from."""
    if isinstance(one, Tensor):
        return ()
    one.alive()
    return [parent for _, parent in one.edges]


def vertex(one: Node | Tensor, places: dict[int, int], named: dict[int, str]) -> Vertex:
    """What the graph says of a node or a leaf."""
    inputs = [places[id(parent)] for parent in parents(one)]
    name = one.op.name if isinstance(one, Node) else named.get(id(one), "leaf")
    return Vertex(name, tuple(one.shape), isinstance(one, Tensor), inputs)
