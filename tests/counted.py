"""Data sets whose samples are numbers in a row, and what a loader makes of them."""

import numpy as np

from minidl.data import IterableDataset, TensorDataset


def numbers(n):
    return TensorDataset(np.arange(n), np.arange(n, dtype=np.uint8))


def order(loader):
    return [int(i) for x, _ in loader for i in x.array]


class Stream(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return iter(range(self.n))


class CountedStream(Stream):
    def __len__(self):
        return self.n


def listed(batches):
    return [batch.numpy().tolist() for batch in batches]
