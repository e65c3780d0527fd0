"""What the stepper shows and asks: keys of a pipe and of a terminal, pictures in characters."""

import contextlib
import io
import os
import pty
import re
import sys
import termios
import threading
import tty

import numpy as np
import pytest
from PIL import Image

from minidl.learn.screen import Screen, one_key, unbuffered


def test_keys_of_a_pipe(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("x\nN\n\n"))
    screen = Screen()
    assert [screen.key("?", ["n", "\n", "q"]) for _ in range(3)] == ["n", "\n", "q"]


def test_answers_of_a_pipe(monkeypatch, capsys):
    """A line without the blanks around it; at the end none, and a line feed, since nobody has typed one."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(" a guess \n"))
    assert [Screen().ask("Why? "), Screen().ask("Why? ")] == ["a guess", ""]
    assert capsys.readouterr().out == "Why? Why? \n"


def test_a_key_is_asked_for_until_it_is_one(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("x\nyes\n"))
    assert Screen().key("[on] or off?", ["y"]) == "y"
    assert capsys.readouterr().out == "[on] or off? \n"


@contextlib.contextmanager
def terminal(monkeypatch):
    """A terminal that is the standard input; gives the end at which somebody types."""
    parent, child = pty.openpty()
    with os.fdopen(child) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield parent
    os.close(parent)


def test_a_terminal_gives_keys_at_once_and_is_as_before_afterwards(monkeypatch):
    with terminal(monkeypatch) as typing:
        before = termios.tcgetattr(sys.stdin)
        os.write(typing, b"early")
        assert os.read(typing, 5) == b"early"  # echoed: it has arrived
        with pytest.raises(KeyError), unbuffered():
            now = termios.tcgetattr(sys.stdin)
            assert now[3] & (termios.ICANON | termios.ECHO) == 0 != before[3] & termios.ICANON
            os.write(typing, b"\r")
            assert one_key() == "\n"  # what was typed before is gone
            raise KeyError
        assert termios.tcgetattr(sys.stdin) == before


def test_a_key_of_a_terminal(monkeypatch):
    with terminal(monkeypatch) as typing:
        threading.Timer(0.2, os.write, (typing, b"Y")).start()
        assert Screen().key("?", ["y"]) == "y"


def test_keys_of_a_terminal(monkeypatch):
    with terminal(monkeypatch) as typing:
        tty.setcbreak(sys.stdin)
        pressed = []
        for typed in (b"N", b"\n", b"\x1b[A", b"\x1b[B", b"\x1b", "é".encode(), b"b", b"\x04"):
            os.write(typing, typed)
            pressed.append(one_key())
        tty.setraw(sys.stdin)  # as where a terminal does not make a line feed of Enter
        os.write(typing, b"\r")
        pressed.append(one_key())
    assert pressed == ["n", "\n", "", "", "", "é", "b", "q", "\n"]


@pytest.fixture
def coloured(monkeypatch):
    """A terminal of all colours."""
    for name, value in {"COLUMNS": "40", "FORCE_COLOR": "1", "TERM": "xterm", "COLORTERM": "truecolor"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize("columns, width", [(60, 60), (300, 100)])
def test_lines_are_as_long_as_can_be_read(columns, width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    Screen().say(" ".join(40 * ["[word]"]))  # it is no markup
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width < len(lines[0]) + len(" [word]")


def test_letters_that_a_terminal_lacks(monkeypatch):
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, "ascii"))
    Screen().say("loss → 0")
    sys.stdout.flush()
    assert shown.getvalue() == b"loss ? 0\n"


def test_prose_and_code(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "24")
    Screen().prose("A *word*.")
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == ["A word.", ""]
    Screen().code("x = 1\nlonger = x + x + x + x", 9)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == [
        "   9 x = 1",
        "  10 longer = x + x + x",
        "     + x",
    ]


def test_code_and_words_have_the_colours_of_the_terminal(coloured, capsys):
    """Of its own sixteen, on its own background."""
    Screen().code("def f(): pass", 1)
    shown = capsys.readouterr().out
    assert re.search(r"\x1b\[\d+mdef\x1b\[0m", shown) and "38;2;" not in shown and "48;" not in shown
    Screen().say("7 of 9", "red")
    assert capsys.readouterr().out == "\x1b[31m7 of 9\x1b[0m\n"


def test_a_table(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    Screen().table(("name", "value"), [("w", "[1]"), ("loss", "[red]")])
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert [" ".join(line.split()) for line in lines[:1] + lines[2:]] == ["name value", "w [1]", "loss [red]"]
    assert set(lines[1]) == {"─"}


def test_a_picture_in_colour(coloured, capsys):
    """Two pixels a letter: the upper one is its colour, the lower one its background."""
    colours = ["255;0;0", "0;0;255", "0;255;0", "9;8;7"]
    pixels = np.array([[colour.split(";")] for colour in colours], np.uint8)
    Screen().image(Image.fromarray(pixels), 1, Image.Resampling.NEAREST)
    letter = "\x1b[38;2;{};48;2;{}m▀\x1b[0m\n"
    assert capsys.readouterr().out.rstrip("\n") + "\n" == letter.format(*colours[:2]) + letter.format(*colours[2:])


def test_a_picture_without_colour_is_made_of_shades(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "22")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    picture = tmp_path / "black.png"
    Image.new("L", (20, 20), 0).save(picture)
    Screen().picture(picture)
    assert "▀" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    Screen().picture(picture)
    assert capsys.readouterr().out.splitlines() == 10 * [20 * "@"]


def test_a_picture_in_characters(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "22")
    image = Image.new("L", (20, 20), 255)
    image.paste(0, (0, 0, 10, 20))
    image.save(tmp_path / "half.png")
    Screen().picture(tmp_path / "half.png")
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 10
    assert all(row[:9] == "@" * 9 and row[12:].strip() == "" for row in rows)


def test_shades_go_by_tenths(capsys, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    grey = np.array([[14, 15, 113, 140, 240, 241]], np.uint8).repeat(3, 0)
    Screen().image(Image.fromarray(grey).convert("RGB"), 6, Image.Resampling.NEAREST)
    assert capsys.readouterr().out.splitlines() == 2 * ["@%+=. "]


def test_facets_are_as_wide_as_can_be_looked_at(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "42")
    monkeypatch.setenv("NO_COLOR", "1")
    pixels = np.full((4, 5, 3), 255, np.uint8)
    pixels[:, :2] = 0
    Screen().facets(pixels)
    assert capsys.readouterr().out.splitlines() == 8 * ["@" * 8 + " " * 12]
    for wide, letters in ((30, 30), (80, 40)):
        Screen().facets(np.zeros((4, wide, 3), np.uint8))
        assert capsys.readouterr().out.splitlines() == 2 * ["@" * letters]
