"""What the stepper shows and asks: keys of a pipe and of a terminal, pictures in characters."""

import io
import os
import pty
import sys
import tty

import numpy as np
from PIL import Image

from minidl.learn.screen import Screen, one_key


def test_keys_of_a_pipe(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO("x\nN\n\n"))
    screen = Screen()
    assert [screen.key("?", ["n", "\n", "q"]) for _ in range(3)] == ["n", "\n", "q"]


def test_keys_of_a_terminal(monkeypatch):
    parent, child = pty.openpty()
    tty.setcbreak(child)
    with os.fdopen(child) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        pressed = []
        for typed in (b"N", b"\n", b"\x1b[A", b"\x1b[B", b"\x1b", "é".encode(), b"b", b"\x04"):
            os.write(parent, typed)
            pressed.append(one_key())
    os.close(parent)
    assert pressed == ["n", "\n", "", "", "", "é", "b", "q"]


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
