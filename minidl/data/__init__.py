"""Data sets, found offline first, and the loader that batches them. What is learnt from them is not known here."""

from minidl.data import transforms
from minidl.data.catalog import fetch
from minidl.data.collate import default_collate, default_convert
from minidl.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    TransformedDataset,
)
from minidl.data.encoder import TableEncoder
from minidl.data.folder import DatasetFolder, ImageFolder
from minidl.data.loader import DataLoader
from minidl.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from minidl.data.sources import CIFAR10, IDX, MNIST, FashionMNIST
from minidl.data.split import KFold, StratifiedKFold, labels_of, random_split
from minidl.data.table import Table
from minidl.data.workers import WorkerInfo, get_worker_info

__all__ = [
    "CIFAR10",
    "IDX",
    "MNIST",
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DatasetFolder",
    "FashionMNIST",
    "ImageFolder",
    "IterableDataset",
    "KFold",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "StratifiedKFold",
    "Subset",
    "SubsetRandomSampler",
    "Table",
    "TableEncoder",
    "TensorDataset",
    "TransformedDataset",
    "WeightedRandomSampler",
    "WorkerInfo",
    "default_collate",
    "default_convert",
    "fetch",
    "get_worker_info",
    "labels_of",
    "random_split",
    "transforms",
]
