"""``minidl evaluate`` and ``minidl predict``: how right trained weights are, and what they see in pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from minidl.backend.modes import no_grad
from minidl.commands.arguments import add_device, number
from minidl.commands.images import found, opened, require_classes
from minidl.commands.trained import load
from minidl.data import DataLoader
from minidl.functional import softmax
from minidl.nn import CrossEntropyLoss
from minidl.train import Trainer
from minidl.train.metrics import Accuracy

EVALUATE = """examples:
  minidl evaluate runs/a
      on the test images of the data that it was trained with
  minidl evaluate runs/a/weights.safetensors --data photos
      on those of a folder: of photos/test/cat, photos/test/dog, …, or on a fifth of photos/cat, …"""
PREDICT = """examples:
  minidl predict runs/a photo.png
  minidl predict weights.safetensors *.jpg --top 1"""


def add_evaluate(parser: argparse.ArgumentParser) -> None:
    """What ``minidl evaluate`` may be told."""
    parser.epilog = EVALUATE
    parser.add_argument("weights", metavar="RUN", type=Path, help="the folder of a run, or its weights.safetensors")
    parser.add_argument("--data", help="a data set, or a folder of pictures by class (default: what it learnt from)")
    parser.add_argument("--batch-size", type=number(int, 1), default=250, help="images at once (default: 250)")
    add_device(parser)


def evaluate(asked: argparse.Namespace) -> int:
    """Print the loss and the accuracy of weights on images that are held out."""
    model, trained = load(asked.weights)
    where = asked.data or trained.data
    _, held_out = found(where, trained.size)
    require_classes(where, held_out.classes, trained.classes)
    images = held_out.with_transform(trained.prepare())
    trainer = Trainer(model, CrossEntropyLoss(), metrics=[Accuracy()], device=asked.device)
    numbers = trainer.evaluate(DataLoader(images, asked.batch_size))
    print(f"{trained.network}, {len(images):,} images of {where}: loss {numbers['loss']:.4f}, ", end="")
    print(f"accuracy {numbers['accuracy']:.2%}")
    return 0


def add_predict(parser: argparse.ArgumentParser) -> None:
    """What ``minidl predict`` may be told."""
    parser.epilog = PREDICT
    parser.add_argument("weights", metavar="RUN", type=Path, help="the folder of a run, or its weights.safetensors")
    parser.add_argument("pictures", metavar="PICTURE", type=Path, nargs="+", help="any that Pillow opens")
    parser.add_argument("--top", type=number(int, 1), default=5, help="how many classes to show (default: 5)")
    add_device(parser)


def predict(asked: argparse.Namespace) -> int:
    """Print the likeliest classes of pictures."""
    model, trained = load(asked.weights)
    model.to(asked.device).eval()
    width, prepared = max(map(len, trained.classes)), trained.prepare()
    for path in asked.pictures:
        image = opened(path, prepared)
        with no_grad():
            shares = softmax(model(image.to(asked.device)), 1)[0].numpy()
        print(path)
        for label in (-shares).argsort(kind="stable")[: asked.top]:
            print(f"  {trained.classes[label]:{width}}  {shares[label]:7.2%}")
    return 0
