"""What explains networks, element by element beside captum and what is written by hand in PyTorch, in float64."""

import numpy as np
import pytest
from arguments import ROWS, calls
from arguments.table import results

import minidl as md

torch = pytest.importorskip("torch")
pytest.importorskip("captum")
record = pytest.importorskip("record")

CALLS = [call for call in calls(ROWS) if call.row.name.startswith("interpret.")]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.key)
def test_the_same(call):
    ours, theirs = results(md, call), results(record.THEIRS, call)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        if hasattr(other, "detach"):
            other = other.detach().numpy()
            np.testing.assert_allclose(mine.detach().numpy(), other, 1e-8, 1e-8 * np.abs(other).max())
        else:
            np.testing.assert_array_equal(mine, other)
