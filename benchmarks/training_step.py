"""A training step of SimpLeNet, minidl beside PyTorch: ``python -m benchmarks.training_step``.

Forward, cross-entropy, backward and Adam on a batch of 128, float32. Both take turns in one process, with an untimed
step before each timed one, since the other's threads still spin; the medians and their ratio are printed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import minidl as md

BATCH = 128


def minidl_step(images: np.ndarray, labels: np.ndarray) -> Callable[[], float]:
    """A step of minidl, which returns the loss."""
    network = md.models.SimpLeNet()
    optimizer = md.optim.Adam(network.parameters())
    return step_of(network, optimizer, md.functional.cross_entropy, md.from_numpy(images), md.from_numpy(labels))


def torch_step(images: np.ndarray, labels: np.ndarray, channels_last: bool = False) -> Callable[[], float]:
    """The same step of PyTorch, by default or with its channels-last layout."""
    import torch
    from torch import nn

    features = nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.ReLU()
    )
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, 10))
    network = nn.Sequential(features, classifier)
    x, y = torch.from_numpy(images), torch.from_numpy(labels)
    if channels_last:
        network, x = network.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    return step_of(network, torch.optim.Adam(network.parameters()), nn.functional.cross_entropy, x, y)


def step_of(network: Any, optimizer: Any, cross_entropy: Any, x: Any, y: Any) -> Callable[[], float]:
    """The training step itself, word for word the same for both."""

    def step() -> float:
        optimizer.zero_grad()
        loss = cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def medians(steps: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """The median seconds of each step, all taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            step()
            started = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    """Time the steps and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=30)
    rng = np.random.default_rng(0)
    images, labels = rng.random((BATCH, 1, 28, 28), np.float32), rng.integers(0, 10, BATCH)
    steps = {"minidl": minidl_step(images, labels)}
    try:
        steps["PyTorch"] = torch_step(images, labels)
        steps["PyTorch, channels last"] = torch_step(images, labels, channels_last=True)
    except ImportError:
        print("PyTorch is not installed, so it is left out: pip install 'minidl[peers]'")
    table = medians(steps, parser.parse_args().repeats)
    for name, seconds in table.items():
        print(f"{name:24}{1e3 * seconds:8.1f} ms   minidl takes {table['minidl'] / seconds:.2f} × its time")


if __name__ == "__main__":
    main()
