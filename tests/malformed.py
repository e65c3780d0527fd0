"""Inputs that somebody has broken, a thousand of them: ``python tests/malformed.py`` counts what comes of each.

Each is read as if it were whole, where nothing can tell; or it is refused, by an error that names its file, and at the
command line on one line, without a traceback; or it is left out and counted. Files are cut off, and bytes of them
changed, left out and put in, at places that are drawn.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import json
import os
import sys
import tempfile
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import minidl as md
from minidl import nn
from minidl.__main__ import main as minidl
from minidl.commands.recipe import OPTIMIZERS
from minidl.commands.settings import Run, Settings
from minidl.commands.trained import WEIGHTS, Trained
from minidl.data import IDX, ImageFolder, Table, TableEncoder
from minidl.data.formats import parse_cifar, parse_idx
from minidl.models.registry import NETWORKS, Network
from minidl.train import Checkpoints

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "PPM", "GIF", "TGA", "ICO")
CSV = b'name,age,size,kind\n"A, b",1,2.5,x\nC,,3e2,y\n"D ""d""",7,-1,\n' * 3
READ, REFUSED, LEFT_OUT, REPLACED = "read", "refused", "left out", "refused, the one before it used"
Input = tuple[str, Callable[[], str]]  # what it is, and what comes of it

COUNT = ["0", "-1", "1.5", "x", "", "1e3", "nan", "0x10", "- 1", "³"]
NUMBER = ["-0.1", "x", "", "nan", "inf", "1,5", "-inf", "1e999"]
SIZES = ["3", "3,224", "3,224,224,1", "0,2,2", "2,8,8", "3,-1,5", "3,a,5", "", "3;4;5", "3,4,", "3.0,4,4", "³,4,4"]
OPTIONS = [
    *((option, value) for option in ("--epochs", "--batch-size", "--samples", "--save-every") for value in COUNT),
    *((option, value) for option in ("--lr", "--weight-decay") for value in NUMBER),
    ("--lr", "0"),
    *(("--input", value) for value in SIZES),
    *(("--device", value) for value in ("gpu", "cuda:x", "cuda:-1", "", "CPU0", "tpu", "cuda:99")),
    *((option, value) for option in ("--seed", "--workers") for value in ("-1", "x", "1.5", "", "1e2")),
    *(("--optimizer", value) for value in ("Adam", "", "sgd2", "lion")),
    *(("--schedule", value) for value in ("", "Cosine", "steps")),
    *(("--augment", value) for value in ("", ",", "crop,", "flop", "flip,flip", "flip crop", "Flip")),
]


def tiny(num_classes: int = 2) -> nn.Module:
    """A network (N, 3, 6, 6) for the command line."""
    return nn.Sequential(nn.Flatten(), nn.Linear(108, num_classes))


def broken(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Contents that are cut off, or have bytes changed, left out or put in."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        place = int(rng.integers(len(content)))
        some = bytes(rng.integers(0, 256, int(rng.integers(1, 5)), dtype=np.uint8))
        before, after = content[:place], content[place:]
        changed = before + some + after[len(some) :]
        yield [before, changed, before + after[1:], before + some + after, some * 50 + content][number % 5]


def tried(read: Callable[[], Any], *names: str) -> str:
    """What comes of reading; AssertionError for an error that names none of these, other errors as they are."""
    try:
        read()
    except (ValueError, OSError) as error:
        assert any(name in str(error) for name in names), f"names no file: {error}"
        return REFUSED
    return READ


def told(*arguments: str | Path, code: int = 1, names: str = "") -> str:
    """What comes of a command; AssertionError for an error that is not told on one line, or names something else."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            got = minidl(list(map(os.fspath, arguments)))
        except SystemExit as exit:
            got = int(exit.code or 0)
    said = err.getvalue()
    if got == 0:
        return READ
    line = said.splitlines()[-1]
    assert got == code and line.startswith("minidl") and names in line and "Traceback" not in said, (got, said)
    return REFUSED


def picture(kind: str = "PNG") -> bytes:
    """The content of a small picture."""
    from PIL import Image

    stream = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def put(path: Path, content: bytes) -> Path:
    """A file with this content, in a folder that need not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def run_of(folder: Path) -> Path:
    """The folder of a run, as ``minidl train`` leaves it but for the checkpoints."""
    data = str(folder / "photos")
    told_of = Settings("tiny", data, (3, 6, 6), OPTIMIZERS["adam"][1], 0.0)
    trained = Trained("tiny", (3, 6, 6), ("a", "b"), (0.5,) * 3, (0.2,) * 3, data)
    for name in ("a/0", "a/1", "a/2", "a/3", "a/4", "b/0"):
        put(Path(data, f"{name}.png"), picture())
    Run(told_of, trained, 5).write(folder / "run")
    trained.save(trained.build(), folder / "run" / WEIGHTS)
    return folder / "run"


def pictures(count: int, folder: Path) -> Iterator[Input]:
    """Beside a whole one in a folder; also left out there, and asked for at the command line."""
    run = run_of(folder)
    for kind in FORMATS:
        whole = picture(kind)
        for number, content in enumerate(broken(whole, count, FORMATS.index(kind))):
            yield f"{kind} {number}", functools.partial(of_picture, run, folder / f"{kind}{number}", whole, content)


def of_picture(run: Path, root: Path, whole: bytes, content: bytes) -> str:
    """What comes of a broken picture."""
    put(root / "a" / "0.png", whole)
    put(root / "a" / "1.png", content)
    outcome = tried(lambda: ImageFolder(root)[1][0].size, "1.png")
    kept = ImageFolder(root, skip_unreadable=True)
    assert len(kept.skipped) == (outcome == REFUSED) and len(kept) + len(kept.skipped) == 2
    assert told("predict", run, root / "a" / "1.png", names="1.png") == outcome
    return LEFT_OUT if kept.skipped else READ


def bombs(count: int, folder: Path) -> Iterator[Input]:
    """Small files that would become pictures of billions of pixels."""
    run = run_of(folder)
    for number in range(count):
        sides = (30_000 + 2000 * number).to_bytes(4, "big") * 2
        header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + sides + b"\x08\x02\0\0\0"
        path = put(folder / f"{number}.png", header + zlib.crc32(header[12:]).to_bytes(4, "big") + b"\0\0\0\0IDAT")
        yield path.name, functools.partial(told, "predict", run, path, names=path.name)


def arrays(count: int, folder: Path) -> Iterator[Input]:
    """Pairs of IDX files, one of the two broken; and records of CIFAR-10's form."""
    pixels = bytes([0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 3]) + bytes(range(36))
    labels = bytes([0, 0, 8, 1, 0, 0, 0, 4, 1, 0, 2, 1])
    for which, content in enumerate((pixels, labels)):
        for number, changed in enumerate(broken(content, count, which)):
            given = [changed if i == which else whole for i, whole in enumerate((pixels, labels))]
            yield f"IDX {which} {number}", functools.partial(of_arrays, folder / f"{which}{number}", given, changed)
    for number, changed in enumerate(broken(bytes(3073) * 2, count, 2)):
        yield f"CIFAR-10 {number}", functools.partial(tried, functools.partial(parse_cifar, changed, "there"), "there")


def of_arrays(folder: Path, contents: list[bytes], changed: bytes) -> str:
    """What comes of images and labels."""
    paths = [put(folder / name, content) for name, content in zip(("images", "labels"), contents, strict=True)]
    alone = tried(lambda: parse_idx(changed, "there"), "there")
    outcome = tried(lambda: IDX(*paths)[0][0].shape, *map(str, paths))
    assert alone == READ or outcome == REFUSED
    return outcome


def tables(count: int, folder: Path) -> Iterator[Input]:
    """CSV files, read and encoded."""
    for number, content in enumerate(broken(CSV, count, 7)):
        yield f"CSV {number}", functools.partial(of_table, put(folder / f"{number}.csv", content))


def of_table(path: Path) -> str:
    """What comes of a table."""
    read: list[Table] = []
    outcome = tried(lambda: read.append(Table.read_csv(path)), path.name)
    if outcome == REFUSED:
        return outcome
    (table,) = read
    assert all(len(table.columns[name]) == len(table) for name in table.names)
    return tried(lambda: TableEncoder().fit(table).transform(table), "TableEncoder")


def odd_trees(root: Path) -> dict[str, Callable[[], Any]]:
    """What may stand where a folder of classes is expected, by the name of what it is."""
    whole = picture()

    def classes(*files: str, content: bytes = whole) -> None:
        for name in files:
            put(root / name, content)

    good = [f"{name}/{i}.png" for name in "ab" for i in range(5)]
    return {
        "nothing": lambda: None,
        "a file": lambda: put(root, whole),
        "an empty folder": lambda: root.mkdir(),
        "pictures without classes": lambda: classes("1.png"),
        "an empty class": lambda: (classes(*good), (root / "c").mkdir()),
        "one class": lambda: classes(*good[:5]),
        "a class of texts": lambda: classes(*good, "c/1.txt"),
        "a folder with a picture's name": lambda: (classes(*good), (root / "c" / "1.png").mkdir(parents=True)),
        "a pipe": lambda: (classes(*good), os.mkfifo(root / "a" / "0.png.png")),
        "a link to nowhere": lambda: (classes(*good), (root / "a" / "0.png.png").symlink_to("nowhere")),
        "a link in a circle": lambda: (classes(*good), (root / "a" / "again").symlink_to("..")),
        "a link to itself": lambda: (classes(*good), (root / "a" / "5.png").symlink_to("5.png")),
        "a name that is no text": lambda: (classes(*good), (root / "a" / os.fsdecode(b"\xff.png")).write_bytes(whole)),
        "a name of two lines": lambda: classes(*good, "a\nb/1.png"),
        "an empty picture": lambda: (classes(*good), put(root / "b" / "00.png", b"")),
        "a class held out alone": lambda: classes("a/1.png", "b/1.png"),
        "train alone": lambda: classes(*(f"train/{name}" for name in good)),
        "train and an empty test": lambda: (classes(*(f"train/{name}" for name in good)), (root / "test").mkdir()),
        "a test of other classes": lambda: classes(*(f"train/{name}" for name in good), "test/a/1.png", "test/c/1.png"),
        "a test of fewer classes": lambda: classes(*(f"train/{name}" for name in good), "test/a/1.png"),
        "a test that is a file": lambda: (classes(*(f"train/{name}" for name in good)), put(root / "test", b"")),
        "deep": lambda: classes(*good, "a/" + "d/" * 40 + "1.png"),
    }


def trees(count: int, folder: Path) -> Iterator[Input]:
    """Odd folders, to learn from."""
    for name in odd_trees(folder):
        yield name, functools.partial(of_tree, folder / name, name)


def of_tree(folder: Path, name: str) -> str:
    """What comes of a folder."""
    folder.mkdir()
    odd_trees(folder / "odd")[name]()
    return told("train", "tiny", "--data", folder / "odd", "--out", folder / "run", "--epochs", "1", names="odd")


def options(count: int, folder: Path) -> Iterator[Input]:
    """Values of options that are none."""
    train = ("train", "tiny", "--data", "mnist", "--out", folder / "run")
    for option, value in OPTIONS:
        of_it = functools.partial(told, code=2, names=f"argument {option}: ")
        yield f"{option}={value}", functools.partial(of_it, *train, f"{option}={value}")


def weights(count: int, folder: Path) -> Iterator[Input]:
    """Files of weights, and the records of runs."""
    run = run_of(folder)
    for name, command in ((WEIGHTS, ("evaluate", run)), ("run.json", ("train", "--out", run, "--resume"))):
        whole = (run / name).read_bytes()
        for number, content in enumerate(broken(whole, count, len(name))):
            yield f"{name} {number}", functools.partial(of_weights, run / name, whole, content, command)


def of_weights(path: Path, whole: bytes, content: bytes, command: tuple[Any, ...]) -> str:
    """What comes of a broken file, in place of a whole one."""
    path.write_bytes(content)
    try:
        return told(*command)
    finally:
        path.write_bytes(whole)
        for left in (path.parent / "checkpoints").glob("*"):
            left.unlink()


def checkpoints(count: int, folder: Path) -> Iterator[Input]:
    """The last of two, and both."""
    model = nn.Linear(3, 2)
    saved = Checkpoints(folder / "run", keep=2)
    for step in (1, 2):
        with md.no_grad():
            model.weight.fill_(step)
        saved.save(step, model=model)
    first, second = sorted((folder / "run").iterdir())
    contents = first.read_bytes(), second.read_bytes()
    for number, content in enumerate(broken(contents[1], count, 9)):
        yield f"checkpoint {number}", functools.partial(of_checkpoints, saved, (first, second), contents[:1], content)
    for number, content in enumerate(broken(contents[1], count // 4, 10)):
        yield f"all checkpoints {number}", functools.partial(of_checkpoints, saved, (first, second), (), content)


def of_checkpoints(saved: Checkpoints, paths: tuple[Path, Path], whole: tuple[bytes, ...], content: bytes) -> str:
    """What comes of a broken checkpoint after a whole one, or after another that is broken."""
    for path, given in zip(paths, (*(whole or (content,)), content), strict=True):
        path.write_bytes(given)
    model = nn.Linear(3, 2)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome = tried(lambda: saved.restore(model=model), str(paths[0].parent))
    if outcome == READ:
        assert whole and (model.weight == 1).all() and any(paths[1].name in str(each.message) for each in caught)
        return REPLACED
    assert not whole
    return outcome


KINDS: dict[str, tuple[Callable[[int, Path], Iterator[Input]], int]] = {  # each with how many it is asked for
    "pictures": (pictures, 32),
    "bombs": (bombs, 20),
    "arrays": (arrays, 40),
    "tables": (tables, 150),
    "folders": (trees, 1),
    "options": (options, 1),
    "weights and records": (weights, 80),
    "checkpoints": (checkpoints, 120),
}


def outcomes(kind: str, count: int, folder: Path) -> tuple[Counter[str], list[str]]:
    """How often what has come of inputs of a kind, and which of them went wrong."""
    counts, wrong = Counter[str](), []
    NETWORKS["tiny"] = Network(tiny, (3, 6, 6))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow's, about what it sees in the files; of how many were left out
            for what, check in KINDS[kind][0](count, folder):
                try:
                    counts[check()] += 1
                except Exception as error:
                    wrong.append(f"{kind}: {what}: {type(error).__name__}: {error}")
    finally:
        del NETWORKS["tiny"]
    return counts, wrong


def main(arguments: list[str] | None = None) -> int:
    """Try every kind; 1 if one has gone wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, metavar="FILE", help="leave the figures there, as JSON")
    asked = parser.parse_args(arguments)
    found: dict[str, dict[str, int]] = {}
    wrong: list[str] = []
    for kind, (_, count) in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            counts, others = outcomes(kind, count, Path(folder))
        found[kind] = dict(counts)
        wrong += others
        print(f"{kind:20} {', '.join(f'{number} {outcome}' for outcome, number in counts.items())}", flush=True)
    total = sum(sum(counts.values()) for counts in found.values()) + len(wrong)
    print(*wrong, f"{total} inputs, {len(wrong)} of them gone wrong", sep="\n")
    if asked.out:
        asked.out.write_text(json.dumps({"inputs": total, "wrong": len(wrong), "outcomes": found}, indent=1) + "\n")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
