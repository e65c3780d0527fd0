"""``minidl evaluate`` and ``minidl predict``."""

import pytest

from minidl import files
from minidl.commands.trained import TEXT


def test_evaluate(trained, said):
    code, out, err = said("evaluate", trained)
    assert (code, err) == (0, "") and out.startswith(f"tiny, 4 images of {trained.parents[1] / 'photos'}: loss 0.")
    assert out.endswith("accuracy 100.00%\n")
    file, rest = trained / "weights.safetensors", out.partition(": ")[2]
    assert said("evaluate", file, "--data", "photos", "--batch-size", "3")[1] == f"tiny, 4 images of photos: {rest}"


def test_predict(trained, photos, said):
    code, out, err = said("predict", trained, "photos/red/3.png", "photos/blue/2.jpg")
    lines = out.splitlines()
    assert (code, err) == (0, "") and (lines[0], lines[3]) == ("photos/red/3.png", "photos/blue/2.jpg")
    assert [line.split()[0] for line in (lines[1], lines[2], lines[4], lines[5])] == ["red", "blue", "blue", "red"]
    assert sum(float(line.split()[1].rstrip("%")) for line in lines[1:3]) == pytest.approx(100, abs=0.02)
    assert said("predict", trained, "photos/red/3.png", "--top", "1")[1].splitlines() == lines[:2]


def test_classes_of_others(trained, photos, said):
    (photos / "red").rename(photos / "orange")
    code, _, err = said("evaluate", trained, "--data", "photos")
    assert (code, err) == (
        1, "minidl: --data photos: its classes are blue, orange; what is learnt are blue, red\n"
    )  # fmt: skip


def test_weights_of_others(trained, said):
    weights = files.load(trained / "weights.safetensors")
    text = files.metadata(trained / "weights.safetensors")[TEXT]
    files.save(weights, trained / "plain.safetensors")
    assert said("evaluate", trained / "plain.safetensors")[2].endswith(
        "does not say which network it is of; weights of `minidl train` do\n"
    )
    weights.pop("4.bias")
    files.save(weights, trained / "less.safetensors", {TEXT: text})
    assert "has other weights than tiny: " in said("evaluate", trained / "less.safetensors")[2]
    files.save(weights, trained / "other.safetensors", {TEXT: text.replace("[3, 6, 6]", "[3, 6, 7]")})
    assert "tiny does not take images 3×6×7: " in said("evaluate", trained / "other.safetensors")[2]
