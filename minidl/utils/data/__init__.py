"""``torch.utils.data``: `minidl.data`, less the data sets that come with it."""

from minidl.data import BatchSampler as BatchSampler
from minidl.data import ChainDataset as ChainDataset
from minidl.data import ConcatDataset as ConcatDataset
from minidl.data import DataLoader as DataLoader
from minidl.data import Dataset as Dataset
from minidl.data import IterableDataset as IterableDataset
from minidl.data import RandomSampler as RandomSampler
from minidl.data import Sampler as Sampler
from minidl.data import SequentialSampler as SequentialSampler
from minidl.data import StackDataset as StackDataset
from minidl.data import Subset as Subset
from minidl.data import SubsetRandomSampler as SubsetRandomSampler
from minidl.data import TensorDataset as TensorDataset
from minidl.data import WeightedRandomSampler as WeightedRandomSampler
from minidl.data import WorkerInfo as WorkerInfo
from minidl.data import default_collate as default_collate
from minidl.data import default_convert as default_convert
from minidl.data import get_worker_info as get_worker_info
from minidl.data import random_split as random_split
from minidl.utils.data import dataloader as dataloader
from minidl.utils.data import dataset as dataset
from minidl.utils.data import sampler as sampler
