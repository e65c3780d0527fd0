"""What transforms and their functions refuse: by type and words."""

import numpy as np
import pytest

import minidl as md
from minidl.data import transforms as T
from minidl.data.transforms import functional as F

X, B = md.full((4, 3, 8, 7), 0.5), md.full((4, 3, 8, 7), 9, dtype=md.uint8)
FLIP = T.RandomHorizontalFlip(1.0)
VALUES = [
    (lambda: FLIP(X[0, 0]), r"expected images \(C, H, W\).*got 8×7 of float32; images\[None\] adds a ch"),
    (lambda: FLIP(X > 0.5), "batches .* of numbers, got 4×3×8×7 of bool"),
    (lambda: T.RandomHorizontalFlip(1.5), "RandomHorizontalFlip: p must be a probability, .*got 1.5"),
    (lambda: T.RandomGrayscale(True), "RandomGrayscale: p must be a probability"),
    (lambda: T.Compose([]), "Compose: expected at least one transform, got none"),
    (lambda: T.RandomChoice([FLIP], p=[1, 2]), "RandomChoice: p must have a share for each of 1 transforms"),
    (lambda: T.RandomChoice([FLIP], p=[-1.0]), "RandomChoice: p must have a share"),
    (lambda: T.RandomCrop(0), r"RandomCrop: size must be a positive integer, or two .*got 0"),
    (lambda: T.RandomCrop((3, 4, 5)), "RandomCrop: size must be a positive integer"),
    (lambda: T.RandomCrop(4, padding=(1, 2, 3)), "padding must be an integer, or 1, 2 or 4 of them"),
    (lambda: T.RandomCrop(4, padding_mode="wrap"), "RandomCrop: padding_mode must be one of 'constant', .*'wrap'"),
    (lambda: T.RandomCrop(9)(X), "RandomCrop: images are 8×7, smaller than 9×9; pad_if_needed=True"),
    (lambda: T.RandomCrop(12, padding=1)(X), "images with their border are 10×9, smaller than 12×12"),
    (lambda: T.Pad(1, fill=(1, 2))(X), "pad: fill must be a number, or one for each of 3 channels"),
    (lambda: T.Pad(-1, padding_mode="edge")(X), "pad: mode 'edge' takes widths that are not negative"),
    (lambda: F.pad(X, 1, fill=("a", "b", "c")), "pad: fill must be a number, or one for each of 3 channels"),
    (lambda: F.rotate(X, 3.0, fill=True), "rotate: fill must be a number, or one for each of 3 channels, got True"),
    (lambda: T.Resize(None), "Resize: size=None needs max_size"),
    (lambda: T.Resize(4, "cubic"), "interpolation must be one of .*'bicubic', got 'cubic'"),
    (lambda: T.Resize((4, 5), max_size=9)(X), "resize: max_size is for a size that is the shorter side"),
    (lambda: T.Resize(4, max_size=4)(X), "resize: max_size must be more than the shorter side, 4"),
    (lambda: T.RandomResizedCrop(4, scale=(0.5, 0.2)), "RandomResizedCrop: scale must be the least and the most"),
    (lambda: T.RandomRotation(-3), "RandomRotation: degrees as one number must not be negative, got -3"),
    (lambda: T.RandomRotation((3, 1)), "RandomRotation: degrees must be the least and the most, got"),
    (lambda: T.RandomRotation(3, "bicubic"), "interpolation must be one of 'nearest', 'bilinear'"),
    (lambda: T.RandomAffine(3, translate=(2, 0)), "RandomAffine: translate must be shares from 0 to 1"),
    (lambda: T.RandomAffine(3, scale=(0, 1)), "RandomAffine: scale must be .*more than 0, got"),
    (lambda: T.RandomPerspective(2), "RandomPerspective: distortion_scale must be from 0 to 1, got 2"),
    (lambda: T.ColorJitter(brightness=-1), "ColorJitter: brightness as one number must not be negative"),
    (lambda: T.ColorJitter(hue=0.7), "ColorJitter: hue must be the least and the most, from -0.5 to 0.5"),
    (lambda: T.ColorJitter(0.5)(X[:, :2]), "adjust_brightness: expected images of 1 or 3 channels, got 2"),
    (lambda: T.Grayscale(2), "Grayscale: num_output_channels must be 1 or 3, got 2"),
    (lambda: T.GaussianBlur(4), "GaussianBlur: kernel_size must be odd, got 4"),
    (lambda: T.GaussianBlur(3, 0), "GaussianBlur: sigma must be .*more than 0"),
    (lambda: T.GaussianBlur(17)(X), "gaussian_blur: a kernel 17×17 reaches beyond what images 8×7"),
    (lambda: T.GaussianNoise(sigma=-1), "GaussianNoise: sigma must not be negative"),
    (lambda: T.RandomErasing(value="noise"), "RandomErasing: value must be numbers or 'random', got 'noise'"),
    (lambda: T.RandomErasing(value=(1, 2))(X), "RandomErasing: 2 values don't fit images of 3 channels"),
    (lambda: T.Normalize([0.5], [0]), "Normalize: std must be more than 0"),
    (lambda: T.Normalize([0.5] * 2, [1])(X), "normalize: mean must be a number for each of 3 channels"),
    (lambda: T.RandomPosterize(9), "RandomPosterize: bits must be an integer from 0 to 8, got 9"),
    (lambda: T.RandomSolarize(2.0, 1.0)(X), "solarize: threshold must be a number of at most 1, got 2.0"),
    (lambda: T.RandomAdjustSharpness(-1), "RandomAdjustSharpness: sharpness_factor must be a number of 0 or more"),
    (lambda: T.LinearTransformation(md.ones(2, 3), md.ones(2)), "LinearTransformation: expected tensors D×D and D"),
    (lambda: T.LinearTransformation(md.ones(2, 2), md.ones(2))(X), "3×8×7 don't fit a matrix of 2 rows"),
    (lambda: T.MixUp(alpha=0), "MixUp: alpha must be more than 0, got 0"),
    (lambda: T.CutMix(num_classes=0), "CutMix: num_classes must be a positive integer"),
    (lambda: T.MixUp(labels_getter=3), "MixUp: labels_getter must be 'default' or a function"),
    (lambda: T.MixUp()(X, md.arange(4)), "MixUp: labels that are numbers need num_classes"),
    (lambda: T.MixUp(num_classes=3)(X, md.ones(4, 5)), "MixUp: expected probabilities of 3 classes"),
    (lambda: T.CutMix()(B, md.ones(4, 5)), "CutMix: expected a batch N×C×H×W of floats and labels"),
    (lambda: F.rotate(X, [1.0, 2.0]), "rotate: angle: expected a number, or as many for each of 4"),
    (lambda: F.rotate(X, float("nan")), "rotate: angle: expected finite numbers"),
    (lambda: F.affine(X, 0, [0, 0], 0, 0.0), "affine: scale must be more than 0"),
    (lambda: F.resized_crop(X, 4, 0, 5, 5, (2, 2)), "a part goes beyond its image of 8×7; pad"),
    (lambda: F.resized_crop(X, 0, 0, 5, 5, 2), r"resized_crop: size must be \(height, width\)"),
    (lambda: F.adjust_hue(X, 0.6), "adjust_hue: hue_factor must be from -0.5 to 0.5"),
    (lambda: F.adjust_contrast(X, -1), "adjust_contrast: contrast_factor must not be negative"),
    (lambda: F.perspective(X, None, None), "perspective: give either startpoints and endpoints"),
    (lambda: F.perspective(X, [[0, 0]] * 4, [[0, 0]] * 4), "perspective: no map takes these points there"),
]  # fmt: skip
TYPES = [
    (lambda: FLIP(), "RandomHorizontalFlip: expected images, got nothing"),
    (lambda: FLIP("x"), "RandomHorizontalFlip: expected images as a tensor, or a Pillow image, got str"),
    (lambda: T.RandomHorizontalFlip(generator=3), "expected a minidl Generator, got int"),
    (lambda: T.Compose(FLIP), "Compose: expected a list of transforms, got RandomHorizontalFlip"),
    (lambda: T.RandomApply([3]), r"RandomApply: expected a list of transforms, got \[3\]"),
    (lambda: T.RandomCrop(4, pad_if_needed=1), "RandomCrop: pad_if_needed must be True or False, got 1"),
    (lambda: T.Pad(1, fill="red"), "Pad: fill must be 1 or 2 or 3 or 4 numbers, got 'red'"),
    (lambda: T.RandomResizedCrop(4, ratio=0.5), "RandomResizedCrop: ratio must be 2 numbers, got 0.5"),
    (lambda: T.RandomRotation(3, center=4), "RandomRotation: center must be 2 numbers, got 4"),
    (lambda: T.RandomRotation(3, expand="yes"), "RandomRotation: expand must be True or False"),
    (lambda: T.RandomAffine(3, shear=(1, 2, 3)), "RandomAffine: shear must be 2 or 4 numbers"),
    (lambda: T.GaussianNoise()(B.int()), "gaussian_noise: expected images of uint8 or floats, got int32"),
    (lambda: T.Normalize([0.5], [1])(B), r"normalize: needs a floating dtype, got uint8; convert with \.to"),
    (lambda: T.Normalize("0.5", [1]), "Normalize: mean must be a number for each channel, got '0.5'"),
    (lambda: T.Normalize([0.5], []), r"Normalize: std must be a number for each channel, got \[\]"),
    (lambda: T.MixUp()(X), "MixUp: expected images and labels"),
    (lambda: F.rotate(X, "3"), "rotate: angle: expected numbers, got '3'"),
    (lambda: F.crop(X, 0.5, 0, 2, 2), "crop: top: expected integers, got float64"),
    (lambda: F.erase(X, 0, 0, 2, 2, 0.5), "erase: v must be a tensor, got float"),
]  # fmt: skip


@pytest.mark.parametrize("kind, call, words", [
    (kind, *row) for kind, rows in ((ValueError, VALUES), (TypeError, TYPES)) for row in rows
], ids=lambda value: value[:50] if isinstance(value, str) else "")  # fmt: skip
def test_what_is_refused(kind, call, words):
    with pytest.raises(kind, match=words):
        call()


def test_parts_of_a_batch_that_would_differ():
    words = r"\(3, 4, 4\) of float32 and \(3, 8, 7\) of float32; transforms that are chosen from must agree"
    with pytest.raises(ValueError, match=words):
        T.RandomApply([T.CenterCrop(4)]).transform(X, {"chosen": np.arange(4) < 2})
