"""What is wrong is told on one line, by its name: bad options, broken and foreign files, odd folders."""

import json
import random
import zlib

import pytest
from commands.conftest import TRAIN
from malformed import OPTIONS

from minidl import files
from minidl.commands.trained import TEXT
from minidl.files import load


def told(said, arguments, code, words):
    """The error is of one line, and says these words."""
    got, out, err = said(*arguments)
    assert got == code, (arguments, err)
    assert err.startswith("minidl") and err.count("\n") == 1 and "Traceback" not in err and words in err, err
    return err


def bad_options(said, options):
    for option, value in options:
        told(said, [*TRAIN, f"{option}={value}"], 2, f"minidl train: argument {option}: ")
        if option in ("--batch-size", "--device"):
            told(said, ["evaluate", "runs/a", f"{option}={value}"], 2, f"minidl evaluate: argument {option}: ")
        if option == "--input":
            told(
                said, ["summary", "tiny", f"{option}={value}"], 2, "minidl summary: argument --input: expected channels"
            )


def test_bad_options(said):
    bad_options(said, OPTIONS[::9])


@pytest.mark.deep
def test_all_bad_options(said):
    bad_options(said, OPTIONS)


@pytest.mark.parametrize("arguments, words", [
    (["train"], "the following arguments are required: --out"),
    (["train", "tiny", "--data", "mnist"], "required: --out"), (["train", "tiny", "--out", "a"], "required: --data"),
    (["train", "--out", "a"], "minidl train: the following arguments are required: NETWORK, --data (but for --resume)"),
    (["evaluate"], "required: RUN"), (["predict"], "required: RUN, PICTURE"), (["predict", "a"], "required: PICTURE"),
    (["train", "tiny", "mnist", "--data", "mnist", "--out", "a"], "unrecognized arguments: mnist"),
    (["evaluate", "a", "--epochs", "3"], "unrecognized arguments: --epochs 3"),
    (["train", "tiny", "--data"], "argument --data: expected one argument"),
    ([*TRAIN, "--lr", "inf"], "argument --lr: expected a number above 0, got 'inf'"),
    ([*TRAIN, "--weight-decay", "1e999"], "argument --weight-decay: expected a number of at least 0, got '1e999'"),
    (["predict", "a", "b.png", "--top", "0"], "argument --top: expected an integer of at least 1, got '0'"),
    (["predict", "a", "b.png", "--top", "x"], "argument --top: expected an integer of at least 1, got 'x'"),
])  # fmt: skip
def test_usage(arguments, words, said):
    told(said, arguments, 2, words)


@pytest.mark.parametrize("arguments, words", [
    (["train", "tinny", *TRAIN[2:]], "no network is named 'tinny'; did you mean tiny"),
    (["train", "", *TRAIN[2:]], "no network is named ''"), (["summary", "x" * 99], "no network is named"),
    ([*TRAIN, "--data", "nowhere"], "/nowhere: expected mnist, fashion-mnist, cifar10, or a folder of pictures"),
    ([*TRAIN, "--data", ""], "--data : "), ([*TRAIN, "--data", "MNIST"], "/MNIST: expected mnist"),
    ([*TRAIN, "--data", "photos/red/1.png"], "/photos/red/1.png: expected"),
    ([*TRAIN, "--data", "photos/red"], "/photos/red'"),
    ([*TRAIN, "--resume"], "--resume: no runs/a/run.json; leave --resume out to begin there"),
    ([*TRAIN, "--out", "photos/red/1.png"], "photos/red/1.png"), ([*TRAIN, "--out", "photos/red/1.png/a"], "1.png/a"),
    ([*TRAIN, "--input", "3,8,8"], "tiny does not take images 3×8×8: "),
    ([*TRAIN, "--input", "1,6,6"], "tiny does not take images 1×6×6: "),
    (["train", "dcgan-generator", *TRAIN[2:]], "dcgan-generator takes 100×1×1, no images"),
    (["train", "dcgan_discriminator", *TRAIN[2:]], "/photos has 2 classes"),
    (["evaluate", "nowhere"], "no file nowhere"), (["evaluate", "photos"], "no file photos/weights.safetensors"),
    (["evaluate", "photos/red/1.png"], "photos/red/1.png is not a safetensors file"),
    (["predict", "nowhere", "photos/red/1.png"], "no file nowhere"), (["evaluate", ""], ""),
])  # fmt: skip
def test_what_is_not_there(arguments, words, photos, said):
    told(said, arguments, 1, words)


def test_a_run_is_not_overwritten(trained, said):
    told(said, TRAIN, 1, "--out runs/a: there is a run; --resume goes on with it, or give another folder")


def test_a_run_is_a_folder(photos, said):
    told(said, [*TRAIN, "--out", "photos/red/1.png"], 1, "--out photos/red/1.png: a file; give a folder")


def test_odd_folders(photos, said):
    (photos / "empty").mkdir()
    told(said, TRAIN, 1, "photos/empty'")
    (photos / "empty" / "broken.PNG").write_bytes(b"no picture")
    told(said, [*TRAIN, "--out", "runs/b"], 1, "photos/empty/broken.PNG': can't be read as an image: ")
    (photos / "train").mkdir()
    told(said, [*TRAIN, "--out", "runs/c"], 1, "photos: beside train there is none of test, val, valid, valida")
    (photos / "test").mkdir()
    told(said, [*TRAIN, "--out", "runs/d"], 1, f"ImageFolder: no folder of a class in '{photos / 'train'}'")
    for name in ("train/red", "train/blue", "test/red", "test/green"):
        (photos / name).mkdir()
        (photos / name / "1.png").write_bytes((photos / "red" / "1.png").read_bytes())
    told(said, [*TRAIN, "--out", "runs/e"], 1, "photos/test: its classes are green, red; what is learnt are blue, red")


def pictures(content, count):
    """What may become of a picture."""
    rng = random.Random(0)
    yield from (
        b"",
        b"\0",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n",
        b"P6 1 1",
        b"RIFF\0\0\0\0WEBPVP8 ",
        content[:20],
        content[:-30],
    )
    yield from (rng.randbytes(rng.randrange(1, 400)) for _ in range(count))
    yield from (content[: rng.randrange(8, len(content) - 28)] for _ in range(count))


@pytest.mark.parametrize("count", [3, pytest.param(40, marks=pytest.mark.deep)])
def test_broken_pictures(count, trained, photos, said):
    for i, content in enumerate(pictures((photos / "red" / "1.png").read_bytes(), count)):
        (photos / f"{i}.png").write_bytes(content)
        told(said, ["predict", trained, f"photos/{i}.png"], 1, f"photos/{i}.png': can't be read as an image: ")
    told(said, ["predict", trained, "photos/none.png"], 1, "photos/none.png': can't be read")
    told(said, ["predict", trained, "photos"], 1, "'photos': can't be read as an image: not a file")


def test_a_bomb(trained, photos, said):
    """A picture of more pixels than anybody has drawn."""
    header = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    (photos / "bomb.png").write_bytes(header + zlib.crc32(header[12:]).to_bytes(4, "big") + b"\0\0\0\0IDAT")
    told(said, ["predict", trained, "photos/bomb.png"], 1, "photos/bomb.png': can't be read as an image: Image size")


TEXTS = [
    "", "{", "[]", "3", "null", '"x"', "{}", '{"network": "tiny"}', "[" * 9999,
    *(f'{{"network": {n}, "size": {s}, "classes": ["a", "b"], "mean": {m}, "std": {d}, "data": "photos"}}'
      for n, s, m, d in [
          ('"tiny"', "[3, 6]", "[0, 0, 0]", "[1, 1, 1]"), ('"tiny"', "3", "[0, 0, 0]", "[1, 1, 1]"),
          ('"tiny"', "[3, 6, 6]", "[0, 0]", "[1, 1, 1]"), ('"tiny"', "[3, 6, 6]", "[0, 0, 0]", "[1, 0, 1]"),
          ('"tiny"', "[3, 6, 6]", "[0, 0, 0]", "[]"), ('"tiny"', "[-3, 6, 6]", "[0, 0, 0]", "[1, 1, 1]"),
          ('"tiny"', '["a", 6, 6]', "[0, 0, 0]", "[1, 1, 1]"), ('"tiny"', "[3, 6, 6]", '"abc"', "[1, 1, 1]"),
          ('"tiny"', "[3, 6, 6.5]", "[0, 0, 0]", "[1, 1, 1]"), ("3", "[3, 6, 6]", "[0, 0, 0]", "[1, 1, 1]"),
          ('"tiny"', "[3, 6, 6]", "[null, 0, 0]", "[1, 1, 1]"), ('"tiny"', "[3, 6, 6]", "[0, 0, 0]", '["1", 1, 1]'),
          ('"gone"', "[3, 6, 6]", "[0, 0, 0]", "[1, 1, 1]"), ('["tiny"]', "[3, 6, 6]", "[0, 0, 0]", "[1, 1, 1]"),
      ]),
]  # fmt: skip


def test_texts_of_weights(trained, said):
    weights = load(trained / "weights.safetensors")
    for text in TEXTS:
        files.save(weights, trained / "odd.safetensors", {TEXT: text})
        words = "no network is named 'gone'" if '"gone"' in text else "odd.safetensors: the text that says which"
        told(said, ["evaluate", "runs/a/odd.safetensors"], 1, words)


@pytest.mark.parametrize("count", [4, pytest.param(60, marks=pytest.mark.deep)])
def test_broken_weights(count, trained, said):
    content = (trained / "weights.safetensors").read_bytes()
    rng = random.Random(0)
    cut = [content[: rng.randrange(len(content))] for _ in range(count)]
    for broken in [b"", b"\0" * 9, b"PK\x03\x04" + bytes(99), b"\x80\x04.", *cut]:
        (trained / "weights.safetensors").write_bytes(broken)
        told(said, ["evaluate", "runs/a"], 1, "runs/a/weights.safetensors is not a safetensors file")


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", "\xff", "{}", '{"network": "tiny"}', '{"settings": 3}'])
def test_broken_settings(text, trained, said):
    (trained / "run.json").write_text(text, "latin-1")
    told(said, ["train", "--out", "runs/a", "--resume"], 1, "--resume: runs/a/run.json is damaged: ")


@pytest.mark.parametrize("name, value", [
    ("network", 3), ("epochs", "3"), ("epochs", True), ("lr", None), ("augment", ["flop"]), ("augment", [3]),
    ("augment", "flip"), ("optimizer", "lion"), ("schedule", None), ("input", [3, "6", 6]), ("nonsense", 1),
])  # fmt: skip
def test_broken_values_of_settings(name, value, trained, said):
    begun = json.loads((trained / "run.json").read_text())
    begun["settings"][name] = value
    (trained / "run.json").write_text(json.dumps(begun))
    told(said, ["train", "--out", "runs/a", "--resume"], 1, "--resume: runs/a/run.json is damaged: ")


@pytest.mark.parametrize("broken", [{"images": "16"}, {"trained": {}}, {"settings": {}}])
def test_broken_records(broken, trained, said):
    begun = json.loads((trained / "run.json").read_text())
    (trained / "run.json").write_text(json.dumps(begun | broken))
    told(said, ["train", "--out", "runs/a", "--resume"], 1, "runs/a/run.json")


def test_broken_checkpoints(trained, said):
    """The one before is used, as a line says; with none that is whole it is told."""
    steps = sorted((trained / "checkpoints").iterdir())
    steps[-1].write_bytes(steps[-1].read_bytes()[:-1])
    code, out, err = said(*TRAIN, "--resume")
    assert code == 0 and err.count("\n") == 1 and err.startswith("minidl: Checkpoints.restore: runs/a/checkpoints/step")
    assert err.endswith("; the one before it is used\n")
    for path in (trained / "checkpoints").iterdir():
        path.write_bytes(b"")
    code, out, err = said(*TRAIN, "--resume")
    assert code == 1 and err.splitlines()[-1] == (
        "minidl: Checkpoints.restore: all 3 checkpoints in runs/a/checkpoints are damaged"
    )


def test_a_checkpoint_of_another_network(trained, said):
    for path in (trained / "checkpoints").iterdir():
        path.unlink()
    assert said(*TRAIN, "--samples", "8", "--out", "runs/b", "--optimizer", "sgd")[0] == 0
    for path in (trained.parent / "b" / "checkpoints").iterdir():
        path.rename(trained / "checkpoints" / path.name)
    told(
        said,
        [*TRAIN, "--resume"],
        1,
        "minidl: Checkpoints.restore: runs/a/checkpoints/step-00000006.safetensors: trainer",
    )


def test_numbers_that_are_not_finite(photos, said):
    code, out, err = said(*TRAIN, "--lr", "1e38")
    assert code == 1 and err.count("\n") == 1 and "not all numbers are finite" in err
    assert not (photos.parent / "runs" / "a" / "weights.safetensors").exists()
