"""Data sets, found offline first, and the loader that batches them. What is learnt from them is not known here."""

from minidl.data import transforms
from minidl.data.catalog import fetch
from minidl.data.collate import default_collate, default_convert
from minidl.data.dataset import (
    ConcatDataset,
    Dataset,
    IterableDataset,
    Subset,
    TensorDataset,
    TransformedDataset,
    random_split,
)
from minidl.data.loader import DataLoader
from minidl.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler
from minidl.data.sources import CIFAR10, MNIST, FashionMNIST

__all__ = [
    "CIFAR10",
    "MNIST",
    "BatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "FashionMNIST",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "TensorDataset",
    "TransformedDataset",
    "default_collate",
    "default_convert",
    "fetch",
    "random_split",
    "transforms",
]
