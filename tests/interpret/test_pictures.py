"""Filters and activations as pictures."""

import numpy as np
import pytest

import minidl as md
from minidl import interpret, nn


def test_filters_of_colours_are_images_from_their_least_weight_to_their_greatest():
    layer = nn.Conv2d(3, 2, 2)
    weight = np.arange(24.0).reshape(2, 3, 2, 2)
    layer.weight.data[:] = weight
    drawn = interpret.filter_picture(layer)
    assert drawn.pixels.shape == (4, 7, 3)
    for number, left in enumerate((1, 4)):
        own = (weight[number] - weight[number].min()) / 11
        np.testing.assert_array_equal(drawn.pixels[1:3, left : left + 2], np.round(255 * own).transpose(1, 2, 0))
    assert (drawn.pixels[0] == 255).all() and (drawn.pixels[:, 3] == 255).all()


def test_other_filters_are_rows_of_outputs_and_columns_of_inputs():
    layer = nn.Conv2d(2, 3, 2)
    assert str(interpret.filter_picture(layer)) == str(md.viz.picture(layer.weight.detach()))
    assert interpret.filter_picture(layer).pixels.shape == (3 * 3 - 1, 2 * 3 - 1, 3)


@pytest.mark.parametrize("layer", ["0", "1"])
def test_activations_are_drawn_channel_by_channel(layer):
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Tanh(), nn.Flatten())
    image = md.tensor(np.linspace(-1, 1, 25, dtype="f4").reshape(1, 1, 5, 5))
    due = network[0](image) if layer == "0" else network[1](network[0](image))
    drawn = interpret.activation_picture(network, image, layer)
    np.testing.assert_array_equal(drawn.pixels, md.viz.picture(due[0]).pixels)
    assert drawn.text == md.viz.picture(due[0].detach()).text
