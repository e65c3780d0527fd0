"""Losses where a formula is easily mistaken: shapes that broadcast, targets beside the usual ones."""

import numpy as np
import pytest

import minidl as md
import minidl.functional as F


@pytest.mark.parametrize(
    "size, other, batch", [((4, 3), (3,), 4), ((1, 3), (4, 3), 1), ((3,), (4, 3), 3), ((), (3,), 1)]
)
def test_the_batch_of_a_mean_divergence_is_that_of_the_input(size, other, batch):
    x, y = np.full(size, -2.0), np.full(other, 0.25)
    got = F.kl_div(md.tensor(x), md.tensor(y), reduction="batchmean").item()
    assert got == pytest.approx(np.sum(y * (np.log(y) - x)) / batch)


def test_a_hinge_of_targets_that_are_neither_counts_both_ways():
    """As in PyTorch: what is not −1 is near, what is not 1 is far."""
    x, target = md.tensor([3.0, 0.25, 0.25, 0.25, 0.25]), md.tensor([1.0, 1.0, -1.0, 0.0, 2.0])
    each = F.hinge_embedding_loss(x, target, margin=1.5, reduction="none")
    assert each.tolist() == [3.0, 0.25, 1.25, 0.25 + 1.25, 0.25 + 1.25]


@pytest.mark.parametrize("size", [0.0, 1e-6, 1e-5])
def test_the_cosine_of_small_vectors_is_that_with_1e_12_in_their_squares(size):
    x = md.tensor([[size, 0.0]], dtype=md.float64)
    loss = F.cosine_embedding_loss(x, x, md.ones(1)).item()
    assert loss == pytest.approx(1 - size**2 / (size**2 + 1e-12))


def test_pairs_that_are_neither_alike_nor_apart_cost_nothing():
    x = md.tensor([[1.0, 0.0]] * 4)
    each = F.cosine_embedding_loss(x, x, md.tensor([1.0, -1.0, 0.0, 2.0]), reduction="none")
    assert each.tolist() == pytest.approx([0, 1, 0, 0], abs=1e-6)
