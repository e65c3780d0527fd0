"""Transforms: what they take and give, their functions one image at a time and many at once, gradients."""

import inspect

import numpy as np
import pytest
from arguments.elsewhere import DRAWING

import minidl as md
from minidl.data import transforms
from minidl.data.transforms import functional as F

RNG = np.random.default_rng(0)
FLOATS = RNG.random((4, 3, 8, 7), np.float32)
BYTES = RNG.integers(0, 256, (4, 3, 8, 7)).astype(np.uint8)
N = np.arange(4)
# each function with parameters of its own for each of four images
OWN = {
    "crop": dict(top=N - 1, left=3 - N, height=5, width=6),
    "resized_crop": dict(top=N % 3, left=N % 2, height=5 - N % 2, width=3 + N, size=(6, 4)),
    "rotate": dict(angle=33.0 * N, interpolation="bilinear", fill=0.3),
    "affine": dict(
        angle=10.0 * N, translate=np.stack([N, 1 - N], 1), scale=0.7 + 0.2 * N, shear=np.stack([N, -3 * N], 1)
    ),
    "perspective": dict(
        startpoints=[[0, 0], [6, 0], [6, 7], [0, 7]],
        endpoints=np.array([[0, 0], [6, 0], [6, 7], [0, 7]]) + RNG.integers(-1, 2, (4, 4, 2)),
    ),
    "adjust_brightness": dict(brightness_factor=0.4 * N),
    "adjust_contrast": dict(contrast_factor=0.5 * N),
    "adjust_saturation": dict(saturation_factor=0.6 * N),
    "adjust_hue": dict(hue_factor=0.2 * N - 0.3),
    "adjust_sharpness": dict(sharpness_factor=0.5 * N),
    "gaussian_blur": dict(kernel_size=(3, 5), sigma=np.stack([0.5 + N, 1.5 - 0.3 * N], 1)),
    "erase": dict(i=N, j=3 - N, h=N, w=N + 1, v=md.tensor([[[0.1]], [[0.2]], [[0.3]]])),
}


def one(name, value, number):
    """A parameter of one image, of those that are for each."""
    return value[number] if isinstance(value, np.ndarray) else value


@pytest.mark.parametrize("images", [FLOATS, BYTES], ids=["floats", "bytes"])
@pytest.mark.parametrize("name", OWN)
def test_each_image_has_its_own_parameters(name, images):
    function = getattr(F, name)
    together = function(md.tensor(images), **OWN[name])
    assert together.dtype == images.dtype
    for number, image in enumerate(images):
        alone = function(md.tensor(image), **{k: one(k, v, number) for k, v in OWN[name].items()})
        np.testing.assert_allclose(together[number].numpy(), alone.numpy(), 1e-5, 1e-6)


SMOOTH = sorted(OWN.keys() - {"adjust_hue", "erase", "crop"})


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients(name):
    """Of images away from black and white, where pixels are held."""
    images = md.tensor(0.4 + 0.2 * FLOATS.astype(float), requires_grad=True)
    options = {k: 0.9 + 0.05 * N if k.endswith("_factor") else v for k, v in OWN[name].items()}
    assert md.gradcheck(lambda x: getattr(F, name)(x, **options), images, fast_mode=True)


def test_gradients_of_a_crop():
    images = md.tensor(FLOATS.astype(float), requires_grad=True)
    F.crop(images, N - 1, 3 - N, 5, 6).sum().backward()
    seen = [[max(0, n - 1), n + 4, 3 - n, min(7, 9 - n)] for n in N]
    expected = np.zeros(images.shape)
    for image, (top, bottom, left, right) in zip(expected, seen, strict=True):
        image[:, top:bottom, left:right] = 1
    np.testing.assert_array_equal(images.grad.numpy(), expected)


# --- what is taken and given ------------------------------------------------------------------------------------------

FLIP = transforms.RandomHorizontalFlip(1.0)


def test_an_image_and_batches():
    for images in (FLOATS, FLOATS[0], FLOATS.reshape(2, 2, 3, 8, 7), FLOATS[:0]):
        z = FLIP(md.tensor(images))
        assert isinstance(z, md.Tensor) and z.shape == images.shape
        np.testing.assert_array_equal(z.numpy(), images[..., ::-1])


def test_an_array_may_be_of_either_layout():
    """So `ToTensor` alone takes it, as H×W×C: what comes before that refuses it."""
    image = np.ascontiguousarray(BYTES[0].transpose(1, 2, 0))
    for refused in (FLIP, transforms.Compose([transforms.RandomCrop(3), transforms.ToTensor()])):
        with pytest.raises(TypeError, match=r"an array 8×7×3; ToTensor\(\) makes one of an array \(H, W, C\)"):
            refused(image)
    with pytest.raises(TypeError, match="horizontal_flip: expected images as a tensor, .*, got an array 3×8×7"):
        F.hflip(BYTES[0])
    expected = BYTES[0, ..., ::-1] / np.float32(255)
    np.testing.assert_allclose(transforms.Compose([transforms.ToTensor(), FLIP])(image).numpy(), expected, 1e-6)


def test_what_else_is_given_comes_back():
    images, labels = md.tensor(FLOATS), md.tensor([1, 2, 3, 4])
    for pair in (FLIP(images, labels), FLIP((images, labels)), transforms.Compose([FLIP, FLIP, FLIP])(images, labels)):
        assert pair[1] is labels
        np.testing.assert_array_equal(pair[0].numpy(), FLOATS[..., ::-1])
    assert isinstance(FLIP([images, labels]), list)


def test_transforms_of_ones_own():
    class Shift(transforms.Transform):
        def make_params(self, images):
            return {"by": 0.1 * np.arange(len(images), dtype=np.float32)}

        def transform(self, images, params):
            return images + md.tensor(params["by"])[:, None, None, None]

    shifted = FLOATS + 0.1 * N.astype("f4")[:, None, None, None]
    np.testing.assert_allclose(Shift()(md.tensor(FLOATS)).numpy(), shifted, 1e-6)
    assert repr(Shift()) == "Shift()"
    with pytest.raises(NotImplementedError, match=r"Transform: a transform must define transform\(images, params\)"):
        transforms.Transform()(md.tensor(FLOATS))


def test_a_function_as_a_transform():
    double = transforms.Lambda(lambda x: 2 * x)
    np.testing.assert_array_equal(double(md.tensor(FLOATS)).numpy(), 2 * FLOATS)
    images = md.tensor(FLOATS)
    assert transforms.Lambda(lambda x: 2 * x, str)(images) is images
    assert transforms.Lambda(len, str, list)("abc") == 3
    assert repr(transforms.Lambda(len, str)) == "Lambda(len, types=['str'])"
    with pytest.raises(TypeError, match="Lambda: expected a function, got int"):
        transforms.Lambda(3)


def test_names_of_interpolation():
    for mode in transforms.InterpolationMode:
        if mode.value in ("nearest", "nearest-exact", "bilinear", "bicubic"):
            by_name, by_mode = (F.resize(md.tensor(FLOATS), 5, given).numpy() for given in (mode.value, mode))
            np.testing.assert_array_equal(by_name, by_mode)
    assert transforms.InterpolationMode("lanczos") is transforms.InterpolationMode.LANCZOS
    with pytest.raises(ValueError, match="resize: interpolation must be one of 'nearest', .*'bicubic', got <.*LANCZOS"):
        F.resize(md.tensor(FLOATS), 5, transforms.InterpolationMode.LANCZOS)


def test_normalize_takes_what_the_mean_of_images_is():
    """A tensor or an array of one number for each channel, and one for all."""
    mean, std = [0.4, 0.5, 0.6], [0.1, 0.2, 0.3]
    expected = transforms.Normalize(mean, std)(md.tensor(FLOATS)).numpy()
    for kind in (md.tensor, np.array, tuple):
        z = transforms.Normalize(kind(mean), kind(std))(md.tensor(FLOATS))
        np.testing.assert_allclose(z.numpy(), expected, rtol=1e-5, atol=1e-5)
    for alike in (0.25, md.tensor(0.25), np.array([0.25])):
        z = transforms.Normalize(0.5, alike)(md.tensor(FLOATS))
        np.testing.assert_allclose(z.numpy(), (FLOATS - 0.5) / 0.25, rtol=1e-5, atol=1e-5)


def test_an_image_in_place():
    for transform in (transforms.Normalize([0.5], [0.5], inplace=True), transforms.RandomErasing(1.0, inplace=True)):
        images = md.tensor(FLOATS)
        z = transform(images)
        np.testing.assert_array_equal(z.numpy(), images.numpy())
        assert (images.numpy() != FLOATS).any()


def test_everything_that_draws_takes_a_generator():
    named = [name for name in vars(transforms) if name[0].isupper()]
    drawing = [n for n in named if "generator" in inspect.signature(getattr(transforms, n)).parameters]
    assert sorted(drawing) == sorted([*DRAWING, "RandomErasing", "RandomPerspective", "MixUp", "CutMix"])


def test_a_horizon():
    """A map that takes pixels to infinity, and one nowhere, shows what is filled in."""
    images = md.tensor(FLOATS, requires_grad=True)
    z = F.perspective(images, None, None, "bilinear", 0.25, [1, 0, 0, 0, 1, 0, -1 / 3.5, 0])
    seen = z.detach().numpy()
    assert np.isfinite(seen).all() and (seen[..., 3] == 0.25).all()
    z.sum().backward()
    assert np.isfinite(images.grad.numpy()).all()
