"""Operations of all ranks, batch norm over them, and what is refused."""

import pytest


def test_each_on_three_ranks(ranks):
    ranks(3, "programs.collectives", "programs.norms", "programs.refusals")


@pytest.mark.deep
@pytest.mark.parametrize("n, names", [(2, ["collectives", "norms"]), (4, ["collectives"])])
def test_each_on_other_numbers_of_ranks(ranks, n, names):
    ranks(n, *(f"programs.{name}" for name in names))
