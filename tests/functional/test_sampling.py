"""Grids and what is seen through them, at sizes of 1 and at the edges; scales that keep a size."""

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md
import minidl.functional as F

IDENTITY = md.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])


@pytest.mark.parametrize("corners", [True, False])
def test_the_only_pixel_of_a_line_is_at_its_centre(corners):
    outermost = 1 if corners else 0.5
    assert F.affine_grid(IDENTITY, (1, 1, 1, 2), align_corners=corners).tolist() == [
        [[[-outermost, 0], [outermost, 0]]]
    ]
    assert F.affine_grid(IDENTITY, (1, 1, 2, 1), align_corners=corners).tolist() == [
        [[[0, -outermost]], [[0, outermost]]]
    ]


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("corners", [True, False])
def test_one_pixel_is_reflected_everywhere(mode, corners):
    grid = md.tensor([[[[-3.0, 0.2], [0.7, 5.0], [0.0, 0.0]]]])
    z = F.grid_sample(md.full((1, 1, 1, 1), 7.0), grid, mode, "reflection", align_corners=corners)
    assert z.tolist() == [[[[7, 7, 7]]]]


@pytest.mark.parametrize("corners, mode", [(True, "reflect"), (False, "symmetric")])
def test_a_line_is_reflected_again_and_again(corners, mode):
    """At its outermost pixels, or at their outer edges."""
    line, places = np.array([3.0, 1.0, 4.0, 2.0]), np.arange(-13, 17)
    x = places * 2 / 3 - 1 if corners else (places * 2 + 1) / 4 - 1
    grid = md.tensor(np.stack([x, 0 * x], -1)[None, None])
    z = F.grid_sample(md.tensor(line.reshape(1, 1, 1, 4)), grid, padding_mode="reflection", align_corners=corners)
    np.testing.assert_allclose(z.numpy().ravel(), np.pad(line, 13, mode), 1e-12)


@pytest.mark.usefixtures("standin")
def test_a_grid_is_where_its_map_is():
    for size in ((1, 1, 1, 2), (1, 1, 2, 1)):
        assert F.affine_grid(IDENTITY.to("cuda"), size, align_corners=False).device == "cuda:0"


@pytest.mark.parametrize("place, slope", [(-1.5, 0), (-1.0, 0), (-0.5, 1), (0.5, 1), (1.0, 0), (1.5, 0)])
def test_where_a_place_is_held_at_the_border_its_gradient_is_zero(place, slope):
    """As in PyTorch, at the border itself, too."""
    images = md.tensor([[[[0.0, 1.0, 2.0]]]])
    x = md.tensor(place, requires_grad=True)
    F.grid_sample(images, md.stack([x, x * 0]).reshape(1, 1, 1, 2), padding_mode="border", align_corners=True).backward(
        md.ones(1, 1, 1, 1)
    )
    assert x.grad.item() == slope


@pytest.mark.parametrize("mode, expected", [
    ("nearest", [0, 1, 2, 3]), ("bilinear", [0, 1, 2, 3]), ("nearest-exact", [0, 1, 2, 2]),
    ("bicubic", [-0.0525174, 0.667969, 1.563078, 2.512877]),
])  # fmt: skip
def test_a_scale_that_keeps_the_size(mode, expected):
    """As in PyTorch: some modes leave images as they are, others go by the scale."""
    x = md.arange(4.0)
    z = F.interpolate(x.reshape(1, 1, 1, 4), scale_factor=(1, 1.2), mode=mode)
    assert z.flatten().tolist() == pytest.approx(expected, abs=1e-5)
    assert F.interpolate(x.reshape(1, 1, 4), scale_factor=1.2).tolist() == [[[0, 0, 1, 2]]]
