"""Data sets that tell who loads them, and that no worker is left behind."""

import multiprocessing
import threading

import pytest

import minidl as md
from minidl.data import Dataset, IterableDataset, get_worker_info

FORKS = "fork" in multiprocessing.get_all_start_methods()
KINDS = [None, pytest.param("fork", marks=pytest.mark.skipif(not FORKS, reason="no fork on this platform"))]


@pytest.fixture(autouse=True)
def nothing_is_left_behind():
    """Neither a process nor a thread, once a test has ended."""
    yield
    assert multiprocessing.active_children() == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("minidl-loader")]


class Noisy(Dataset):
    """Samples that are their index, and what a transform draws."""

    def __len__(self):
        return 23

    def __getitem__(self, index):
        return index, md.rand(2), md.functional.dropout(md.ones(3))


class Shards(IterableDataset):
    """Numbers, of which each worker takes its own, as in PyTorch's documentation."""

    def __init__(self, n=10):
        self.n = n

    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id, self.n, info.num_workers) if info else range(self.n))


def values(batches):
    return [[field.numpy().tolist() for field in batch] for batch in batches]


def numbers(batches):
    return [batch.numpy().tolist() for batch in batches]
