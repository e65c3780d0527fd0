"""PyTorch's other names for what lives elsewhere: only names."""

from minidl.utils import data as data
