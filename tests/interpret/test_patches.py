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
    rows, columns = interpret.receptive_field(nn.Sequential(nn.MaxPool2d(2)), (3, 4, 2), "0")
    assert rows.tolist() == [[0, 2], [2, 4]] and columns.tolist() == [[0, 2]]


def test_a_unit_that_sees_padding_alone_sees_nothing():
    network = nn.Sequential(nn.Conv2d(1, 1, 1, padding=1))
    rows, columns = interpret.receptive_field(network, (1, 2, 3), "0")
    assert rows.tolist() == [[0, 0], [0, 1], [1, 2], [0, 0]]
    assert columns.tolist() == [[0, 0], [0, 1], [1, 2], [2, 3], [0, 0]]
    network[0].bias.data[:] = 9.0  # so that a corner is as strong as any
    network[0].weight.data[:] = 0.0
    found = interpret.strongest_patches(network, IMAGES[:1, :, :2, :3].float(), "0", 0)
    assert found.places == [(0, 0, 0)] and found.images.numpy().tolist() == [[[[0.0]]]]


def test_what_lies_beyond_an_edge_is_black():
    """In each piece the unit that is most active is in the middle."""
    network = nn.Sequential(nn.Conv2d(2, 1, 3, padding=1, bias=False)).double()
    nn.init.ones_(network[0].weight).data[:, :, 1, 1] = 2.0
    corners = [(0, 0), (0, 4), (3, 0), (3, 4), (1, 2)]
    images = np.full((5, 2, 4, 5), 1e-3)
    for number, (row, column) in enumerate(corners):
        images[number, 0, row, column] = 9 - number
    found = interpret.strongest_patches(network, md.tensor(images), "0", 0)
    assert found.places == [(number, *place) for number, place in enumerate(corners)]
    around = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    pieces = [around[n, :, row : row + 3, column : column + 3] for n, (row, column) in enumerate(corners)]
    np.testing.assert_array_equal(found.images.numpy(), pieces)
    weights = network[0].weight.detach().numpy()[0]
    np.testing.assert_allclose(found.activations.numpy(), [(weights * piece).sum() for piece in pieces], 1e-12)
