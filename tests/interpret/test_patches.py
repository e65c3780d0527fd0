"""Patches, and how many images go through a network at once."""

import numpy as np
import pytest

import minidl as md
from minidl import interpret, nn


@pytest.fixture
def counted():
    """A network, and the sizes of the batches that it is called on."""
    md.manual_seed(1)
    network, sizes = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Flatten(), nn.Linear(72, 3)).double(), []
    network[0].register_forward_pre_hook(lambda module, args: sizes.append(len(args[0])))
    return network, sizes


IMAGES = md.tensor(np.random.default_rng(1).random((5, 1, 6, 6)))


def test_strongest_patches_looks_at_batch_size_images_at_once(counted):
    network, sizes = counted
    found = interpret.strongest_patches(network, IMAGES, "0", 1, k=2, batch_size=2)
    assert sizes == [2, 2, 1, *[1] * 12]
    assert isinstance(found, interpret.Patches)
    whole = interpret.strongest_patches(network, IMAGES, "0", 1, k=2)
    assert sizes[15:] == [5, *[1] * 12]
    assert found.places == whole.places
    np.testing.assert_array_equal(found.images.numpy(), whole.images.numpy())
    assert list(found.activations.numpy()) == sorted(found.activations.numpy(), reverse=True)


def test_occlusion_sends_perturbations_per_eval_places_through_at_once(counted):
    network, sizes = counted
    one = interpret.occlusion(network, IMAGES, (1, 3, 3), 3, target=0)
    assert sizes == [5, *[5] * 4]
    several = interpret.occlusion(network, IMAGES, (1, 3, 3), 3, target=0, perturbations_per_eval=3)
    assert sizes[5:] == [5, 15, 5]
    np.testing.assert_allclose(one.numpy(), several.numpy(), 0, 1e-14)


def test_the_receptive_field_of_a_network_that_folds_nothing_back():
    """Of SimpLeNet's second convolution: 5×5, pooled, 5×5 again; 14 pixels, of which units are 2 apart."""
    rows, columns = interpret.receptive_field(md.models.SimpLeNet(), (1, 28, 28), "features.3")
    assert rows.tolist() == columns.tolist() == [[2 * unit, 2 * unit + 14] for unit in range(8)]


def test_a_unit_that_sees_padding_alone_sees_nothing():
    network = nn.Sequential(nn.Conv2d(1, 1, 1, padding=1))
    rows, columns = interpret.receptive_field(network, (1, 2, 3), "0")
    assert rows.tolist() == [[0, 0], [0, 1], [1, 2], [0, 0]]
    assert columns.tolist() == [[0, 0], [0, 1], [1, 2], [2, 3], [0, 0]]
    network[0].bias.data[:] = 9.0  # so that a corner is as strong as any
    network[0].weight.data[:] = 0.0
    found = interpret.strongest_patches(network, IMAGES[:1, :, :2, :3].float(), "0", 0)
    assert found.places == [(0, 0, 0)] and found.images.numpy().tolist() == [[[[0.0]]]]
