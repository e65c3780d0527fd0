"""Networks by their name on the command line."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from minidl import models
from minidl.nn import Module

NETWORKS: dict[str, tuple[Callable[..., Module], tuple[int, ...]]] = {
    "simplenet": (models.SimpLeNet, (1, 28, 28)),
    "vgg-style": (models.vgg_style, (3, 32, 32)),
    "vgg16": (models.vgg16, (3, 224, 224)),
}


def find(name: str) -> tuple[Callable[..., Module], tuple[int, ...]]:
    """What builds a network, and the size of its inputs; ValueError, with names that are close, if there is none."""
    if name not in NETWORKS:
        close = difflib.get_close_matches(name, NETWORKS) or NETWORKS
        raise ValueError(f"no network is named {name!r}; is it {' or '.join(close)}?")
    return NETWORKS[name]
