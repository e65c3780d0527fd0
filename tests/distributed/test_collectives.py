"""Operations of all ranks, and how they are refused."""

import pytest


@pytest.mark.parametrize("n", [3, *(pytest.param(n, marks=pytest.mark.deep) for n in (2, 4))])
def test_each_on_ranks(ranks, n):
    ranks(n, "programs.collectives")


def test_refusals(ranks):
    ranks(3, "programs.refusals")
