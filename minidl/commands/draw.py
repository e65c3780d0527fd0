"""``minidl draw``: a page on which a trained network reads what one draws."""

from __future__ import annotations

import argparse
import sys
import warnings
import webbrowser
from pathlib import Path
from typing import Any

import numpy as np

from minidl.backend import dims
from minidl.commands.arguments import number
from minidl.commands.images import found, require_classes
from minidl.commands.trained import Trained, load
from minidl.data import DataLoader, Subset
from minidl.draw.page import SIZE, page
from minidl.files import beside

EXAMPLES = """examples:
  minidl train simplenet --data mnist --out runs/a && minidl draw runs/a
      train a network on digits, then draw some for it
  minidl draw simplenet.safetensors --network simplenet
      weights that were saved by a program, of a network that takes pixels in [0, 1]

The page is one file, with the weights in it, that needs no server: it can be kept, sent, or put on any site.
Networks are those that take images 1×28×28 and are chains of convolutions, pooling, dense layers, batch norms and
activations."""


def add(parser: argparse.ArgumentParser) -> None:
    """What ``minidl draw`` may be told."""
    parser.epilog = EXAMPLES
    parser.add_argument("weights", metavar="RUN", type=Path, help="the folder of a run, or its weights.safetensors")
    parser.add_argument("--network", metavar="NAME", help="whose weights they are, where the file does not say it")
    parser.add_argument("--out", metavar="FILE", type=Path, help="the page (default: draw.html beside the weights)")
    parser.add_argument(
        "--samples", type=number(int, 0), default=40, metavar="N", help="of the test images, to try (default: 40)"
    )
    parser.add_argument("--open", action=argparse.BooleanOptionalAction, default=True, help="show it in the browser")


def run(asked: argparse.Namespace) -> int:
    """Write the page, and open it."""
    model, trained = load(asked.weights, asked.network and digits(asked.network))
    if trained.size != SIZE:
        raise ValueError(f"{asked.weights} is of images {dims(trained.size)}; what is drawn has {dims(SIZE)}")
    text = page(
        model,
        title=f"Draw for {trained.network}",
        classes=trained.classes,
        mean=trained.mean[0],
        std=trained.std[0],
        samples=chosen(trained, asked.samples) if asked.samples else None,
    )
    folder = asked.weights if asked.weights.is_dir() else asked.weights.parent
    out = asked.out or folder / "draw.html"
    with beside(out) as part:
        part.write_text(text, "utf-8")
    print(f"{out}: {len(text.encode()) / 1e6:.1f} MB")
    if asked.open and not webbrowser.open(out.absolute().as_uri()):
        print("minidl: no browser was found; open the file in one", file=sys.stderr)
    return 0


def digits(network: str) -> Trained:
    """What weights are of that a program has learned from MNIST: pixels in [0, 1] as they are."""
    return Trained(network, SIZE, tuple("0123456789"), (0.0,), (1.0,), "mnist")


def chosen(trained: Trained, count: int) -> tuple[Any, Any] | None:
    """So many test images, the classes taking turns, and their labels; none, with a warning, where there are none."""
    try:
        _, held_out = found(trained.data, trained.size)
        require_classes(trained.data, held_out.classes, trained.classes)
    except (OSError, ValueError) as error:
        warnings.warn(f"the page has no samples: {error}", stacklevel=2)
        return None
    labels = np.asarray(held_out.targets)
    turns = np.empty_like(labels)
    for label in np.unique(labels):
        turns[labels == label] = np.arange((labels == label).sum())
    places = np.lexsort((labels, turns))[:count]
    return next(iter(DataLoader(Subset(held_out, places), len(places))))
