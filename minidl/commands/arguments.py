"""What several commands are told: numbers, sizes, devices and pictures, checked as they are read."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from minidl import backend


def number(kind: type, least: float, open_end: bool = False) -> Callable[[str], Any]:
    """What reads a number of `least` or more, or above it; argparse's error says what else came."""
    expected = f"{'an integer' if kind is int else 'a number'} {'above' if open_end else 'of at least'} {least}"

    def read(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = float("nan")
        if not (value > least if open_end else value >= least) or value == float("inf"):
            raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}")
        return value

    return read


def size(text: str) -> tuple[int, int, int]:
    """Channels, height and width, such as 3,224,224."""
    parts = text.split(",")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) > 0 for part in parts) or parts[0] not in "13":
        raise argparse.ArgumentTypeError(
            f"expected channels (1 or 3), height and width, such as 3,224,224, got {text!r}"
        )
    channels, height, width = map(int, parts)
    return channels, height, width


def names(known: Iterable[str]) -> Callable[[str], tuple[str, ...]]:
    """What reads several names of those that are known, with commas between them."""

    def read(text: str) -> tuple[str, ...]:
        said = tuple(text.split(","))
        if len(set(said)) < len(said) or not set(said) <= set(known):
            example = ",".join([*known][:2])
            raise argparse.ArgumentTypeError(f"expected some of {', '.join(known)}, such as {example}, got {text!r}")
        return said

    return read


def device(text: str) -> str:
    """A device that can be used."""
    try:
        name = backend.device_name(text)
        if name != "cpu":
            backend.gpu(name)
    except (ValueError, RuntimeError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name


def add_device(parser: argparse.ArgumentParser) -> None:
    """``--device``."""
    parser.add_argument("--device", type=device, default="cpu", help="cpu or cuda[:N] (default: cpu)")
