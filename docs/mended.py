"""What Sphinx and its theme leave undone in a page, mended before it is written."""

from __future__ import annotations

import re
from typing import Any

from docs.api import PLACES

BACK = re.compile(r'(href="[./]*api/([\w.]+)\.html#)([\w.]+)"')
LINES = re.compile(r"<dl>\n((?:<dd>.*</dd>\n)+)</dl>")  # the parameters of a long signature


def mended(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Keys move what is too wide; headings have a level, lists their terms; ways back from sources lead there."""
    body = context.get("body", "").replace("<pre>", '<pre tabindex="0">')
    body = body.replace('<div class="table-wrapper', '<div tabindex="0" class="table-wrapper')
    body = LINES.sub(
        lambda found: found[1].replace("<dd>", '<span class="parameter">').replace("</dd>", "</span>"), body
    )
    context["body"] = ways_back(body) if page.startswith("_modules/") else body
    navigation = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = navigation.replace('role="heading"', 'role="heading" aria-level="2"')


def ways_back(body: str) -> str:
    """Links of a source page to the names that the pages have which they lead to.

    Names of one file may stand on several pages; Sphinx takes all for those of the last.
    """
    return BACK.sub(lambda found: f'{found[1]}{found[2]}.{name(found[3])}"', body)


def name(anchor: str) -> str:
    """A name without the module that it is documented in: ``Conv2d`` of ``minidl.nn.Conv2d``."""
    place = max((place for place in PLACES if anchor.startswith(f"{place}.")), key=len)
    return anchor.removeprefix(f"{place}.")


def setup(app: Any) -> dict[str, bool]:
    """Sphinx asks for this; the theme is to come first."""
    app.connect("html-page-context", mended, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
