"""Data sets whose images are transformed, and those that they are made of."""

import numpy as np
import pytest

import minidl as md
from minidl.data import DataLoader, Dataset, TensorDataset, random_split, transforms

IMAGES = np.random.default_rng(0).random((40, 3, 8, 8), np.float32)
PAIRS = TensorDataset(IMAGES, np.arange(40))
AUGMENT = transforms.Compose([transforms.RandomCrop(8, padding=2), transforms.RandomHorizontalFlip()])


def batches(dataset, seed=0, **options):
    md.manual_seed(seed)
    return [[field.numpy() for field in batch] for batch in DataLoader(dataset, batch_size=10, **options)]


def test_batches():
    """Each image its own way, in each batch and epoch anew, the labels as they were; the same from the same seed."""
    augmented = PAIRS.with_transform(AUGMENT)
    assert len(augmented) == 40
    first, again, other = batches(augmented), batches(augmented), batches(augmented, 1)
    for batch, same, different, start in zip(first, again, other, range(0, 40, 10), strict=True):
        np.testing.assert_array_equal(batch[0], same[0])
        assert batch[0].shape == (10, 3, 8, 8) and (batch[0] != different[0]).any()
        np.testing.assert_array_equal(batch[1], np.arange(start, start + 10))
    alike = TensorDataset(IMAGES[:1].repeat(40, 0), np.arange(40)).with_transform(AUGMENT)
    made = [images.reshape(10, -1) for images, _ in batches(alike)]
    assert len(np.unique(made[0], axis=0)) > 5 and all((made[0] != other).any() for other in made[1:])


@pytest.mark.parametrize("workers", [1, 3])
def test_the_same_images_for_any_number_of_workers(workers):
    augmented = PAIRS.with_transform(AUGMENT)
    for batch, same in zip(batches(augmented, num_workers=workers), batches(augmented), strict=True):
        np.testing.assert_array_equal(batch[0], same[0])


def test_what_is_validated_is_not_transformed():
    md.manual_seed(0)
    train, valid = random_split(PAIRS, [30, 10])
    augmented = train.with_transform(AUGMENT)
    for image, label in valid:
        np.testing.assert_array_equal(image, IMAGES[label])
    for image, label in train:
        np.testing.assert_array_equal(image, IMAGES[label])
    assert any((augmented[i][0].numpy() != IMAGES[augmented[i][1]]).any() for i in range(30))


def test_single_samples_and_functions_of_one():
    """A function of one's own sees one image at a time, a `Transform` a whole batch."""
    seen = []

    def darker(image):
        seen.append(image.shape)
        return image * np.float32(0.5)

    dark = PAIRS.with_transform(darker, lambda label: -label)
    image, label = dark[3]
    assert isinstance(dark[3], tuple) and label == -3
    np.testing.assert_array_equal(image, IMAGES[3] / 2)
    pictures, labels = batches(dark)[1]
    np.testing.assert_array_equal(pictures, IMAGES[10:20] / 2)
    np.testing.assert_array_equal(labels, -np.arange(10, 20))
    assert set(seen) == {(3, 8, 8)}
    seen.clear()
    for inner in ([AUGMENT, darker], [transforms.RandomApply([darker], 1.0)], [transforms.RandomChoice([darker])]):
        assert batches(PAIRS.with_transform(transforms.Compose(inner)))[0][0].shape == (10, 3, 8, 8)
        assert set(seen) == {(3, 8, 8)} and len(seen) == 40
        seen.clear()

    class Dark(transforms.Transform):
        def transform(self, images, params):
            return darker(images)

    batches(PAIRS.with_transform(transforms.Compose([Dark()])))
    assert seen == [(10, 3, 8, 8)] * 4
    batches(PAIRS.with_transform(Dark(), lambda label: -label))
    assert seen[4:] == [(1, 3, 8, 8)] * 40


def test_what_stands_beside_image_and_label_stays():
    """In tuples and in lists, of one sample and of batches."""
    triples = TensorDataset(IMAGES, np.arange(40), np.ones(40)).with_transform(AUGMENT, lambda label: -label)
    assert triples[3][1] == -3 and triples[3][2] == 1
    _, labels, weights = batches(triples)[1]
    assert labels.tolist() == [*range(-10, -20, -1)] and weights.tolist() == [1] * 10
    *_, label, weight = md.data.TransformedDataset([[IMAGES[0], 4, 0.5]], md.tensor, lambda label: -label)[0]
    assert (label, weight) == (-4, 0.5)


def test_images_without_labels():
    class Pictures(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return md.tensor(IMAGES[index])

    flipped = Pictures().with_transform(transforms.RandomHorizontalFlip(1.0))
    np.testing.assert_array_equal(flipped[2].numpy(), IMAGES[2, ..., ::-1])
    (batch,) = DataLoader(flipped, batch_size=4)
    np.testing.assert_array_equal(batch.numpy(), IMAGES[:4, ..., ::-1])


@pytest.mark.parametrize("labelled", [True, False])
def test_arrays_as_they_are_read(labelled):
    """H×W×C, such as OpenCV's: one by one and in batches each becomes a tensor by `ToTensor`, as in torchvision."""
    pixels = np.random.default_rng(1).integers(0, 256, (6, 8, 7, 3), dtype=np.uint8)

    class Read(Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            return (pixels[index], index) if labelled else pixels[index]

    flip = transforms.RandomHorizontalFlip(1.0)
    expected = pixels[:, :, ::-1].transpose(0, 3, 1, 2) / np.float32(255)
    read = Read().with_transform(transforms.Compose([transforms.ToTensor(), flip]))
    (batch,) = DataLoader(read, batch_size=6)
    images, first = (batch[0], read[2][0]) if labelled else (batch, read[2])
    np.testing.assert_allclose(images.numpy(), expected, 1e-6)
    np.testing.assert_allclose(first.numpy(), expected[2], 1e-6)
    early = Read().with_transform(transforms.Compose([flip, transforms.ToTensor()]))
    for ask in (lambda: early[2], lambda: next(iter(DataLoader(early, batch_size=6)))):
        with pytest.raises(TypeError, match="RandomHorizontalFlip: expected images as a tensor, .* got an array 8×7×3"):
            ask()
    last = TensorDataset(pixels).with_transform(transforms.ToTensor())  # tensors of the wrong layout
    for ask in (lambda: last[2], lambda: next(iter(DataLoader(last, batch_size=6)))):
        with pytest.raises(ValueError, match="8×7×3 has its channels last"):
            ask()


def test_tensors_are_transformed_at_once():
    seen = []

    class Seen(transforms.Transform):
        def transform(self, images, params):
            seen.append(images.shape)
            return images

    class Pairs(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return md.tensor(IMAGES[index]), index

    (batch,) = DataLoader(Pairs().with_transform(Seen()), batch_size=4)
    assert seen == [(4, 3, 8, 8)] and batch[1].tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(batch[0].numpy(), IMAGES[:4])


def test_what_is_refused():
    with pytest.raises(TypeError, match="TransformedDataset: transform must be a function, got NoneType"):
        PAIRS.with_transform(None)
    with pytest.raises(TypeError, match="TransformedDataset: target_transform must be a function, got int"):
        PAIRS.with_transform(AUGMENT, 3)
    named = md.data.TransformedDataset([{"image": IMAGES[0]}], AUGMENT)
    with pytest.raises(TypeError, match="transform: wants images, or tuples that begin with one, got a dict"):
        named[0]
