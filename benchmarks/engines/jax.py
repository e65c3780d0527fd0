"""JAX: every call compiled whole by XLA, images N×C×H×W. Batch normalisation keeps no running statistics."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.engines.engine import Engine, Work
from benchmarks.engines.model import Model, without_dropout
from benchmarks.engines.translated import Module, forward, pair, translate


def along_channels(vector: Any) -> Any:
    """A vector (C,) beside images (N, C, H, W)."""
    return vector[:, None, None]


def conv(layer: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """A convolution, with zeros around."""
    padding = [(p, p) for p in pair(layer.padding)]
    z = lax.conv_general_dilated(x, weight, pair(layer.stride), padding, feature_group_count=layer.groups)
    return z if bias is None else z + along_channels(bias)


def conv_transpose(layer: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """The transposed convolution: of an image with zeros between its pixels, by the kernel turned round."""
    padding = [(k - 1 - p, k - 1 - p) for k, p in zip(pair(layer.kernel_size), pair(layer.padding), strict=True)]
    turned = jnp.flip(weight, (2, 3)).swapaxes(0, 1)
    z = lax.conv_general_dilated(x, turned, (1, 1), padding, lhs_dilation=pair(layer.stride))
    return z if bias is None else z + along_channels(bias)


def batch_norm(layer: Any, x: Any, weight: Any, bias: Any) -> Any:
    """Batch normalisation, by the batch's statistics in training."""
    mean, var = layer.running_mean.array, layer.running_var.array
    if layer.training:
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3))
    scale = weight * lax.rsqrt(var + layer.eps)
    return (x - along_channels(mean)) * along_channels(scale) + along_channels(bias)


def pooled(layer: Any, x: Any, start: float, function: Any) -> Any:
    """Each window brought together by a function."""
    padding = [(0, 0), (0, 0), *((p, p) for p in pair(layer.padding))]
    return lax.reduce_window(x, start, function, (1, 1, *pair(layer.kernel_size)), (1, 1, *pair(layer.stride)), padding)


def adaptive_mean(layer: Any, x: Any) -> Any:
    """The mean of each channel: the one size that is needed here."""
    return x.mean((2, 3), keepdims=True)


def dropout(layer: Any, x: Any) -> Any:
    """Dropout, by the key that the layer was given for this step."""
    if not (layer.training and layer.p):
        return x
    return jnp.where(jax.random.bernoulli(layer.key, 1 - layer.p, x.shape), x / (1 - layer.p), 0)


LAYERS = {
    "Conv2d": conv,
    "ConvTranspose2d": conv_transpose,
    "Linear": lambda layer, x, weight, bias: x @ weight.T + bias,
    "BatchNorm2d": batch_norm,
    "MaxPool2d": lambda layer, x: pooled(layer, x, -np.inf, lax.max),
    "AvgPool2d": lambda layer, x: pooled(layer, x, 0.0, lax.add) / layer.kernel_size**2,
    "AdaptiveAvgPool2d": adaptive_mean,
    "Dropout": dropout,
    "Flatten": lambda layer, x: x.reshape(len(x), -1),
    "ReLU": lambda layer, x: jax.nn.relu(x),
    "ReLU6": lambda layer, x: jax.nn.relu6(x),
    "LeakyReLU": lambda layer, x: jax.nn.leaky_relu(x, layer.negative_slope),
    "Tanh": lambda layer, x: jnp.tanh(x),
}


def mean_cross_entropy(scores: Any, labels: Any) -> Any:
    """The mean softmax cross-entropy."""
    return -jnp.take_along_axis(jax.nn.log_softmax(scores), labels[:, None], 1).mean()


def mean_binary_cross_entropy(scores: Any, targets: Any) -> Any:
    """The mean binary cross-entropy, of scores."""
    return (jax.nn.softplus(scores) - targets * scores).mean()


LOSSES = {
    "cross_entropy": mean_cross_entropy,
    "binary_cross_entropy_with_logits": mean_binary_cross_entropy,
    "mse_loss": lambda y, targets: jnp.square(y - targets).mean(),
}


def with_keys(network: Module, count: Any) -> Module:
    """The network, whose dropout draws anew for each step."""
    for i, layer in enumerate(network.leaves()):
        layer.options.key = jax.random.fold_in(jax.random.key(i), count.astype(int))
    return network


def adam(p: Any, g: Any, m: Any, v: Any, count: Any) -> tuple[Any, Any, Any]:
    """p − lr · m̂ / (√v̂ + eps), and the new m and v."""
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    return p - 1e-3 * (m / (1 - 0.9**count)) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8), m, v


def sgd(p: Any, g: Any, m: Any, v: Any, count: Any) -> tuple[Any, Any, Any]:
    """p − lr · m, m = 0.9 m + g; v stays as it is."""
    m = 0.9 * m + g
    return p - 1e-3 * m, m, v


def updated(rule: Any, state: Any, gradients: list[Any]) -> Any:
    """The state (parameters, m, v, count of steps) after a step of an optimizer."""
    parameters, first, second, count = state
    count = count + 1
    new = [rule(p, g, m, v, count) for p, g, m, v in zip(parameters, gradients, first, second, strict=True)]
    return *(list(part) for part in zip(*new, strict=True)), count


def initial(parameters: list[np.ndarray], moments: int) -> Any:
    """The state of an optimizer before its first step; what it does not use is empty."""
    zeros = [[jnp.zeros_like(p) if i < moments else jnp.zeros(0) for p in parameters] for i in range(2)]
    return [jnp.array(p) for p in parameters], *zeros, jnp.zeros((), jnp.float32)


def as_work(function: Any, *arguments: Any) -> Work:
    """A pure function compiled, and called on these arguments until its results are there."""
    compiled, given = jax.jit(function), jax.device_put(arguments)

    def call() -> Any:
        return jax.block_until_ready(compiled(*given))

    return Work(call, lambda: [np.asarray(result) for result in jax.tree.leaves(call())])


class Jax(Engine):
    """JAX on the CPU."""

    name = "JAX"
    package = "jax"

    def inference(self, model: Model, images: np.ndarray) -> Work:
        network, parameters = translate(model, LAYERS, training=False)
        return as_work(lambda parameters, x: forward(network, parameters, x), parameters, images)

    def gradients(self, model: Model, images: np.ndarray, cotangent: np.ndarray, of_images: bool) -> Work:
        network, parameters = translate(model, LAYERS, training=True)

        def forward_backward(x: Any, parameters: Any, g: Any) -> Any:
            if of_images:
                return jax.vjp(lambda x, p: forward(network, p, x), x, parameters)[1](g)
            return jax.vjp(lambda p: forward(network, p, x), parameters)[1](g)

        return as_work(forward_backward, images, parameters, cotangent)

    def cross_entropy(self, scores: np.ndarray, labels: np.ndarray) -> Work:
        return as_work(jax.value_and_grad(mean_cross_entropy), scores, labels)

    def update(self, parameters: list[np.ndarray], gradients: list[np.ndarray], optimizer: str) -> Work:
        rule, moments = (adam, 2) if optimizer == "Adam" else (sgd, 1)
        compiled = jax.jit(lambda state, gradients: updated(rule, state, gradients), donate_argnums=0)
        state, given = initial(parameters, moments), jax.device_put(gradients)

        def step() -> None:
            nonlocal state
            state = jax.block_until_ready(compiled(state, given))

        def outputs() -> list[np.ndarray]:
            step()
            return [np.array(p) for p in state[0]]

        return Work(step, outputs)

    def training(self, model: Model, images: np.ndarray, targets: np.ndarray) -> Work:
        network, parameters = translate(model, LAYERS, training=True)
        x, y = jax.device_put((images, targets))
        criterion = LOSSES[model.loss]
        gradients = jax.value_and_grad(lambda p, count, x, y: criterion(forward(with_keys(network, count), p, x), y))

        def stepped(state: Any, x: Any, y: Any) -> Any:
            loss, g = gradients(state[0], state[3], x, y)
            return updated(adam, state, g), loss

        state, compiled = initial(parameters, moments=2), jax.jit(stepped, donate_argnums=0)

        def step() -> float:
            nonlocal state
            state, loss = jax.block_until_ready(compiled(state, x, y))
            return loss.item()

        def outputs() -> list[np.ndarray]:
            with without_dropout(layer.options for layer in network.leaves()):
                g = [np.asarray(part) for part in jax.jit(gradients)(state[0], state[3], x, y)[1]]
                losses = np.array([step(), step(), step()])
            compiled.clear_cache()
            return [*g, losses]

        return Work(step, outputs)

    def chain(self, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> Work:
        def five_times(z: Any, a: Any, b: Any) -> Any:
            for _ in range(5):
                z = jnp.tanh(z * a + b) - b
            return z

        return as_work(lambda x, a, b, g: jax.vjp(five_times, x, a, b)[1](g), x, a, b, np.ones_like(x))
