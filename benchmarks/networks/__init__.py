"""The networks that are timed, each written once for all libraries, and data for them. What times them is elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.engines import Model
from benchmarks.networks import functional, large, sequential

STYLES = ("functional", "sequential")
TOLERANCE = 2e-2  # near-ties of max pooling and relu flip in float32, in every engine


class Network(NamedTuple):
    """A network in its forms, the size of an input, its loss, and how far gradients in float32 may be off."""

    functional: Callable[[Any], Any]
    sequential: Callable[[Any], Any]
    size: tuple[int, int, int]
    loss: str = "cross_entropy"
    tolerance: float = TOLERANCE


DIGITS, PICTURES, LARGE = (1, 28, 28), (3, 32, 32), (3, 224, 224)
NETWORKS = {
    "MLP 784-256-256-10": Network(functional.mlp, sequential.mlp, DIGITS),
    "LeNet-5": Network(functional.lenet5, sequential.lenet5, DIGITS),
    "SimpLeNet": Network(functional.simplenet, sequential.simplenet, DIGITS),
    "Keras convnet": Network(functional.keras_convnet, sequential.keras_convnet, DIGITS),
    "VGG-style": Network(functional.vgg_style, sequential.vgg_style, PICTURES),
    "ResNet-20": Network(functional.resnet20, sequential.resnet20, PICTURES, tolerance=10 * TOLERANCE),
    "MobileNet-style": Network(
        functional.mobilenet_style, sequential.mobilenet_style, PICTURES, tolerance=10 * TOLERANCE
    ),
    "DCGAN discriminator": Network(
        functional.discriminator, sequential.discriminator, PICTURES, "binary_cross_entropy_with_logits"
    ),
    "DCGAN generator": Network(functional.generator, sequential.generator, (100, 1, 1), "mse_loss"),
}
AT_224 = {  # for inference; there is one form of each
    "ResNet-50": Network(large.resnet50, large.resnet50, LARGE),
    "VGG-16": Network(large.vgg16, large.vgg16, LARGE),
    "MobileNetV2": Network(large.mobilenet_v2, large.mobilenet_v2, LARGE),
}


def titled(name: str, style: str) -> str:
    """The name of a case: what learners write most has the network's own."""
    return name if style == "functional" else f"{name}, {style}"


def model(name: str, style: str = "sequential") -> Model:
    """A network with the same weights each time, in one of the `STYLES`."""
    network = {**NETWORKS, **AT_224}[name]
    return Model(getattr(network, style), network.sequential, network.loss)


def problem(name: str, batch: int, style: str = "sequential") -> tuple[Model, np.ndarray, np.ndarray]:
    """A network, inputs in [0, 1) for it, and what its loss compares its outputs with."""
    network = {**NETWORKS, **AT_224}[name]
    rng = np.random.default_rng(0)
    inputs = rng.random((batch, *network.size), np.float32)
    if network.loss == "cross_entropy":
        targets = rng.integers(0, 10, batch)
    elif network.loss == "mse_loss":
        targets = rng.random((batch, 3, 32, 32), np.float32)
    else:
        targets = rng.integers(0, 2, (batch, 1)).astype(np.float32)
    return model(name, style), inputs, targets
