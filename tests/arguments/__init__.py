"""Every public callable with each of its arguments off the default, held to what PyTorch gave."""

# ruff: noqa: F401, I001
import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import minidl as md
from arguments import attacks, functions, gradients, inplace, interpretation, layers, making, maths, modules, schedules
from arguments import tensors, transforms
from arguments.elsewhere import ELSEWHERE, INSIDE
from arguments.table import MISTAKES, ROWS, Call, alike, calls, gaps, parameters, summaries, unannotated

RECORD = Path(__file__).with_name("recorded.json")


@functools.cache
def recorded() -> dict[str, dict]:
    """What `record` has written down: PyTorch's results, and its signatures."""
    return json.loads(RECORD.read_text())


def table(*spaces: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test for each call of the rows of these namespaces, such as "nn"; the top one is "", Tensor's "Tensor"."""
    chosen = [row for row in ROWS if row.name.rpartition(".")[0] in spaces]
    return pytest.mark.parametrize("call", list(calls(chosen)), ids=lambda call: call.key)


def check(call: Call) -> None:
    """By keyword a call gives what PyTorch gave, by position the same, and without its argument something else."""
    on_record = recorded()["results"]
    assert call.key in on_record, f"{call.key} is not on record: run `python tests/record.py`, with PyTorch"
    got, want = summaries(md, call), on_record[call.key]
    assert len(got) == len(want) and all(map(alike, got, want)), f"{call.key} gives\n{got}\nPyTorch\n{want}"
    assert summaries(md, call, by_position=True) == got
    if call.argument and not call.refused:
        try:
            plain = summaries(md, call.plain)
        except MISTAKES:
            return  # it is needed
        assert plain != got, f"{call.row.name} gives the same without {call.argument}={call.value!r}"


def check_signature(name: str) -> None:
    """Arguments that PyTorch has too have its order and its defaults; where that is None, perhaps what it means."""
    theirs = {text.partition("=")[0]: text.removesuffix(".0") for text in recorded()["signatures"][name]}
    ours = {k: unannotated(p).removesuffix(".0") for k, p in parameters(name).items() if k in theirs}
    assert list(ours) == list(theirs)
    assert all(text == theirs[k] or theirs[k].endswith("=None") for k, text in ours.items())
