"""Kernels on CuPy arrays: CUDA sources (``.cu``), and beside each of them who launches it.

What `on_cuda` puts in place of a function ``f`` is called ``f_cuda``; a class that serves a composite has its name.
"""

from minidl.kernels.cuda import conv as conv
from minidl.kernels.cuda import elementwise as elementwise
from minidl.kernels.cuda import extremes as extremes
from minidl.kernels.cuda import loss as loss
from minidl.kernels.cuda import norm as norm
from minidl.kernels.cuda import optim as optim
from minidl.kernels.cuda import pool as pool
from minidl.kernels.cuda import random as random
from minidl.kernels.cuda import reduce as reduce
from minidl.kernels.cuda import scatter as scatter
