"""The table of arguments is whole: no public callable, and no argument, that nothing varies."""

from pathlib import Path

import pytest
from arguments import ELSEWHERE, INSIDE, check_signature, gaps, recorded

LATER = {"device", "set_default_dtype"}
LATER |= {"get_rng_state", "set_rng_state", "Tensor.to.copy", "randperm.generator", "unique.dim", "Tensor.unique.dim"}


def test_every_argument_is_varied():
    assert not list(gaps({*ELSEWHERE, *INSIDE, *LATER}))


@pytest.mark.parametrize("name", recorded()["signatures"])
def test_signatures(name):
    check_signature(name)


@pytest.mark.parametrize("name, path", ELSEWHERE.items())
def test_what_is_tested_elsewhere(name, path):
    assert name.rpartition(".")[2] in (Path(__file__).parent / path).read_text()
