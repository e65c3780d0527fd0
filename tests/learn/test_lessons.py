"""The lessons run to their end in their ci profile, and show what they promise."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import minidl as md

LESSONS = Path(__file__).parents[2] / "lessons"


def run(name: str, folder: Path) -> SimpleNamespace:
    """Run a copy of the script where there is nothing but the embedded digits, away from the checkout."""
    script = shutil.copy(LESSONS / f"{name}.py", folder)
    environment = os.environ | {"MINIDL_OFFLINE": "1", "MINIDL_DATA": "", "XDG_CACHE_HOME": str(folder)}
    environment |= {"MINIDL_WEIGHTS": "", "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, script, "--profile", "ci", "--record"]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stderr
    (record,) = json.loads((folder / "results" / f"{name[:2]}.json").read_text("utf-8"))
    return SimpleNamespace(text=done.stdout, folder=folder, out=folder / "out" / name[:2], record=record)


def test_gradient(tmp_path):
    lesson = run("01_gradient", tmp_path)
    least = {name: float(value) for name, value in re.findall(r"^(\S+): least error (\S+),", lesson.text, re.M)}
    assert least["central"] < 1e-9 < least["one-sided"] < 1e-7
    assert "f = 9.0, ∂f/∂a = 3.0, ∂f/∂b = 3.0" in lesson.text
    assert re.findall(r"^∂c/∂b = (\S+), ∂c/∂a = (\S+)$", lesson.text, re.M) == [("12.0", "36.0"), ("12.0", "24.0")]
    mine, theirs, apart = re.search(r"^losses (\S+), (\S+); gradients at most (\S+) apart$", lesson.text, re.M).groups()
    assert mine == theirs and float(apart) < 1e-12
    assert "rule        x=lambda g: g  (ops/elementwise.py:" in lesson.text
    assert lesson.record["results"]["Value"][0]["error"] < 0.25
    assert {path.name for path in lesson.out.iterdir()} == {"finite-differences.png", "moons.png"}


@pytest.mark.deep
def test_tape(tmp_path):
    lesson = run("02_tape", tmp_path)
    assert "by finite differences: [4. 4. 4.]" in lesson.text
    assert re.findall(r"^gradient of b: (.*)$", lesson.text, re.M) == ["[4. 4. 4.]", "[8. 8. 8.]"]
    assert "loss 2.3026, ln 10 = 2.3026" in lesson.text
    assert float(re.search(r"gradients at most (\S+) apart", lesson.text)[1]) < 1e-15
    (result,) = lesson.record["results"]["softmax"]
    assert result["error"] < 0.3
    assert lesson.text.splitlines()[-1].startswith(
        f"{1 - result['error']:.1%} of the held-out digits are read right (1,000 +"
    )
    assert {path.name for path in lesson.out.iterdir()} == {"templates.png", "cleared.png"}


@pytest.mark.deep
def test_perceptrons(tmp_path):
    lesson = run("03_perceptrons", tmp_path)
    assert "parameters: 50,890 269,322\n" in lesson.text
    assert float(re.search(r"^the library's scores are at most (\S+) off$", lesson.text, re.M)[1]) < 1e-6
    learnt, twice = map(float, re.findall(r"loss \S+ → ([\d.]+);", lesson.text))
    assert learnt < 0.02 < 1.461 < twice < 1.6
    errors = {name: result["error"] for name, (result,) in lesson.record["results"].items()}
    few = "1,600 of MNIST's digits"
    sizes = {name: errors.pop(f"batches of {name}, {few}") for name in (1, 10, 64, 256, 1024)}
    assert list(errors) == ["no relu", "FC64", "FC256-FC256"] and max(errors.values()) < 0.2
    for name, error in errors.items():
        assert re.search(
            rf"^{name} +{100 * error:.2f} % misread \(1,600 \+ 400 digits, a part of MNIST\)$", lesson.text, re.M
        )
    rates = re.findall(rf"^rate (\S+) +loss at the end \S+ +(\S+) % misread \({few}\)$", lesson.text, re.M)
    assert [rate for rate, _ in rates] == ["0.0001", "0.001", "0.01", "0.1", "1", "10"]
    assert min(rates, key=lambda one: float(one[1]))[0] in ("0.1", "1")
    assert float(rates[0][1]) > 75 < float(rates[-1][1])
    batches = re.findall(
        rf"^batches of (\d+) +(\S+) s an epoch, +(\S+) % misread at the end \({few}\)$", lesson.text, re.M
    )
    times, misread = ([float(row[i]) for row in batches] for i in (1, 2))
    assert [size for size, _, _ in batches] == ["1", "10", "64", "256", "1024"]
    assert times[0] > times[2] and misread[-1] > max(misread[:3])
    assert misread == pytest.approx([100 * error for error in sizes.values()], abs=0.051)
    constant = float(re.search(r"^always the mean: (\S+) miles off$", lesson.text, re.M)[1])
    raw, scaled = np.array(re.findall(r"raw +(\S+) miles off, standardised (\S+)$", lesson.text, re.M)).T
    assert min(float(value.replace(",", "")) for value in raw) > constant > 2 * min(map(float, scaled))
    mistyped = dict(re.findall(r"^(\S+) +(\S+) miles off; \S+ without the mistakes$", lesson.text, re.M))
    assert float(mistyped["Huber"]) < float(mistyped["|d|"]) < float(mistyped["d²"])
    (old, by_old), (leaked, _) = re.findall(
        r"^by .*: (\S+) miles off before it learns, (\S+) after$", lesson.text, re.M
    )
    itself = re.search(r"^each decade by itself: (\S+) after$", lesson.text, re.M)[1]
    assert (old, leaked) == ("11.0", "8.9") and float(by_old) < 5 < 9 < float(itself)
    assert {path.stem for path in lesson.out.iterdir()} == {"twice", "rates", "batches", "slopes"}


@pytest.mark.deep
def test_convolution(tmp_path):
    lesson = run("05_convolution", tmp_path)
    assert re.findall(r"^padding \d, stride \d: (\d) windows", lesson.text, re.M) == ["3", "5", "2", "3"]
    assert "valid: (3, 3, 3) same: (3, 5, 5)" in lesson.text
    assert "M: (16, 36), 144 of 576 are not 0, 9 of them different" in lesson.text
    assert re.findall(r": (\d+) pixels wide$", lesson.text, re.M) == ["3", "7", "11", "15"]
    assert re.search(r"^\(M·v\)·g = (\S+), v·\(Mᵀ·g\) = \1$", lesson.text, re.M)
    assert {path.name for path in lesson.out.iterdir()} == {"filters.png", "matrix.png", "fields.png"}
    assert lesson.record["results"] == {"receptive field": [{"seed": 1, "pixels": 7}]}


@pytest.mark.deep
def test_optimizers(tmp_path):
    lesson = run("04_optimizers", tmp_path)
    slow, fast, wild = map(float, re.findall(r"^lr \S+: after 60 steps the height is (\S+)$", lesson.text, re.M))
    assert fast < slow < 20 < 1000 < wild
    assert re.findall(r"(\d+) different neurons of 64", lesson.text) == ["1", "1"]
    rows = re.findall(r"^((?:uniform|normal), \S+) +(\S+) +\S+ +\S+ +(\S+)%$", lesson.text, re.M)
    last = {name: deviation for name, deviation, _ in rows}
    assert len(last) == 8 and all(5 < int(dead) < 15 for _, _, dead in rows)
    assert (
        float(last["normal, 0.01"]) < 1e-5 < 0.1 < float(last["normal, Glorot"]) < 0.6 < 0.9 < float(last["normal, 1"])
    )
    assert len(lesson.record["results"]) == 9
    assert min(result["error"] for (result,) in lesson.record["results"].values()) < 0.4
    assert {path.name for path in lesson.out.iterdir()} == {"valley.png", "optimizers.png", "tanh.png", "relu.png"}


@pytest.mark.deep
def test_trainer(tmp_path):
    lesson = run("07_trainer", tmp_path)
    assert "parameters: 34,826" in lesson.text
    assert "with pooling: 55,744 in convolutions, 576 × 64 = 36,864 in the first dense layer" in lesson.text
    assert "without: 55,744 in convolutions, 30,976 × 512 = 15,859,712 in the first dense layer" in lesson.text
    assert "93,322 and 15,921,098 in all" in lesson.text
    (result,) = lesson.record["results"]["Keras convnet"]
    assert result["error"] < 0.7
    files = {"history.png", "log.csv", "confusion.png"}
    assert {path.name for path in lesson.out.iterdir()} == files
    assert "(720 + 80 + 1,000 digits, a subset of MNIST)" in lesson.text.splitlines()[-1]


@pytest.mark.deep
def test_overfitting(tmp_path):
    lesson = run("08_overfitting", tmp_path)
    learnt, new = re.search(
        r"^learnt by heart: error (\S+)% on what it learnt, (\S+)% on new digits$", lesson.text, re.M
    ).groups()
    assert float(learnt) < 2 < 10 < float(new)
    reported, true = re.search(
        r"^chosen by the test digits: (\S+)% is reported, (\S+)% is true$", lesson.text, re.M
    ).groups()
    assert float(reported) < float(true)
    assert re.findall(r"^(\d+): (\S+)$", lesson.text, re.M) == [("16", "160,305"), ("4", "40,029")]
    errors = {name: result["error"] for name, (result,) in lesson.record["results"].items()}
    alone = ["smaller", "L2", "L1", "dropout", "early stopping", "more data"]
    assert list(errors) == ["none", *alone, "L2, dropout", "L2, dropout, stopping", "these and more data"]
    assert min(errors, key=errors.get) in ("more data", "these and more data")
    for name, (result,) in lesson.record["results"].items():  # twelve epochs of 300 digits, as many steps of 2,000
        most = 2 if "more data" in name else 12
        assert result["epochs"] == most or (result["epochs"] < most and "stopping" in name)
    assert {path.name for path in lesson.out.iterdir()} == {"by-heart.png", "cures.png", "weights.png"}


@pytest.mark.deep
def test_batchnorm(tmp_path):
    lesson = run("09_batchnorm", tmp_path)
    layers = re.findall(r"^weights (\S+): plain (\S+), with batch norm (\S+)$", lesson.text, re.M)
    (_, small, _), (_, medium, _), (_, large, _) = layers
    assert float(small) < 0.01 < 0.1 < float(medium) < 10 < float(large)
    assert {normed for _, _, normed in layers} == {"0.59"}  # relu of a standard normal: √(1/2 − 1/2π) is 0.58
    assert "256 numbers, 128 of them trainable" in lesson.text
    errors = {name: result["error"] for name, (result,) in lesson.record["results"].items()}
    assert len(errors) == 10 and errors["batch norm, 0.1"] < errors["plain, 0.1"] < 0.6
    assert errors["batch norm, 0.3"] < 0.5 < errors["plain, 0.3"]
    assert {path.name for path in lesson.out.iterdir()} == {"rates.png"}


@pytest.mark.deep
def test_augmentation(tmp_path):
    lesson = run("11_augmentation", tmp_path)
    right = dict(re.findall(r"^(\d) upside down: +(\d+)% right", lesson.text, re.M))
    assert len(right) == 10 and int(right["1"]) > 80 and int(right["6"]) < 20 and int(right["9"]) < 20
    errors = {recipe: result["error"] for recipe, (result,) in lesson.record["results"].items()}
    assert list(errors) == ["as they are", "augmented", "upside down", "and erasing", "and mixup", "and CutMix"]
    said = dict(re.findall(r"^(\w[\w ]*?) +error +\S+ on what it learnt, +(\S+)% on new images$", lesson.text, re.M))
    assert {recipe: float(share) for recipe, share in said.items()} == pytest.approx(
        {recipe: 100 * error for recipe, error in errors.items()}, abs=0.051
    )
    assert errors["as they are"] < 0.6
    plain, changed = re.findall(r"^(?:as they are|augmented): errors (.*)$", lesson.text, re.M)
    assert len(set(plain.split())) == 1 < len(set(changed.split()))
    again = re.findall(r"^(\w+, then \w+): (\d+) of 20 images to watch differ at the second sight$", lesson.text, re.M)
    assert again == [("augmented, then split", "20"), ("split, then augmented", "0")]
    files = {"looks.png", "upside-down.png", "curves.png", "mixed.png"}
    assert {path.name for path in lesson.out.iterdir()} == files
    assert "(500 + 300 images, a subset of MNIST)" in lesson.text.splitlines()[-1]


@pytest.mark.deep
def test_seeing(tmp_path):
    lesson = run("14_seeing", tmp_path)
    seen = re.findall(
        r"^layer (\d): (\d+) units in a row, one in the middle sees rows (\d+) to (\d+)$", lesson.text, re.M
    )
    assert [(layer, units, int(last) - int(first) + 1) for layer, units, first, last in seen] == [
        ("0", "28", 5), ("4", "14", 14), ("8", "7", 28)
    ]  # fmt: skip
    alike = {name: result["alike"] for name, (result,) in lesson.record["results"].items()}
    assert list(alike) == ["gradient", "deconvnet", "guided", "Grad-CAM", "edges"]
    assert all(list(falls) == ["13", "9", "8", "5", "4", "1", "0"] for falls in alike.values())
    assert set(alike["edges"].values()) == {1.0}
    assert max(alike["gradient"].values()) < 0.5 < min(alike["guided"].values())
    assert float(re.search(r"^(\S+)% of the images are read right", lesson.text, re.M)[1]) > 70
    pictures = ["filters", "patches-0", "patches-4", "patches-8", "back", "where", "random", "dreamt", "inverted"]
    assert {path.stem for path in lesson.out.iterdir()} == set(pictures)


@pytest.mark.deep
def test_adversarial(tmp_path):
    lesson = run("15_adversarial", tmp_path)
    misread = dict(re.findall(r"^(as they are|by a coin|by the slope) +misread +(\S+)%, changed", lesson.text, re.M))
    misread = {name: float(share) for name, share in misread.items()}
    assert misread["by a coin"] < misread["as they are"] + 10 < 60 < misread["by the slope"]
    changes = re.findall(r"changed by at most (\S+)$", lesson.text, re.M)
    assert changes == ["0.000", "0.300", "0.300", "0.092"]  # with the normalisation forgotten, 0.3 of a deviation
    assert "fgsm: inputs go from -0.4" in lesson.text
    curves = {name: result["errors"] for name, (result,) in lesson.record["results"].items()}
    assert list(curves) == [f"{who}, {how}" for who in ("SimpLeNet", "attacked in training") for how in ("FGSM", "PGD")]
    assert curves["SimpLeNet, PGD"][-1] >= curves["SimpLeNet, FGSM"][-1] > 0.6
    assert set(re.findall(r"^(grey|learnt) +read as 3: SimpLeNet", lesson.text, re.M)) == {"grey", "learnt"}
    assert {path.name for path in lesson.out.iterdir()} == {"noise.png", "epsilon.png", "slopes.png", "patch.png"}


@pytest.mark.deep
def test_cost(tmp_path):
    lesson = run("18_cost", tmp_path)
    assert "multiply-adds: 2,095,360 for one input" in lesson.text
    assert re.search(r"^features\.0–2 \(Conv2d, MaxPool2d, ReLU\) ", lesson.text, re.M)
    assert re.search(r"^conv backward .* arithmetic$", lesson.text, re.M)
    assert re.search(r"^layers together \d+ ms a step; .*, \d+ ms$", lesson.text, re.M)
    results = {name: {**result} for name, (result,) in lesson.record["results"].items()}
    rates, held, parts = (results[name] for name in ("rates", "megabytes", "checkpoints"))
    assert list(rates["cpu"]) == ["1", "8", "64"] and min(rates["cpu"].values()) > 0
    assert 0.9 < held["1"] < held["8"] < held["64"]  # 0.9 MB of gradients
    assert min(list("1248") + ["16"], key=lambda k: parts[k]["MB"]) == "4"
    assert "gradients that differ: 0\n" in lesson.text
    differ, most = results["differ"]["two parts by hand, and whole batches"]
    assert differ and most < 1e-12
    if "No MPI here" not in lesson.text:
        assert results["differ"]["two ranks, and two parts by hand"] == [0, 0]
        assert results["seconds"].keys() == {"seed", "one rank", "each of two"}
    times = [float(n) for n in re.findall(r": 1,024 are (\d+) times as fast", lesson.text)]
    assert times[0] > times[1] > times[2]
    assert re.search(r"^no number of ranks is more than -?\d+ times as fast$", lesson.text, re.M)
    left = {"roofline.png", "batches.png", "ranks.png", "ranks.py"}
    assert left <= {path.name for path in lesson.out.iterdir()} <= left | {"ranks.safetensors"}


@pytest.mark.deep
def test_search(tmp_path):
    lesson = run("17_search", tmp_path)
    rates = dict(re.findall(r"^(grid|random|uniform) +rates (.*)$", lesson.text, re.M))
    rates = {name: [float(rate) for rate in listed.split()] for name, listed in rates.items()}
    assert {name: len(listed) for name, listed in rates.items()} == {"grid": 3, "random": 9, "uniform": 9}
    assert sum(rate < 0.01 for rate in rates["uniform"]) < 3 < sum(rate < 0.01 for rate in rates["random"])
    spans = re.findall(r"^mean error by (rate|decay): (\S+)% to (\S+)%$", lesson.text, re.M)
    spans = {name: float(most) - float(least) for name, least, most in spans}
    assert 5 * spans["decay"] < 40 < spans["rate"]
    results = {name: result for name, (result,) in lesson.record["results"].items()}
    best = {name: result["error"] for name, result in results.items() if "spread" in result}
    assert {name: len(errors) for name, errors in best.items()} == {
        "random": 18, "grids, 3 × 3": 9, "grids, 6 × 3": 18, "grids, 3 × 6": 18
    }  # fmt: skip
    assert max(best["grids, 6 × 3"][-1], best["random"][-1]) < best["grids, 3 × 6"][-1] + 0.5
    assert all(np.diff(errors).max() < 0.3 for errors in best.values())
    assert results["winner"]["reported"] < results["winner"]["true"] - 1
    first, second = map(float, re.findall(r"^(?:first|second) time: (\S+) s$", lesson.text, re.M))
    assert second < first / 10
    assert "810 steps, where 90 for all are 2430" in lesson.text
    assert float(re.search(r"^answers at most (\S+) apart$", lesson.text, re.M)[1]) < 1e-4
    losses = re.findall(r"^(?:winner|twin, [a-z ]+): loss (\S+), half a step away (\S+)$", lesson.text, re.M)
    (at, away), (_, crack), own = [tuple(map(float, line)) for line in losses]
    assert own == (at, away) and away < 5 * at and crack > 10 * away
    skips, plain = results["with skips"], results["without"]
    assert skips["loss"] < plain["loss"] and skips["below"] > plain["below"] > 0
    files = {"searches.png", "best-so-far.png", "reported.png", "halving.png", "twins.png", "landscapes.png"}
    assert {path.name for path in lesson.out.iterdir()} == files | {"halving.jsonl"}
    assert lesson.record["data"] == "MNIST, 500 + 1,000 + 500"


@pytest.mark.deep
def test_gan(tmp_path):
    lesson = run("16_gan", tmp_path)
    lines = re.findall(r"^(.+): (\S+) away from the beginning, drawings (\S+) apart$", lesson.text, re.M)
    moved, apart = ({line[0]: float(line[i]) for line in lines} for i in (1, 2))
    assert list(moved) == ["before", "as it should be", "both move", "wrong side", "too fast"]
    assert moved["wrong side"] == moved["before"] == 0 and apart["wrong side"] == apart["before"]
    assert all(moved[way] > 1 for way in ("as it should be", "both move", "too fast"))
    results = {name: result for name, (result,) in lesson.record["results"].items()}
    assert list(results) == ["dense", "DCGAN"]
    for name, result in results.items():
        assert sum(result["counts"]) == round(2000 * result["sure"])
        assert f"{name}: sure of {result['sure']:.1%} of the drawings; from 0 to 9: {result['counts']}\n" in lesson.text
    assert re.findall(r"^halfway between (\w+): sure of \S+%$", lesson.text, re.M) == ["pixels", "latents"]
    sums = re.findall(r"^(\S+) · \(thick (\d) − thin \2\): ink (\S+), (\d+)% are read as (\d)$", lesson.text, re.M)
    assert [times for times, *_ in sums] == ["-1", "+0", "+0.5", "+1"] and sums[1][3] == "100"
    inks = [float(ink) for _, _, ink, _, _ in sums]
    assert inks == sorted(inks) and inks[-1] > inks[1]
    pictures = {"dense", "losing", "dcgan", "drawn", "halfway", "sums", "styled", "mixed"}
    assert {path.stem for path in lesson.out.iterdir()} == pictures
    assert "(1,600 digits, a subset of MNIST)" in lesson.text.splitlines()[-1]


@pytest.mark.deep
def test_transfer(tmp_path):
    """Without weights: a network of the other digits has to do."""
    lesson = run("13_transfer", tmp_path)
    assert re.findall(r"^no (\S+) in ", lesson.text, re.M) == [
        "resnet20-cifar10.safetensors", "efficientnet_lite0.safetensors"
    ]  # fmt: skip
    assert "A ResNet-20 learns from the other eight classes.\n" in lesson.text
    nearest = dict(re.findall(r"^nearest by (\w+): (\S+)% have the wrong label$", lesson.text, re.M))
    assert list(nearest) == ["pixels", "resnet20"] and max(map(float, nearest.values())) < 40
    curves = {
        what: [float(error) for error in re.findall(r"\d+: (\S+)%", points)]
        for what, points in re.findall(r"^(pixels|resnet20|halfway|from scratch)((?: +\d+: \S+%)+)$", lesson.text, re.M)
    }
    assert [len(errors) for errors in curves.values()] == [3, 3, 3, 2]
    assert curves["resnet20"][0] < curves["pixels"][0] and curves["resnet20"][-1] < min(curves["from scratch"])
    errors = {scheme: result["error"] for scheme, (result,) in lesson.record["results"].items()}
    assert list(errors) == ["features", "frozen", "top", "whole", "scratch"]
    assert max(error for scheme, error in errors.items() if scheme != "scratch") < errors["scratch"]
    frozen = re.findall(r"^(\S+): (\d+) of (\d+) buffers move; error (\S+)% → (\S+)%$", lesson.text, re.M)
    assert [line[:3] for line in frozen] == [("requires_grad_(False)", "57", "57"), ("nn.freeze", "0", "57")]
    assert frozen[1][3] == frozen[1][4]
    assert len(re.findall(r"^watched: \S+% wrong; new: \S+% wrong$", lesson.text, re.M)) == 1
    assert {path.name for path in lesson.out.iterdir()} == {
        "images.png", "nearest.png", "images-per-class.png", "features"
    }  # fmt: skip
    best = min(errors.values())
    assert lesson.text.splitlines()[-1].startswith(
        f"best: {min(errors, key=errors.get)}, {1 - best:.1%} right (MNIST, 40"
    )


@pytest.fixture(scope="module")
def simplenet(tmp_path_factory):
    return run("06_simplenet", tmp_path_factory.mktemp("lessons"))


@pytest.fixture(scope="module")
def vgg_style(tmp_path_factory):
    return run("12_vgg_style", tmp_path_factory.mktemp("lessons"))


@pytest.mark.deep
def test_simplenet_learns(simplenet):
    assert "the same network: 233,196 parameters, equal scores" in simplenet.text
    first_loss = float(re.search(r"^loss (\S+), ln 10 = 2.303$", simplenet.text, re.M)[1])
    assert first_loss == pytest.approx(np.log(10), abs=0.05)
    table = {
        name: float(re.search(rf"^{name} +(\S+) ", simplenet.text, re.M)[1]) for name in simplenet.record["results"]
    }
    counts = dict(re.findall(r"^(\S+) +\S+ +- +\S+ +(\S+)$", simplenet.text, re.M))
    assert counts == {"FC64": "50,890", "FC256-FC256": "269,322", "LeNet-5": "61,706", "SimpLeNet": "233,196"}
    assert set(table) == set(counts)
    for name, (result,) in simplenet.record["results"].items():
        assert table[name] == pytest.approx(100 * result["error"], abs=0.005)
    accuracy = float(re.search(r"^SimpLeNet reads (\S+)% of the held-out digits", simplenet.text, re.M)[1])
    assert accuracy == pytest.approx(100 - table["SimpLeNet"])
    assert accuracy > 70
    assert "(1,600 + 400 digits, a subset of MNIST)" in simplenet.text.splitlines()[-1]


@pytest.mark.deep
def test_softmax_twice_learns_and_cannot_get_far(simplenet):
    limits = re.search(r"^least loss: once (\S+), p = 0.91; twice (\S+), p = 0.23$", simplenet.text, re.M).groups()
    z = md.tensor(np.eye(10), requires_grad=True)  # the least loss by descent, where the lesson has a formula
    for number, due in enumerate(map(float, limits)):
        for _ in range(400):
            scores = z.softmax(1) if number else z
            loss = md.functional.cross_entropy(scores, md.arange(10), label_smoothing=0.1)
            (slope,) = md.grad(loss, [z])
            z = (z - 50 * slope).detach().requires_grad_()
        assert due == pytest.approx(loss.item(), abs=2e-3)
    once, twice = map(float, re.search(r"^held-out error: once (\S+)%, twice (\S+)%$", simplenet.text, re.M).groups())
    assert once < twice < 60


@pytest.mark.deep
def test_simplenet_leaves_pictures_and_its_weights(simplenet):
    pictures = {"digits.png", "curves.png", "twice.png", "confusion.png", "mistakes.png"}
    assert {path.name for path in simplenet.out.iterdir()} == pictures | {"simplenet.safetensors"}
    md.models.SimpLeNet().load_state_dict(md.load(simplenet.out / "simplenet.safetensors"), strict=True)


@pytest.mark.deep
def test_vgg_style_takes_the_first_data_set_that_can_be_had(vgg_style):
    found = re.findall(r"^(\w+-?\w*): data set not found$|^(MNIST)\(train", vgg_style.text, re.M)
    assert ["".join(names) for names in found] == ["cifar10", "fashion-mnist", "MNIST"]


@pytest.mark.deep
def test_vgg_style_learns(vgg_style):
    shares = dict(re.findall(r"^(augmented|as they are): (\S+)% of the test images are read", vgg_style.text, re.M))
    assert vgg_style.record["results"].keys() == shares.keys()
    for recipe, (result,) in vgg_style.record["results"].items():
        assert float(shares[recipe]) == pytest.approx(100 - 100 * result["error"], abs=0.005)
        assert len(result["learnt"]) == len(result["watched"]) == 2
        assert result["learnt"][1] < result["learnt"][0] < 0.9
    assert float(shares["as they are"]) > 50
    ending = f"{float(shares['augmented']):.2f}% right (1,440 + 160 + 400 images, a subset of MNIST); "
    assert vgg_style.text.splitlines()[-1].startswith(ending)
    assert {path.name for path in vgg_style.out.iterdir()} == {
        "images.png", "chance.png", "curves.png", "confusion.png", "mistakes.png", "maps.png", "channels.png"
    }  # fmt: skip


@pytest.mark.deep
def test_a_deep_vgg_without_batch_norm_stays_at_chance(vgg_style):
    found = re.findall(r"^(.+?) +images (\S+) apart at first; loss (\S+) at the end$", vgg_style.text, re.M)
    apart, loss = ({name: float(line[i]) for name, *line in found} for i in (0, 1))
    assert list(loss) == ["default", "He", "He, slower", "batch norm"]
    assert loss["default"] == pytest.approx(np.log(10), abs=0.03)
    assert loss["batch norm"] < 2.1
    assert apart["default"] < 1e-5 < 1e-3 < apart["He"] < 1e-1 < apart["batch norm"]


@pytest.mark.deep
def test_vgg16_has_its_parameters(vgg_style):
    assert "parameters: 138,357,544\n" in vgg_style.text
    assert "14,714,688 of 138,357,544 in convolutions, 74% on 25,088 features" in vgg_style.text


@pytest.mark.deep
def test_a_missing_pool_quadruples_the_features(vgg_style):
    assert "input is 1×6272, but its last size must be the second of weight 256×1152" in vgg_style.text
