"""Batch normalisation over the batches of all ranks."""

from __future__ import annotations

from typing import Any

from minidl.autograd.function import Function
from minidl.backend import dims
from minidl.backend.dtypes import float16, float32
from minidl.distributed.collectives import host, reduced
from minidl.distributed.group import joined, require_group
from minidl.engine.core import Tensor
from minidl.functional.normalisation import update_running
from minidl.nn.module import Module
from minidl.nn.normalisation import _BatchNorm
from minidl.ops.create import zeros
from minidl.ops.elementwise import sqrt
from minidl.ops.joining import cat
from minidl.ops.norm import along_channels
from minidl.ops.reduce import centred


class AllSum(Function):
    """The sum of a tensor over all ranks; its gradient is the sum of theirs, and so on in its turn.

    So each rank gets the gradient of the sum of the losses of all, of which `DistributedDataParallel` takes the mean.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        group = require_group("SyncBatchNorm")
        buffer = host(x.array)
        group.wait(reduced(group, buffer), "SyncBatchNorm")
        return Tensor(buffer).to(x.device)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return AllSum.apply(g)


class SyncBatchNorm(_BatchNorm):
    """Batch norm whose mean and variance in training are those of the batches of all ranks together.

    Over (N, C, …); N may differ from rank to rank. Each layer sends one message forward and one backward, of 2C + 1
    numbers from each rank, which are put together as by Chan, Golub & LeVeque (1983), "Algorithms for computing the
    sample variance". In evaluation, and on one rank, it is `nn.BatchNorm2d`. Its parameters are those of that, too.
    """

    def require_rank(self, input: Tensor) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected an input (N, C, …), got {dims(input.shape)}")

    def forward(self, input: Tensor) -> Tensor:
        if joined().size == 1 or not self.by_batch():
            return super().forward(input)
        self.check(input)
        momentum = self.counted()
        x = input.to(float32) if input.dtype == float16 else input  # whose sums overflow
        over, channels = (0, *range(2, x.ndim)), self.num_features
        deviation = centred(x, dim=over)
        number = x.numel() // channels
        means = x.sum(over) / max(number, 1)  # of a rank without samples 0, not NaN
        own = cat([means, (deviation * deviation).sum(over)])
        means, squares, counts = self.of_all(own, number)
        count = counts.sum()
        if count.item() < 2:
            raise ValueError("expected more than 1 value per channel on all ranks together, in training")
        centre = (means * counts).sum(0) / count
        variance = (squares + counts * (means - centre) ** 2).sum(0) / count
        z = (x - along_channels(centre, x.ndim)) / sqrt(along_channels(variance, x.ndim) + self.eps)
        if self.track_running_stats:
            update_running(
                self.running_mean, self.running_var, centre.array, variance.array, int(count.item()), momentum
            )
        z = z if self.weight is None else z * along_channels(self.weight, x.ndim)
        z = z if self.bias is None else z + along_channels(self.bias, x.ndim)
        return z.to(input.dtype)

    def of_all(self, own: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """The means and the sums of squared deviations (ranks, C) of all ranks, and the counts (ranks, 1)."""
        group = joined()
        row = cat([own, own.new_full((1,), count)])
        before, after = zeros(group.rank, len(row)), zeros(group.size - group.rank - 1, len(row))
        sides = [side.to(own.device, own.dtype) for side in (before, after)]
        table = AllSum.apply(cat([sides[0], row.unsqueeze(0), sides[1]]))
        channels = self.num_features
        return table[:, :channels], table[:, channels : 2 * channels], table[:, 2 * channels :].detach()

    @classmethod
    def convert_sync_batchnorm(cls, module: Module) -> Module:
        """Make each batch norm of a module a SyncBatchNorm, in its place; returns the module.

        It keeps its parameters, buffers and hooks, and all of its names.

        Raises
        ------
        RuntimeError
            For one that has no shape yet.
        """
        norms = [norm for norm in module.modules() if isinstance(norm, _BatchNorm) and not isinstance(norm, cls)]
        if lazy := [norm for norm in norms if norm._lazy]:
            raise RuntimeError(f"convert_sync_batchnorm: {lazy[0]} has no shape yet; run the network once first")
        for norm in norms:
            norm.__class__ = cls
        return module
