"""Docstrings as they are written here, for Sphinx: |x| is an absolute value, and `minidl.nn` a name to go to."""

from __future__ import annotations

import re
from typing import Any

CODE = re.compile(r"(``.+?``)")
NAME = re.compile(r"(?<![:`\w])`(minidl\.[\w.]+)`")


def prepared(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Escape the bars, and mark the names, of a docstring; what stands in double backticks is code."""
    for number, line in enumerate(lines):
        parts = CODE.split(line)
        parts[::2] = [NAME.sub(r":py:obj:`\1`", part.replace("|", r"\|")) for part in parts[::2]]
        lines[number] = "".join(parts)


def setup(app: Any) -> dict[str, bool]:
    """Sphinx asks for this."""
    app.connect("autodoc-process-docstring", prepared, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
