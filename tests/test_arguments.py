"""The table of arguments is whole: no public callable, and no argument, that nothing varies."""

from pathlib import Path

import pytest
from arguments import ELSEWHERE, INSIDE, ROWS, check_signature, gaps, recorded


def test_every_argument_is_varied():
    assert not list(gaps({*ELSEWHERE, *INSIDE}))


@pytest.mark.parametrize("name", recorded()["signatures"])
def test_signatures(name):
    check_signature(name)


@pytest.mark.parametrize("name, path", ELSEWHERE.items())
def test_what_is_tested_elsewhere(name, path):
    assert name.rpartition(".")[2] in (Path(__file__).parent / path).read_text()


def test_every_row_is_in_a_table():
    """Each namespace is asked for by the test of a folder."""
    asked = "".join(path.read_text() for path in Path(__file__).parent.glob("*/test_arguments.py"))
    assert all(f'"{row.name.rpartition(".")[0]}"' in asked for row in ROWS)
