"""Gradients in buckets: which parameters share a message, and when it may go."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

MIB = 1 << 20
FIRST = MIB  # bytes of the first bucket, which is small so that the network is soon busy
CAP = 25 * MIB


def planned(sizes: Sequence[int], kinds: Sequence[Hashable], first: int = FIRST, cap: int = CAP) -> list[list[int]]:
    """Parameters in buckets, by number, from the last on, since that is how their gradients come.

    A bucket is full with the parameter that brings it to `cap` bytes, the first one to `first` bytes. Li et al. (2020),
    "PyTorch distributed: experiences on accelerating data parallel training", section 3.2.3.

    Parameters
    ----------
    sizes : the bytes of each parameter
    kinds : of each parameter what must be the same in all of a bucket, such as its dtype
    """
    buckets: list[list[int]] = []
    filling: dict[Hashable, list[int]] = {}
    for number in reversed(range(len(sizes))):
        bucket = filling.setdefault(kinds[number], [])
        bucket.append(number)
        if sum(sizes[i] for i in bucket) >= (cap if buckets else first):
            buckets.append(filling.pop(kinds[number]))
    return [*buckets, *filling.values()]


class Schedule:
    """Which buckets may go when gradients arrive: one after the other in their order, which all ranks share."""

    def __init__(self, buckets: Sequence[Sequence[int]]) -> None:
        self.buckets = buckets
        self.place = {number: i for i, bucket in enumerate(buckets) for number in bucket}
        self.start()

    def start(self) -> None:
        """Wait for all gradients anew."""
        self.waiting = [set(bucket) for bucket in self.buckets]
        self.sent = 0

    def arrived(self, number: int) -> range:
        """Note that a gradient is there; the buckets that go now."""
        self.waiting[self.place[number]].discard(number)
        before = self.sent
        while self.sent < len(self.buckets) and not self.waiting[self.sent]:
            self.sent += 1
        return range(before, self.sent)

    def missing(self) -> list[int]:
        """The parameters without a gradient, in their order."""
        return sorted(number for bucket in self.waiting for number in bucket)
