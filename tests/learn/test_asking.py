"""What is said to a terminal and asked of it: lines that end between words, and answers given after the question."""

import os
import pty
import sys
import threading

import pytest

from minidl.learn import checks
from minidl.learn.screen import Screen, kept_together

LONG = "✗ 98.1 twice: Called twice(x=3). Returned 4.000,\nexpected 6.0-0."


@pytest.mark.parametrize("terminal, told", [(True, LONG.replace("3). ", "3).\n")), (False, LONG)])
def test_verdicts_end_between_words(monkeypatch, terminal, told):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setenv("COLUMNS", "34")
    assert checks.folded(LONG) == told


def test_menus_end_between_items():
    assert kept_together("Enter run · a back · q quit", 16) == "Enter run ·\na back · q quit"
    assert kept_together("Enter run · a back", 40) == "Enter run · a back"


def test_what_is_typed_before_a_question_is_no_answer(monkeypatch):
    parent, child = pty.openpty()
    with os.fdopen(child) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        os.write(parent, b"impatient\n")
        later = threading.Timer(0.3, os.write, (parent, b"an answer\n"))
        later.start()
        assert Screen().ask("?") == "an answer"
        later.join()
    os.close(parent)
