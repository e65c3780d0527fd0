"""Images side by side, and as pictures."""

import itertools

import numpy as np
import pytest

import minidl as md
from minidl.viz import image, make_grid

IMAGES = np.linspace(-1, 2, 5 * 3 * 2 * 4).reshape(5, 3, 2, 4)


def test_images_stand_in_rows_with_lines_around():
    sheet = make_grid(md.tensor(IMAGES), nrow=2, padding=1, pad_value=7.0).numpy()
    assert sheet.shape == (3, 3 * 3 + 1, 2 * 5 + 1)
    for number, (row, column) in zip(range(5), itertools.product(range(3), range(2)), strict=False):
        piece = sheet[:, 1 + 3 * row : 3 + 3 * row, 1 + 5 * column : 5 + 5 * column]
        np.testing.assert_array_equal(piece, IMAGES[number])
    assert (sheet[:, ::3] == 7).all() and (sheet[:, :, ::5] == 7).all() and (sheet[:, 7:9, 6:10] == 7).all()


def test_grey_becomes_three_colours_and_one_image_has_no_frame():
    sheet = make_grid(md.tensor(IMAGES[:1, :1])).numpy()
    np.testing.assert_array_equal(sheet, IMAGES[0, :1].repeat(3, 0))


@pytest.mark.parametrize(("images", "words"), [(np.zeros((3, 2, 2)), "got 3×2×2"), (np.zeros((1, 2, 3, 3)), "1×2×3×3")])
def test_other_shapes_are_refused(images, words):
    with pytest.raises(ValueError, match=f"make_grid: expected images N×1×H×W or N×3×H×W, .*{words}"):
        make_grid(md.tensor(images))
    with pytest.raises(ValueError, match="image: expected 1×H×W or 3×H×W"):
        image(md.tensor(images[0]))


@pytest.mark.parametrize("option", [{"value_range": (0, 1)}, {"scale_each": True}])
def test_a_scale_that_nothing_is_moved_by_is_refused(option):
    with pytest.raises(ValueError, match="give normalize=True, too"):
        make_grid(md.tensor(IMAGES), **option)


@pytest.mark.parametrize("option, kind, said", [
    ({"nrow": 0}, ValueError, "nrow must be 1 or more and padding 0 or more, got 0 and 2"),
    ({"padding": -1}, ValueError, "got 8 and -1"),
    ({"normalize": True, "value_range": (1, 0)}, ValueError, r"must be \(least, greatest\), got \(1, 0\)"),
    ({"normalize": True, "tensor": md.ones(2, 1, 3, 3, dtype=md.uint8)}, TypeError, "needs a floating dtype, got"),
])  # fmt: skip
def test_numbers_out_of_range_are_refused(option, kind, said):
    with pytest.raises(kind, match=f"make_grid: .*{said}"):
        make_grid(**{"tensor": md.tensor(IMAGES), **option})


def test_what_is_no_tensor_is_refused():
    with pytest.raises(TypeError, match="make_grid: .* got ndarray"):
        make_grid(IMAGES)


def test_bytes_are_no_image_of_floats():
    with pytest.raises(TypeError, match=r"image: expected floats in \[0, 1\], got uint8; of bytes, divide by 255"):
        image(md.full((1, 2, 2), 200, dtype=md.uint8))


def test_an_image_is_a_pixel_for_each_element():
    drawn = image(md.tensor(np.array([[[-1.0, 0.5, 2.0]]])))
    assert drawn.pixels.tolist() == [[[0, 0, 0], [128, 128, 128], [255, 255, 255]]]
    assert drawn.text.startswith("1×1×3 float64")
    np.testing.assert_array_equal(image(md.tensor(IMAGES[0])).pixels[0, 0], 255 * IMAGES[0, :, 0, 0].clip(0, 1))


OPTIONS = [
    {},
    {"nrow": 3},
    {"padding": 0},
    {"pad_value": 0.5},
    {"normalize": True},
    {"normalize": True, "scale_each": True},
]
OPTIONS += [{"normalize": True, "value_range": (-0.5, 1.0)}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("images", [IMAGES, IMAGES[:, :1], IMAGES[:1]], ids=["colour", "grey", "one"])
def test_torchvision_gives_the_same(options, images):
    vision = pytest.importorskip("vision")
    theirs = vision.torchvision.utils.make_grid(vision.torch.tensor(images), **options).numpy()
    np.testing.assert_allclose(make_grid(md.tensor(images), **options).numpy(), theirs, rtol=0, atol=1e-12)
