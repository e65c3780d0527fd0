"""Networks by their name on the command line."""

from __future__ import annotations

import inspect
from typing import Any

from minidl.models import registry
from minidl.nn import Module

AUXILIARY = ("googlenet", "inception_v3")  # networks with classifiers on the way, which are left out


def find(name: str) -> registry.Network:
    """The network of a name, in which ``-`` stands for ``_``; ValueError, with close ones, if there is none."""
    return registry.find(name.replace("-", "_"))


def built(name: str, size: tuple[int, ...], num_classes: int | None = None) -> Module:
    """A network for images of a size, and to tell so many classes, as far as what builds it can be told."""
    build = find(name).build
    known = inspect.signature(build).parameters
    options: dict[str, Any] = {}
    if len(size) == 3:
        options = {"in_channels": size[0], "size": size[1]}
    options = {option: value for option, value in options.items() if option in known}
    if num_classes is not None and ("num_classes" in known or "options" in known):
        options["num_classes"] = num_classes
        if name.replace("-", "_") in AUXILIARY:
            options["aux_logits"] = False
    return build(**options)
