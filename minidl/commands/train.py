"""``minidl train``: a network learns from images, in a folder from which it can go on."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from minidl import optim
from minidl.backend import dims
from minidl.backend.random import manual_seed
from minidl.commands.arguments import add_device, number, size
from minidl.commands.images import Size, found, measured, prepare, spread
from minidl.commands.interrupt import Interruptible
from minidl.commands.networks import find
from minidl.commands.trained import WEIGHTS, Trained
from minidl.data import DataLoader, TransformedDataset
from minidl.files import beside
from minidl.nn import CrossEntropyLoss
from minidl.train import Checkpoints, Trainer
from minidl.train.callbacks import BackupAndRestore, TerminateOnNaN
from minidl.train.metrics import Accuracy

OPTIMIZERS: dict[str, tuple[Any, float, dict[str, Any]]] = {  # each with its learning rate, and what else it is given
    "adam": (optim.Adam, 1e-3, {}),
    "adamw": (optim.AdamW, 1e-3, {}),
    "nadam": (optim.NAdam, 2e-3, {}),
    "rmsprop": (optim.RMSprop, 1e-3, {}),
    "sgd": (optim.SGD, 0.05, {"momentum": 0.9}),
}
DEFAULTS = dict(epochs=10, batch_size=128, optimizer="adam", seed=0, workers=0, device="cpu")
BEGUN = "run.json"  # what a run was begun with
SETTINGS = ("network", "data", "batch_size", "optimizer", "lr", "input", "samples", "seed")  # which stay as they are
OTHERS = ("epochs", "workers", "save_every", "device")  # which may differ when it goes on
EXAMPLES = """examples:
  minidl train simplenet --data mnist --out runs/a
      learn digits, test after each epoch, and leave runs/a/weights.safetensors
  minidl train vgg-style --data cifar10 --epochs 30 --optimizer sgd --lr 0.05 --out runs/b --resume
      go on with a run that was stopped, to the bit; or for more epochs than it had
  minidl train vgg-style --data photos --out runs/c
      photos/cat/1.png, photos/dog/2.jpg, …: the first fifth of each class is held out to test on

Ctrl-C saves everything, and says how to go on; a second one stops at once."""


def add(parser: argparse.ArgumentParser) -> None:
    """What ``minidl train`` may be told."""
    parser.epilog = EXAMPLES
    parser.add_argument("network", metavar="NETWORK", help="such as simplenet; `minidl summary NAME` shows one")
    parser.add_argument("--data", required=True, help="mnist, fashion-mnist, cifar10, or a folder of pictures by class")
    parser.add_argument("--out", required=True, type=Path, help="the folder of the run")
    parser.add_argument("--epochs", type=number(int, 1), help="how often it sees each image (default: 10)")
    parser.add_argument("--batch-size", type=number(int, 1), help="images of a step (default: 128)")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, help="default: adam")
    rates = ", ".join(f"{rate:g} for {name}" for name, (_, rate, _) in OPTIMIZERS.items())
    parser.add_argument("--lr", type=number(float, 0, open_end=True), help=f"learning rate (default: {rates})")
    parser.add_argument("--input", type=size, metavar="C,H,W", help="size to bring images to (default: the network's)")
    parser.add_argument("--samples", type=number(int, 1), help="learn from so many images alone (default: from all)")
    parser.add_argument("--seed", type=number(int, 0), help="of all that is random (default: 0)")
    parser.add_argument("--workers", type=number(int, 0), help="that load images ahead (default: 0)")
    parser.add_argument("--save-every", type=number(int, 1), metavar="N", help="batches (default: an epoch's)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    add_device(parser)
    parser.set_defaults(**DEFAULTS)


def run(asked: argparse.Namespace) -> int:
    """Train, or go on; returns the exit code: 130 if it was interrupted."""
    require_place(asked)
    trained, learnt, held_out = learning(asked)
    manual_seed(asked.seed)
    model = trained.build().to(asked.device)
    kind, rate, options = OPTIMIZERS[asked.optimizer]
    optimizer = kind(model.parameters(), lr=asked.lr or rate, **options)
    trainer = Trainer(model, CrossEntropyLoss(), optimizer, [Accuracy()])
    checkpoints = Checkpoints(asked.out / "checkpoints")
    backup = BackupAndRestore(checkpoints, asked.save_every or "epoch", delete_checkpoint=False)
    callbacks = [TerminateOnNaN(raise_error=True), backup, Interruptible(backup)]
    batches = DataLoader(learnt, asked.batch_size, shuffle=True, num_workers=asked.workers)
    test = DataLoader(held_out, asked.batch_size, num_workers=asked.workers)
    print(f"{asked.network}: {len(learnt):,} images of {asked.data} to learn from, {len(held_out):,} to test on")
    if not asked.resume:
        begin(asked)
    stopped = False
    try:
        trainer.fit(batches, epochs=asked.epochs, validation_data=test, callbacks=callbacks)
    except KeyboardInterrupt:
        stopped = True
    trained.save(model, asked.out / WEIGHTS)
    if stopped:
        print(f"\nminidl: stopped; go on with\n  {again(asked)}", file=sys.stderr)
        return 130
    trainer.history.to_csv(asked.out / "history.csv")
    print(f"{asked.out / WEIGHTS}: {trainer.history['val_accuracy'][-1]:.2%} of the test images right")
    return 0


def learning(asked: argparse.Namespace) -> tuple[Trained, TransformedDataset, TransformedDataset]:
    """What there will be weights of, and the images to learn from and to test on, as the network sees them."""
    size = image_size_of(asked.network, asked.input)
    learnt, held_out = found(asked.data, size)
    classes = tuple(learnt.classes)
    if asked.samples:
        learnt = spread(learnt, asked.samples)
    mean, std = measured(learnt, size)
    seen = prepare(size, mean, std)
    trained = Trained(asked.network, size, classes, mean, std, asked.data)
    return trained, learnt.with_transform(seen), held_out.with_transform(seen)


def image_size_of(network: str, asked: Size | None) -> Size:
    """The size to bring images to; ValueError for a network that takes no images."""
    size = asked or find(network).input_size
    if len(size) != 3 or size[0] not in (1, 3):
        raise ValueError(f"{network} takes {dims(size)}, no images")
    channels, height, width = size
    return channels, height, width


def require_place(asked: argparse.Namespace) -> None:
    """Raise OSError or ValueError unless a run can begin in its folder, or go on there with the same settings."""
    if not asked.resume:
        if (asked.out / BEGUN).exists():
            raise FileExistsError(
                f"--out {asked.out}: there is a run; --resume goes on with it, or give another folder"
            )
        return
    begun = settings(asked.out / BEGUN)
    wanted = {name: plain(getattr(asked, name)) for name in SETTINGS}
    if other := [name for name in SETTINGS if begun.get(name) != wanted[name]]:
        said = ", ".join(f"{option(name)} {begun.get(name)}, not {wanted[name]}" for name in other)
        raise ValueError(f"--resume: {asked.out} was begun with {said}; say the same, or begin another --out")


def begin(asked: argparse.Namespace) -> None:
    """Write down what a run is begun with."""
    asked.out.mkdir(parents=True, exist_ok=True)
    with beside(asked.out / BEGUN) as part:
        part.write_text(json.dumps({name: getattr(asked, name) for name in (*SETTINGS, *OTHERS)}, indent=2), "utf-8")


def settings(path: Path) -> dict[str, Any]:
    """What a run was begun with."""
    if not path.is_file():
        raise FileNotFoundError(f"--resume: no {path}; leave --resume out to begin there")
    try:
        begun = json.loads(path.read_text("utf-8"))
        if not isinstance(begun, dict):
            raise ValueError("no settings")
        return begun
    except ValueError as error:
        raise ValueError(f"--resume: {path} is damaged: {error}") from error


def plain(value: Any) -> Any:
    """A value as JSON gives it back."""
    return json.loads(json.dumps(value))


def option(name: str) -> str:
    """How a setting is called on the command line."""
    return name if name == "network" else f"--{name.replace('_', '-')}"


def again(asked: argparse.Namespace) -> str:
    """The command that goes on with a run."""
    words = ["minidl", "train", asked.network]
    for name in (*SETTINGS[1:], *OTHERS, "out"):
        value = getattr(asked, name)
        if value != DEFAULTS.get(name):
            words += [option(name), ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]
    return shlex.join([*words, "--resume"])
