"""The pages that are written by hand, ``docs/pages/``, and what their lines ``{name} arguments`` stand for."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path

from docs import course, engine, house, markdown, measured, proof, reader, scrubber
from minidl.engine import core
from minidl.engine.op import registry

PAGES = Path(__file__).parent / "pages"
LINE = re.compile(r"^\{(\w+)\}(?: (.*))?$", re.M)


def pages(source: Path) -> None:
    """Each page, with its lines filled in."""
    for page in sorted(PAGES.glob("*.md")):
        text = markdown.converted(page.read_text("utf-8"), f"docs/pages/{page.name}", source)
        filled = LINE.sub(lambda found: part(found[1], found[2] or "", source), text)
        (source / page.name).write_text(filled, "utf-8")


def part(name: str, arguments: str, folder: Path) -> str:
    """What a line stands for.

    Raises
    ------
    KeyError
        If there is nothing of that name.
    """
    if name == "section":
        file, _, title = arguments.partition(" ")
        return markdown.converted(markdown.section(file, title), file, folder)
    if name == "reader":
        said = reader.write(folder.parent / "extra" / "draw.html")
        return f'<iframe src="draw.html" title="Draw a digit, and see the network read it"></iframe>\n\n*{said}*\n'
    return PARTS[name](*arguments.split())


def drawn(svg: str) -> str:
    """A drawing, which a narrow screen can move sideways."""
    return f'<div class="wide" tabindex="0">{svg}</div>\n'


def rule(name: str) -> str:
    """The derivative rules of an op, as they stand below it."""
    op = registry[name]
    code = inspect.getsource(next(iter(op.rules.values())).function)
    return markdown.fenced(
        code, f"its rules, in minidl/{op.forward.__module__.removeprefix('minidl.').replace('.', '/')}.py"
    )


def loop() -> str:
    """The loop of the engine, from its docstring."""
    code = (inspect.getdoc(core) or "").partition("::\n\n")[2].partition("\n\n`")[0]
    return markdown.fenced(code, "minidl/engine/core.py")


PARTS: dict[str, Callable[..., str]] = {
    "source": markdown.source,
    "rule": rule,
    "loop": loop,
    "structures": engine.structures,
    "turns": engine.turns,
    "scrubber": scrubber.widget,
    "course": lambda: drawn(course.picture()),
    "lessons": course.listed,
    "house": lambda: drawn(house.picture()),
    "rooms": house.table,
    "faults": proof.counts,
    "benchmarks": measured.page,
}
