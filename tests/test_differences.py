"""The page of differences from PyTorch: what it says is so, and it is not stale."""

import re

import pytest
from differences import PAGE, ROWS, cell, main, missing, outcome

import minidl as md
from minidl import nn
from minidl.engine import absent


def test_the_page_is_up_to_date():
    pytest.importorskip("torch")
    main(check=True)


@pytest.mark.parametrize("program", [program for _, program in ROWS])
def test_what_differs_here(program):
    """The last column of its row is what comes of it."""
    (line,) = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if f"| {cell(program)} |" in line]
    assert line.endswith(f"| {cell(outcome(program, md))} |")


def test_what_is_not_here_stands_on_the_page():
    """Without PyTorch, too."""
    _, _, rows = PAGE.read_text(encoding="utf-8").partition("## What is not here\n")
    assert "".join(missing()) == rows.partition("|---|---|\n")[2].partition("\n\n")[0] + "\n"


@pytest.mark.parametrize("name", absent.ABSENT)
def test_what_is_not_here_says_what_to_use(name):
    spaces = (md, nn, nn.utils, nn.functional, md.optim, md.utils, md.Tensor, md.ones(1, 1), md.autograd)
    refusals = [str(refused(space, name)) for space in spaces if not hasattr(space, name)]
    assert any(absent.ABSENT[name] in refusal for refusal in refusals)


def refused(space, name):
    with pytest.raises(AttributeError, match=rf"\b{re.escape(name)}\b") as caught:
        getattr(space, name)
    return caught.value
