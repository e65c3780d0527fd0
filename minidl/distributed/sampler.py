"""Equal shares of the samples for all ranks."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import numpy as np

from minidl.backend.modes import require_flag
from minidl.backend.random import Generator
from minidl.data.sampler import Sampler, require_count
from minidl.distributed.group import get_rank, get_world_size


class DistributedSampler(Sampler):
    """Every so-many-th index of a data set, another part for each rank (``torch.utils.data.DistributedSampler``).

    The order of all indices comes from `seed` and the epoch alone, so that batches of `batch_size` on each of N ranks
    are together the same samples as batches of N · `batch_size` on one.

    Parameters
    ----------
    dataset : Dataset
    num_replicas : int, optional
        How many ranks there are, by default as many as in the process group.
    rank : int, optional
        Whose share it is, by default that of this one.
    shuffle : bool
        Whether each epoch has an order of its own (`set_epoch`).
    seed : int
        The same on all ranks.
    drop_last : bool
        Whether samples are left out, or some come twice, where the ranks do not divide their number.

    Raises
    ------
    RuntimeError
        Without a process group, if it has to be asked.
    ValueError, TypeError
        For a rank that is none of the replicas, and for an argument of another type.
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        replicas = get_world_size() if num_replicas is None else num_replicas
        self.dataset = dataset
        self.num_replicas = require_count("DistributedSampler", "num_replicas", replicas)
        self.rank = require_count("DistributedSampler", "rank", get_rank() if rank is None else rank, least=0)
        if self.rank >= self.num_replicas:
            raise ValueError(f"DistributedSampler: rank must be below num_replicas={replicas}, got {rank}")
        self.shuffle = require_flag("DistributedSampler", "shuffle", shuffle)
        self.seed = require_count("DistributedSampler", "seed", seed, least=0)
        self.drop_last = require_flag("DistributedSampler", "drop_last", drop_last)
        self.epoch = 0

    @property
    def num_samples(self) -> int:
        """How many indices each rank has."""
        count = len(self.dataset)
        return count // self.num_replicas if self.drop_last else -(-count // self.num_replicas)

    @property
    def total_size(self) -> int:
        """How many indices all ranks have together."""
        return self.num_samples * self.num_replicas

    def __len__(self) -> int:
        return self.num_samples

    def __iter__(self) -> Iterator[int]:
        count = len(self.dataset)
        order = np.arange(count)
        if self.shuffle:
            order = Generator().manual_seed(self.seed + self.epoch).numpy.permutation(count)
        return iter(np.resize(order, self.total_size)[self.rank :: self.num_replicas].tolist())

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next, before its iteration begins; a `Trainer` does so."""
        self.epoch = require_count("DistributedSampler", "epoch", epoch, least=0)
