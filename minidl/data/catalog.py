"""Which files the data sets consist of, their hashes and mirrors; and getting them by name."""

from __future__ import annotations

from pathlib import Path

from minidl.data.files import FileSet
from minidl.data.formats import parse_cifar, parse_idx

MNIST_FILES = FileSet(
    name="mnist",
    folder="mnist",
    parse=parse_idx,
    train={
        "train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    test={
        "t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
)

FASHION_MNIST_FILES = FileSet(
    name="fashion-mnist",
    folder="fashion-mnist",
    parse=parse_idx,
    train={
        "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    },
    test={
        "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    },
    mirrors=(
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
)

CIFAR10_FILES = FileSet(
    name="cifar10",
    folder="cifar-10-batches-bin",
    parse=parse_cifar,
    train={
        "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
        "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
        "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
        "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
        "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    },
    test={"test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"},
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
    archive="cifar-10-binary.tar.gz",
)


def fetch(name: str, root: str | Path | None = None) -> Path:
    """Find a data set, or download it, and verify the files of both its splits.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist", "cifar10"}
    root : path, optional
        The only folder to look in and download to; by default ``MINIDL_DATA``, then the user's cache.

    Returns
    -------
    Path
        The folder that holds the files.

    Raises
    ------
    FileNotFoundError
        If the files are nowhere and can't be downloaded.
    ValueError
        If no data set has this name, or a file is damaged.
    """
    known = {file_set.name: file_set for file_set in (MNIST_FILES, FASHION_MNIST_FILES, CIFAR10_FILES)}
    if name not in known:
        raise ValueError(f"fetch: no data set is named {name!r}, there are {', '.join(known)}")
    both_splits = {**known[name].train, **known[name].test}
    folder = known[name].locate(both_splits, root)
    known[name].read(folder, both_splits)
    return folder
