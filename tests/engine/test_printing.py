"""What `set_printoptions` changes of the text of a tensor."""

import numpy as np
import pytest

import minidl as md


@pytest.fixture(autouse=True)
def as_before():
    yield
    md.set_printoptions(profile="default")


def test_digits():
    x = md.tensor([0.123456, 10.0])
    assert repr(x) == "tensor([ 0.1235, 10.    ])"
    md.set_printoptions(precision=2)
    assert repr(x) == "tensor([ 0.12, 10.  ])"
    md.set_printoptions(profile="full")
    assert repr(x) == "tensor([ 0.1235, 10.    ])"


def test_exponents():
    x = md.tensor([0.00012, 0.5])
    assert repr(x) == "tensor([1.2e-04, 5.0e-01])"
    md.set_printoptions(sci_mode=False)
    assert repr(x) == "tensor([0.0001, 0.5   ])"
    md.set_printoptions(precision=1, sci_mode=True)
    assert repr(x) == "tensor([1.2e-04, 5.0e-01])" and repr(md.tensor([3])) == "tensor([3])"
    md.set_printoptions()
    assert repr(md.tensor([0.5])) == "tensor([0.5])"


def test_the_middle_is_left_out():
    md.set_printoptions(threshold=5, edgeitems=1)
    assert repr(md.arange(6)) == "tensor([0, ..., 5])" and repr(md.arange(5)) == "tensor([0, 1, 2, 3, 4])"
    md.set_printoptions(profile="full")
    assert "..." not in repr(md.zeros(2000)) and "..." in repr(np.zeros(2000))
    md.set_printoptions(profile="short")
    assert repr(md.arange(2000)) == "tensor([   0,    1, ..., 1998, 1999])"
    md.set_printoptions(profile="default")
    assert repr(md.arange(2000)) == "tensor([   0,    1,    2, ..., 1997, 1998, 1999])"


def test_lines():
    md.set_printoptions(linewidth=20)
    assert repr(md.arange(5)) == "tensor([0, 1, 2, 3,\n        4])"


def test_another_profile_is_refused_and_changes_nothing():
    md.set_printoptions(precision=1)
    with pytest.raises(ValueError, match="profile must be one of default, short, full, got 'tiny'"):
        md.set_printoptions(profile="tiny", precision=3)
    assert repr(md.tensor([0.25])) == "tensor([0.2])"
