"""Fused kernels, one folder a backend. Importing this registers them with the composites that they serve."""

from minidl.kernels import cpu as cpu
from minidl.kernels import cuda as cuda
