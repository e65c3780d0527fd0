"""Layers that normalise, with their learned scales and running statistics."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import backend
from minidl import functional as F
from minidl.backend import dims
from minidl.backend.dtypes import int64
from minidl.engine.core import Tensor
from minidl.engine.require import require_tensors
from minidl.engine.writes import written
from minidl.nn.layers import require_positive
from minidl.nn.module import Module, Parameter
from minidl.ops.create import ones, zeros


def _weight_and_bias(size: tuple[int, ...], affine: bool, bias: bool) -> tuple[Parameter | None, Parameter | None]:
    weight = Parameter(ones(size)) if affine else None
    return weight, Parameter(zeros(size)) if affine and bias else None


class _Norm(Module):
    """What batch and instance normalisation share; the number of dimensions is what their forms differ in.

    Parameters
    ----------
    num_features : the number of channels C
    eps : what is added to the variance
    momentum : the share of a batch in the running statistics; None: their plain average over all batches
    affine : learn a weight and a bias (C,)
    track_running_stats : keep running statistics for evaluation; without, the batch's are used there too
    bias : False for a weight alone
    """

    ranks: tuple[int, ...]
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Any

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        require_positive(type(self).__name__, num_features=num_features)
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight, self.bias = _weight_and_bias((num_features,), affine, bias)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features) if tracked else None)
        self.register_buffer("running_var", ones(num_features) if tracked else None)
        self.register_buffer("num_batches_tracked", zeros((), dtype=int64) if tracked else None)

    def check(self, input: Tensor, channels: int) -> None:
        """Raise ValueError for an input of another rank, or with other channels, which are its dimension `channels`."""
        require_tensors(type(self).__name__, input)
        if input.ndim not in self.ranks or input.shape[channels] != self.num_features:
            shapes = " or ".join(f"{n}-d" for n in self.ranks)
            raise ValueError(f"expected a {shapes} input with {self.num_features} channels, got {dims(input.shape)}")


class _BatchNorm(_Norm):
    def forward(self, input: Tensor) -> Tensor:
        self.check(input, channels=1)
        running = (self.running_mean, self.running_var)
        return F.batch_norm(input, *running, self.weight, self.bias, self.by_batch(), self.counted(), self.eps)

    def by_batch(self) -> bool:
        """Whether it normalises by the statistics of the batch."""
        return self.training or not self.track_running_stats

    def counted(self) -> float:
        """The share of this batch in the running statistics; in training the batch is counted."""
        if not (self.training and self.track_running_stats):
            return self.momentum or 0.0
        count = self.num_batches_tracked.array
        with backend.current(count):
            count += 1
        written(count)
        return 1 / self.num_batches_tracked.item() if self.momentum is None else self.momentum


class BatchNorm1d(_BatchNorm):
    __doc__ = f"Over (N, C) or (N, C, L).\n\n    {_Norm.__doc__}"
    ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    __doc__ = f"Over (N, C, H, W).\n\n    {_Norm.__doc__}"
    ranks = (4,)


class _InstanceNorm(_Norm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        self.check(input, channels=1 - self.ranks[-1])
        unbatched = input.ndim == self.ranks[0]
        own = self.training or not self.track_running_stats
        running = (self.running_mean, self.running_var)
        batch = input.unsqueeze(0) if unbatched else input
        z = F.instance_norm(batch, *running, self.weight, self.bias, own, self.momentum or 0.0, self.eps)
        return z.squeeze(0) if unbatched else z


class InstanceNorm1d(_InstanceNorm):
    __doc__ = f"Over (N, C, L) or (C, L).\n\n    {_Norm.__doc__}"
    ranks = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    __doc__ = f"Over (N, C, H, W) or (C, H, W).\n\n    {_Norm.__doc__}"
    ranks = (3, 4)


class LayerNorm(Module):
    """`minidl.functional.layer_norm` over the last dimensions, those of `normalized_shape`, with weight and bias."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        given = (normalized_shape,) if isinstance(normalized_shape, (int, np.integer)) else normalized_shape
        self.normalized_shape = tuple(given)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight, self.bias = _weight_and_bias(self.normalized_shape, elementwise_affine, bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)


class GroupNorm(Module):
    """`minidl.functional.group_norm` over blocks of channels, with weight and bias (C,)."""

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, bias: bool = True
    ) -> None:
        require_positive("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups={num_groups} must divide num_channels={num_channels}")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.weight, self.bias = _weight_and_bias((num_channels,), affine, bias)

    def forward(self, input: Tensor) -> Tensor:
        require_tensors("group_norm", input)
        if input.ndim > 1 and input.shape[1] != self.num_channels:
            raise ValueError(f"expected an input with {self.num_channels} channels, got {dims(input.shape)}")
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)
