"""``minidl train``: a network learns from images, in a folder from which it can go on."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from minidl.backend import dims
from minidl.backend.random import manual_seed
from minidl.commands.arguments import add_device, names, number, size
from minidl.commands.images import Size, found, measured, place, prepare, require_classes, spread
from minidl.commands.interrupt import Interruptible
from minidl.commands.networks import find
from minidl.commands.ranks import device_of_rank, first_alone, parallel, part, started
from minidl.commands.recipe import AUGMENTATIONS, OPTIMIZERS, SCHEDULES, augmentations, optimizer_of
from minidl.commands.settings import BEGUN, NAMES, Run, Settings, begun, going_on
from minidl.commands.trained import WEIGHTS, Trained
from minidl.data import DataLoader
from minidl.distributed import DistributedSampler
from minidl.distributed.group import joined
from minidl.distributed.parallel import bare
from minidl.nn import CrossEntropyLoss
from minidl.train import Checkpoints, Trainer
from minidl.train.batches import share
from minidl.train.callbacks import BackupAndRestore, TerminateOnNaN
from minidl.train.metrics import Accuracy

EXAMPLES = """examples:
  minidl train simplenet --data mnist --out runs/a
      learn digits, test after each epoch, and leave runs/a/weights.safetensors
  minidl train vgg-style --data cifar10 --augment crop,flip --optimizer sgd --schedule one-cycle --out runs/b
      each image moved and mirrored anew in each epoch, the learning rate up and down once
  minidl train vgg-style --data photos --out runs/c
      photos/cat/1.png, photos/dog/2.jpg, …: the first fifth of each class is held out to test on
  minidl train --out runs/b --resume
      go on with a run that was stopped, with all that it was told, to the bit
  minidl train --out runs/a --resume --epochs 20
      or for more epochs than it had
  mpiexec -n 4 minidl train vgg-style --data cifar10 --out runs/d
      four processes, each with a quarter of every batch; any other number may go on (extra mpi)

Ctrl-C saves everything, and says how to go on; a second one stops at once.
The exit code is 0 when all is done, 1 after an error, 2 for a command that can't be, 130 after Ctrl-C."""


def add(parser: argparse.ArgumentParser) -> None:
    """What ``minidl train`` may be told. What is not told is None: a run that goes on has it on record."""
    parser.epilog = f"{EXAMPLES}\n\naugmentations:\n{listed(AUGMENTATIONS)}\n\nschedules:\n{listed(SCHEDULES)}"
    parser.add_argument("network", metavar="NETWORK", nargs="?", help="such as simplenet (see minidl summary)")
    parser.add_argument("--out", required=True, type=Path, help="the folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out, as it was told to be")
    parser.add_argument("--epochs", type=number(int, 1), help="how often it sees each image (default: 10)")
    parser.add_argument("--seed", type=number(int, 0), help="of all that is random (default: 0)")
    parser.add_argument("--save-every", type=number(int, 1), metavar="N", help="batches (default: an epoch's)")
    add_device(parser)
    images = parser.add_argument_group("images")
    images.add_argument("--data", help="mnist, fashion-mnist, cifar10, or a folder of pictures by class")
    images.add_argument("--input", type=size, metavar="C,H,W", help="size to bring images to (default: the network's)")
    images.add_argument("--samples", type=number(int, 1), help="learn from so many images alone (default: from all)")
    some = names(AUGMENTATIONS)
    images.add_argument("--augment", type=some, metavar="NAME,…", help="change images as they are learnt from: below")
    images.add_argument("--workers", type=number(int, 0), help="that load images ahead (default: 0)")
    steps = parser.add_argument_group("steps")
    steps.add_argument("--batch-size", type=number(int, 1), help="images of a step, of all ranks (default: 128)")
    steps.add_argument("--optimizer", choices=OPTIMIZERS, help="default: adam")
    rates = ", ".join(f"{rate:g} for {name}" for name, (_, rate, _, _) in OPTIMIZERS.items())
    steps.add_argument("--lr", type=number(float, 0, open_end=True), help=f"learning rate (default: {rates})")
    steps.add_argument("--weight-decay", type=number(float, 0), help="default: 0.01 for adamw, 0 for others")
    steps.add_argument("--schedule", choices=SCHEDULES, help="of the learning rate: below")
    parser.set_defaults(device=None, refuse=parser.error)


def listed(known: dict[str, tuple[str, Any]]) -> str:
    """Names, each with what is said of it, on a line."""
    return "\n".join(f"  {name:9}  {said}" for name, (said, _) in known.items())


def run(asked: argparse.Namespace) -> int:
    """Train, or go on; returns the exit code: 130 if it was interrupted."""
    given = {name: value for name in NAMES if (value := getattr(asked, name)) is not None}
    if "data" in given:
        given["data"] = place(given["data"])
    group = started()
    this, learnt, held_out = first_alone(lambda: (resumed if asked.resume else fresh)(asked, given))
    trainer, batches, test = trainer_of(this, learnt, held_out)
    settings, checkpoints = this.settings, Checkpoints(asked.out / "checkpoints")
    if group.rank == 0:
        images = f"{len(learnt):,} images of {settings.data} to learn from, {len(held_out):,} to test on"
        print(f"{settings.network}: {images}", flush=True)
        this.write(asked.out)
    backup = BackupAndRestore(checkpoints, settings.save_every or "epoch", delete_checkpoint=False)
    callbacks = [TerminateOnNaN(raise_error=True), backup, Interruptible(backup)]
    stopped = False
    try:
        trainer.fit(batches, epochs=settings.epochs, validation_data=test, callbacks=callbacks)
    except KeyboardInterrupt:
        stopped = True
    if group.rank:
        return 130 if stopped else 0
    this.trained.save(bare(trainer.model), asked.out / WEIGHTS)
    if stopped:
        ranks = ["mpiexec", "-n", str(group.size)] if group.size > 1 else []
        again = shlex.join([*ranks, "minidl", "train", "--out", str(asked.out), "--resume"])
        print(f"\nminidl: stopped; go on with\n  {again}", file=sys.stderr)
        return 130
    trainer.history.to_csv(asked.out / "history.csv")
    print(f"{asked.out / WEIGHTS}: {trainer.history['val_accuracy'][-1]:.2%} of the test images right")
    return 0


def fresh(asked: argparse.Namespace, given: dict[str, Any]) -> tuple[Run, Any, Any]:
    """A run that begins, the images to learn from, and those to test on."""
    if missing := [name for name in ("network", "data") if name not in given]:
        said = ", ".join({"network": "NETWORK", "data": "--data"}[name] for name in missing)
        asked.refuse(f"the following arguments are required: {said} (but for --resume)")
    if asked.out.is_file():
        raise FileExistsError(f"--out {asked.out}: a file; give a folder")
    if (asked.out / BEGUN).exists():
        raise FileExistsError(f"--out {asked.out}: there is a run; --resume goes on with it, or give another folder")
    size = image_size_of(given["network"], given.get("input"))
    _, rate, decay, _ = OPTIMIZERS[given.get("optimizer", Settings.optimizer)]
    told: dict[str, Any] = {"input": size, "lr": rate, "weight_decay": decay} | given
    settings = Settings(**told)
    learnt, held_out, classes = images(settings)
    trained = Trained(settings.network, size, classes, *measured(learnt, size), settings.data)
    return Run(settings, trained, len(learnt)), learnt, held_out


def resumed(asked: argparse.Namespace, given: dict[str, Any]) -> tuple[Run, Any, Any]:
    """A run that goes on, the images to learn from, and those to test on."""
    known = begun(asked.out)
    settings = going_on(known.settings, given, asked.out)
    learnt, held_out, classes = images(settings)
    require_classes(settings.data, classes, known.trained.classes)
    if len(learnt) != known.images:
        raise ValueError(
            f"--resume: {settings.data} has {len(learnt):,} images to learn from, and {asked.out} was begun with "
            f"{known.images:,}; bring them back, or begin another --out"
        )
    return replace(known, settings=settings), learnt, held_out


def images(settings: Settings) -> tuple[Any, Any, tuple[str, ...]]:
    """The images to learn from, those to test on, and their classes."""
    learnt, held_out = found(settings.data, settings.input)
    classes = tuple(learnt.classes)
    return spread(learnt, settings.samples) if settings.samples else learnt, held_out, classes


def image_size_of(network: str, asked: Size | None) -> Size:
    """The size to bring images to; ValueError for a network that takes no images."""
    size = asked or find(network).input_size
    if len(size) != 3 or size[0] not in (1, 3):
        raise ValueError(f"{network} takes {dims(size)}, no images")
    channels, height, width = size
    return channels, height, width


def trainer_of(this: Run, learnt: Any, held_out: Any) -> tuple[Trainer, DataLoader, DataLoader]:
    """What trains, on which batches, and on which it is tested."""
    settings, trained = this.settings, this.trained
    size, mean, std = trained.size, trained.mean, trained.std
    manual_seed(settings.seed)
    model = parallel(trained.build().to(device_of_rank(settings.device)))
    optimizer = optimizer_of(model, settings.optimizer, settings.lr, settings.weight_decay)
    augmented = learnt.with_transform(prepare(size, mean, std, augmentations(settings.augment, *size[1:])))
    plain = held_out.with_transform(prepare(size, mean, std))
    rows, workers = part(settings.batch_size), settings.workers
    group = joined()
    sampler = DistributedSampler(augmented, group.size, group.rank, seed=settings.seed)
    batches = DataLoader(augmented, rows, sampler=sampler, num_workers=workers)
    test = DataLoader(plain, rows, sampler=share(plain), num_workers=workers)
    schedule = SCHEDULES[settings.schedule][1](optimizer, settings.lr, settings.epochs * len(batches))
    loss, metrics = CrossEntropyLoss(), [Accuracy()]
    trainer = Trainer(model, loss, optimizer, metrics, scheduler=schedule, scheduler_interval="step")
    return trainer, batches, test
