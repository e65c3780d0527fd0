"""The house as it stands: which room uses which, read from today's imports. ``python -m docs.house`` prints it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import minidl
from docs import drawing

HOUSE = Path(minidl.__file__).parent
FILES = {path.relative_to(HOUSE): path.read_text(encoding="utf-8") for path in HOUSE.rglob("*.py")}


def dotted(path: Path) -> str:
    """The name under which a file is imported."""
    return ".".join(["minidl", *path.with_suffix("").parts]).removesuffix(".__init__")


MODULES = {dotted(path): path for path in FILES}


def room(module: str) -> str:
    """Where a module lives: its folder, or the file itself."""
    return module.split(".")[min(1, module.count("."))]


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules of minidl that some code imports, wherever in it the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if name in MODULES else node.module


def imports() -> dict[str, set[str]]:
    """For each module those that it imports: at the top, in functions, and for types alone.

    A name that a folder hands on (``from minidl.backend import dims``) counts as the folder, but for files in it.
    """
    return {module: set(imported(ast.parse(FILES[path]))) - {module} for module, path in MODULES.items()}


def rooms() -> dict[str, set[str]]:
    """For each room those that it uses."""
    found: dict[str, set[str]] = {room(module): set() for module in MODULES}
    for module, others in imports().items():
        found[room(module)] |= {room(other) for other in others} - {room(module)}
    return found


def picture() -> str:
    """The rooms as SVG, each above what it uses; a line that a longer way replaces is left out."""
    used = rooms()
    lines = dict.fromkeys(used, 0)
    for module, path in MODULES.items():
        lines[room(module)] += FILES[path].count("\n")
    names = sorted(used, key=lambda name: (-len(used[name]), name))
    boxes = {name: drawing.Box(name, f"{lines[name]:,} lines") for name in names}
    title = f"{len(used)} rooms of minidl on {1 + max(drawing.floors(used).values())} floors; each uses those below it"
    return drawing.graph(boxes, used, title)


def table() -> str:
    """The same as text, for a page: a row for each room, from the top of the house."""
    used = rooms()
    floor = drawing.floors(used)
    rows = [
        f"| {floor[name]} | `{name}` | {', '.join(f'`{other}`' for other in sorted(used[name])) or 'nothing'} |"
        for name in sorted(used, key=lambda name: (-floor[name], name))
    ]
    return "| floor | room | uses |\n|---|---|---|\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(table())
