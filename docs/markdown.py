"""Files of the checkout as pages of the site: links lead to pages, formulas and pictures come along."""

from __future__ import annotations

import ast
import re
import shutil
import textwrap
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
PAGES = {  # what stands in the checkout, and where on the site
    "README.md": "index.md",
    "README.md#how-to-read-it": "house.md",
    "CONTRIBUTING.md": "contributing.md",
    "lessons/TEACHING.md": "teaching.md",
    "minidl/PYTORCH.md": "pytorch.md",
    "minidl/ops/README.md": "derivatives.md",
    "minidl/data/transforms/README.md": "transforms.md",
}
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
FORMULA = re.compile(r"\$`(.+?)`\$")


def section(file: str, title: str) -> str:
    """What stands under a heading ``## title`` of a file.

    Raises
    ------
    ValueError
        If it has no such heading.
    """
    parts = re.split(r"^## (.+)\n", (CHECKOUT / file).read_text("utf-8"), flags=re.M)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    if title not in found:
        raise ValueError(f"docs: {file} has no section {title!r}; it has {', '.join(found)}")
    return found[title].strip() + "\n"


def converted(text: str, file: str, folder: Path) -> str:
    """Markdown of a file of the checkout, for a page that lies in `folder`; its pictures are copied there."""

    def target(found: re.Match[str]) -> str:
        image, label, address = found.groups()
        if re.match(r"https?:|#", address):
            return found[0]
        name, _, anchor = address.partition("#")
        path = (CHECKOUT / file).parent.joinpath(name).resolve()
        inside = path.relative_to(CHECKOUT).as_posix()
        if image:
            shutil.copy(path, folder)
            return f"![{label}]({path.name})"
        whole = f"{inside}#{anchor}"
        if whole in PAGES:
            return f"[{label}]({PAGES[whole]})"
        page = inside.removeprefix("docs/pages/") if inside.startswith("docs/pages/") else PAGES.get(inside)
        if page:
            return f"[{label}]({page}{'#' * bool(anchor)}{anchor})"
        return label if label.startswith("`") else f"`{label}`"

    return FORMULA.sub(r"{math}`\1`", LINK.sub(target, text))


def pages(source: Path) -> None:
    """The files of the checkout that are pages as they stand."""
    for file, page in PAGES.items():
        if "#" not in file and not (source / page).exists():
            (source / page).write_text(converted((CHECKOUT / file).read_text("utf-8"), file, source), "utf-8")


def source(file: str, name: str) -> str:
    """The code of a function, method or class of minidl, such as ``Node.__init__``."""
    text = (CHECKOUT / "minidl" / file).read_text("utf-8")
    found: ast.AST = ast.parse(text)
    for part in name.split("."):
        found = next(node for node in ast.walk(found) if getattr(node, "name", "") == part)
    first = min([found.lineno, *(decorator.lineno for decorator in found.decorator_list)])
    lines = text.splitlines()[first - 1 : found.end_lineno]
    return fenced("\n".join(lines), f"minidl/{file}, line {first}")


def fenced(code: str, caption: str) -> str:
    """Code of Python under a caption."""
    return f"```{{code-block}} python\n:caption: {caption}\n\n{textwrap.dedent(code)}\n```\n"
