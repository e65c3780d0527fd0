"""``torch.utils.data.sampler``: only names."""

from minidl.data import BatchSampler as BatchSampler
from minidl.data import RandomSampler as RandomSampler
from minidl.data import Sampler as Sampler
from minidl.data import SequentialSampler as SequentialSampler
from minidl.data import SubsetRandomSampler as SubsetRandomSampler
from minidl.data import WeightedRandomSampler as WeightedRandomSampler
