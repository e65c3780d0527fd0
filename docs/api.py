"""The API reference: a page for each public module, its names by the file that they live in."""

from __future__ import annotations

import importlib
import inspect
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

from minidl.engine.absent import Absent

PLACES = (  # what several have is documented where it comes first
    "minidl.nn", "minidl.functional", "minidl.optim", "minidl.optim.lr_scheduler", "minidl.optim.swa_utils",
    "minidl.data", "minidl.data.transforms", "minidl.data.transforms.functional", "minidl.train",
    "minidl.train.callbacks", "minidl.train.metrics", "minidl.train.search", "minidl.models", "minidl.interpret",
    "minidl.autograd", "minidl", "minidl.nn.init", "minidl.nn.utils", "minidl.nn.regularizers", "minidl.distributed",
    "minidl.profiler", "minidl.viz", "minidl.draw", "minidl.learn", "minidl.backend.cuda",
)  # fmt: skip
INDEX = """API reference
=============

Every public name, with its types and a link to its source. Names, arguments and defaults are PyTorch's:
:doc:`/pytorch` lists what differs. The derivative of each op stands in the :doc:`/derivatives`.

"""
TREE = ".. toctree::\n   :hidden:\n\n"


def pages(source: Path) -> None:
    """A page for each place, and their list."""
    folder = source / "api"
    folder.mkdir()
    elsewhere: dict[int, str] = {}
    for place in PLACES:
        (folder / f"{place}.rst").write_text(page(place, elsewhere), "utf-8")
    entries = "".join(f":doc:`{place}`\n{textwrap.indent(said(place), '   ')}\n\n" for place in PLACES)
    (folder / "index.rst").write_text(INDEX + entries + TREE + "".join(f"   {place}\n" for place in PLACES), "utf-8")


def page(place: str, elsewhere: dict[int, str]) -> str:
    """What Sphinx shall document of a module: a section for each file that its names come from.

    `elsewhere` are the objects that a page before it has, under the names that they have there; its own are added.
    """
    module = importlib.import_module(place)
    text = f"{heading(place, '=')}.. automodule:: {place}\n   :no-members:\n\n"
    known: list[str] = []
    for home, names in homes(module).items():
        known += [f":py:obj:`{elsewhere[id(vars(module)[n])]}`" for n in names if id(vars(module)[n]) in elsewhere]
        new = {name: others for name, others in names.items() if id(vars(module)[name]) not in elsewhere}
        elsewhere |= {id(vars(module)[name]): f"{place}.{name}" for name in new}
        if new:
            text += heading(home.removeprefix("minidl.").replace(".", "/") + ".py", "-") + f"{said(home)}\n\n"
            text += ".. autosummary::\n\n" + "".join(f"   {name}\n" for name in new) + "\n"
            text += "".join(entry(place, name, vars(module)[name], others) for name, others in new.items())
    return text + (f"{heading('Also here', '-')}{', '.join(known)}\n" if known else "")


def heading(title: str, line: str) -> str:
    """A heading of reStructuredText."""
    return f"{title}\n{line * len(title)}\n\n"


def entry(place: str, name: str, value: Any, others: list[str]) -> str:
    """A function, or a class with its methods, and the other names that it has."""
    kind = "class" if inspect.isclass(value) else "function"
    text = f".. auto{kind}:: {place}.{name}\n" + "   :members:\n" * (kind == "class") + "\n"
    return text + (f"   Also called {', '.join(f'``{other}``' for other in others)}.\n\n" if others else "")


def homes(module: ModuleType) -> dict[str, dict[str, list[str]]]:
    """The public names of a module, by the module in which they are defined; to each, the other names it has.

    A folder hands on names of its files; what a file imports is its own business.
    """
    found: dict[str, dict[int, list[str]]] = {}
    for name, value in vars(module).items():
        if is_public(name, value) and (hasattr(module, "__path__") or value.__module__ == module.__name__):
            found.setdefault(value.__module__, {}).setdefault(id(value), []).append(name)
    return {home: {own(names, home): names for names in same.values()} for home, same in found.items()}


def own(names: list[str], home: str) -> str:
    """The name under which something is defined, which is taken from those that it has."""
    first = next((name for name in names if name in vars(sys.modules[home])), names[0])
    names.remove(first)
    return first


def is_public(name: str, value: Any) -> bool:
    """Whether a name is a function or class of minidl's, and not there only to say that it is absent."""
    home = getattr(value, "__module__", None) or ""
    return not name.startswith("_") and callable(value) and home.startswith("minidl") and not isinstance(value, Absent)


def said(home: str) -> str:
    """The first paragraph of a module's docstring."""
    return (inspect.getdoc(sys.modules[home]) or "").partition("\n\n")[0]
