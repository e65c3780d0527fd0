"""``torch.utils.data``: `minidl.data`, less the data sets that come with it."""

from minidl.data import BatchSampler as BatchSampler
from minidl.data import ConcatDataset as ConcatDataset
from minidl.data import DataLoader as DataLoader
from minidl.data import Dataset as Dataset
from minidl.data import IterableDataset as IterableDataset
from minidl.data import RandomSampler as RandomSampler
from minidl.data import Sampler as Sampler
from minidl.data import SequentialSampler as SequentialSampler
from minidl.data import Subset as Subset
from minidl.data import TensorDataset as TensorDataset
from minidl.data import default_collate as default_collate
from minidl.data import default_convert as default_convert
from minidl.data import random_split as random_split
