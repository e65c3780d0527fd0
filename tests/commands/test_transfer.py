"""``minidl transfer``."""

import hashlib
import json
import shutil

import pytest

import minidl as md
from minidl import models
from minidl.models.weights import CATALOG

FEW = ("--epochs", "2", "--fine-tuning-epochs", "1", "--batch-size", "4")


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """Weights of resnet20 that are known by name, and not of any use; where blue comes first."""
    md.manual_seed(0)
    md.save(models.resnet20().state_dict(), tmp_path / "small.safetensors")
    sha256 = hashlib.sha256((tmp_path / "small.safetensors").read_bytes()).hexdigest()
    known = CATALOG["resnet20.cifar10"]._replace(file="small.safetensors", sha256=sha256, bgr=True)
    monkeypatch.setitem(CATALOG, "resnet20.cifar10", known)
    monkeypatch.setenv("MINIDL_WEIGHTS", str(tmp_path))


def test_features_of_weights_by_name(weights, photos, said):
    code, out, err = said(
        "transfer", "--weights", "resnet20", "--images", "photos", "--out", "o", "--input", "3,12,16", "--lr", "0.02",
        "--epochs", "60",
    )  # fmt: skip
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "resnet20: 12 images of photos to learn from, 4 to validate on, 4 to test on; blue, red"
    assert lines[-1].startswith("o/weights.safetensors: features, seed 0, which did best on validation images: 0.00%")
    results = json.loads((photos.parent / "o" / "transfer.json").read_text())
    assert results["asked"]["lr"] == 0.02 and results["asked"]["images"] == "photos"
    (row,) = results["rows"]
    assert (row["scheme"], row["seed"], row["test_error"]) == ("features", 0, 0) and row["seconds"] > 0
    (file,) = (photos.parent / "o" / "features").iterdir()
    assert len(md.load(file)["features"]) == 12 + 4 + 4
    code, out, err = said("predict", "o", "photos/red/3.png", "--top", "1")  # which prepares images in the same way
    assert (code, err) == (0, "") and out.splitlines()[1].split()[0] == "red"
    assert said("evaluate", "o")[1].endswith("accuracy 100.00%\n")


def test_all_schemes_of_a_run(trained, said, photos):
    """Each with its own seeds; the network with the lowest validation loss is the one that is kept."""
    code, out, err = said(
        "transfer", "--weights", trained, "--images", "photos", "--out", "o", "--scheme", "all", "--seeds", "2",
        "--augment", "flip,color", "--top", "1", *FEW,
    )  # fmt: skip
    assert (code, err) == (0, "")
    rows = json.loads((photos.parent / "o" / "transfer.json").read_text())["rows"]
    assert [(row["scheme"], row["seed"]) for row in rows] == [
        (scheme, seed) for scheme in ("features", "frozen", "top", "whole", "scratch") for seed in (0, 1)
    ]
    assert [row["epochs"] for row in rows[::2]] == [[2], [2], [2, 1], [2, 1], [2]]
    lines = out.splitlines()
    assert [line.split()[0] for line in lines[-6:-1]] == ["features", "frozen", "top", "whole", "scratch"]
    assert "±" in lines[-6]
    best = min(rows, key=lambda row: row["validation_loss"])
    assert f"{best['scheme']}, seed {best['seed']}, which did best" in lines[-1]
    assert said("evaluate", "o")[1].endswith(f"accuracy {1 - best['test_error']:.2%}\n")


def test_classes_and_samples(trained, photos, said):
    shutil.copytree(photos / "red", photos / "green")
    code, out, _ = said(
        "transfer", "--weights", trained, "--images", "photos", "--out", "o", "--classes", "red,blue", "--samples",
        "10", *FEW,
    )  # fmt: skip
    assert code == 0
    assert out.startswith("tiny: 8 images of photos to learn from, 2 to validate on, 4 to test on; red, blue\n")
    first = said("predict", "o", "photos/red/3.png")[1].split()
    assert set(first) >= {"red", "blue"} and "green" not in first


@pytest.mark.parametrize("options, code, said_so", [
    (["--weights", "vgg16"], 1, "--weights vgg16: none are known of vgg16; a folder of a run serves, too"),
    (["--weights", "resnet-20"], 1, "no network is named 'resnet_20'; did you mean resnet20"),
    (["--weights", "resnet20.imagenet"], 1, "no weights are named 'resnet20.imagenet'; did you mean resnet20.cifar10"),
    (["--images", "nowhere"], 1, "--images nowhere: expected mnist, fashion-mnist, cifar10, or a folder of pictures"),
    (["--classes", "red,green"], 1, "--classes: there is no 'green' in photos, there are blue, red"),
    (["--classes", "red,blue,red"], 1, "--classes red,blue,red: a class is named twice"),
    (["--classes", "red"], 1, "--classes: expected two or more, got red"),
    (["--samples", "6"], 1, "--images photos: a class has 3 images to learn from, expected four or more"),
    (["--augment", "flip"], 1, "--augment: in features images are seen once; give --scheme frozen, top or another"),
    (["--input", "1,12,16"], 1, "--input 1,12,16: resnet20 takes images of 3 channels; --input 3,12,16 serves for"),
    (["--augment", "noise"], 2, "argument --augment: expected some of crop, flip,"),
    (["--scheme", "bottom"], 2, "argument --scheme: invalid choice: "),
    (["--samples", "3"], 2, "argument --samples: expected an integer of at least 4, got '3'"),
    (["--out", "photos/red/1.png"], 1, "--out photos/red/1.png: a file; give a folder"),
    (["--out", "runs"], 1, "--out runs: there are results; give another folder"),
])  # fmt: skip
def test_refusals(options, code, said_so, weights, trained, photos, said):
    (photos.parent / "runs" / "transfer.json").write_text("{}")
    found, _, err = said("transfer", "--weights", "resnet20", "--images", "photos", "--out", "o", *options)
    assert found == code and said_so in err and err.count("\n") == 1
    assert not (photos.parent / "o").exists()
