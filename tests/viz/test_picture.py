"""Tensors as pictures, pixel by pixel; the file is read by Pillow."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

import minidl as md
from minidl import viz

RED, WHITE, BLUE = (178, 24, 43), (247, 247, 247), (33, 102, 172)
ABOVE, BELOW, NAN, INF, GAP = (5, 25, 70), (80, 0, 15), (240, 228, 66), (0, 158, 115), (200, 200, 200)


def colours(picture):
    return [[tuple(map(int, pixel)) for pixel in line] for line in picture.pixels]


def test_the_scale_is_about_0():
    assert colours(viz.picture(md.tensor([[-2.0, -1.0, 0.0], [1.0, 2.0, 0.0]]))) == [
        [RED, (239, 138, 98), WHITE],
        [(103, 169, 207), BLUE, WHITE],
    ]


def test_a_constant_has_the_colour_of_its_sign():
    assert colours(viz.picture(md.full((2,), 5.0))) == [[BLUE, BLUE]]
    assert colours(viz.picture(np.full(2, -5))) == [[RED, RED]]
    assert colours(viz.picture(md.zeros(1, 2))) == [[WHITE, WHITE]]
    assert colours(viz.picture(np.array([1e150, -1e150]))) == [[BLUE, RED]]
    assert colours(viz.picture(np.array([5e-324, 0]))) == [[BLUE, WHITE]]
    assert colours(viz.picture(np.array([True, False]))) == [[BLUE, WHITE]]


def test_marks_and_what_is_said_of_them():
    values = np.concatenate([[np.nan, np.inf, -np.inf, 100.0, -100.0], np.tile([1.0, -1.0], 500)]).reshape(1, -1)
    picture = viz.picture(values[:, :105])
    assert colours(picture)[0][:5] == [NAN, INF, INF, ABOVE, BELOW]
    bound = 3 * np.sqrt((2 * 100.0**2 + 100) / 102)
    assert str(picture).endswith(
        f" · red −{bound:.3g} · white 0 · blue {bound:.3g} · NaN yellow · inf green · 2 beyond, dark"
    )
    assert str(viz.picture(np.full((1, 2), np.nan))).endswith("  2 NaN · NaN yellow")


def test_a_picture_of_three_dimensions_goes_from_left_to_right():
    assert colours(viz.picture(np.array([[[1.0]], [[-1.0]], [[0.0]]]))) == [[BLUE, GAP, RED, GAP, WHITE]]
    many = viz.picture(np.ones((17, 1, 1)))
    assert many.pixels.shape == (3, 31, 3)
    assert colours(many)[2][:2] == [BLUE, GAP]
    assert colours(many)[2][2:] == [GAP] * 29


def test_filters_are_rows_and_columns():
    filters = np.zeros((2, 3, 2, 4))
    filters[1, 2, 0, 3] = 1
    picture = viz.picture(filters)
    assert picture.pixels.shape == (2 * 3 - 1, 3 * 5 - 1, 3)
    assert tuple(picture.pixels[3, 13]) == ABOVE
    assert {tuple(pixel) for pixel in picture.pixels[2]} == {GAP}
    assert viz.picture(filters[None]).pixels.shape == picture.pixels.shape
    assert viz.picture(np.zeros((2, 2, 3, 2, 4))).pixels.shape == (4 * 3 - 1, 3 * 5 - 1, 3)


def test_what_is_too_much_is_left_out_and_said():
    picture = viz.picture(np.zeros((13, 17, 1, 1)))
    assert picture.pixels.shape == (12 * 2 - 1, 16 * 2 - 1, 3)
    assert str(picture).endswith("192 of 221 elements are drawn")
    image = np.arange(300.0 * 2).reshape(300, 2)
    large = viz.picture(image)
    assert large.pixels.shape == (100, 2, 3)
    assert str(large).endswith("200 of 600 elements are drawn")
    assert viz.picture(np.zeros((200, 1, 1))).pixels.shape == (23, 31, 3)


def test_the_file(tmp_path):
    picture = viz.picture(md.randn(3, 5, 7))
    assert picture.png().startswith(b"\x89PNG")
    picture.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        image.load()
        np.testing.assert_array_equal(np.asarray(image), picture.pixels)


def test_in_a_notebook():
    tensor = md.tensor([[1.0, -2.0]], requires_grad=True)
    html = tensor._repr_html_()
    data = re.search(r'src="data:image/png;base64,([^"]*)"', html)[1]
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.size == (2, 1)
    assert 'style="width:32px;' in html
    assert f"<pre>{tensor!r}\n" in html
    assert html == viz.picture(tensor)._repr_html_()
    assert "<pre>tensor(" in md.zeros(64)._repr_html_()
    assert "[" not in re.search("<pre>(.*)", md.zeros(65)._repr_html_(), re.S)[1].partition("in [")[0]


@pytest.mark.parametrize("tensor", [md.tensor(2.5), md.zeros(3, 0), md.zeros(0, 2, 2)])
def test_without_elements_or_dimensions_there_is_text(tensor):
    html = tensor._repr_html_()
    assert "<img" not in html
    assert repr(tensor) in html
    assert viz.picture(tensor).pixels.shape == (0, 0, 3)


def test_names_are_escaped():
    assert "<pre>a &lt; b</pre>" in viz.Picture(np.zeros((0, 0, 3), np.uint8), "a < b")._repr_html_()
    assert 'alt="&quot;"' in viz.Picture(np.zeros((1, 1, 3), np.uint8), '"')._repr_html_()


def test_refuses():
    with pytest.raises(TypeError, match="picture: expected a tensor, got list"):
        viz.picture([1.0])
