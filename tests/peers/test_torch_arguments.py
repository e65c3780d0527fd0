"""What is on record of PyTorch is what it gives today, and its arguments have the order that minidl's have."""

import contextlib
from importlib.util import find_spec

import pytest
from arguments import ROWS, alike, calls, recorded, summaries
from arguments.surface import CASES, made
from parity import torch  # noqa: F401
from record import THEIRS, read_off, signature, theirs

CALLS = {call.key: call for call in calls(ROWS)}


def is_there(name):
    """Whether PyTorch has it, or torchvision or captum, which need not be installed."""
    if name.startswith("interpret."):
        return find_spec("captum") is not None
    return not name.startswith("data.transforms.") or hasattr(THEIRS, "data")


@pytest.mark.filterwarnings("ignore")
def test_the_record_is_not_stale():
    on_record = recorded()
    assert list(on_record["results"]) == list(CALLS), "run `python tests/record.py`"
    for key, call in CALLS.items():
        assert not is_there(call.row.name) or all(map(alike, theirs(call), on_record["results"][key])), key
    assert all(signature(name) == text for name, text in on_record["signatures"].items() if is_there(name))
    assert {str(case): read_off(made(THEIRS, *case)) for case in CASES} == on_record["layers"]


@pytest.mark.filterwarnings("ignore")
def test_the_order_of_arguments_is_theirs():
    for key, call in CALLS.items():
        if call.row.name in recorded()["signatures"] or not is_there(call.row.name):
            continue
        with contextlib.suppress(TypeError):  # of what it takes by keyword alone
            got = summaries(THEIRS, call, by_position=True)
            assert all(map(alike, got, recorded()["results"][key])), key
