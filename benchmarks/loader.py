"""Loaders by the number of their workers, beside PyTorch's; and how much of its time a training loop waits."""

from __future__ import annotations

import functools
import importlib
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import minidl as md
from benchmarks.case import Asked, Case, benchmark
from benchmarks.engines import Engine, Minidl, Work
from benchmarks.engines.engine import Lacking
from benchmarks.networks import problem
from minidl.data import transforms

BATCH = 128


class Arrays(md.data.Dataset):
    """Images that lie in memory as bytes, each made a float32 (C, H, W) by itself."""

    def __init__(self, n: int) -> None:
        self.images = np.random.default_rng(0).integers(0, 256, (n, 3, 32, 32), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return self.images[index] / np.float32(255), index % 10


class Photographs(Arrays):
    """JPEG images of 256×256, decoded by Pillow and made smaller."""

    def __init__(self, n: int) -> None:
        image = importlib.import_module("PIL.Image")
        rng = np.random.default_rng(0)
        self.images: Any = []
        for _ in range(n):
            stream = io.BytesIO()
            small = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            image.fromarray(small).resize((256, 256), image.Resampling.BILINEAR).save(stream, "JPEG")
            self.images.append(stream.getvalue())

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        with importlib.import_module("PIL.Image").open(io.BytesIO(self.images[index])) as image:
            pixels = np.asarray(image.convert("RGB").resize((64, 64)))
        return pixels.transpose(2, 0, 1) / np.float32(255), index % 10


SETS: dict[str, tuple[Callable[[int], Any], int]] = {
    "images in memory, 3×32×32": (Arrays, 10_000),
    "JPEG files, 256×256 to 64×64": (Photographs, 500),
}


@benchmark
def loader(asked: Asked) -> Iterator[Case]:
    """An epoch of a loader by its workers, and the share of a training loop in which it is waited for."""
    for name, (make, n) in SETS.items():
        n = 8 if asked.quick else n
        made = functools.cache(functools.partial(make, n))
        for workers in (0, 1, 2):
            processes = {"minidl, processes": functools.partial(epoch, made, workers, "fork")} if workers else {}
            title = f"{name}, {n} in batches of {BATCH}, {workers} workers"
            yield Case(title, functools.partial(epoch, made, workers, None), baselines=processes, repeats=5)
    for workers in (0, 1):
        yield Case(
            f"waiting of VGG-style for CIFAR-10's crops, flips and norms, {workers} workers",
            functools.partial(waiting, 2 if asked.quick else 12, 8 if asked.quick else BATCH, workers),
            unit="%",
            repeats=3,
        )


def epoch(made: Callable[[], Any], workers: int, context: str | None, engine: Engine) -> Work:
    """All batches once; their sums are right."""
    if isinstance(engine, Minidl):
        batches = md.data.DataLoader(made(), BATCH, num_workers=workers, multiprocessing_context=context)
    elif engine.name == "PyTorch":
        data = importlib.import_module("torch.utils.data")
        batches = data.DataLoader(made(), BATCH, num_workers=workers)
    else:
        raise Lacking("loader")

    def sums() -> list[np.ndarray]:
        return [np.array([float(images.sum()), float(labels.sum())]) for images, labels in batches]

    return Work(lambda: [None for _ in batches], sums)


def waiting(steps: int, batch: int, workers: int, engine: Engine) -> Work:
    """Percent of a training loop's time that goes by in the loader."""
    if not isinstance(engine, Minidl):
        raise Lacking("loop of its own here")
    model, images, targets = problem("VGG-style", batch)
    augment = transforms.Compose([
        transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(),
        transforms.Normalize([0.49, 0.48, 0.45], [0.25, 0.24, 0.26]),
    ])  # fmt: skip
    pairs = md.data.TensorDataset(np.tile(images, (steps, 1, 1, 1)), np.tile(targets, steps))
    batches = md.data.DataLoader(pairs.with_transform(augment), batch, shuffle=True, num_workers=workers)
    network = engine.translate(model)
    optimizer = md.optim.Adam(network.parameters())

    def share() -> float:
        waited, started = 0.0, time.perf_counter()
        rest = iter(batches)
        for _ in range(len(batches)):
            asked = time.perf_counter()
            x, y = next(rest)
            waited += time.perf_counter() - asked
            optimizer.zero_grad()
            md.functional.cross_entropy(network(x), y).backward()
            optimizer.step()
        return 100 * waited / (time.perf_counter() - started)

    return Work(share)
