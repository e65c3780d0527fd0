"""Operations of all ranks, and how they are refused."""

import pytest


@pytest.mark.parametrize("n", [3, pytest.param(2, marks=pytest.mark.deep)])
def test_each_on_ranks(ranks, n):
    ranks(n, "programs.collectives")


def test_refusals(ranks):
    ranks(3, "programs.refusals")
