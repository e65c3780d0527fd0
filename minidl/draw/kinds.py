"""The layers that the page knows: what its script calls each of them, and what it is told of it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl.functional.normalisation import as_affine
from minidl.functional.windows import pair
from minidl.nn import (
    ELU,
    GELU,
    SELU,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool2d,
    AvgPool2d,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Hardtanh,
    LeakyReLU,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)

Size = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """A layer as the page's script has it.

    Attributes
    ----------
    kind : one of those in ``layers.js``
    path, name : of the module: ``features.0``, ``Conv2d(1, 20, …)``
    input, shape : of one sample, before and behind it
    options : numbers, and lists of them
    tensors : float32, by the names that the script has for them
    """

    kind: str
    path: str
    name: str
    input: Size
    shape: Size
    options: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, np.ndarray] = field(default_factory=dict)


Said = tuple[str, dict[str, Any], dict[str, np.ndarray]]  # kind, options, tensors


@functools.singledispatch
def said(module: Any, input: Size, shape: Size) -> Said:
    """What the script is told of a module between inputs and outputs of such shapes; for those that it knows."""
    raise NotImplementedError(type(module).__name__)


def known(module: Module) -> bool:
    """Whether the page can draw a module of exactly this type."""
    return type(module) in said.registry


def described(module: Module, path: str, input: Any, output: Any) -> Layer:
    """A module that is known, as a layer between two tensors; ValueError for options that the page can't draw."""
    shape = getattr(output, "shape", (0,))  # what gives two tensors is refused
    kind, options, tensors = said(module, input.shape[1:], shape[1:])
    for name, value in options.items():
        refuse(isinstance(value, (float, np.floating)) and not math.isfinite(value), f"{name}={value}")
    for name, tensor in tensors.items():
        refuse(not np.isfinite(tensor).all(), f"numbers in its {name} that are not finite")
    return Layer(kind, path, repr(module), input.shape[1:], shape[1:], options, tensors)


def numbers(tensor: Any) -> np.ndarray:
    """A tensor as float32."""
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), np.float32)


def refuse(holds: bool, what: str) -> None:
    """Raise ValueError if something holds that the page can't draw; whoever calls the module adds its path."""
    if holds:
        raise ValueError(f"the page can't draw {what}")


# --- products --------------------------------------------------------------------------------------------------------


@said.register
def linear(module: Linear, input: Size, shape: Size) -> Said:
    refuse(len(input) != 1, f"a dense layer on {len(input)} dimensions; flatten them first")
    return "linear", {}, weighted(module, shape[0])


@said.register
def conv2d(module: Conv2d, input: Size, shape: Size) -> Said:
    refuse(module.padding_mode != "zeros", f"padding_mode={module.padding_mode!r}, zeros alone")
    padding = module.padding
    if isinstance(padding, str):
        around = [d * (k - 1) // 2 for d, k in zip(module.dilation, module.kernel_size, strict=True)]
        padding = around if padding == "same" else (0, 0)
    options = dict(
        size=module.kernel_size, stride=module.stride, padding=padding, dilation=module.dilation, groups=module.groups
    )
    return "conv2d", options, weighted(module, shape[0])


def weighted(module: Any, outputs: int) -> dict[str, np.ndarray]:
    """The weight of a layer, and its bias, zeros where it has none."""
    bias = np.zeros(outputs, np.float32) if module.bias is None else numbers(module.bias)
    return {"weight": numbers(module.weight), "bias": bias}


# --- batch norm: in evaluation a factor and a summand for each channel -----------------------------------------------


@said.register(BatchNorm1d)
@said.register(BatchNorm2d)
def batch_norm(module: Any, input: Size, shape: Size) -> Said:
    refuse(module.running_mean is None, "batch norm without running statistics")
    statistics = [module.running_mean, module.running_var, module.weight, module.bias]
    mean, var, weight, bias = [None if t is None else t.detach().double() for t in statistics]
    scale, shift = as_affine(mean, var, weight, bias, module.eps)
    return "scale", {}, {"scale": numbers(scale), "shift": numbers(shift)}


# --- pooling: which rows and which columns each window has ------------------------------------------------------------


@said.register
def max_pool(module: MaxPool2d, input: Size, shape: Size) -> Said:
    refuse(pair(module.dilation, "dilation") != (1, 1), "pooling with a dilation")
    refuse(module.return_indices, "pooling that returns indices")
    return "max_pool", sliding(module, input, shape), {}


@said.register
def mean_pool(module: AvgPool2d, input: Size, shape: Size) -> Said:
    refuse(module.ceil_mode, "means with ceil_mode=True")
    refuse(module.divisor_override is not None, f"means with divisor_override={module.divisor_override}")
    rows, columns = pair(module.kernel_size, "kernel_size")
    divisor = rows * columns if module.count_include_pad else None  # else of those inside the image
    return "mean_pool", sliding(module, input, shape) | {"divisor": divisor}, {}


@said.register
def adaptive_mean_pool(module: AdaptiveAvgPool2d, input: Size, shape: Size) -> Said:
    return "mean_pool", covering(input, shape) | {"divisor": None}, {}


@said.register
def adaptive_max_pool(module: AdaptiveMaxPool2d, input: Size, shape: Size) -> Said:
    refuse(module.return_indices, "pooling that returns indices")
    return "max_pool", covering(input, shape), {}


def sliding(module: Any, input: Size, shape: Size) -> dict[str, Any]:
    """The windows of a pooling, [first, behind the last] in each direction, as far as they lie inside the image."""
    window = (pair(getattr(module, name), name, least=0) for name in ("kernel_size", "stride", "padding"))
    rows, columns = (
        [[max(i * s - p, 0), min(i * s - p + k, n)] for i in range(count)]
        for k, s, p, n, count in zip(*window, input[1:], shape[1:], strict=True)
    )
    return {"rows": rows, "columns": columns}


def covering(input: Size, shape: Size) -> dict[str, Any]:
    """The windows of an adaptive pooling, in the same form."""
    rows, columns = (
        [[i * n // count, -(-(i + 1) * n // count)] for i in range(count)]
        for n, count in zip(input[1:], shape[1:], strict=True)
    )
    return {"rows": rows, "columns": columns}


# --- activations: element by element ---------------------------------------------------------------------------------


def activation(kind: str, *options: str) -> Callable[[Any, Size, Size], Said]:
    """What tells of a layer its kind and some of its options."""
    return lambda module, input, shape: (kind, {name: getattr(module, name) for name in options}, {})


for layer, kind, options in (
    (ReLU, "relu", ()),
    (ReLU6, "hardtanh", ("min_val", "max_val")),
    (Hardtanh, "hardtanh", ("min_val", "max_val")),
    (LeakyReLU, "leaky_relu", ("negative_slope",)),
    (ELU, "elu", ("alpha",)),
    (SELU, "selu", ()),
    (SiLU, "silu", ()),
    (GELU, "gelu", ("approximate",)),
    (Softplus, "softplus", ("beta", "threshold")),
    (Tanh, "tanh", ()),
    (Sigmoid, "sigmoid", ()),
):
    said.register(layer)(activation(kind, *options))
