"""Attacks: no pixel moves by more than ε, whatever is rounded, and none leaves its bounds."""

import numpy as np
import pytest

import minidl as md
import minidl.functional as F
from minidl import interpret, nn


@pytest.fixture
def network():
    md.manual_seed(1)
    return md.models.mlp(64, 16, 4)


IMAGES = np.random.default_rng(1).random((50, 1, 8, 8))
LABELS = np.arange(50) % 4
ATTACKS = {
    "fgsm": lambda m, x, epsilon: interpret.fgsm(m, x, epsilon, LABELS),
    "pgd": lambda m, x, epsilon: interpret.pgd(m, x, epsilon, epsilon / 3, 5, LABELS, random_start=True),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("epsilon", [0.3, 0.1, 8 / 255, 1e-6])
@pytest.mark.parametrize("attack", ATTACKS)
def test_no_pixel_moves_by_more_than_epsilon(network, attack, epsilon, dtype):
    """Exactly: the difference is taken in double precision, in which it is not rounded."""
    pixels = IMAGES.astype(dtype)
    there = ATTACKS[attack](network.to(dtype), md.tensor(pixels), epsilon).numpy()
    moved = np.abs(there.astype("f8") - pixels.astype("f8"))
    assert there.dtype == dtype and there.min() >= 0 and there.max() <= 1
    assert epsilon * (1 - 1e-4) - 1e-7 < moved.max() <= epsilon


def test_the_plain_sum_would_move_further():
    """So the test above can fail."""
    pixels = IMAGES.astype("f4")
    assert np.abs((pixels + np.float32(0.3)).astype("f8") - pixels).max() > 0.3


@pytest.mark.parametrize("targeted", [False, True])
def test_an_attack_raises_the_loss_and_a_targeted_one_lowers_it(network, targeted):
    x, labels = md.tensor(IMAGES.astype("f4")), md.full((50,), 2) if targeted else md.tensor(LABELS)

    def rise(images):
        change = F.cross_entropy(network(images), labels) - F.cross_entropy(network(x), labels)
        return -change.item() if targeted else change.item()

    one, many = (
        interpret.fgsm(network, x, 0.1, labels, targeted=targeted),
        interpret.pgd(network, x, 0.1, 0.02, 20, labels, targeted=targeted),
    )
    assert 0.01 < rise(one) < rise(many)


def test_an_attack_through_the_normalisation_is_one_of_pixels(network):
    """On inputs that are standardised outside, the same ε is worth 1/std as much."""
    x = md.tensor(IMAGES.astype("f4"))
    whole = interpret.Normalized(network, 0.5, 0.25)
    assert np.abs(interpret.fgsm(whole, x, 0.1, LABELS).numpy() - x.numpy()).max() == pytest.approx(0.1)
    outside = interpret.fgsm(network, (x - 0.5) / 0.25, 0.1, LABELS, lower_bound=-2, upper_bound=2)
    assert np.abs(outside.numpy() * 0.25 + 0.5 - x.numpy()).max() == pytest.approx(0.025, rel=1e-4)


@pytest.mark.parametrize("mask", [md.arange(8) > 3, (md.arange(8) > 3).double(), np.arange(8) > 3])
def test_a_mask_of_any_dtype_leaves_that_of_the_images(network, mask):
    there = interpret.fgsm(network, md.tensor(IMAGES.astype("f4")), 0.1, LABELS, mask=mask).numpy()
    moved = (there != IMAGES.astype("f4")).any((0, 1, 2))
    assert there.dtype == np.float32 and moved.tolist() == [False] * 4 + [True] * 4


def test_a_patch_makes_a_network_read_its_class(network):
    x = md.tensor(IMAGES.astype("f4"))
    generator = md.Generator().manual_seed(1)
    patch = interpret.adversarial_patch(network, x, 3, 4, steps=60, generator=generator)
    read = network(interpret.apply_patch(x, patch, generator=generator)).detach().numpy().argmax(1)
    grey = network(interpret.apply_patch(x, md.full((1, 4, 4), 0.5), generator=generator)).detach().numpy().argmax(1)
    assert (read == 3).mean() > (grey == 3).mean() + 0.15
    assert 0 <= patch.min().item() < patch.max().item() <= 1


def test_a_patch_may_fill_the_image():
    images, patch = md.zeros(2, 1, 3, 3), md.tensor(np.arange(9.0).reshape(1, 3, 3), dtype=md.float32)
    np.testing.assert_allclose(interpret.apply_patch(images, patch).numpy()[1], patch.numpy(), atol=1e-6)


def test_the_landscape_of_squares_is_a_parabola():
    model = nn.Linear(2, 2, bias=False).double()
    model.weight.data[:] = np.array([[1.0, 2.0], [3.0, 4.0]])
    directions = [{"weight": md.tensor(np.array(way, float))} for way in ([[1, 0], [0, 0]], [[0, 0], [0, 2]])]
    at = [-1.0, 0.0, 2.0]
    found = interpret.loss_landscape(model, lambda m: (m.weight**2).sum(), directions[0], at, directions[1], at)
    due = [[(1 + a) ** 2 + 4 + 9 + (4 + 2 * b) ** 2 for b in at] for a in at]
    np.testing.assert_allclose(found, due)
