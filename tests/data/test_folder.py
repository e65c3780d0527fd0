"""Folders of samples: classes, order, parts; trees and files that are odd, broken or hostile."""

import io
import os
import struct
import sys
import warnings
import zlib

import numpy as np
import pytest

from minidl.data import DataLoader, DatasetFolder, ImageFolder, labels_of, transforms
from minidl.data.folder import pil_loader

Image = pytest.importorskip("PIL.Image")
POSIX = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")


def png(value=0, size=(3, 2)):
    stream = io.BytesIO()
    Image.new("RGB", size, (value, 0, 255)).save(stream, "PNG")
    return stream.getvalue()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width, height):
    """A PNG of a few bytes whose header claims so many pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def tree(root, files):
    for number, (name, content) in enumerate(files.items()):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(number) if content is None else content)
    return root


PETS = dict.fromkeys(["dog/b.png", "dog/a.PNG", "cat/deep/x.png", "cat/z.png", "dog/notes.txt", "top.png"])


def names(dataset, root):
    return [(os.path.relpath(path, root), label) for path, label in dataset.samples]


def test_classes_are_folders(tmp_path):
    root = tree(tmp_path, PETS)
    data = ImageFolder(root)
    assert data.classes == ["cat", "dog"] and data.class_to_idx == {"cat": 0, "dog": 1} and len(data) == 4
    expected = [(os.path.join("cat", "z.png"), 0), (os.path.join("cat", "deep", "x.png"), 0)]
    assert names(data, root) == [*expected, (os.path.join("dog", "a.PNG"), 1), (os.path.join("dog", "b.png"), 1)]
    assert data.targets == [0, 0, 1, 1] == labels_of(data).tolist() and data.imgs is data.samples
    assert (data.root, data.skipped) == (str(root), [])
    image, label = data[0]
    assert image.mode == "RGB" and image.size == (3, 2) and label == 0 and image.getpixel((0, 0)) == (3, 0, 255)


def test_pictures_of_all_modes_and_endings_are_rgb(tmp_path):
    """Grey ones, black and white, of a palette, or with an alpha channel, whose colours stay as they are."""
    modes = {"1": (1, (255, 255, 255)), "L": (7, (7, 7, 7)), "LA": ((7, 9), (7, 7, 7)), "P": (0, (0, 0, 0))}
    modes |= {"RGBA": ((1, 2, 3, 0), (1, 2, 3)), "RGB": ((1, 2, 3), (1, 2, 3))}
    for mode, (value, _) in modes.items():
        (tmp_path / "a").mkdir(exist_ok=True)
        Image.new(mode, (1, 1), value).save(tmp_path / "a" / f"{mode}.png")
    found = {os.path.basename(path)[:-4]: pil_loader(path) for path, _ in ImageFolder(tmp_path).samples}
    assert {mode: (image.mode, image.getpixel((0, 0))) for mode, image in found.items()} == {
        mode: ("RGB", colour) for mode, (_, colour) in modes.items()
    }
    endings = ["bmp", "jpeg", "jpg", "pgm", "png", "ppm", "tif", "tiff", "webp"]
    tree(tmp_path / "all", {f"a/{number}.{ending}": None for number, ending in enumerate(endings)} | {"a/x.gif": None})
    assert [path.rpartition(".")[2] for path, _ in ImageFolder(tmp_path / "all").samples] == endings


def test_as_torchvision_sees_them(tmp_path):
    from vision import torchvision

    folder = torchvision.datasets.folder
    root = tree(tmp_path, PETS | {"ünï/1.bmp": None, "ünï/sub/0.webp": None, "Zebra/1.tiff": None})
    ours, theirs = ImageFolder(root), folder.ImageFolder(root)
    assert ours.classes == theirs.classes and ours.samples == theirs.samples and ours.targets == theirs.targets
    assert ours[3][0].tobytes() == theirs[3][0].tobytes()
    for options in ({"is_valid_file": lambda path: path.endswith("t")}, {"allow_empty": True}):
        options |= {"allow_empty": True}
        assert ImageFolder(root, **options).samples == folder.ImageFolder(root, **options).samples


def test_what_is_asked_for(tmp_path):
    root = tree(tmp_path, PETS)
    data = ImageFolder(root, lambda image: image.size, lambda label: -label)
    assert data[3] == ((3, 2), -1)
    assert ImageFolder(root, loader=os.path.basename)[3] == ("b.png", 1)
    texts = ImageFolder(root, is_valid_file=lambda path: path.endswith(".txt"), allow_empty=True)
    assert names(texts, root) == [(os.path.join("dog", "notes.txt"), 1)] and texts.classes == ["cat", "dog"]
    with pytest.raises(FileNotFoundError, match=r"ImageFolder: found no valid file in '.*cat'\. allow_empty=True lets"):
        ImageFolder(root, is_valid_file=lambda path: path.endswith(".txt"))
    sizes = DatasetFolder(root, os.path.getsize, ".txt", allow_empty=True)
    assert len(sizes) == 1 and sizes[0][0] > 0 and DatasetFolder(root, len, (".png", ".txt"))[0][0] > 5


def test_classes_of_ones_own(tmp_path):
    class Fewer(ImageFolder):
        def find_classes(self, directory):
            return ["dog"], {"dog": 7}

    data = Fewer(tree(tmp_path, PETS))
    assert data.classes == ["dog"] and data.targets == [7, 7]
    assert ImageFolder(tmp_path).find_classes(str(tmp_path)) == (["cat", "dog"], {"cat": 0, "dog": 1})


def test_batches(tmp_path):
    to_tensor = transforms.Compose([transforms.ToImage(), transforms.ToDtype(np.float32, scale=True)])
    data = ImageFolder(tree(tmp_path, PETS), to_tensor)
    for workers in (0, 2):
        (images, labels), *_ = DataLoader(data, 4, num_workers=workers)
        assert images.shape == (4, 3, 2, 3) and labels.numpy().tolist() == [0, 0, 1, 1]
        np.testing.assert_allclose(images.numpy()[:, :, 0, 0], [[v / 255, 0, 1] for v in (3, 2, 1, 0)], rtol=1e-6)


def test_a_transform_gets_what_the_loader_gives(tmp_path):
    """Arrays H×W×C, as OpenCV's loader gives them, which `ToTensor` knows from tensors C×H×W."""
    root, given = tree(tmp_path, PETS), []
    arrays = DatasetFolder(root, lambda path: np.asarray(pil_loader(path)), (".png",), given.append)
    assert arrays[0] == (None, 0) and type(given[0]) is np.ndarray and given[0].shape == (2, 3, 3)
    arrays.transform = transforms.ToTensor()
    images = ImageFolder(root, transforms.ToTensor())
    for (a, _), (b, _) in zip(arrays, images, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_part_is_held_out(tmp_path):
    """The first of each class, the same whenever and in whatever order files were made; no file is in both."""
    root = tree(tmp_path, dict.fromkeys([f"{c}/{i:02}.png" for i in reversed(range(10)) for c in "ab"] + ["b/99.png"]))
    train, held_out = (ImageFolder(root, validation_split=0.25, subset=subset) for subset in ("training", "validation"))
    assert [os.path.basename(path) for path, _ in held_out.samples] == ["00.png", "01.png"] * 2
    assert held_out.targets == [0, 0, 1, 1] and train.targets == [0] * 8 + [1] * 9
    assert sorted(train.samples + held_out.samples) == ImageFolder(root).samples
    with pytest.warns(UserWarning, match="ImageFolder: the validation part has no files, by validation_split=0.05 of"):
        assert len(ImageFolder(root, validation_split=0.05, subset="validation")) == 0


@POSIX
def test_odd_trees(tmp_path):
    root = tree(tmp_path / "root", {"a/1.png": None, "b/2.png": None, "größe 日本/é.png": None})
    (root / "b" / "loop").symlink_to(root / "b")
    (root / "c").symlink_to(tree(tmp_path / "elsewhere", {"3.png": None, "again.png": None}))
    (root / "c" / "link.png").symlink_to(root / "a" / "1.png")
    assert names(ImageFolder(root), root) == [
        ("a/1.png", 0), ("b/2.png", 1), ("c/3.png", 2), ("c/again.png", 2), ("c/link.png", 2), ("größe 日本/é.png", 3)
    ]  # fmt: skip
    assert ImageFolder(root)[4][0].size == (3, 2)
    for name in "zyx":  # of several ways to a folder, the first by name
        (root / "a" / name).symlink_to(tree(tmp_path / "twice", {"9.png": None}))
    assert names(ImageFolder(root), root)[:2] == [("a/1.png", 0), ("a/x/9.png", 0)]


def truncated():
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(stream, "JPEG")
    return stream.getvalue()[:-500]


BROKEN = {
    "empty": b"",
    "a text": b"hello",
    "a truncated PNG": png(size=(50, 50))[:-30],
    "a truncated JPEG": truncated(),
    "a bomb": bomb(60_000, 60_000),
    "a wider bomb": bomb(2**31 - 1, 1),
    "no size": bomb(0, 0),
    "a bad sum": png()[:40] + b"\0\0\0" + png()[43:],
    "half a header": png()[:20],
    "a huge TIFF": b"II*\0\x08\0\0\0\xff\xff" + b"\xff" * 40,
    "a BMP of nothing": b"BM" + b"\0" * 60,
    "a PPM of huge size": b"P6\n99999999 99999999\n255\n",
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken_images_are_named(tmp_path, content):
    root = tree(tmp_path, {"a/0.png": None, "a/1.png": content})
    data = ImageFolder(root)
    with pytest.raises(OSError, match=r"1\.png'?: can't be read as an image: "):
        data[1]
    with pytest.raises(OSError, match=r"1\.png'?: can't be read .* \(sample 1\) \(batch 0, DataLoader worker 0\)$"):
        list(DataLoader(data, 2, num_workers=1))
    with pytest.warns(
        UserWarning, match=r"ImageFolder: left out 1 of 2 files, which can't be read, such as '.*1\.png'"
    ):
        kept = ImageFolder(root, skip_unreadable=True)
    assert names(kept, root) == [(os.path.join("a", "0.png"), 0)] and kept.targets == [0]
    ((path, why),) = kept.skipped
    assert path.endswith("1.png") and "can't be read as an image" in why


def test_a_limit_that_is_only_approached_warns(tmp_path):
    data = ImageFolder(tree(tmp_path, {"a/1.png": bomb(10_000, 10_000)}))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(OSError, match="1.png.*decompression bomb"):
            data[0]


@POSIX
def test_what_is_no_file(tmp_path):
    root = tree(tmp_path, {"a/0.png": None})
    os.mkfifo(root / "a" / "1.png")
    (root / "a" / "2.png").symlink_to(root / "gone.png")
    os.mkdir(root / "a" / "3.png")
    data = ImageFolder(root)
    assert len(data) == 3
    with pytest.raises(OSError, match=r"1\.png': can't be read as an image: not a file"):
        data[1]
    with pytest.raises(OSError, match=r"2\.png': can't be read as an image: .*No such file"):
        data[2]
    os.unlink(root / "a" / "1.png")


@POSIX
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path):
    root = tree(tmp_path, {"a/0.png": None, "b/1.png": None})
    os.chmod(root / "a" / "0.png", 0)
    with pytest.raises(OSError, match="0.png.*Permission denied"):
        ImageFolder(root)[0]
    os.chmod(root / "b", 0)
    try:
        with pytest.raises(PermissionError):
            ImageFolder(root)
    finally:
        os.chmod(root / "b", 0o700)


@pytest.mark.parametrize("files, options, error, said", [
    (None, {}, FileNotFoundError, "ImageFolder: there is no folder '.*root'"),
    ({"1.png": None}, {}, FileNotFoundError, "ImageFolder: no folder of a class in '.*root'"),
    ({"a/b/c.txt": None}, {}, FileNotFoundError, r"ImageFolder: found no valid file in '.*a'; they end in \.jpg"),
    (PETS, {"transform": 3}, TypeError, "ImageFolder: transform must be a function, got int"),
    (PETS, {"target_transform": 3}, TypeError, "ImageFolder: target_transform must be a function, got int"),
    (PETS, {"is_valid_file": 3}, TypeError, "ImageFolder: is_valid_file must be a function, got int"),
    (PETS, {"loader": 3}, TypeError, "ImageFolder: loader must be a function, got int"),
    (PETS, {"allow_empty": 1}, TypeError, "ImageFolder: allow_empty must be True or False, got 1"),
    (PETS, {"skip_unreadable": 1}, TypeError, "ImageFolder: skip_unreadable must be True or False, got 1"),
    (PETS, {"subset": "training"}, ValueError, "ImageFolder: validation_split and subset go together, got None"),
    (PETS, {"validation_split": 0.2}, ValueError, "ImageFolder: validation_split and subset go together"),
    (PETS, {"validation_split": 1, "subset": "training"}, ValueError, "must be between 0 and 1, got 1"),
    (PETS, {"validation_split": 0, "subset": "training"}, ValueError, "must be between 0 and 1, got 0"),
    (PETS, {"validation_split": "a", "subset": "training"}, ValueError, "validation_split must be between 0 and 1"),
    (PETS, {"validation_split": 0.5, "subset": "test"}, ValueError, "subset must be 'training' or 'validation'"),
])  # fmt: skip
def test_refused(tmp_path, files, options, error, said):
    root = tmp_path / "root" if files is None else tree(tmp_path / "root", files)
    with pytest.raises(error, match=said):
        ImageFolder(root, **options)


def test_more_that_is_refused(tmp_path):
    with pytest.raises(
        NotADirectoryError, match="ImageFolder: '.*1.png' is a file; expected a folder with one for each"
    ):
        ImageFolder(tree(tmp_path, {"1.png": None}) / "1.png")
    for options in ({}, {"extensions": ".png", "is_valid_file": len}):
        with pytest.raises(ValueError, match="DatasetFolder: wants either extensions or is_valid_file"):
            DatasetFolder(tmp_path, len, **options)


def test_without_pillow(tmp_path, monkeypatch):
    data = ImageFolder(tree(tmp_path, {"a/1.png": None}))
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"ImageFolder: PIL is not installed; pip install 'minidl\[images\]'"):
        data[0]
