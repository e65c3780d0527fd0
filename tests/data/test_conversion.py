"""Transforms of Pillow's images, and from them to tensors and back."""

import sys

import numpy as np
import pytest
from standin import standin  # noqa: F401

import minidl as md
from minidl.data import transforms
from minidl.data.transforms import functional as F

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (6, 5, 3)).astype(np.uint8)
MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4, "YCbCr": 3, "HSV": 3}


def picture(mode="RGB"):
    return Image.frombytes(mode, (5, 6), RNG.integers(0, 256, (6, 5, MODES[mode])).astype(np.uint8).tobytes())


@pytest.mark.parametrize("mode", MODES)
def test_there_and_back(mode):
    image = picture(mode)
    tensor = transforms.PILToTensor()(image)
    assert tensor.shape == (MODES[mode], 6, 5) and tensor.dtype == md.uint8
    np.testing.assert_array_equal(tensor.numpy().transpose(1, 2, 0).reshape(np.array(image).shape), np.array(image))
    back = transforms.ToPILImage(mode)(tensor)
    assert back.mode == mode and back.size == (5, 6) and back.tobytes() == image.tobytes()
    floats = transforms.ToTensor()(image)
    assert floats.dtype == md.float32
    np.testing.assert_allclose(floats.numpy(), tensor.numpy() / np.float32(255), 1e-6)
    assert F.to_pil_image(floats, mode).tobytes() == image.tobytes()


def test_other_modes():
    bits = Image.fromarray(RGB[..., 0] > 100)
    assert bits.mode == "1"
    np.testing.assert_array_equal(transforms.ToTensor()(bits).numpy(), (RGB[None, ..., 0] > 100).astype("f4"))
    counts = Image.fromarray(RGB[..., 0].astype("i4") * 1000)
    tensor = transforms.ToTensor()(counts)
    assert tensor.dtype == md.int32
    np.testing.assert_array_equal(tensor.numpy()[0], RGB[..., 0] * 1000.0)
    assert F.pil_to_tensor(Image.fromarray(RGB[..., 0].astype("f4"))).dtype == md.float32
    with pytest.raises(TypeError, match=r"mode 'P' has no channels to work on; \.convert\('RGB'\) first"):
        F.pil_to_tensor(picture().convert("P"))


def test_arrays():
    """An array is H×W×C, as in torchvision; a tensor is C×H×W already."""
    for to in (transforms.ToTensor(), transforms.ToImage()):
        assert to(RGB).shape == (3, 6, 5) and to(RGB[..., 0]).shape == (1, 6, 5)
    np.testing.assert_array_equal(transforms.ToImage()(RGB).numpy(), RGB.transpose(2, 0, 1))
    tensor = md.tensor(RGB.transpose(2, 0, 1))
    assert transforms.ToImage()(tensor) is tensor
    np.testing.assert_allclose(transforms.ToTensor()(tensor).numpy(), tensor.numpy() / np.float32(255), 1e-6)
    assert transforms.ToTensor()(RGB.astype("f8")).dtype == md.float64
    assert F.to_pil_image(RGB).tobytes() == RGB.tobytes()
    wild = F.to_pil_image(np.array([[-1.0, 0.5], [7.0, np.nan]]))
    np.testing.assert_array_equal(np.array(wild), [[0, 127], [255, 0]])
    assert F.to_pil_image(md.tensor(RGB[..., 0])).mode == F.to_pil_image(RGB[..., 0]).mode == "L"


@pytest.mark.usefixtures("standin")
@pytest.mark.parametrize(
    "given", [RGB, picture(), md.tensor(RGB.transpose(2, 0, 1))], ids=["array", "Pillow", "tensor"]
)
def test_what_is_no_tensor_goes_to_the_default_device(given):
    before = md.get_default_device()
    try:
        md.set_default_device("cuda")
        assert transforms.ToTensor()(given).device == ("cpu" if isinstance(given, md.Tensor) else "cuda:0")
    finally:
        md.set_default_device(before)


@pytest.mark.parametrize("to", [transforms.ToTensor(), transforms.ToImage()])
def test_channels_on_the_wrong_side(to):
    for channels in (1, 3, 4):
        with pytest.raises(ValueError, match=f"H×W×C, and {channels}×6×5 has its channels first; md.tensor"):
            to(np.zeros((channels, 6, 5), np.uint8))
        for shape in ((6, 5, channels), (2, 6, 5, channels)):
            with pytest.raises(ValueError, match=rf"×5×{channels} has its channels last; \.movedim\(-1, -3\) first"):
                to(md.zeros(*shape))
        assert to(md.zeros(channels, 6, 3)).shape == (channels, 6, 3)
        assert to(np.zeros((3, 6, channels))).shape == (channels, 3, 6)
    assert to(np.zeros((6, 5, 7))).shape == (7, 6, 5) and to(md.zeros(7, 6, 5)).shape == (7, 6, 5)
    assert to(md.zeros(6, 3)).shape == (6, 3)  # which has no channels


def test_dtypes():
    tensor = md.tensor(RGB.transpose(2, 0, 1))
    assert transforms.ToDtype(md.float64, scale=True)(tensor).dtype == md.float64
    floats = transforms.ToDtype(md.float32, scale=True)(tensor)
    np.testing.assert_array_equal(transforms.ToDtype(md.uint8, scale=True)(floats).numpy(), tensor.numpy())
    as_they_are = transforms.ToDtype(md.float32)(tensor)
    assert as_they_are.dtype == md.float32
    np.testing.assert_array_equal(as_they_are.numpy(), tensor.numpy())
    wide = transforms.ToDtype(md.int16, scale=True)(tensor)
    np.testing.assert_array_equal(wide.numpy(), tensor.numpy().astype(int) << 7)
    np.testing.assert_array_equal(transforms.ToDtype(md.uint8, scale=True)(wide).numpy(), tensor.numpy())
    with pytest.raises(TypeError, match="to_dtype: float32 can't tell the numbers of int32 apart"):
        transforms.ToDtype(md.int32, scale=True)(floats)
    with pytest.raises(TypeError, match="ToDtype: scale must be True or False, got 1"):
        transforms.ToDtype(md.int32, 1)
    with pytest.raises(TypeError, match="to_dtype: uint8 to bool has no scale"):
        F.to_dtype(tensor, md.bool, True)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "HSV"])
def test_a_transform_of_a_pillow_image(mode):
    """Gives one, of the same mode, of what it makes of the tensor."""
    image, crop = picture(mode), transforms.RandomCrop(4, padding=1, generator=md.Generator())
    z = transforms.Compose([crop, transforms.RandomHorizontalFlip(1.0), transforms.Resize(3)])(image)
    assert isinstance(z, Image.Image) and z.mode == mode and z.size == (3, 3)
    same = transforms.RandomCrop(4, padding=1, generator=md.Generator())(F.pil_to_tensor(image))
    np.testing.assert_array_equal(F.pil_to_tensor(z).numpy(), F.resize(F.hflip(same), 3).numpy())


def test_gray_images_of_coloured_ones():
    assert transforms.Grayscale()(picture()).mode == "L" and transforms.Grayscale(3)(picture()).mode == "RGB"
    assert F.grayscale_to_rgb(picture("L")).mode == "RGB"


def test_what_is_refused():
    with pytest.raises(TypeError, match="pil_to_tensor: expected a Pillow image, got ndarray"):
        transforms.PILToTensor()(RGB)
    with pytest.raises(TypeError, match="to_image: expected a tensor, an array or a Pillow image, got str"):
        transforms.ToTensor()("picture.png")
    with pytest.raises(ValueError, match="to_image: expected an array H×W×C or H×W, got 1×6×5×3"):
        transforms.ToImage()(RGB[None])
    with pytest.raises(ValueError, match="to_pil_image: expected one image, C×H×W, or an array H×W×C, got 2×3×6×5"):
        transforms.ToPILImage()(md.zeros(2, 3, 6, 5))
    with pytest.raises(TypeError, match="to_pil_image: expected 1 to 4 channels of uint8 or floats, got 5 of uint8"):
        transforms.ToPILImage()(md.zeros(5, 6, 5, dtype=md.uint8))
    with pytest.raises(ValueError, match="to_pil_image: mode 'L' does not fit 3 channels; leave it out for 'RGB'"):
        transforms.ToPILImage("L")(RGB)
    with pytest.raises(TypeError, match="to_pil_image: expected a tensor or an array, got Image"):
        F.to_pil_image(picture())
    with pytest.raises(TypeError, match=r"RandomHorizontalFlip: .*mode '1'.*convert\('L'\)"):
        transforms.RandomHorizontalFlip(1.0)(Image.fromarray(RGB[..., 0] > 100))


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"to_pil_image: PIL is not installed; pip install 'minidl\[images\]'"):
        F.to_pil_image(RGB)
