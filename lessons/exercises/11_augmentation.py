"""The exercises of lesson 11."""

import numpy as np

import minidl as md
from minidl.data import transforms as T
from minidl.learn.exercise import Exercise, call

RNG = np.random.default_rng(0)

# --- 11.1 -------------------------------------------------------------------------------------------------------------

cropping = Exercise(
    "11.1",
    "the random crop",
    minutes=8,
    difficulty=2,
    purpose="The change that small photographs gain most from, each image by steps of its own.",
    hints=[
        "np.pad takes a pair for each dimension: two times (0, 0), and two times (padding, padding).",
        "Image i is padded[i, :, tops[i] : tops[i] + H, lefts[i] : lefts[i] + W].",
        "Write these into np.empty(images.shape), one by one, in a loop over i.",
    ],
    forbidden=["RandomCrop"],
)


@cropping.solution
def crop(images, tops, lefts, padding):
    """Images (N, C, H, W), padded with 0 on all sides; of each the H×W pixels from its own top and left on."""
    height, width = images.shape[2:]
    padded = np.pad(images, [(0, 0)] * 2 + [(padding, padding)] * 2)
    cropped = np.empty(images.shape)
    for i, (top, left) in enumerate(zip(tops, lefts)):
        cropped[i] = padded[i, :, top : top + height, left : left + width]
    return cropped


@cropping.calls
def cropping_calls():
    yield call(1 + np.arange(4.0).reshape(1, 1, 2, 2), [0], [1], 1)
    yield call(RNG.uniform(1, 2, (3, 2, 4, 5)), [0, 4, 1], [3, 2, 0], 2)


@cropping.expected
def windows(images, tops, lefts, padding):
    """Pixel by pixel."""
    result = np.zeros_like(images)
    _, _, height, width = images.shape
    for n, c, row, column in np.ndindex(images.shape):
        y, x = row + tops[n] - padding, column + lefts[n] - padding
        if 0 <= y < height and 0 <= x < width:
            result[n, c, row, column] = images[n, c, y, x]
    return result


@cropping.wrong("all images are cut where the first one is")
def at_one_place(images, tops, lefts, padding):
    return crop(images, [tops[0]] * len(images), [lefts[0]] * len(images), padding)


@cropping.wrong("top and left are swapped")
def swapped(images, tops, lefts, padding):
    return crop(images, lefts, tops, padding)


@cropping.wrong("the padding repeats the pixels at the edge, where it shall be 0")
def of_the_edge(images, tops, lefts, padding):
    height, width = images.shape[2:]
    padded = np.pad(images, [(0, 0)] * 2 + [(padding, padding)] * 2, "edge")
    return crop(padded, tops, lefts, 0)[:, :, :height, :width]


@cropping.wrong("the whole padded rest is kept: the images have grown")
def grown(images, tops, lefts, padding):
    padded = np.pad(images, [(0, 0)] * 2 + [(padding, padding)] * 2)
    return padded[:, :, min(tops) :, min(lefts) :]


# --- 11.2 -------------------------------------------------------------------------------------------------------------

erasing = Exercise(
    "11.2",
    "random erasing",
    minutes=10,
    difficulty=2,
    purpose="Randomness that can be had again: without it no run can be compared with another.",
    hints=[
        "The side of a square of that share: the root of share · H · W, rounded.",
        "Make the generator once, and draw in the order of the docstring.",
        "Work on image.copy(): the data set keeps its images as they are.",
    ],
    forbidden=["RandomErasing"],
)


@erasing.solution
def erase(image, label, seed):
    """The image (C, H, W) with a square of 2 to 33 % of H·W set to 0, the side rounded, and its label.

    From np.random.default_rng(seed): uniform(0.02, 0.33), then integers(0, H - side + 1), integers(0, W - side + 1).
    """
    rng, (_, height, width) = np.random.default_rng(seed), image.shape
    side = round((rng.uniform(0.02, 0.33) * height * width) ** 0.5)
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    erased = image.copy()
    erased[:, top : top + side, left : left + side] = 0
    return erased, label


@erasing.through
def kept(candidate, image, label, seed):
    """What comes out, and whether the image that was given is as it was."""
    given = image.copy()
    erased, same = candidate(given, label, seed)
    return erased, same, bool((given == image).all())


@erasing.calls
def erasing_calls():
    yield call(np.ones((1, 8, 8)), 3, 0)
    for seed in 1, 2, 3:
        yield call(RNG.uniform(1, 2, (3, 7, 9)), seed + 4, seed)


@erasing.expected
def erased(image, label, seed):
    """By a mask, from the same draws."""
    rng = np.random.default_rng(seed)
    _, height, width = image.shape
    side = int(np.rint(np.sqrt(rng.uniform(0.02, 0.33) * image[0].size)))
    rows, columns = np.arange(height)[:, None], np.arange(width)
    top, left = rng.integers(height - side, endpoint=True), rng.integers(width - side, endpoint=True)
    inside = (rows >= top) & (rows < top + side) & (columns >= left) & (columns < left + side)
    return np.where(inside, 0, image), label, True


@erasing.wrong("the seed is not used: each image loses the same square")
def unseeded(image, label, seed):
    return erase(image, label, 0)


@erasing.wrong("the label is erased with the square")
def unlabelled(image, label, seed):
    return erase(image, label, seed)[0], 0


@erasing.wrong("the image that was given is written over: the data set has lost its pixels")
def in_place(image, label, seed):
    image[:] = erase(image, label, seed)[0]
    return image, label


@erasing.wrong("only the first channel is erased")
def first_channel(image, label, seed):
    erased = image.copy()
    erased[:1] = erase(image[:1], label, seed)[0]
    return erased, label


@erasing.wrong("the share of the area is taken for the share of the side")
def share_of_the_side(image, label, seed):
    rng, (_, height, width) = np.random.default_rng(seed), image.shape
    side = round(rng.uniform(0.02, 0.33) * (height * width) ** 0.5)
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    erased = image.copy()
    erased[:, top : top + side, left : left + side] = 0
    return erased, label


# --- 11.3 -------------------------------------------------------------------------------------------------------------

mixing = Exercise(
    "11.3",
    "mixup",
    minutes=8,
    difficulty=2,
    purpose="Labels are probabilities, and cross-entropy takes them as such.",
    hints=[
        "np.roll(images, 1, axis=0) has before each image the one before it.",
        "np.eye(classes)[labels] has a row of probabilities for each label.",
        "Both get the same mix: share * x + (1 - share) * np.roll(x, 1, axis=0).",
    ],
    forbidden=["MixUp"],
)


@mixing.solution
def mixup(images, labels, share, classes):
    """Images (N, C, H, W), of each its share and for the rest the one before it (before the first: the last).

    And the labels (N,), mixed the same way: probabilities (N, classes).
    """
    rows = np.eye(classes)[labels]
    return tuple(share * x + (1 - share) * np.roll(x, 1, axis=0) for x in (images, rows))


@mixing.calls
def mixing_calls():
    yield call(np.array([1.0, 3.0, 8.0]).reshape(3, 1, 1, 1), np.array([0, 2, 1]), 0.75, 3)
    yield call(RNG.uniform(0, 1, (4, 3, 2, 2)), np.array([1, 4, 1, 0]), 0.4, 5)


@mixing.expected
def mixed(images, labels, share, classes):
    """By the library's own transform, told what to draw."""
    transform = T.MixUp(num_classes=classes)
    params = {"lam": np.full(len(images), share)}
    given = md.tensor(images), md.tensor(np.eye(classes)[labels])
    return transform.transform(given[0], params).numpy(), transform.mixed_labels(given[1], params).numpy()


@mixing.wrong("the images are mixed, and the labels left as they were")
def labels_kept(images, labels, share, classes):
    return mixup(images, labels, share, classes)[0], np.eye(classes)[labels]


@mixing.wrong("the labels' numbers are mixed: half of class 2 and half of class 4 is no class 3")
def numbers_mixed(images, labels, share, classes):
    return mixup(images, labels, share, classes)[0], share * labels + (1 - share) * np.roll(labels, 1)


@mixing.wrong("each image is mixed with the one behind it")
def with_the_next(images, labels, share, classes):
    rows = np.eye(classes)[labels]
    return tuple(share * x + (1 - share) * np.roll(x, -1, axis=0) for x in (images, rows))


@mixing.wrong("the shares are swapped: of each image the smaller part is its own")
def shares_swapped(images, labels, share, classes):
    return mixup(images, labels, 1 - share, classes)


@mixing.wrong("the other image is added whole: the shares do not sum to 1")
def added(images, labels, share, classes):
    rows = np.eye(classes)[labels]
    return tuple(share * x + np.roll(x, 1, axis=0) for x in (images, rows))
