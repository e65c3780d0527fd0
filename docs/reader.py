"""The page on which one draws a digit, for the front page: SimpLeNet, trained while the site is built."""

from __future__ import annotations

import math
from pathlib import Path

import minidl as md
from minidl import draw
from minidl import functional as F

EPOCHS, RATE = 6, 2e-3


def trained(train: md.data.Dataset) -> md.nn.Module:
    """SimpLeNet after a few epochs of lesson 06's training; the same in each build."""
    md.manual_seed(1)
    network = md.models.SimpLeNet()
    optimizer = md.optim.Adam(network.parameters(), lr=RATE)
    schedule = md.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * math.ceil(len(train) / 32))
    for _ in range(EPOCHS):
        for images, labels in md.data.DataLoader(train, 32, shuffle=True):
            optimizer.zero_grad()
            F.cross_entropy(network(images), labels, label_smoothing=0.1).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def write(path: Path) -> str:
    """Write the page, with digits to try that the network has not seen; returns what it reads right of all such."""
    train, test = md.data.MNIST(), md.data.MNIST(train=False)
    network = trained(train)
    images, labels = next(iter(md.data.DataLoader(test, batch_size=len(test))))
    with md.no_grad():
        right = (network(images).argmax(1) == labels).numpy().mean()
    path.write_text(draw.page(network, samples=(test.data[:60], test.targets[:60])), "utf-8")
    return f"SimpLeNet, {EPOCHS} epochs on {len(train):,} digits: {right:.1%} of {len(test):,} others read right"
