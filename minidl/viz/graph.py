"""The graph behind a tensor, drawn and as text: what it was computed from, by which ops, and in which modules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from minidl.backend import dims
from minidl.engine.core import Node, Tensor, origin
from minidl.nn.module import Module
from minidl.viz.boxes import Box, boxed, homes

GAP, LINE, HEIGHT = 24, 22, 34  # between boxes, beside them, and of a box, in pixels
LETTER = 7.2  # the width of a letter
FAR = 5 * (HEIGHT + LINE)  # a way that long leads past other vertices
STYLE = (
    "text{font:12px ui-monospace,monospace;fill:#222}.leaf{fill:#fdf0d5}.op{fill:#e8eef7}.end{fill:#dff0e3}"
    "rect{stroke:#8895a7;rx:5}path{fill:none;stroke:#8895a7}.module{fill:#8895a7;fill-opacity:.08;stroke-dasharray:4 3}"
    ".path{fill:#5a6677}"
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


class Block(NamedTuple):
    """A part of the drawing: its size, and the places of vertices and frames, seen from its upper left corner."""

    width: float
    height: float
    places: dict[int, tuple[float, float]]  # the middle of the upper edge of each box
    frames: list[tuple[str, float, float, float, float]]  # path, x, y, width, height


class Graph:
    """A tensor's history: ``str(graph)`` is a list, ``graph.svg()`` a drawing, which notebooks show.

    Attributes
    ----------
    vertices : list of Vertex
        Each after those that it was computed from, those of a module together.
    modules : Box
        The same numbers as they lie in the boxes of modules.
    """

    def __init__(self, vertices: list[Vertex], modules: Box) -> None:
        self.vertices, self.modules = vertices, modules

    def __str__(self) -> str:
        lines = list(self.lines(self.modules, 0))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rows = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)
        return "\n".join(row.rstrip() for row in rows)

    def __repr__(self) -> str:
        return str(self)

    def lines(self, box: Box, depth: int) -> Iterable[tuple[str, str, str, str]]:
        """The columns of the list: a line for each vertex, below that of its module."""
        for item in box.items:
            if isinstance(item, Box):
                yield "", "  " * depth + f"[{'.'.join(item.path)}]", "", ""
                yield from self.lines(item, depth + 1)
            else:
                vertex = self.vertices[item]
                source = "leaf" if vertex.leaf else "of " + ", ".join(map(str, vertex.inputs))
                yield str(item), "  " * depth + vertex.name, dims(vertex.shape), source

    def block(self, item: int | Box) -> Block:
        """The drawing of a vertex, or of a module with all that is in it, from top to bottom."""
        if not isinstance(item, Box):
            width = len(self.vertices[item].label) * LETTER + 16
            return Block(width, HEIGHT, {item: (width / 2, 0)}, [])
        blocks = [self.block(inner) for inner in item.items]
        rows: dict[int, list[Block]] = {}
        for rank, block in zip(self.ranks(item), blocks, strict=True):
            rows.setdefault(rank, []).append(block)
        title = ".".join(item.path)
        middles = {rank: self.middle(row, bool(title)) for rank, row in rows.items()}
        width = max(2 * max(max(both) for both in middles.values()), len(title) * LETTER)
        places: dict[int, tuple[float, float]] = {}
        frames, y = [], float(GAP)
        for rank in sorted(rows):
            x = GAP + width / 2 - middles[rank][0]
            for block in rows[rank]:
                places |= {number: (x + left, y + top) for number, (left, top) in block.places.items()}
                frames += [(path, x + left, y + top, w, h) for path, left, top, w, h in block.frames]
                x += block.width + GAP
            y += max(block.height for block in rows[rank]) + LINE
        size = width + 2 * GAP, y - LINE + GAP / 2
        return Block(*size, places, [(title, 0, 0, *size), *frames] if title else frames)

    def middle(self, row: list[Block], framed: bool) -> tuple[float, float]:
        """How far a row reaches to the left and to the right; between the leaves in a frame a way is left."""
        if framed and all(self.vertices[i].leaf for block in row for i in block.places):
            cut = (len(row) + 1) // 2
            left, right = (sum(block.width + GAP for block in part) for part in (row[:cut], row[cut:]))
            return left - GAP / 2, right - GAP / 2
        half = (sum(block.width + GAP for block in row) - GAP) / 2
        return half, half

    def ranks(self, box: Box) -> list[int]:
        """How many items lie between each of a box and the farthest source; a leaf stands just above its reader."""
        owner = {i: place for place, item in enumerate(box.items) for i in members(item)}
        sources = [
            {owner[i] for n in members(item) for i in self.vertices[n].inputs if i in owner} for item in box.items
        ]
        ranks: list[int] = []
        for place, found in enumerate(sources):
            ranks.append(max((ranks[i] + 1 for i in found if i != place), default=0))
        for place, item in reversed(list(enumerate(box.items))):
            readers = [ranks[i] for i, found in enumerate(sources) if place in found]
            if not isinstance(item, Box) and self.vertices[item].leaf and readers:
                ranks[place] = min(readers) - 1
        return ranks

    def svg(self) -> str:
        """The drawing: from top to bottom, each below what it was computed from, modules as frames."""
        block = self.block(self.modules)
        parts = []
        for path, x, y, width, height in block.frames:
            size = f'x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}"'
            parts.append(f'<rect class="module" {size}/>')
            parts.append(f'<text class="path" x="{x + 8:.0f}" y="{y + 16:.0f}">{escape(path)}</text>')
        for number, vertex in enumerate(self.vertices):
            x, y = block.places[number]
            for above in vertex.inputs:
                from_x, from_y = block.places[above]
                start, middle = from_y + HEIGHT, (from_y + HEIGHT + y) / 2
                aside = min((y - start) / 2, block.width / 2 - GAP) if y - start > FAR else 0  # past what lies between
                first, second = f"{from_x + aside:.0f} {middle:.0f}", f"{x + aside:.0f} {middle:.0f}"
                parts.append(f'<path d="M{from_x:.0f} {start:.0f}C{first} {second} {x:.0f} {y:.0f}"/>')
        for number, vertex in enumerate(self.vertices):
            x, y = block.places[number]
            width = len(vertex.label) * LETTER + 16
            kind = "leaf" if vertex.leaf else "end" if number == len(self.vertices) - 1 else "op"
            size = f'x="{x - width / 2:.0f}" y="{y:.0f}" width="{width:.0f}" height="{HEIGHT}"'
            parts.append(f'<rect class="{kind}" {size}/>')
            parts.append(f'<text x="{x:.0f}" y="{y + 21:.0f}" text-anchor="middle">{escape(vertex.label)}</text>')
        title = f"The graph of {escape(self.vertices[-1].label)}"
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{block.width:.0f}" height="{block.height:.0f}">'
        )
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
        Whose parameters are shown by their names, and whose modules as frames. A graph knows modules by their
        parameters: what reads some stands in their module, and all else in the smallest one that holds both the
        newest such before it and the first behind it.

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
    known = {id(one): number for number, one in enumerate(found)}
    inputs = [[known[id(parent)] for parent in parents(one)] for one in found]
    paths = {known[at]: tuple(name.split(".")[:-1]) for at, name in named.items() if at in known}
    modules = boxed(inputs, homes(inputs, paths))
    order = list(members(modules))
    places = {number: place for place, number in enumerate(order)}
    vertices = [vertex(found[number], [places[i] for i in inputs[number]], named) for number in order]
    return Graph(vertices, renumbered(modules, places))


def members(item: int | Box) -> Sequence[int]:
    """The vertices of an item, in order."""
    return [i for inner in item.items for i in members(inner)] if isinstance(item, Box) else [item]


def renumbered(item: Any, places: dict[int, int]) -> Any:
    """The same item, of vertices with other numbers."""
    if isinstance(item, Box):
        return Box(item.path, [renumbered(inner, places) for inner in item.items])
    return places[item]


def history(end: Node | Tensor) -> list[Any]:
    """The leaves behind one, in the order in which they were read, and the nodes, as they were made."""
    seen, stack = {id(end): end}, [end]
    while stack:
        for parent in parents(stack.pop()):
            if id(parent) not in seen:
                seen[id(parent)] = parent
                stack.append(parent)
    nodes = sorted((one for one in seen.values() if isinstance(one, Node)), key=lambda node: node.serial)
    leaves = {id(one): one for node in nodes for one in parents(node) if isinstance(one, Tensor)}
    return [*leaves.values(), *nodes] or [end]


def parents(one: Node | Tensor) -> Iterable[Node | Tensor]:
    """Where the arguments came from."""
    if isinstance(one, Tensor):
        return ()
    one.alive()
    return [parent for _, parent in one.edges]


def vertex(one: Node | Tensor, inputs: list[int], named: dict[int, str]) -> Vertex:
    """What the graph says of a node or a leaf."""
    name = one.op.name if isinstance(one, Node) else named.get(id(one), "leaf")
    return Vertex(name, tuple(one.shape), isinstance(one, Tensor), inputs)
