"""Padding by whole sizes and by negative ones, beside NumPy's."""

import numpy as np
import pytest

import minidl as md
import minidl.functional as F

MODES = {"circular": "wrap", "reflect": "reflect", "replicate": "edge"}
SIZES = [(5, 5), (4, 4), (0, 5), (5, 0), (-1, 2), (2, -1), (3, -2), (-2, 3), (-2, -2), (-1, 0), (0, -3)]


@pytest.mark.parametrize("before, after", SIZES)
@pytest.mark.parametrize("mode", MODES)
def test_what_is_around(mode, before, after):
    """Negative sizes crop; of what is circular they crop first."""
    x = np.arange(5.0)
    if mode == "reflect" and max(before, after) > 4:
        with pytest.raises(ValueError, match=f"{before} and {after} do not fit a size of 5 with mode 'reflect'"):
            F.pad(md.tensor(x[None]), (before, after), mode)
        return
    around = max(before, 0), max(after, 0)
    cropped = x[max(-before, 0) : 5 + min(after, 0)]
    expected = np.pad(cropped, around, MODES[mode])
    if mode != "circular":
        whole = np.pad(x, around, MODES[mode])
        expected = whole[max(-before, 0) : len(whole) + min(after, 0)]
    assert F.pad(md.tensor(x[None]), (before, after), mode)[0].tolist() == expected.tolist()
