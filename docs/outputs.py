"""Words for pictures that a lesson's cell has drawn: the name that it printed for each."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes

NAME = re.compile(r"^picture: .*?(\w[\w-]*)\.png$", re.M)


def described(app: Any, tree: nodes.document) -> None:
    """Call each picture of a cell's output by its name."""
    for cell in tree.findall(lambda node: isinstance(node, nodes.container) and "cell_output" in node["classes"]):
        names = iter(NAME.findall("\n".join(block.astext() for block in cell.findall(nodes.literal_block))))
        for image in cell.findall(nodes.image):
            image["alt"] = f"picture of this step: {next(names, 'untitled')}"


def setup(app: Any) -> dict[str, bool]:
    """Sphinx asks for this."""
    app.connect("doctree-read", described)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
