"""Kernels on NumPy arrays, of float32 and float64: chunk by chunk, and several at a time. They see no Tensors."""

from minidl.kernels.cpu import conv as conv
from minidl.kernels.cpu import depthwise as depthwise
from minidl.kernels.cpu import elementwise as elementwise
from minidl.kernels.cpu import loss as loss
from minidl.kernels.cpu import norm as norm
from minidl.kernels.cpu import optim as optim
from minidl.kernels.cpu import pool as pool
from minidl.kernels.cpu import rows as rows
from minidl.kernels.cpu import winograd as winograd
