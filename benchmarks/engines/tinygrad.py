"""tinygrad: every call captured by its TinyJit. Batch normalisation keeps no running statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tinygrad import Context, Device, Tensor, TinyJit
from tinygrad.nn import optim

from benchmarks.engines.engine import Engine, Work, forward, stack
from minidl import nn


def batch_norm(layer: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Batch normalisation, by the batch's statistics in training."""
    mean, var = Tensor(layer.running_mean.array), Tensor(layer.running_var.array)
    if layer.training:
        mean = x.mean((0, 2, 3))
        var = (x - mean.reshape(1, -1, 1, 1)).square().mean((0, 2, 3))
    return x.batchnorm(weight, bias, mean, (var + layer.eps).rsqrt())


LAYERS = {
    "Conv2d": lambda layer, x, weight, bias=None: x.conv2d(weight, bias, layer.groups, layer.stride, 1, layer.padding),
    "Linear": lambda layer, x, weight, bias: x.linear(weight.T, bias),
    "BatchNorm2d": batch_norm,
    "MaxPool2d": lambda layer, x: x.max_pool2d(layer.kernel_size),
    "AvgPool2d": lambda layer, x: x.avg_pool2d(layer.kernel_size),
    "Flatten": lambda layer, x: x.flatten(1),
    "ReLU": lambda layer, x: x.relu(),
    "Tanh": lambda layer, x: x.tanh(),
}


def optimizers(name: str, leaves: list[Tensor]) -> Any:
    """Adam, or SGD with momentum 0.9."""
    return optim.Adam(leaves, lr=1e-3) if name == "Adam" else optim.SGD(leaves, lr=1e-3, momentum=0.9)


def as_work(function: Callable[[], list[Tensor]]) -> Work:
    """A function of nothing, captured, and called until its results are there."""
    captured = TinyJit(lambda: [result.realize() for result in function()])

    def call() -> list[Tensor]:
        results = captured()
        Device[Device.DEFAULT].synchronize()
        return results

    return Work(call, lambda: [result.numpy() for result in call()])


class Tinygrad(Engine):
    """tinygrad on its CPU device."""

    name = "tinygrad"
    package = "tinygrad"

    def inference(self, network: nn.Module, images: np.ndarray) -> Work:
        layers, parameters = stack(network, training=False)
        x, leaves = Tensor(images).realize(), [Tensor(p).realize() for p in parameters]
        return as_work(lambda: [forward(LAYERS, layers, leaves, x)])

    def gradients(self, network: nn.Module, images: np.ndarray, cotangent: np.ndarray, of_images: bool) -> Work:
        layers, parameters = stack(network, training=True)
        x, leaves = Tensor(images).realize(), [Tensor(p).realize() for p in parameters]
        g, wanted = Tensor(cotangent).realize(), [x] * of_images + leaves
        return as_work(lambda: forward(LAYERS, layers, leaves, x).gradient(*wanted, gradient=g))

    def cross_entropy(self, scores: np.ndarray, labels: np.ndarray) -> Work:
        x, y = Tensor(scores).realize(), Tensor(labels).realize()

        def forward_backward() -> list[Tensor]:
            loss = x.sparse_categorical_crossentropy(y)
            return [loss, *loss.gradient(x)]

        return as_work(forward_backward)

    def update(self, parameters: list[np.ndarray], gradients: list[np.ndarray], optimizer: str) -> Work:
        leaves = [Tensor(p).realize() for p in parameters]
        given = [Tensor(g).realize() for g in gradients]
        rule = optimizers(optimizer, leaves)

        @Context(TRAINING=1)
        def step() -> list[Tensor]:
            for leaf, g in zip(leaves, given, strict=True):
                leaf.grad = g
            rule.step()
            return leaves

        return as_work(step)

    def training(self, network: nn.Module, images: np.ndarray, labels: np.ndarray) -> Work:
        layers, parameters = stack(network, training=True)
        leaves = [Tensor(p).realize() for p in parameters]
        x, y, rule = Tensor(images).realize(), Tensor(labels).realize(), optimizers("Adam", leaves)

        def loss() -> Tensor:
            return forward(LAYERS, layers, leaves, x).sparse_categorical_crossentropy(y)

        @TinyJit
        @Context(TRAINING=1)
        def captured() -> Tensor:
            rule.zero_grad()
            value = loss().backward()
            return value.realize(*rule.schedule_step())  # together, or the loss is computed of the new parameters

        def step() -> float:
            return float(captured().item())

        def outputs() -> list[np.ndarray]:
            gradients = [g.numpy() for g in loss().gradient(*leaves)]
            return [*gradients, np.array([step(), step(), step()])]

        return Work(step, outputs)

    def chain(self, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> Work:
        leaves = [Tensor(array).realize() for array in (x, a, b)]
        ones = Tensor(np.ones_like(x)).realize()

        def forward_backward() -> list[Tensor]:
            z, a, b = leaves
            for _ in range(5):
                z = (z * a + b).tanh() - b
            return z.gradient(*leaves, gradient=ones)

        return as_work(forward_backward)
