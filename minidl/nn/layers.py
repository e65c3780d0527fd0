"""Layers: a function of `minidl.functional` with its parameters, initialised as in PyTorch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import functional as F
from minidl.backend import dims
from minidl.core import Tensor
from minidl.functional.windows import Pair, pair
from minidl.nn import init
from minidl.nn.module import Module, Parameter
from minidl.op import require_tensors


def _positive(layer: str, **sizes: Any) -> None:
    for name, size in sizes.items():
        if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{layer}: {name} must be a positive integer, got {size!r}")


def _weight_and_bias(shape: tuple[int, ...], bias: bool) -> tuple[Parameter, Parameter | None]:
    """Both uniform in ±1/√fan_in, PyTorch's default."""
    weight = Parameter(np.empty(shape, np.float32))
    bound = 1 / math.sqrt(init.fans(weight)[0])
    init.uniform_(weight, -bound, bound)
    if not bias:
        return weight, None
    vector = Parameter(np.empty(shape[0], np.float32))
    init.uniform_(vector, -bound, bound)
    return weight, vector


class Linear(Module):
    """input (…, in_features) times weightᵀ (out_features, in_features), plus bias: (…, out_features)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        _positive("Linear", in_features=in_features, out_features=out_features)
        self.in_features = in_features
        self.out_features = out_features
        self.weight, self.bias = _weight_and_bias((out_features, in_features), bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, self.weight, self.bias)


class Conv2d(Module):
    """`minidl.functional.conv2d` with a learned weight (O, C / groups, KH, KW) and bias (O,)."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair | str = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        _positive("Conv2d", in_channels=in_channels, out_channels=out_channels, groups=groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"Conv2d: groups={groups} must divide in_channels={in_channels} and out_channels={out_channels}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        window = pair(kernel_size, "Conv2d: kernel_size")
        self.weight, self.bias = _weight_and_bias((out_channels, in_channels // groups, *window), bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class MaxPool2d(Module):
    """`minidl.functional.max_pool2d`."""

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        dilation: Pair = 1,
        *,
        ceil_mode: bool = False,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        return F.max_pool2d(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class AvgPool2d(Module):
    """`minidl.functional.avg_pool2d`."""

    def __init__(
        self,
        kernel_size: Pair,
        stride: Pair | None = None,
        padding: Pair = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class _BatchNorm(Module):
    """Batch normalisation; the number of dimensions is what its forms differ in.

    Parameters
    ----------
    num_features : the number of channels C
    eps : what is added to the variance
    momentum : the share of a batch in the running statistics; None: their plain average over all batches
    affine : learn a weight and a bias (C,)
    track_running_stats : keep running statistics for evaluation; without, the batch's are used there too
    """

    ranks: tuple[int, ...]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        _positive(type(self).__name__, num_features=num_features)
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(np.ones(num_features, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(num_features, np.float32)) if affine else None
        tracked = track_running_stats
        self.register_buffer("running_mean", Tensor(np.zeros(num_features, np.float32)) if tracked else None)
        self.register_buffer("running_var", Tensor(np.ones(num_features, np.float32)) if tracked else None)
        self.register_buffer("num_batches_tracked", Tensor(np.zeros((), np.int64)) if tracked else None)

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Any

    def forward(self, input: Tensor) -> Tensor:
        require_tensors("batch_norm", input)
        if input.ndim not in self.ranks or input.shape[1] != self.num_features:
            shapes = " or ".join(f"{n}-d" for n in self.ranks)
            raise ValueError(f"expected a {shapes} input with {self.num_features} channels, got {dims(input.shape)}")
        batch_statistics = self.training or not self.track_running_stats
        momentum = self.momentum
        if self.training and self.track_running_stats:
            self.num_batches_tracked.add_(1)
            momentum = 1 / self.num_batches_tracked.item() if momentum is None else momentum
        running = (self.running_mean, self.running_var)
        return F.batch_norm(input, *running, self.weight, self.bias, batch_statistics, momentum or 0.0, self.eps)


class BatchNorm1d(_BatchNorm):
    __doc__ = f"Over (N, C) or (N, C, L).\n\n    {_BatchNorm.__doc__}"
    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    __doc__ = f"Over (N, C, H, W).\n\n    {_BatchNorm.__doc__}"
    ranks = (4,)


class Dropout(Module):
    """`minidl.functional.dropout` while training, the identity otherwise."""

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p is a probability, expected 0 ≤ p ≤ 1, got {p}")
        self.p = p

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training)


class ReLU(Module):
    """max(input, 0), elementwise."""

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input)


class Flatten(Module):
    """The dimensions from `start_dim` to `end_dim` made one: by default (N, …) to (N, features)."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        require_tensors("flatten", input)
        return input.flatten(self.start_dim, self.end_dim)


class CrossEntropyLoss(Module):
    """`minidl.functional.cross_entropy` of scores and targets."""

    def __init__(
        self,
        weight: Tensor | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    weight: Tensor | None

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)
