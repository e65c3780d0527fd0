"""tinygrad: every call captured by its TinyJit. Batch normalisation keeps no running statistics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tinygrad import Context, Device, Tensor, TinyJit
from tinygrad.nn import optim

from benchmarks.engines.engine import Engine, Lacking, Work
from benchmarks.engines.model import Model, without_dropout
from benchmarks.engines.translated import forward, translate


def batch_norm(layer: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Batch normalisation, by the batch's statistics in training."""
    mean, var = Tensor(layer.running_mean.array), Tensor(layer.running_var.array)
    if layer.training:
        mean = x.mean((0, 2, 3))
        var = (x - mean.reshape(1, -1, 1, 1)).square().mean((0, 2, 3))
    return x.batchnorm(weight, bias, mean, (var + layer.eps).rsqrt())


LAYERS = {
    "Conv2d": lambda layer, x, weight, bias=None: x.conv2d(weight, bias, layer.groups, layer.stride, 1, layer.padding),
    "ConvTranspose2d": lambda layer, x, weight, bias=None: x.conv_transpose2d(
        weight, bias, stride=layer.stride, padding=layer.padding
    ),
    "Linear": lambda layer, x, weight, bias: x.linear(weight.T, bias),
    "BatchNorm2d": batch_norm,
    "MaxPool2d": lambda layer, x: x.max_pool2d(layer.kernel_size, layer.stride, padding=layer.padding),
    "AvgPool2d": lambda layer, x: x.avg_pool2d(layer.kernel_size),
    "AdaptiveAvgPool2d": lambda layer, x: x.mean((2, 3), keepdim=True),  # to 1×1
    "Dropout": lambda layer, x: x.dropout(layer.p) if layer.training else x,
    "Flatten": lambda layer, x: x.flatten(1),
    "ReLU": lambda layer, x: x.relu(),
    "ReLU6": lambda layer, x: x.relu6(),
    "LeakyReLU": lambda layer, x: x.leaky_relu(layer.negative_slope),
    "Tanh": lambda layer, x: x.tanh(),
}
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": Tensor.sparse_categorical_crossentropy,
    "binary_cross_entropy_with_logits": Tensor.binary_crossentropy_logits,
    "mse_loss": lambda y, targets: (y - targets).square().mean(),
}


def realized(array: np.ndarray) -> Tensor:
    """The array as a tensor; without a compiler there is no device for it."""
    try:
        return Tensor(array).realize()
    except RuntimeError as error:
        raise Lacking(f"device here ({error}): its CPU needs clang") from error


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
    warm_up = 3  # captured at the second call

    def inference(self, model: Model, images: np.ndarray) -> Work:
        network, parameters = translate(model, LAYERS, training=False)
        x, leaves = realized(images), [realized(p) for p in parameters]
        return as_work(lambda: [forward(network, leaves, x)])

    def gradients(self, model: Model, images: np.ndarray, cotangent: np.ndarray, of_images: bool) -> Work:
        network, parameters = translate(model, LAYERS, training=True)
        x, leaves = realized(images), [realized(p) for p in parameters]
        g, wanted = realized(cotangent), [x] * of_images + leaves
        return as_work(lambda: forward(network, leaves, x).gradient(*wanted, gradient=g))

    def cross_entropy(self, scores: np.ndarray, labels: np.ndarray) -> Work:
        x, y = realized(scores), realized(labels)

        def forward_backward() -> list[Tensor]:
            loss = x.sparse_categorical_crossentropy(y)
            return [loss, *loss.gradient(x)]

        return as_work(forward_backward)

    def update(self, parameters: list[np.ndarray], gradients: list[np.ndarray], optimizer: str) -> Work:
        leaves = [realized(p) for p in parameters]
        given = [realized(g) for g in gradients]
        rule = optimizers(optimizer, leaves)

        @Context(TRAINING=1)
        def step() -> list[Tensor]:
            for leaf, g in zip(leaves, given, strict=True):
                leaf.grad = g
            rule.step()
            return leaves

        return as_work(step)

    def training(self, model: Model, images: np.ndarray, targets: np.ndarray) -> Work:
        network, parameters = translate(model, LAYERS, training=True)
        leaves = [realized(p) for p in parameters]
        x, y, rule = realized(images), realized(targets), optimizers("Adam", leaves)

        def loss() -> Tensor:
            return LOSSES[model.loss](forward(network, leaves, x), y)

        @TinyJit
        @Context(TRAINING=1)
        def captured() -> Tensor:
            rule.zero_grad()
            value = loss().backward()
            return value.realize(*rule.schedule_step())  # together, or the loss is computed of the new parameters

        def step() -> float:
            return float(captured().item())

        def outputs() -> list[np.ndarray]:
            with without_dropout(layer.options for layer in network.leaves()):
                gradients = [g.numpy() for g in loss().gradient(*leaves)]
                losses = np.array([step(), step(), step()])
            captured.reset()
            return [*gradients, losses]

        return Work(step, outputs)

    def chain(self, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> Work:
        leaves = [realized(array) for array in (x, a, b)]
        ones = realized(np.ones_like(x))

        def forward_backward() -> list[Tensor]:
            z, a, b = leaves
            for _ in range(5):
                z = (z * a + b).tanh() - b
            return z.gradient(*leaves, gradient=ones)

        return as_work(forward_backward)
