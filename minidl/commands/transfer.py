"""``minidl transfer``: weights of many images, for the few that somebody has."""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from minidl.backend.random import Generator, manual_seed
from minidl.commands import trained as runs
from minidl.commands.arguments import add_device, names, number, size
from minidl.commands.images import Fit, Size, found, place, some, spread
from minidl.commands.networks import built, find
from minidl.commands.ranks import started
from minidl.commands.recipe import AUGMENTATIONS, augmentations
from minidl.commands.trained import WEIGHTS, Trained
from minidl.data import DataLoader, Subset, TensorDataset, labels_of, random_split
from minidl.files import beside
from minidl.models import get_classifier, get_model, get_weight, list_weights, reset_classifier
from minidl.nn import CrossEntropyLoss, Module
from minidl.ops.from_data import tensor
from minidl.ops.joining import cat
from minidl.train import Trainer, transfer
from minidl.train.metrics import Accuracy

RESULTS = "transfer.json"
OPTIONS = ("epochs", "lr", "fine_tuning_epochs", "fine_tuning_lr", "top", "batch_size")  # of transfer.fit
DESCRIPTION = """learn to tell a few hundred images apart, with what a network has learned from many

Schemes, from cheap to thorough; validation images decide which one serves, test images are looked at last:
  features  what the network makes of each image is computed once, and kept; a new head learns from that alone
  frozen    the network stands frozen before the head: slower, but images can be augmented (--augment)
  top       the head as in features; then the last blocks (--top) learn on, too, at small rates
  whole     the same of all blocks, the nearer to the input the slower
  scratch   the same network without its weights: the control, which shows what they are worth"""
EXAMPLES = """examples:
  minidl transfer --weights efficientnet-lite0 --images photos --out runs/pets
      photos/cat/1.png, photos/dog/2.jpg, …: a fifth of each class is held out to test on
  minidl transfer --weights efficientnet-lite0 --images photos --out runs/all --scheme all --seeds 3
      all five schemes, three times each, as a table of errors and seconds
  minidl transfer --weights resnet20 --images cifar10 --classes cat,dog --samples 400 --out runs/small
      of a data set by its name, two classes and 400 images alone
  minidl predict runs/pets new.jpg
      what the best of the networks sees in a picture

Weights are found in the folder that MINIDL_WEIGHTS names, in the user's cache, or on the Hugging Face hub; those of a
run of `minidl train` serve, too. OUT/weights.safetensors is the network with the lowest loss on validation images."""


def add(parser: argparse.ArgumentParser) -> None:
    """What ``minidl transfer`` may be told."""
    parser.description, parser.epilog = DESCRIPTION, EXAMPLES
    networks = ", ".join(sorted({name.partition(".")[0] for name in list_weights()}))
    parser.add_argument("--weights", required=True, metavar="NAME", help=f"{networks}; or the folder of a run")
    parser.add_argument("--images", required=True, help="a folder of pictures by class, or a data set (cifar10, …)")
    parser.add_argument("--out", required=True, type=Path, help="the folder for the network, features and results")
    parser.add_argument(
        "--scheme", choices=[*transfer.SCHEMES, "all"], nargs="+", default=["features"], metavar="SCHEME",
        help="one or more of those above, or all (default: features)",
    )  # fmt: skip
    parser.add_argument("--seeds", type=number(int, 1), default=1, metavar="N", help="how often, each time split anew")
    parser.add_argument("--classes", type=lambda text: text.split(","), metavar="A,B,…", help="these classes alone")
    parser.add_argument(
        "--samples",
        type=number(int, 4),
        default=400,
        metavar="N",
        help="to learn from, at most as many to test on (default: 400)",
    )
    parser.add_argument("--input", type=size, metavar="C,H,W", help="size to bring images to (default: the weights')")
    some = names(AUGMENTATIONS)
    parser.add_argument("--augment", type=some, metavar="NAME,…", help=f"but in features: {', '.join(AUGMENTATIONS)}")
    parser.add_argument("--epochs", type=number(int, 1), default=30, help="of the head, or from scratch (default: 30)")
    parser.add_argument("--fine-tuning-epochs", type=number(int, 1), default=10, metavar="N", help="default: 10")
    parser.add_argument("--lr", type=number(float, 0, open_end=True), default=1e-3, help="default: 0.001")
    parser.add_argument("--fine-tuning-lr", type=number(float, 0, open_end=True), default=1e-4, help="default: 0.0001")
    parser.add_argument("--top", type=number(int, 1), default=4, help="blocks that learn in top (default: 4)")
    parser.add_argument("--batch-size", type=number(int, 1), default=32, help="images of a step (default: 32)")
    add_device(parser)


@dataclass
class Experiment:
    """A network that has learned, what its copies are to become, and images for them."""

    asked: argparse.Namespace
    model: Module
    trained: Trained
    pool: TensorDataset  # to learn from and to validate on
    held_out: int  # of these
    test: TensorDataset

    def run(self, scheme: str, seed: int) -> tuple[Module, dict[str, Any]]:
        """What becomes of a copy by a scheme, and how right it is."""
        asked, labels = self.asked, labels_of(self.pool)
        lengths = [len(self.pool) - self.held_out, self.held_out]
        learnt, validation = random_split(self.pool, lengths, Generator().manual_seed(seed), stratify=labels)
        manual_seed(seed)
        classes = len(self.trained.classes)
        if scheme == "scratch":
            network = built(self.trained.network, self.trained.size, classes)
        else:
            network = reset_classifier(copy.deepcopy(self.model), classes)
        augmented = None
        if asked.augment and scheme != "features":
            augment = augmentations(asked.augment, *self.trained.size[1:])
            augmented = learnt.with_transform(self.trained.prepare(augment))
        plain = self.trained.prepare()
        test = self.test.with_transform(plain)
        options = {name: getattr(asked, name) for name in OPTIONS}
        started, worked = time.perf_counter(), time.process_time()
        network.to(asked.device)
        parts = [part.with_transform(plain) for part in (learnt, validation)]
        cache = asked.out / "features"
        histories = transfer.fit(network, scheme, *parts, augmented_data=augmented, cache=cache, **options)
        seconds, processor = time.perf_counter() - started, time.process_time() - worked
        judged: Module = network
        judging: Any = (parts[1], test)
        if scheme == "features":
            judged = get_classifier(network)
            judging = tuple(TensorDataset(*transfer.features(network, part, cache)) for part in judging)
        judge = Trainer(judged, CrossEntropyLoss(), metrics=[Accuracy()])
        seen, unseen = (judge.evaluate(part, batch_size=asked.batch_size) for part in judging)
        return network, {
            "scheme": scheme,
            "seed": seed,
            "validation_loss": seen["loss"],
            "validation_error": 1 - seen["accuracy"],
            "test_error": 1 - unseen["accuracy"],
            "seconds": seconds,
            "processor_seconds": processor,  # of all threads
            "epochs": [len(history["loss"]) for history in histories],
        }


def run(asked: argparse.Namespace) -> int:
    """Let the network learn by each scheme, with each seed; print a table of what came of it."""
    if started().size > 1:
        raise RuntimeError("transfer runs in one process; leave mpiexec out")
    if asked.out.is_file():
        raise FileExistsError(f"--out {asked.out}: a file; give a folder")
    if (asked.out / RESULTS).exists():
        raise FileExistsError(f"--out {asked.out}: there are results; give another folder")
    schemes = list(transfer.SCHEMES) if "all" in asked.scheme else list(dict.fromkeys(asked.scheme))
    if asked.augment and schemes == ["features"]:
        raise ValueError("--augment: in features images are seen once; give --scheme frozen, top or another")
    if asked.classes and len(set(asked.classes)) < len(asked.classes):
        raise ValueError(f"--classes {','.join(asked.classes)}: a class is named twice")
    experiment = prepared(asked)
    asked.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for scheme, seed in itertools.product(schemes, range(asked.seeds)):
        network, row = experiment.run(scheme, seed)
        print(f"{scheme:8}  seed {seed}: test error {row['test_error']:6.2%}, {row['seconds']:,.1f} s", flush=True)
        if all(row["validation_loss"] < other["validation_loss"] for other in rows):
            experiment.trained.save(network, asked.out / WEIGHTS)
        rows.append(row)
        with beside(asked.out / RESULTS) as part:
            part.write_text(json.dumps({"asked": said(asked), "rows": rows}, indent=1), "utf-8")
    print(table(rows))
    best = min(rows, key=lambda row: row["validation_loss"])
    print(
        f"{asked.out / WEIGHTS}: {best['scheme']}, seed {best['seed']}, which did best on validation images: "
        f"{best['test_error']:.2%} of the test images wrong"
    )
    return 0


def prepared(asked: argparse.Namespace) -> Experiment:
    """The network and the images that were asked for; says how many there are."""
    model, trained = learned(asked.weights)
    size = asked.input or trained.size
    if size[0] != trained.size[0]:
        fits = ",".join(map(str, (trained.size[0], *size[1:])))
        raise ValueError(
            f"--input {','.join(map(str, size))}: {trained.network} takes images of {trained.size[0]} channels; "
            f"--input {fits} serves for images in gray, and in colours"
        )
    parts = found(asked.images, size, "--images")
    known = list(parts[0].classes)
    classes = asked.classes or known
    if missing := [name for name in classes if name not in known]:
        raise ValueError(f"--classes: there is no {missing[0]!r} in {asked.images}, there are {some(known)}")
    if len(classes) < 2:
        raise ValueError(f"--classes: expected two or more, got {','.join(classes)}")
    trained = replace(trained, size=size, classes=tuple(classes), data=place(asked.images))
    labels = {known.index(name): label for label, name in enumerate(classes)}
    pool, test = (loaded(part, labels, asked.samples, size) for part in parts)
    if (least := np.bincount(labels_of(pool), minlength=len(classes)).min()) < 4:
        raise ValueError(f"--images {asked.images}: a class has {least} images to learn from, expected four or more")
    held_out = max(len(classes), len(pool) // 4)
    print(
        f"{trained.network}: {len(pool) - held_out:,} images of {asked.images} to learn from, {held_out:,} to "
        f"validate on, {len(test):,} to test on; {some(classes)}"
    )
    return Experiment(asked, model, trained, pool, held_out, test)


def learned(weights: str) -> tuple[Module, Trained]:
    """The network of weights by their name, in which ``-`` stands for ``_``, or of a run; and what it is of."""
    if Path(weights).exists():
        return runs.load(Path(weights))
    name = weights.replace("-", "_")
    network = name.partition(".")[0]
    channels, height, width = find(network).input_size
    own = list_weights(network)
    if not own:
        raise ValueError(f"--weights {weights}: none are known of {network}; a folder of a run serves, too")
    chosen = name if "." in name else own[0]
    known = get_weight(chosen)
    size = (channels, known.crop or height, known.crop or width)
    trained = Trained(network, size, known.classes, known.mean, known.std, known.data, known.bgr)
    return get_model(network, weights=chosen), trained


def loaded(dataset: Any, labels: dict[int, int], samples: int, size: Size) -> TensorDataset:
    """At most so many images of a data set, spread over those with some labels, which get new ones: in memory."""
    given = labels_of(dataset)
    chosen = np.flatnonzero(np.isin(given, list(labels)))
    chosen = chosen[np.argsort(given[chosen], kind="stable")]
    part = spread(Subset(dataset, chosen), samples)
    batches = list(DataLoader(part.with_transform(Fit(size)), 50))
    new = [labels[label] for _, targets in batches for label in targets.tolist()]
    return TensorDataset(cat([images for images, _ in batches]), tensor(np.array(new, np.int64)))


def table(rows: list[dict[str, Any]]) -> str:
    """Of each scheme the mean of its errors, the deviation between seeds, and its seconds."""
    lines = ["scheme    validation error   test error         seconds"]
    for scheme in dict.fromkeys(row["scheme"] for row in rows):
        own = [row for row in rows if row["scheme"] == scheme]
        errors = [spread_of([row[name] for row in own]) for name in ("validation_error", "test_error")]
        seconds = np.mean([row["seconds"] for row in own])
        lines.append(f"{scheme:8}  {errors[0]:17}  {errors[1]:17}  {seconds:7,.1f}")
    return "\n".join(lines)


def spread_of(shares: list[float]) -> str:
    """The mean of shares in percent, and their deviation where there are several."""
    mean = f"{np.mean(shares):6.2%}"
    return f"{mean} ± {np.std(shares, ddof=1):.2%}" if len(shares) > 1 else mean


def said(asked: argparse.Namespace) -> dict[str, Any]:
    """What a run was told, as JSON keeps it."""
    left_out = ("command", "run", "debug", "out")
    return {name: value for name, value in vars(asked).items() if name not in left_out}
