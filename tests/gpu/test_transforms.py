"""Transforms on every device: the same images as on the CPU, for which nothing is fetched and nobody waits."""

import numpy as np
import pytest
from devices import DEVICES, device, emulated_as_far_as_it_goes  # noqa: F401
from standin import no_sync, standin  # noqa: F401

import minidl as md
from minidl.data import transforms as T

RNG = np.random.default_rng(0)
FLOATS = RNG.random((6, 3, 9, 8), np.float32)
BYTES = RNG.integers(0, 256, (6, 3, 9, 8)).astype(np.uint8)
FILL = dict(interpolation="bilinear", fill=0.3)
TRANSFORMS = {
    "CenterCrop": T.CenterCrop((5, 11)),
    "ColorJitter": T.ColorJitter(0.5, 0.5, 0.5, 0.3),
    "Compose": T.Compose([T.RandomCrop(8, 2), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize([0.5], [0.2])]),
    "GaussianBlur": T.GaussianBlur(3),
    "GaussianNoise": T.GaussianNoise(),
    "Grayscale": T.Grayscale(3),
    "LinearTransformation": lambda images: T.LinearTransformation(
        md.full((216, 216), 0.01, device=images.device), md.full((216,), 0.5, device=images.device)
    )(images.float()),
    "Normalize": T.Compose([T.ToDtype(md.float32, scale=True), T.Normalize([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])]),
    "Pad": T.Pad((1, 2), fill=(0.1, 0.2, 0.3)),
    "Pad by reflection": T.Pad(3, padding_mode="symmetric"),
    "RandomAdjustSharpness": T.RandomAdjustSharpness(1.7),
    "RandomAffine": T.RandomAffine(30, (0.2, 0.2), (0.8, 1.2), 10, **FILL),
    "RandomApply": T.RandomApply([T.Pad(1), T.CenterCrop((9, 8))]),
    "RandomAutocontrast": T.RandomAutocontrast(),
    "RandomChoice": T.RandomChoice([T.CenterCrop(5), T.RandomCrop(5)]),
    "RandomCrop": T.RandomCrop((7, 6), padding=2, padding_mode="reflect"),
    "RandomErasing": T.RandomErasing(value="random"),
    "RandomGrayscale": T.RandomGrayscale(0.5),
    "RandomInvert": T.RandomInvert(),
    "RandomPerspective": T.RandomPerspective(**FILL),
    "RandomPosterize": T.RandomPosterize(3),
    "RandomResizedCrop": T.RandomResizedCrop(6),
    "RandomRotation": T.RandomRotation(40, expand=True, **FILL),
    "RandomSolarize": T.RandomSolarize(0.5),
    "RandomVerticalFlip": T.RandomVerticalFlip(),
    "Resize": T.Resize(5),
    "Resize to the nearest": T.Resize((12, 5), "nearest"),
}
NOT_HERE = {"InterpolationMode", "Lambda", "PILToTensor", "ToDtype", "ToImage", "ToPILImage", "ToTensor", "Transform"}


def test_every_transform_is_here():
    drawn = {name for name in vars(T) if name[0].isupper()} - {"RandomHorizontalFlip", "CutMix", "MixUp"} - NOT_HERE
    assert drawn == {name for name in TRANSFORMS if name.isalpha()}


@pytest.mark.parametrize("images", [FLOATS, BYTES], ids=["floats", "bytes"])
@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("device", DEVICES, indirect=True)
def test_transform(name, images, device):  # noqa: F811
    md.manual_seed(5)
    expected = TRANSFORMS[name](md.tensor(images)).numpy()
    md.manual_seed(5)
    there = md.tensor(images, device=device)
    with no_sync(h2d=1000), emulated_as_far_as_it_goes("matrix_product"):
        z = TRANSFORMS[name](there)
    assert z.device == there.device and z.dtype == expected.dtype
    np.testing.assert_allclose(z.to("cpu").numpy(), expected, 1e-5, 1e-5 if images is FLOATS else 1)


@pytest.mark.parametrize("mixed", [T.MixUp(num_classes=3), T.CutMix(num_classes=3)], ids=repr)
@pytest.mark.parametrize("device", DEVICES, indirect=True)
def test_mixed_images(mixed, device):  # noqa: F811
    results = []
    for place in ("cpu", device):
        md.manual_seed(5)
        pair = md.tensor(FLOATS, device=place), md.tensor([0, 1, 2, 0, 1, 2], device=place)
        with no_sync(h2d=1000):
            fields = mixed(*pair)
        results.append([field.to("cpu").numpy() for field in fields])
    for got, want in zip(*results[::-1], strict=True):
        np.testing.assert_allclose(got, want, 1e-5, 1e-6)
