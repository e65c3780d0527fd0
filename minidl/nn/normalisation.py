"""Layers that normalise, with their learned scales and running statistics."""

import math
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
from minidl.nn import init
from minidl.nn.layers import Shaped, require_positive
from minidl.nn.parameter import Parameter, Uninitialized, UninitializedBuffer
from minidl.ops.create import zeros


def _require_numbers(layer: str, eps: Any, momentum: Any = None) -> None:
    """Raise ValueError, in the name of a layer, for an eps or a momentum that is no number."""
    for name, value in {"eps": eps, "momentum": 0 if momentum is None else momentum}.items():
        if not isinstance(value, (int, float, np.number)) or math.isnan(value):
            raise ValueError(f"{layer}: {name} must be a number, got {value!r}")


class _Affine(Shaped):
    """A layer with a weight that starts with ones and a bias that starts with zeros, or without them."""

    weight: Parameter | None
    bias: Parameter | None

    def make_parameters(self, affine: bool, bias: bool, device: Any, dtype: Any) -> None:
        """Register weight and bias, with their first values."""
        self.make_parameter("weight", affine, device, dtype)
        self.make_parameter("bias", affine and bias, device, dtype)

    def reset_parameters(self) -> None:
        """Fill the weight with ones and the bias with zeros again."""
        if self.weight is not None and not isinstance(self.weight, Uninitialized):
            init.ones_(self.weight)
        if self.bias is not None and not isinstance(self.bias, Uninitialized):
            init.zeros_(self.bias)


class _Norm(_Affine):
    """What batch and instance normalisation share; the number of dimensions is what their forms differ in.

    Parameters
    ----------
    num_features : the number of channels C
    eps : what is added to the variance
    momentum : the share of a batch in the running statistics; None: their plain average over all batches
    affine : learn a weight and a bias (C,)
    track_running_stats : keep running statistics for evaluation; without, the batch's are used there too
    device, dtype : of parameters and running statistics
    bias : False for a weight alone
    """

    _ranks: tuple[int, ...]
    _channels: int  # the dimension of the channels
    running_mean: Any  # a Tensor, or None
    running_var: Any
    num_batches_tracked: Any

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        self.require_inputs(num_features=num_features)
        _require_numbers(type(self).__name__, eps, momentum)
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.make_parameters(affine, bias, device, dtype)
        for name in ("running_mean", "running_var"):
            self.register_buffer(name, self._statistic(device, dtype) if track_running_stats else None)
        counter = zeros((), dtype=int64, device=device) if track_running_stats else None
        self.register_buffer("num_batches_tracked", counter)
        self.reset_parameters()

    def _statistic(self, device: Any, dtype: Any) -> Any:
        if self._lazy:
            return UninitializedBuffer(device=device, dtype=dtype)
        return zeros(self.num_features, device=device, dtype=dtype)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (self.num_features,))

    def take_inputs(self, input: Tensor) -> None:
        self.require_rank(input)
        self.num_features = input.shape[self._channels]

    def reset_running_stats(self) -> None:
        """Forget the running statistics: mean 0, variance 1, no batches."""
        if self.track_running_stats and not isinstance(self.running_mean, Uninitialized):
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Give the parameters their first values anew, and forget the running statistics."""
        self.reset_running_stats()
        super().reset_parameters()

    def extra_repr(self) -> str:
        shown = f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}"
        return f"{shown}, bias={self.bias is not None}, track_running_stats={self.track_running_stats}"

    def require_rank(self, input: Tensor) -> None:
        """Raise ValueError for an input of another rank."""
        require_tensors(type(self).__name__, input)
        if input.ndim not in self._ranks:
            raise ValueError(f"expected a {' or '.join(f'{n}-d' for n in self._ranks)} input, got {dims(input.shape)}")

    def check(self, input: Tensor) -> None:
        """Raise ValueError for an input of another rank, or with other channels."""
        self.require_rank(input)
        if input.shape[self._channels] != self.num_features:
            raise ValueError(f"expected an input with {self.num_features} channels, got {dims(input.shape)}")


class _BatchNorm(_Norm):
    _channels = 1

    def forward(self, input: Tensor) -> Tensor:
        self.check(input)
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
    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    __doc__ = f"Over (N, C, H, W).\n\n    {_Norm.__doc__}"
    _ranks = (4,)


class _InstanceNorm(_Norm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        self.check(input)
        unbatched = input.ndim == self._ranks[0]
        own = self.training or not self.track_running_stats
        running = (self.running_mean, self.running_var)
        batch = input.unsqueeze(0) if unbatched else input
        z = F.instance_norm(batch, *running, self.weight, self.bias, own, self.momentum or 0.0, self.eps)
        return z.squeeze(0) if unbatched else z


class InstanceNorm1d(_InstanceNorm):
    __doc__ = f"Over (N, C, L) or (C, L).\n\n    {_Norm.__doc__}"
    _ranks = (2, 3)
    _channels = -2


class InstanceNorm2d(_InstanceNorm):
    __doc__ = f"Over (N, C, H, W) or (C, H, W).\n\n    {_Norm.__doc__}"
    _ranks = (3, 4)
    _channels = -3


class LayerNorm(_Affine):
    """`minidl.functional.layer_norm` over the last dimensions, those of `normalized_shape`, with weight and bias."""

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        _require_numbers("LayerNorm", eps)
        given = (normalized_shape,) if isinstance(normalized_shape, (int, np.integer)) else normalized_shape
        self.normalized_shape = tuple(given)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.make_parameters(elementwise_affine, bias, device, dtype)
        self.reset_parameters()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(("weight", "bias"), self.normalized_shape)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        shown = f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        return f"{shown}, bias={self.bias is not None}"


class GroupNorm(_Affine):
    """`minidl.functional.group_norm` over blocks of channels, with weight and bias (C,)."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        require_positive("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        _require_numbers("GroupNorm", eps)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_groups={num_groups} must divide num_channels={num_channels}")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.make_parameters(affine, bias, device, dtype)
        self.reset_parameters()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return dict.fromkeys(("weight", "bias"), (self.num_channels,))

    def forward(self, input: Tensor) -> Tensor:
        require_tensors("group_norm", input)
        if input.ndim > 1 and input.shape[1] != self.num_channels:
            raise ValueError(f"expected an input with {self.num_channels} channels, got {dims(input.shape)}")
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        shown = f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"
        return f"{shown}, bias={self.bias is not None}"
