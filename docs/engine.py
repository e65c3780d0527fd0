"""The data structures of the engine, drawn and told from a real run of three lines."""

from __future__ import annotations

from html import escape
from typing import Any

import minidl as md
from minidl.engine.core import Node
from minidl.engine.walk import step_by_step, walk

WIDTH, LINE = 218, 19  # of a box, and of a line of it


def example() -> dict[str, md.Tensor]:
    """What the page computes: a leaf that is read twice, a product, a sum."""
    x = md.tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    z = y.sum()
    return {"x": x, "y": y, "z": z}


def structures() -> str:
    """The three Tensors, above the two Nodes that the calls have left, as SVG; serial numbers are counted from 1."""
    tensors = example()
    nodes = {tensor.node: name for name, tensor in tensors.items() if tensor.node is not None}
    first = min(node.serial for node in nodes)
    boxes, places = [], {}
    for number, (name, tensor) in enumerate(tensors.items()):
        x = 10 + number * (WIDTH + 34)
        node = "None: a leaf" if tensor.node is None else f"the Node of {tensor.node.op.name}"
        rows = [f"array {numbers(tensor.array)}", f"requires_grad {tensor.requires_grad}", f"node {node}"]
        boxes.append(box(x, 10, f"Tensor {name}", rows, "tensor"))
        places[name] = x
        if tensor.node is not None:
            boxes.append(box(x, 160, f"Node of {tensor.node.op.name}", fields(tensor.node, first, nodes), "node"))
    x, y, z = (places[name] for name in "xyz")
    arrows = [
        (f"M{y + 40} 96V156", "y.node"),
        (f"M{z + 40} 96V156", "z.node"),
        (f"M{z - 2} 225H{y + WIDTH + 6}", "edge 0"),
        (f"M{y - 2} 215C{x + 120} 215 {x + 150} 150 {x + 150} 100", "edge 0"),
        (f"M{y - 2} 232C{x + 60} 232 {x + 90} 150 {x + 90} 100", "edge 1"),
    ]
    lines = "".join(f'<path d="{way}" marker-end="url(#tip)"><title>{said}</title></path>' for way, said in arrows)
    tip = '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    title = (
        "Three Tensors. y and z know the Nodes that made them; Nodes know where their arguments came from, back to x"
    )
    return (
        f'<div class="wide" tabindex="0"><svg class="records" role="img" viewBox="0 0 {z + WIDTH + 10} 300" '
        f'style="min-width:620px"><title>{title}</title><defs>{tip}<path d="M0 0L8 4L0 8z"/></marker></defs>'
        f'<g class="edges">{lines}</g>{"".join(boxes)}</svg></div>\n'
    )


def fields(node: Node, first: int, nodes: dict[Any, str]) -> list[str]:
    """What a Node holds, a line each."""
    edges = ", ".join(f"({i}, {f'Node of {p.op.name}' if isinstance(p, Node) else 'x'})" for i, p in node.edges)
    kept = ", ".join(f"{k} {numbers(v)}" for k, v in sorted(node.kept.items()) if hasattr(v, "shape"))
    return [f"serial {node.serial - first + 1}", f"edges {edges}", f"kept {kept or 'no array'}", f"shape {node.shape}"]


def numbers(array: Any) -> str:
    """The elements of an array."""
    return str(array.tolist())


def box(x: int, y: int, title: str, rows: list[str], kind: str) -> str:
    """A record, with a line for each of its fields."""
    height = LINE * (len(rows) + 1) + 10
    texts = "".join(f'<text x="{x + 10}" y="{y + 38 + LINE * i}">{escape(row)}</text>' for i, row in enumerate(rows))
    return (
        f'<g class="{kind}"><rect x="{x}" y="{y}" width="{WIDTH}" height="{height}" rx="5"/>'
        f'<text x="{x + 10}" y="{y + 19}" class="name">{title}</text>{texts}</g>'
    )


def turns() -> str:
    """What the loop does turn by turn: which Node it takes, what comes in, and what goes to whom."""
    tensors = example()
    names = {id(tensor.node or tensor): name for name, tensor in tensors.items()}
    steps = walk((tensors["z"],), (None,), {}, None, retain_graph=True, create_graph=False)
    lines = ["| turn | Node that is taken | gradient that comes in | what its rules send |", "|---|---|---|---|"]
    for turn, step in enumerate(step_by_step(steps, create_graph=False), 1):
        sent = [
            f"{numbers(gradient)} to {names[id(parent)]}"
            for (_, parent), gradient in zip(step.edges, step.outgoing, strict=True)
        ]
        lines.append(f"| {turn} | `{step.name}` | {numbers(step.incoming)} | {', and '.join(sent)} |")
    tensors["z"].backward()
    lines.append(f"| end | none is left | | x.grad is the sum, {numbers(tensors['x'].grad.array)} |")
    return "\n".join(lines) + "\n"
