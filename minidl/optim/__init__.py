"""Optimizers."""

from minidl.optim.adam import Adam as Adam
from minidl.optim.optimizer import Optimizer as Optimizer
from minidl.optim.sgd import SGD as SGD
