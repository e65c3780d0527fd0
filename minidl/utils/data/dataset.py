"""``torch.utils.data.dataset``: only names."""

from minidl.data import ChainDataset as ChainDataset
from minidl.data import ConcatDataset as ConcatDataset
from minidl.data import Dataset as Dataset
from minidl.data import IterableDataset as IterableDataset
from minidl.data import StackDataset as StackDataset
from minidl.data import Subset as Subset
from minidl.data import TensorDataset as TensorDataset
from minidl.data import random_split as random_split
