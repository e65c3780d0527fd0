"""Kernels on NumPy arrays."""

from minidl.kernels.cpu import conv as conv
from minidl.kernels.cpu import depthwise as depthwise
from minidl.kernels.cpu import elementwise as elementwise
from minidl.kernels.cpu import loss as loss
from minidl.kernels.cpu import norm as norm
from minidl.kernels.cpu import pool as pool
from minidl.kernels.cpu import winograd as winograd
