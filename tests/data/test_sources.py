"""Labelled images by path, and what is made of them on the way."""

import gzip
import hashlib

import numpy as np
import pytest

import minidl as md
from minidl.data import IDX, DataLoader, FashionMNIST, transforms
from minidl.data.files import FileSet
from minidl.data.formats import parse_idx

CODES = {"uint8": 8, "int8": 9, ">i2": 11, ">i4": 12, ">f4": 13}
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 4, 5), dtype=np.uint8)
LABELS = np.array([3, 0, 1, 1, 2, 0], np.uint8)


def idx(array, dtype="uint8"):
    """An array as the contents of an IDX file."""
    return (
        bytes([0, 0, CODES[dtype], array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.astype(dtype).tobytes()
    )


def written(folder, images, labels):
    paths = folder / "images.gz", folder / "labels"
    paths[0].write_bytes(gzip.compress(images))
    paths[1].write_bytes(labels)
    return paths


def test_images_by_path(tmp_path):
    """Packed or not, of one channel or more, with labels of any integers."""
    paths = written(tmp_path, idx(PIXELS), idx(LABELS))
    data = IDX(*paths)
    assert len(data) == 6 and data.data.shape == (6, 1, 4, 5) and data.targets.dtype == np.int64
    image, label = data[1]
    assert image.dtype == np.float32 and np.array_equal(image, PIXELS[1:2] / np.float32(255)) and label == 0
    assert data.class_to_idx == {"0": 0, "1": 1, "2": 2, "3": 3}
    assert data.classes == tuple("0123") and repr(data) == f"IDX(6 images 1×4×5, from {paths[0]})"
    (images, labels), _ = DataLoader(data, 4)
    assert images.shape == (4, 1, 4, 5) and labels.numpy().tolist() == [3, 0, 1, 1]
    assert IDX(*written(tmp_path, idx(PIXELS[:0]), idx(LABELS[:0]))).classes == ()
    for labels, kind in ((LABELS, "int8"), (LABELS.astype(int) + 300, ">i2"), (LABELS.astype(int) + 300, ">i4")):
        colours = IDX(*written(tmp_path, idx(PIXELS.reshape(2, 3, 4, 5)), idx(labels[:2], kind)))
        assert colours.data.shape == (2, 3, 4, 5) and colours.targets.tolist() == labels[:2].tolist()


@pytest.mark.parametrize("images, labels, said", [
    (b"", idx(LABELS), "images.gz: not an IDX file"),
    (idx(PIXELS)[:-1], idx(LABELS), "images.gz: truncated"),
    (idx(PIXELS) + b"\0", idx(LABELS), "images.gz: has bytes after its end"),
    (idx(LABELS), idx(LABELS), "images.gz: holds uint8 6, expected images: uint8 N×H×W or N×C×H×W"),
    (idx(PIXELS, ">f4"), idx(LABELS), "images.gz: holds float32 6×4×5, expected images"),
    (idx(PIXELS), idx(LABELS[:5]), "labels: holds uint8 5, expected a label, 0 or more, for each of 6 images"),
    (idx(PIXELS), idx(PIXELS), "labels: holds uint8 6×4×5, expected a label"),
    (idx(PIXELS), idx(LABELS, ">f4"), "labels: holds float32 6, expected a label"),
    (idx(PIXELS), idx(-LABELS.astype(int), "int8"), "labels: holds int8 6, expected a label, 0 or more"),
    (idx(PIXELS), b"\0\0\x08\x01\xff\xff\xff\xff", "labels: truncated"),
])  # fmt: skip
def test_files_of_something_else(tmp_path, images, labels, said):
    with pytest.raises(ValueError, match=said):
        IDX(*written(tmp_path, images, labels))


def test_files_that_are_not_there(tmp_path):
    images, labels = written(tmp_path, idx(PIXELS), idx(LABELS))
    with pytest.raises(FileNotFoundError, match="gone"):
        IDX(tmp_path / "gone", labels)
    images.write_bytes(b"not packed")
    with pytest.raises(ValueError, match="images.gz: not a whole gzip file"):
        IDX(images, labels)
    for name in ("transform", "target_transform"):
        with pytest.raises(TypeError, match=f"IDX: {name} must be a function, got int"):
            IDX(images, labels, **{name: 3})


class Small(FashionMNIST):
    pass


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Makes a data set of a few images, with torchvision's arguments."""
    contents = {"images": idx(PIXELS), "labels": idx(LABELS)}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    files = FileSet("small", ".", parse_idx, train=hashes, test=hashes, mirrors=())
    monkeypatch.setattr(Small, "file_set", files)
    return lambda *arguments, **options: Small(tmp_path, *arguments, **options)


class Later(transforms.Transform):
    """Of a label, or of those of a batch."""

    def __call__(self, labels):
        return labels + 10


def test_what_is_transformed(small):
    """By position as in torchvision; batch by batch where transforms know of batches, the same for both."""
    data = small(True, transforms.Normalize([0.5], [0.5]), None, False)
    expected = (PIXELS / 255 - 0.5) / 0.5
    np.testing.assert_allclose(np.stack([data[i][0].numpy() for i in range(6)])[:, 0], expected, atol=1e-6)
    ((images, labels),) = DataLoader(data, 6)
    np.testing.assert_allclose(images.numpy()[:, 0], expected, atol=1e-6)
    assert labels.numpy().tolist() == LABELS.tolist()
    shapes = []
    own = small(False, lambda image: shapes.append(image.shape) or image, lambda label: label + 10)
    ((images, labels),) = DataLoader(own, 6)
    assert shapes == [(1, 4, 5)] * 6 and labels.numpy().tolist() == (LABELS + 10).tolist() and not own.train
    assert own[2][1] == 11 and images.dtype == np.float32
    ((_, labels),) = DataLoader(small(target_transform=Later()), 6)
    assert labels.numpy().tolist() == (LABELS + 10).tolist()
    plain = small(target_transform=lambda label: -label)
    assert [plain[i][1] for i in range(6)] == (-LABELS.astype(int)).tolist()


def test_each_image_is_drawn_for_whoever_loads_it(small):
    data = small(transform=transforms.RandomCrop(4, padding=2))
    loaded = []
    for workers in (0, 1, 2):
        md.manual_seed(1)
        loaded.append([images.numpy().tolist() for images, _ in DataLoader(data, 4, shuffle=True, num_workers=workers)])
    assert loaded[0] == loaded[1] == loaded[2]
    assert loaded[0] != [images.numpy().tolist() for images, _ in DataLoader(data, 4, shuffle=True)]


def test_what_is_no_function(small):
    for name in ("transform", "target_transform"):
        with pytest.raises(TypeError, match=f"Small: {name} must be a function, got int"):
            small(**{name: 3})
