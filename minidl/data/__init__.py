"""Data sets, found offline first, and the loader that batches them: only names."""

from minidl.data.catalog import fetch
from minidl.data.dataset import Dataset, Subset, TensorDataset
from minidl.data.loader import DataLoader
from minidl.data.sources import CIFAR10, MNIST, FashionMNIST

__all__ = ["CIFAR10", "MNIST", "DataLoader", "Dataset", "FashionMNIST", "Subset", "TensorDataset", "fetch"]
