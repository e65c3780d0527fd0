"""MyGrad, with its guards of memory switched off, which its documentation recommends for speed.

It has no optimizers, so Adam and SGD are written here, with NumPy and in place. Batch normalisation keeps no running
statistics.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import mygrad as mg
import numpy as np
from mygrad.nnet import layers as ml
from mygrad.nnet.activations import leaky_relu, relu
from mygrad.nnet.losses import softmax_crossentropy
from threadpoolctl import threadpool_limits

from benchmarks.engines.engine import Engine, Lacking, Work
from benchmarks.engines.model import Model, without_dropout
from benchmarks.engines.translated import forward, translate

mg.turn_memory_guarding_off()


def conv(layer: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """A convolution, which has no groups here."""
    if layer.groups > 1:
        raise Lacking("groups of channels")
    z = ml.conv_nd(x, weight, stride=layer.stride, padding=layer.padding)
    return z if bias is None else z + bias.reshape(1, -1, 1, 1)


def batch_norm(layer: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Batch normalisation, which has no evaluation mode here."""
    if not layer.training:
        raise Lacking("BatchNorm2d in evaluation")
    return ml.batchnorm(x, gamma=weight, beta=bias, eps=layer.eps)


def dropout(layer: Any, x: Any) -> Any:
    """Dropout: MyGrad has none, but what it is made of."""
    if not (layer.training and layer.p):
        return x
    kept = np.random.default_rng().random(x.shape, np.float32) >= layer.p
    return x * (kept / np.float32(1 - layer.p))


LAYERS = {
    "Conv2d": conv,
    "Linear": lambda layer, x, weight, bias: mg.matmul(x, weight.T) + bias,
    "BatchNorm2d": batch_norm,
    "MaxPool2d": lambda layer, x: ml.max_pool(x, (layer.kernel_size,) * 2, layer.stride),
    "Dropout": dropout,
    "Flatten": lambda layer, x: x.reshape(len(x), -1),
    "ReLU": lambda layer, x: relu(x),
    "LeakyReLU": lambda layer, x: leaky_relu(x, layer.negative_slope),
    "Tanh": lambda layer, x: mg.tanh(x),
}
LOSSES = {
    "cross_entropy": softmax_crossentropy,
    "binary_cross_entropy_with_logits": lambda x, y: (mg.logaddexp(0, x) - y * x).mean(),
    "mse_loss": lambda x, y: ((x - y) ** 2).mean(),
}


class Updates:
    """Adam, or SGD with momentum 0.9."""

    def __init__(self, optimizer: str, leaves: list[Any]) -> None:
        self.step = self.adam if optimizer == "Adam" else self.sgd
        self.leaves = leaves
        self.first = [np.zeros_like(leaf.data) for leaf in leaves]
        self.second = [np.zeros_like(leaf.data) for leaf in leaves]
        self.count = 0

    def adam(self) -> None:
        """p −= lr · m̂ / (√v̂ + eps)."""
        self.count += 1
        for p, m, v in zip(self.leaves, self.first, self.second, strict=True):
            m *= 0.9
            m += 0.1 * p.grad
            v *= 0.999
            v += 0.001 * p.grad**2
            root = np.sqrt(v / (1 - 0.999**self.count))
            root += 1e-8
            p.data -= 1e-3 / (1 - 0.9**self.count) * m / root

    def sgd(self) -> None:
        """p −= lr · v, v = 0.9 v + g."""
        for p, v in zip(self.leaves, self.first, strict=True):
            v *= 0.9
            v += p.grad
            p.data -= 1e-3 * v


class MyGrad(Engine):
    """MyGrad."""

    name = "MyGrad"
    package = "mygrad"

    def inference(self, model: Model, images: np.ndarray) -> Work:
        network, parameters = translate(model, LAYERS, training=False)
        leaves = [mg.tensor(p) for p in parameters]

        def call() -> Any:
            with mg.no_autodiff:
                return forward(network, leaves, mg.tensor(images))

        return Work(call, lambda: [call().data])

    def gradients(self, model: Model, images: np.ndarray, cotangent: np.ndarray, of_images: bool) -> Work:
        network, parameters = translate(model, LAYERS, training=True)
        x, leaves = mg.tensor(images, constant=not of_images), [mg.tensor(p) for p in parameters]

        def forward_backward() -> list[np.ndarray]:
            forward(network, leaves, x).backward(cotangent)
            return [leaf.grad for leaf in [x] * of_images + leaves]

        return Work(forward_backward, forward_backward)

    def cross_entropy(self, scores: np.ndarray, labels: np.ndarray) -> Work:
        x = mg.tensor(scores)

        def forward_backward() -> list[np.ndarray]:
            loss = softmax_crossentropy(x, labels)
            loss.backward()
            return [loss.data, x.grad]

        return Work(forward_backward, forward_backward)

    def update(self, parameters: list[np.ndarray], gradients: list[np.ndarray], optimizer: str) -> Work:
        leaves = [mg.tensor(p) for p in parameters]
        for leaf, g in zip(leaves, gradients, strict=True):
            leaf.backward(g)
        step = Updates(optimizer, leaves).step

        def outputs() -> list[np.ndarray]:
            step()
            return [leaf.data for leaf in leaves]

        return Work(step, outputs)

    def training(self, model: Model, images: np.ndarray, targets: np.ndarray) -> Work:
        network, parameters = translate(model, LAYERS, training=True)
        leaves = [mg.tensor(p) for p in parameters]
        update, criterion = Updates("Adam", leaves).step, LOSSES[model.loss]

        def step() -> float:
            loss = criterion(forward(network, leaves, mg.tensor(images, constant=True)), targets)
            loss.backward()
            update()
            return loss.item()

        def outputs() -> list[np.ndarray]:
            with without_dropout(layer.options for layer in network.leaves()):
                first = step()
                return [*[leaf.grad for leaf in leaves], np.array([first, step(), step()])]

        return Work(step, outputs)

    def chain(self, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> Work:
        leaves = [mg.tensor(array) for array in (x, a, b)]

        def forward_backward() -> list[np.ndarray]:
            z, a, b = leaves
            for _ in range(5):
                z = mg.tanh(z * a + b) - b
            z.backward(np.ones_like(x))
            return [leaf.grad for leaf in leaves]

        return Work(forward_backward, forward_backward)

    def threads(self, count: int) -> AbstractContextManager[Any]:
        return threadpool_limits(count, user_api="blas")
