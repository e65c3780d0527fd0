"""What transforms draw: for each image anew, from a generator or the global stream, and how often what."""

import numpy as np
import pytest
from arguments.elsewhere import DRAWING

import minidl as md
from minidl.data import transforms
from minidl.data.transforms import functional as F

IMAGES = md.tensor(np.random.default_rng(0).random((40, 3, 8, 8), np.float32))
NEEDED = {
    "ColorJitter": (0.5,), "GaussianBlur": (3,), "RandomAdjustSharpness": (2.0,), "RandomAffine": (30,),
    "RandomApply": ([transforms.Normalize([0.5], [0.5])],), "RandomCrop": (5,), "RandomPosterize": (1,),
    "RandomChoice": ([transforms.Normalize([0.5], [0.5]), transforms.Lambda(lambda x: x)],), "RandomResizedCrop": (6,),
    "RandomRotation": (30,), "RandomSolarize": (0.5,), "RandomErasing": (0.5, (0.1, 0.3), (0.5, 2.0), "random"),
}  # fmt: skip


@pytest.mark.parametrize("name", [*DRAWING, "RandomErasing", "RandomPerspective"])
def test_the_generator(name):
    """The same seed gives the same, another something else; without, the global stream. No two images get the same."""

    def made(seed):
        return getattr(transforms, name)(*NEEDED.get(name, ()), generator=md.Generator().manual_seed(seed))

    alike = IMAGES[:1].expand(40, 3, 8, 8)
    first, again, other = (made(seed)(alike).numpy() for seed in (1, 1, 2))
    assert (first == again).all() and first.shape == other.shape and (first != other).any()
    assert len(np.unique(first.reshape(40, -1), axis=0)) > 1
    md.manual_seed(1)
    plain = getattr(transforms, name)(*NEEDED.get(name, ()))
    np.testing.assert_array_equal(plain(alike).numpy(), first)
    assert (plain(alike).numpy() != first).any()


def drawn(transform, n=4000, size=(3, 32, 24)):
    """What a transform draws for many images."""
    return transform.make_params(md.zeros(1, *size).expand(n, *size))


def uniform(values, low, high):
    """Whether numbers look uniform: their range, mean and variance."""
    span = high - low
    assert low <= values.min() < low + 0.02 * span and high - 0.02 * span < values.max() <= high
    assert abs(values.mean() - (low + high) / 2) < 0.02 * span and abs(values.std() - span / 12**0.5) < 0.02 * span


@pytest.fixture(autouse=True)
def seeded():
    md.manual_seed(0)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_chances(p):
    for name in ("RandomHorizontalFlip", "RandomVerticalFlip", "RandomGrayscale"):
        assert abs(drawn(getattr(transforms, name)(p))["chosen"].mean() - p) < 0.03
    applied = transforms.RandomApply([transforms.Lambda(lambda x: x)], p)
    assert abs(drawn(applied)["chosen"].mean() - p) < 0.03


def test_choices():
    which = drawn(transforms.RandomChoice([len] * 3, [1, 2, 5]))["which"]
    np.testing.assert_allclose(np.bincount(which) / len(which), [1 / 8, 2 / 8, 5 / 8], atol=0.03)


def test_crops():
    """Each place is as likely: an image of 32×24 in a border of 2 has 9×5 of them for a crop of 28×24."""
    params = drawn(transforms.RandomCrop((28, 24), padding=2))
    counts = np.histogram2d(params["top"], params["left"], [np.arange(10), np.arange(6)])[0]
    assert counts.sum() == 4000 and (abs(counts - 4000 / 45) < 45).all()
    assert (params["height"], params["width"], params["padding"]) == (28, 24, (2, 2, 2, 2))
    assert drawn(transforms.RandomCrop(30, pad_if_needed=True), 3)["padding"] == (6, 0, 6, 0)
    assert transforms.RandomCrop(40, pad_if_needed=True)(IMAGES).shape == (40, 3, 40, 40)


def test_resized_crops():
    params = drawn(transforms.RandomResizedCrop(8, (0.2, 0.5), (0.5, 2.0)), size=(1, 200, 200))
    area = params["height"] * params["width"] / 200**2
    uniform(area, 0.198, 0.502)
    uniform(np.log2(params["width"] / params["height"]), -1.02, 1.02)
    for side, start in (("height", "top"), ("width", "left")):
        assert (params[start] >= 0).all() and (params[start] + params[side] <= 200).all()
        places = params[start] / (200 - params[side])
        uniform(places, 0, 1)


def test_resized_crops_that_never_fit():
    """The largest part in the middle of the ratio that comes nearest."""
    wide = drawn(transforms.RandomResizedCrop(8, (1.0, 1.0), (2.0, 3.0)), 3)
    assert {name: value.tolist() for name, value in wide.items()} == dict(
        top=[10] * 3, left=[0] * 3, height=[12] * 3, width=[24] * 3
    )
    tall = drawn(transforms.RandomResizedCrop(8, (1.0, 1.0), (0.2, 0.25)), 3)
    assert {name: value.tolist() for name, value in tall.items()} == dict(
        top=[0] * 3, left=[8] * 3, height=[32] * 3, width=[8] * 3
    )


def test_maps():
    uniform(drawn(transforms.RandomRotation(30))["angle"], -30, 30)
    params = drawn(transforms.RandomAffine((10, 20), (0.25, 0.5), (0.5, 1.5), (1, 2, 3, 5)))
    uniform(params["angle"], 10, 20)
    uniform(params["scale"], 0.5, 1.5)
    uniform(params["translate"][:, 0], -6.0, 6.0)
    uniform(params["translate"][:, 1], -16.0, 16.0)
    assert (params["translate"] == np.rint(params["translate"])).all()
    uniform(params["shear"][:, 0], 1, 2)
    uniform(params["shear"][:, 1], 3, 5)
    assert (drawn(transforms.RandomAffine(10, shear=5))["shear"][:, 1] == 0).all()


@pytest.mark.parametrize("scale", [0.2, 0.7])
def test_perspectives(scale):
    """The four corners come from within so much of the image: its map takes them to the corners."""
    params = drawn(transforms.RandomPerspective(scale, 0.3))
    assert abs(params["chosen"].mean() - 0.3) < 0.03
    c = params["coefficients"]
    maps = np.concatenate([c, np.ones((len(c), 1))], 1).reshape(-1, 3, 3)
    back = np.linalg.inv(maps) @ np.array([[0, 0, 1], [23, 0, 1], [23, 31, 1], [0, 31, 1]]).T
    x, y = back[:, 0] / back[:, 2], back[:, 1] / back[:, 2]
    np.testing.assert_allclose([x, y], np.rint([x, y]), atol=1e-6)
    reach = (
        np.rint([x[:, 0], 23 - x[:, 1], 23 - x[:, 2], x[:, 3]]),
        np.rint([y[:, 0], y[:, 1], 31 - y[:, 2], 31 - y[:, 3]]),
    )
    for inward, half in zip(reach, (12, 16), strict=True):
        values, counts = np.unique(inward, return_counts=True)
        np.testing.assert_array_equal(values, np.arange(int(scale * half) + 1))
        assert (abs(counts / counts.sum() * len(values) - 1) < 0.15).all()
    small = transforms.RandomPerspective(1.0, 1.0)(IMAGES[:, :, :2, :2])  # whose corners often coincide
    assert np.isfinite(small.numpy()).all()
    assert (transforms.RandomPerspective(0.5, 1.0, "nearest", 0.7)(IMAGES).numpy() == np.float32(0.7)).any()


def test_colours():
    params = drawn(transforms.ColorJitter(0.4, (0.5, 3.0), 2.0, 0.1))
    uniform(params["brightness_factor"], 0.6, 1.4)
    uniform(params["contrast_factor"], 0.5, 3.0)
    uniform(params["saturation_factor"], 0.0, 3.0)
    uniform(params["hue_factor"], -0.1, 0.1)
    orders = np.unique(params["fn_idx"], axis=0, return_counts=True)
    assert len(orders[0]) == 24 and (abs(orders[1] / 4000 * 24 - 1) < 0.3).all()
    assert drawn(transforms.ColorJitter(0.4), 3)["hue_factor"] is None


def test_colours_change_in_the_order_that_is_drawn():
    jitter = transforms.ColorJitter(0.9, 0.9, hue=0.3)
    params = jitter.make_params(IMAGES)
    z = jitter.transform(IMAGES, params).numpy()
    ways = [(F.adjust_brightness, "brightness"), (F.adjust_contrast, "contrast"), None, (F.adjust_hue, "hue")]
    for number, (image, order) in enumerate(zip(IMAGES, params["fn_idx"], strict=True)):
        for way in order[order != 2]:
            function, name = ways[way]
            image = function(image, params[f"{name}_factor"][number])
        np.testing.assert_allclose(z[number], image.numpy(), 1e-4, 1e-5)


def test_blur_and_noise():
    sigma = drawn(transforms.GaussianBlur(3, (0.5, 1.5)))["sigma"]
    uniform(sigma[:, 0], 0.5, 1.5)
    assert (sigma[:, 0] == sigma[:, 1]).all()
    gray = md.full((50, 3, 16, 16), 0.5)
    noise = transforms.GaussianNoise(0.1, 0.05)(gray).numpy() - 0.5
    assert abs(noise.mean() - 0.1) < 1e-3 and abs(noise.std() - 0.05) < 1e-3
    wild = transforms.GaussianNoise(sigma=9.0)(gray).numpy()
    assert set(np.unique(wild)) >= {0, 1} and wild.min() == 0 and wild.max() == 1
    assert F.gaussian_noise(gray, sigma=9.0, clip=False).numpy().min() < -1
    assert (F.gaussian_noise(gray, 0.25, 0.0).numpy() == 0.75).all()
    same = [F.gaussian_noise(gray, generator=md.Generator().manual_seed(3)).numpy() for _ in range(2)]
    assert (same[0] == same[1]).all()
    grays = md.full((50, 3, 16, 16), 100, dtype=md.uint8)
    away = transforms.GaussianNoise(0.1, 0.05)(grays).numpy().astype(float) - 100
    assert abs(away.mean() - 25.5) < 0.6 and abs(away.std() - 0.05 * 255) < 0.3


def test_erased_rectangles():
    erasing = transforms.RandomErasing(0.6, (0.1, 0.2), (0.5, 2.0), (0.1, 0.2, 0.3))
    params = drawn(erasing, size=(3, 1000, 900))
    chosen = params["h"] > 0
    assert abs(chosen.mean() - 0.6) < 0.03 and ((params["w"] > 0) == chosen).all()
    h, w = params["h"][chosen], params["w"][chosen]
    uniform(h * w / 900_000, 0.099, 0.201)
    uniform(np.log2(h / w), -1.03, 1.03)
    assert (params["i"] + params["h"] <= 1000).all() and (params["j"] + params["w"] <= 900).all()
    uniform(params["i"][chosen] / (1000 - h), 0, 1)
    z = erasing(md.zeros(40, 3, 100, 90)).numpy()
    assert set(np.unique(z[:, 1])) == {0, np.float32(0.2)}
    np.testing.assert_array_equal(z[:, 0] > 0, z[:, 2] > 0)
    noise = transforms.RandomErasing(1.0, (0.2, 0.2), (1, 1), "random")(md.zeros(200, 3, 50, 50)).numpy()
    noise = noise[noise != 0]
    assert abs(noise.mean()) < 0.01 and abs(noise.std() - 1) < 0.01
    assert (transforms.RandomErasing(1.0, (1.0, 1.0), (1.0, 1.0))(IMAGES).numpy() == IMAGES.numpy()).all()  # never fits


# --- mixed images -----------------------------------------------------------------------------------------------------

LABELS = md.arange(40) % 5


def test_mixup():
    mixup = transforms.MixUp(num_classes=5)
    images, labels = mixup(IMAGES, LABELS)
    shares = labels.numpy()
    own = shares[np.arange(40), LABELS.numpy()]
    before = np.roll(IMAGES.numpy(), 1, 0)
    lam = own[:, None, None, None]
    np.testing.assert_allclose(images.numpy(), lam * IMAGES.numpy() + (1 - lam) * before, 1e-5, 1e-6)
    np.testing.assert_allclose(shares[np.arange(40), (LABELS.numpy() - 1) % 5], 1 - own, atol=1e-6)
    assert len(np.unique(own)) == 40
    uniform(drawn(mixup)["lam"], 0, 1)
    assert abs(drawn(transforms.MixUp(alpha=4.0))["lam"].std() - (1 / 36) ** 0.5) < 0.01  # of Beta(4, 4)


def test_cutmix():
    cutmix = transforms.CutMix(num_classes=5)
    images, labels = cutmix((IMAGES, LABELS))
    other = (images.numpy() != IMAGES.numpy()).all(1)
    np.testing.assert_array_equal(
        images.numpy(), np.where(other[:, None], np.roll(IMAGES.numpy(), 1, 0), IMAGES.numpy())
    )
    np.testing.assert_allclose(labels.numpy()[np.arange(40), LABELS.numpy()], 1 - other.mean((1, 2)), atol=1e-6)
    for seen in other[other.any((1, 2))]:  # is a rectangle
        assert seen.sum() == seen.any(0).sum() * seen.any(1).sum()
    params = drawn(cutmix, size=(3, 100, 80))
    left, top, right, bottom = params["box"].T
    assert (left >= 0).all() and (top >= 0).all() and (right <= 80).all() and (bottom <= 100).all()
    np.testing.assert_allclose(params["lam"], 1 - (right - left) * (bottom - top) / 8000)
    inside = (left > 0) & (top > 0) & (right < 80) & (bottom < 100)
    assert abs((right - left)[inside].mean() / (bottom - top)[inside].mean() - 0.8) < 0.02


def test_labels_of_mixed_images():
    soft = md.nn.functional.one_hot(LABELS, 5).to(md.float64)
    md.manual_seed(3)
    expected = transforms.MixUp(alpha=0.3, num_classes=5)(IMAGES, LABELS)
    md.manual_seed(3)
    named = transforms.MixUp(alpha=0.3, labels_getter=lambda given: given[2])
    images, names, labels = named([IMAGES, "names", soft])
    assert names == "names" and labels.dtype == md.float64
    np.testing.assert_array_equal(images.numpy(), expected[0].numpy())
    np.testing.assert_allclose(labels.numpy(), expected[1].numpy(), 1e-6, 1e-7)
    again = transforms.MixUp(num_classes=5, generator=md.Generator().manual_seed(3))(IMAGES, LABELS)
    assert (again[0].numpy() != images.numpy()).any()


def test_one_of_those_that_mix():
    """As torchvision's page on them has it: a batch and its labels go through one or the other."""
    mixes = [transforms.MixUp(num_classes=5), transforms.CutMix(num_classes=5)]

    def mixed(function):
        md.manual_seed(3)
        return [z.numpy().tolist() for z in function(IMAGES, LABELS)]

    ways = [mixed(mix) for mix in mixes]
    for p, least, most in ([1, 0], 0, 0), ([0, 1], 30, 30), (None, 5, 25):
        choice = transforms.RandomChoice(mixes, p, generator=md.Generator().manual_seed(2))
        assert least <= sum(ways.index(mixed(choice)) for _ in range(30)) <= most
