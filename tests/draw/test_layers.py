"""Networks as lists of layers: replayed by NumPy and SciPy alone, they give what the network gives."""

import numpy as np
import pytest
import scipy.signal
import scipy.special
from draw.networks import BUILDERS, built

import minidl as md
from minidl import nn
from minidl.draw.layers import layers

SIZE = (1, 28, 28)


def convolved(layer, x):
    """One filter and channel at a time, by SciPy."""
    o, t = layer.options, layer.tensors
    zeros = np.zeros((len(x), *(n + 2 * p + 20 for n, p in zip(x.shape[1:], o["padding"], strict=True))))
    zeros[:, o["padding"][0] :][:, : x.shape[1], o["padding"][1] :][:, :, : x.shape[2]] = x
    each, out = len(x) // o["groups"], np.zeros(layer.shape)
    weight = t["weight"].reshape(layer.shape[0], each, *o["size"])
    rows, columns = (slice(0, n * s, s) for n, s in zip(layer.shape[1:], o["stride"], strict=True))
    for f in range(layer.shape[0]):
        first = f // (layer.shape[0] // o["groups"]) * each
        for c in range(each):
            spread = np.zeros([(k - 1) * d + 1 for k, d in zip(o["size"], o["dilation"], strict=True)])
            spread[:: o["dilation"][0], :: o["dilation"][1]] = weight[f, c]
            out[f] += scipy.signal.correlate2d(zeros[first + c], spread, "valid")[rows, columns]
    return out + t["bias"][:, None, None]


def pooled(layer, x):
    o = layer.options
    windows = [[x[:, slice(*r), slice(*c)].reshape(len(x), -1) for c in o["columns"]] for r in o["rows"]]
    if layer.kind == "max_pool":
        return np.stack([np.stack([w.max(1) for w in row], 1) for row in windows], 1)
    return np.stack([np.stack([w.sum(1) / (o["divisor"] or w.shape[1]) for w in row], 1) for row in windows], 1)


def gelu(x, approximate):
    inner = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)) if approximate == "tanh" else None
    return x * scipy.special.ndtr(x) if inner is None else x * (1 + inner) / 2


ELEMENTWISE = {
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x, negative_slope: np.where(x > 0, x, negative_slope * x),
    "hardtanh": lambda x, min_val, max_val: np.clip(x, min_val, max_val),
    "elu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "silu": lambda x: x * scipy.special.expit(x),
    "gelu": gelu,
    "softplus": lambda x, beta, threshold: np.where(beta * x > threshold, x, np.log1p(np.exp(beta * x)) / beta),
    "tanh": np.tanh,
    "sigmoid": scipy.special.expit,
}


def replayed(layer, x):
    """What a layer makes of one sample."""
    x = x.reshape(layer.input)
    if layer.kind == "linear":
        return layer.tensors["weight"].astype(np.float64) @ x + layer.tensors["bias"]
    if layer.kind == "conv2d":
        return convolved(layer, x)
    if layer.kind in ("max_pool", "mean_pool"):
        return pooled(layer, x)
    if layer.kind == "scale":
        scale, shift = (layer.tensors[name].reshape(-1, *[1] * (x.ndim - 1)) for name in ("scale", "shift"))
        return x * scale + shift
    return ELEMENTWISE[layer.kind](x, **layer.options)


@pytest.mark.parametrize("name", BUILDERS)
def test_replayed_they_give_what_the_network_gives(name):
    network, image = built(name), np.random.default_rng(0).random(SIZE)
    x = image
    for layer in layers(network, SIZE):
        x = replayed(layer, x)
        assert x.shape == layer.shape and {tensor.dtype for tensor in layer.tensors.values()} <= {np.dtype("f4")}
    with md.no_grad():
        scores = network(md.tensor(image[None].astype(np.float32))).numpy()[0]
    np.testing.assert_allclose(x, scores, rtol=1e-4, atol=1e-5)


def test_they_know_their_names_and_the_network_is_as_before():
    network = md.models.SimpLeNet().train()
    network.features[0].eval()
    found = layers(network, SIZE)
    assert [(layer.path, layer.kind, layer.shape) for layer in found[:3]] == [
        ("features.0", "conv2d", (20, 24, 24)), ("features.1", "max_pool", (20, 12, 12)),
        ("features.2", "relu", (20, 12, 12)),
    ]  # fmt: skip
    assert found[0].name == "Conv2d(1, 20, kernel_size=(5, 5), stride=(1, 1))"
    assert len(found) == 9 and found[6].input == (800,)
    assert network.training and network.classifier.training and not network.features[0].training


def test_double_weights_are_single_there():
    (layer,) = layers(nn.Sequential(nn.Flatten(), nn.Linear(784, 3, dtype=md.float64)), SIZE)
    assert layer.tensors["weight"].dtype == np.float32


class Forward(nn.Module):
    """Two layers, and what a function makes of them."""

    def __init__(self, function):
        self.a, self.b, self.function = nn.Linear(784, 784), nn.Linear(784, 784), function

    def forward(self, x):
        return self.function(self.a, self.b, x.flatten(1))


REFUSED = {
    "a sum": (lambda a, b, x: b(a(x)) + x, "add: computes with what comes after b; the page draws nothing but layers"),
    "a function": (lambda a, b, x: b(a(x).relu()), "relu: computes with what comes after a"),
    "another way": (lambda a, b, x: (a(x), b(x))[1], "b: Linear.*: its input is not what came before it, from a;"),
    "another input": (lambda a, b, x: a(md.zeros(2, 784)), "a: Linear.*: its input is not what .*, from the input;"),
    "no scores": (lambda a, b, x: (b(a(x)), x)[1], "expected scores N×classes, of the network's last layer, got 2×784"),
    "a tuple": (lambda a, b, x: (b(a(x)),), "got tuple"),
    "no layer": (lambda a, b, x: x, "of the network's last layer"),
    "images": (lambda a, b, x: b(a(x)).reshape(2, 1, 28, 28), "got 2×1×28×28"),
    "samples mixed": (lambda a, b, x: b(a(x).reshape(1, 1568)[:, :784]), "getitem: computes"),
    "rows mixed": (lambda a, b, x: b(a(x).reshape(4, 392).reshape(2, 784)), "reshape: computes with what comes"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_chain_is_refused(name):
    function, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        layers(Forward(function), SIZE)


def diverged():
    """A batch norm whose mean is no number."""
    norm = nn.BatchNorm2d(1)
    norm.running_mean.fill_(float("nan"))
    return norm


LAYERS = {
    "features.1: GLU.*: .*: computes with what comes after features.0": [nn.Conv2d(1, 4, 3), nn.GLU(1)],
    "features.0: Conv2d.*: the page can't draw padding_mode='reflect', zeros alone": [
        nn.Conv2d(1, 4, 3, padding=1, padding_mode="reflect")
    ],
    "features.0: MaxPool2d.*: the page can't draw pooling with a dilation": [nn.MaxPool2d(2, dilation=2)],
    "features.0: MaxPool2d.*: .*returns indices": [nn.MaxPool2d(2, return_indices=True)],
    "features.0: AdaptiveMaxPool2d.*: .*returns indices": [nn.AdaptiveMaxPool2d(2, return_indices=True)],
    "features.0: AvgPool2d.*: .*ceil_mode": [nn.AvgPool2d(2, ceil_mode=True)],
    "features.0: AvgPool2d.*: .*divisor_override=3": [nn.AvgPool2d(2, divisor_override=3)],
    "features.0: BatchNorm2d.*: .*without running statistics": [nn.BatchNorm2d(1, track_running_stats=False)],
    "features.0: Linear.*: .*a dense layer on 3 dimensions": [nn.Linear(28, 4)],
    "features.0: Hardtanh.*: the page can't draw min_val=-inf": [nn.Hardtanh(-float("inf"), 1)],
    "features.0: BatchNorm2d.*: .*numbers in its shift that are not finite": [diverged()],
    "features.0: GroupNorm.*: .*: computes with the input": [nn.GroupNorm(1, 1)],
}


@pytest.mark.parametrize("words", LAYERS)
def test_layers_that_it_can_not_draw_are_refused_by_their_path(words):
    with pytest.raises(ValueError, match=f"^{words}"):
        layers(nn.Sequential({"features": nn.Sequential(*LAYERS[words])}), SIZE)


def test_only_modules():
    with pytest.raises(TypeError, match="draw: expected a Module, got function"):
        layers(lambda x: x, SIZE)
