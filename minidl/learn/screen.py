"""What the stepper shows and asks, on whatever terminal there is: drawn by rich, keys by the standard library."""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from minidl.learn.extras import extra

SHADES = "@%#*+=-:. "  # from black to white: pictures are ink on paper
WIDTH = 100  # no wider, however wide the terminal is: longer lines are hard to read


class Screen:
    """A terminal, or a pipe that behaves like one: without colour where it has none, and at most 100 columns wide."""

    def __init__(self) -> None:
        rich = extra("rich.console")
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a letter shows a question mark
        wide = rich.Console().width
        self.console = rich.Console(width=min(wide, WIDTH), highlight=False, soft_wrap=False)

    def prose(self, text: str) -> None:
        """Show Markdown."""
        self.console.print(extra("rich.markdown").Markdown(text), "")

    def code(self, source: str, line: int) -> None:
        """Show Python, its lines numbered from `line` on."""
        options = dict(line_numbers=True, start_line=line, theme="ansi_dark", word_wrap=True)
        self.console.print(extra("rich.syntax").Syntax(source, "python", **options))

    def say(self, text: str, style: str = "") -> None:
        """Show a line as it is."""
        self.console.print(text, style=style, markup=False)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Show a table."""
        table = extra("rich.table").Table(*columns, box=extra("rich.box").SIMPLE_HEAD)
        for row in rows:
            table.add_row(*map(extra("rich.markup").escape, row))
        self.console.print(table)

    def picture(self, path: Path) -> None:
        """Show a picture in characters."""
        self.image(extra("PIL.Image").open(path).convert("RGB"), self.console.width - 2)

    def facets(self, pixels: np.ndarray) -> None:
        """Show small pictures (height, width, 3) in characters, up to four of them for the width of a pixel."""
        room, width = self.console.width - 2, pixels.shape[1]
        image = extra("PIL.Image")
        scale = min(4, max(1, room // width))
        self.image(image.fromarray(pixels), min(room, scale * width), image.Resampling.NEAREST)

    def image(self, image: Any, width: int, resample: int | None = None) -> None:
        """Show an image so many letters wide: two pixels a letter where there is colour, else shades of one."""
        height = max(2, round(image.height / image.width * width / 2)) * 2
        pixels = np.asarray(image.resize((width, height), resample))
        if self.console.no_color or self.console.color_system is None or self.console.encoding != "utf-8":
            grey = pixels[::2].mean(2) / 255
            rows = (grey * (len(SHADES) - 1)).round().astype(int)
            self.say("\n".join("".join(SHADES[level] for level in row) for row in rows))
            return
        text = extra("rich.text").Text()
        for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
            for above, below in zip(upper.tolist(), lower.tolist(), strict=True):
                text.append("▀", f"rgb({','.join(map(str, above))}) on rgb({','.join(map(str, below))})")
            text.append("\n")
        self.console.print(text)

    def ask(self, question: str) -> str:
        """Ask for a line; what was typed before is thrown away. At the end of the input there is none."""
        if sys.stdin.isatty():
            import termios

            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
        try:
            return input(question).strip()
        except EOFError:
            print()
            return ""

    def key(self, question: str, keys: Iterable[str]) -> str:
        """Ask for one of some keys; Enter is a line feed. The end of the input quits, as q does."""
        wanted = set(keys)
        with unbuffered():
            self.console.print(kept_together(question, self.console.width - 1), end=" ", markup=False)
            while (pressed := one_key()) not in wanted:
                pass
        self.console.print()
        return pressed


def kept_together(menu: str, width: int) -> str:
    """A menu on lines of so many letters, which end between its items: "a back" stays whole."""
    whole = menu.replace(" ", "\N{NO-BREAK SPACE}").replace("\N{NO-BREAK SPACE}·\N{NO-BREAK SPACE}", " · ")
    return textwrap.fill(whole, width).replace("\N{NO-BREAK SPACE}", " ")


def one_key() -> str:
    """The next key, "" for an arrow and the like; without a terminal the first letter of a line. "q" at the end."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        return "q" if not line else line.strip()[:1].lower() or "\n"
    typed = os.read(sys.stdin.fileno(), 64)  # an arrow comes as several letters at once, of which the last is A to D
    if typed in (b"", b"\x04"):
        return "q"
    return "" if typed.startswith(b"\x1b") else typed.decode("utf-8", "ignore")[:1].lower().replace("\r", "\n")


@contextlib.contextmanager
def unbuffered() -> Iterator[None]:
    """A terminal that gives each key at once, and does not show it; what was typed before is thrown away."""
    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    descriptor = sys.stdin.fileno()
    before: list[Any] = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor, termios.TCSAFLUSH)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
