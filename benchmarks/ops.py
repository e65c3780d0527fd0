"""Single operations at the sizes that they have in real networks, with their arithmetic and their least traffic."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

import minidl as md
from benchmarks.case import Asked, Case, benchmark
from benchmarks.engines import Model

ITEM = 4  # bytes of a float32


class Conv(NamedTuple):
    """A convolution of `batch` images of `size`×`size`."""

    channels: int
    outputs: int
    kernel: int
    size: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    batch: int = 128


CONVOLUTIONS = {
    "SimpLeNet 1": Conv(1, 20, kernel=5, size=28),
    "SimpLeNet 2": Conv(20, 50, kernel=5, size=12),
    "VGG-style 1": Conv(3, 32, kernel=3, size=32, padding=1),
    "VGG-style 2": Conv(32, 32, kernel=3, size=32, padding=1),
    "VGG-style 3": Conv(32, 64, kernel=3, size=16, padding=1),
    "VGG-style 4": Conv(64, 64, kernel=3, size=16, padding=1),
    "VGG-style 5": Conv(64, 128, kernel=3, size=8, padding=1),
    "VGG-style 6": Conv(128, 128, kernel=3, size=8, padding=1),
    "ResNet stem": Conv(3, 64, kernel=7, size=224, stride=2, padding=3, batch=2),
    "ResNet down": Conv(64, 128, kernel=3, size=56, stride=2, padding=1, batch=8),
    "ResNet 1×1": Conv(256, 64, kernel=1, size=28, batch=16),
    "MobileNet depthwise": Conv(64, 64, kernel=3, size=28, padding=1, groups=64, batch=32),
}


@benchmark
def ops(asked: Asked) -> Iterator[Case]:
    """Single operations, float32, images in the layout in which each engine's own layers hand them on."""
    yield from convolutions(asked.quick)
    yield from poolings(asked.quick)
    yield from norms(asked.quick)
    yield from losses(asked.quick)
    yield from optimizers(asked.quick)


def convolutions(quick: bool) -> Iterator[Case]:
    """Each convolution forward, and forward with backward; the gradient of images from a data set is not asked for."""
    for where, conv in CONVOLUTIONS.items():
        if quick:
            conv = conv._replace(batch=1, size=min(conv.size, 8))
        layer = partial(convolution, conv=conv)
        name = f"conv {conv.channels}→{conv.outputs} {conv.kernel}×{conv.kernel} @{conv.size}, {where}"
        images = (conv.batch, conv.channels, conv.size, conv.size)
        weights = conv.outputs * conv.channels // conv.groups * conv.kernel**2
        edge = (conv.size + 2 * conv.padding - conv.kernel) // conv.stride + 1
        flops = 2 * conv.batch * edge**2 * weights
        yield from both(name, layer, images, (flops, 0), weights, first=conv.channels <= 3)


def convolution(nn: Any, conv: Conv) -> Any:
    """The layer."""
    return nn.Conv2d(*conv[:3], stride=conv.stride, padding=conv.padding, groups=conv.groups)


def poolings(quick: bool) -> Iterator[Case]:
    """2×2 maximum pooling; 3 comparisons for an output, forward."""
    for channels, size in (20, 24), (32, 32):
        images = (1 if quick else 128, channels, size, size)
        outputs = math.prod(images) // 4
        yield from both(
            f"max pool 2×2 {channels}@{size}", lambda nn: nn.MaxPool2d(2), images, (3 * outputs, outputs), 0
        )


def norms(quick: bool) -> Iterator[Case]:
    """Batch normalisation in training; 7 operations an element forward, 9 backward."""
    for channels, size in (32, 32), (128, 8):
        images = (2 if quick else 128, channels, size, size)
        elements, layer = math.prod(images), partial(batch_norm, channels=channels)
        yield list(both(f"batch norm {channels}@{size}", layer, images, (7 * elements, 9 * elements), 0))[1]


def batch_norm(nn: Any, channels: int) -> Any:
    """The layer."""
    return nn.BatchNorm2d(channels)


def both(
    name: str,
    layer: Callable[[Any], Any],
    size: tuple[int, ...],
    flops: tuple[int, int],
    weights: int,
    first: bool = False,
) -> Iterator[Case]:
    """A layer forward, and forward with backward.

    Parameters
    ----------
    layer : builds it of a library's ``nn``
    flops : of the forward pass, and of the backward pass beyond its products (a convolution's are counted here)
    weights : how many parameters are read
    first : nobody wants the gradient of the images
    """
    rng = np.random.default_rng(0)
    network, images = Model(lambda nn: nn.Sequential(layer(nn))), rng.standard_normal(size, np.float32)
    cotangent = rng.standard_normal(layer(md.nn)(md.from_numpy(images)).shape, np.float32)
    x, y = images.size, cotangent.size
    forward, backward = flops
    if weights:
        backward = forward * (1 if first else 2)
    yield Case(
        f"{name}, forward",
        lambda engine: engine.inference(network, images),
        flops=forward,
        bytes=ITEM * (x + y + weights),
    )
    yield Case(
        f"{name}, forward + backward",
        lambda engine: engine.gradients(network, images, cotangent, not first),
        flops=forward + backward,
        bytes=ITEM * ((2 if first else 3) * (x + weights) + 2 * y),
    )


def losses(quick: bool) -> Iterator[Case]:
    """Softmax cross-entropy and its gradient; 6 operations an element (an exponential counts as one)."""
    for classes in 10, 1000:
        rng = np.random.default_rng(0)
        scores = rng.standard_normal((4 if quick else 128, classes), np.float32)
        labels = rng.integers(0, classes, len(scores))
        yield Case(
            f"softmax cross-entropy {len(scores)}×{classes}, forward + backward",
            lambda engine: engine.cross_entropy(scores, labels),  # noqa: B023
            flops=6 * scores.size,
            bytes=ITEM * 2 * scores.size,
        )


def optimizers(quick: bool) -> Iterator[Case]:
    """A step on the parameters of the VGG-style network; operations and arrays read or written for a parameter."""
    network = md.models.mlp(8, 4) if quick else md.models.vgg_style()
    rng = np.random.default_rng(0)
    parameters = [p.array for p in network.parameters()]
    gradients = [rng.standard_normal(p.shape, np.float32) for p in parameters]
    count = sum(p.size for p in parameters)
    for name, operations, arrays in ("Adam", 12, 7), ("SGD", 4, 5):
        yield Case(
            f"{name} step, {count:,} parameters",
            lambda engine: engine.update(parameters, gradients, name),  # noqa: B023
            flops=operations * count,
            bytes=ITEM * arrays * count,
        )
