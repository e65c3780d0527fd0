"""Inputs that somebody has broken: each is read, or refused by an error that names its file, and nothing else happens.

Images, IDX files and tables are cut off, and single bytes of them changed, at places that are drawn.
"""

import io
import warnings

import numpy as np
import pytest

from minidl.data import IDX, ImageFolder, Table, TableEncoder
from minidl.data.formats import parse_cifar, parse_idx

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM", "GIF", "TGA", "ICO")
FEW = 3  # of each kind in the quick form
CSV = b'name,age,size,kind\n"A, b",1,2.5,x\nC,,3e2,y\n"D ""d""",7,-1,\n' * 3


def broken(content, count, seed):
    """Contents that are cut off, or have bytes changed, left out or put in."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        place = int(rng.integers(len(content)))
        some = bytes(rng.integers(0, 256, int(rng.integers(1, 5)), dtype=np.uint8))
        before, after = content[:place], content[place:]
        longer = some * 50 + content
        yield [before, before + some + after[len(some) :], before + after[1:], before + some + after, longer][
            number % 5
        ]


def picture(kind):
    image = pytest.importorskip("PIL.Image")
    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def images(count, folder):
    """Trees of two images, the second broken; read, and with unreadable ones left out."""
    for kind in FORMATS:
        whole = picture(kind)
        for number, content in enumerate(broken(whole, count, FORMATS.index(kind))):
            root = folder / f"{kind}{number}"
            (root / "a").mkdir(parents=True)
            (root / "a" / "0.png").write_bytes(whole)
            (root / "a" / "1.png").write_bytes(content)
            yield from tried(lambda root=root: ImageFolder(root)[1][0].size, "1.png")
            kept = ImageFolder(root, skip_unreadable=True)
            assert len(kept) + len(kept.skipped) == 2 and [kept[i][1] for i in range(len(kept))] == kept.targets


def arrays(count, folder):
    """Pairs of IDX files, one of the two broken; and records of CIFAR-10's form."""
    pixels = bytes([0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 3]) + bytes(range(36))
    labels = bytes([0, 0, 8, 1, 0, 0, 0, 4, 1, 0, 2, 1])
    for number in range(2):
        for content in broken([pixels, labels][number], count, number):
            paths = folder / "images", folder / "labels"
            for path, whole in zip(paths, (pixels, labels), strict=True):
                path.write_bytes(whole)
            paths[number].write_bytes(content)
            yield from tried(lambda paths=paths: IDX(*paths)[0][0].shape, r"images|labels")
            yield from tried(lambda content=content: parse_idx(content, "there").size, "there")
            yield from tried(lambda content=content: parse_cifar(content, "there").size, "there")


def tables(count, folder):
    """CSV files, read and encoded."""
    for content in broken(CSV, count, 7):
        path = folder / "table.csv"
        path.write_bytes(content)
        try:
            table = Table.read_csv(path)
        except ValueError as error:
            assert "table.csv" in str(error)
            yield "refused"
            continue
        assert len(table) == len(table.columns[table.names[0]])
        yield from tried(lambda table=table: len(TableEncoder().fit(table).transform(table)), "TableEncoder")


def tried(read, named):
    """What comes of reading: "read", or "refused" by an error that names what it is of."""
    try:
        read()
    except (ValueError, OSError) as error:
        assert any(name in str(error) for name in named.split("|")), error
        yield "refused"
    else:
        yield "read"


@pytest.mark.parametrize("kind, least", [(images, 9), (arrays, 6), (tables, 1)])
@pytest.mark.parametrize("count", [FEW, pytest.param(60, marks=pytest.mark.deep)])
def test_what_somebody_has_broken(kind, least, count, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow's, about what it sees in the files; of how many were left out
        outcomes = list(kind(count, tmp_path))
    assert set(outcomes) == {"read", "refused"} and len(outcomes) >= least * count
