"""Operations of all ranks, and how they are refused."""

import pytest


@pytest.mark.parametrize("n", [2, 3])
def test_each_on_ranks(ranks, n):
    ranks(n, "collectives")


def test_refusals(ranks):
    ranks(3, "refusals")
