"""What moves parameters along their gradients: optimizers. They know tensors, and nothing of networks."""

from minidl.optim.adam import Adam as Adam
from minidl.optim.optimizer import Optimizer as Optimizer
from minidl.optim.sgd import SGD as SGD
