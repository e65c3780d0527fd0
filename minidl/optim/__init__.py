"""What moves parameters along their gradients: optimizers, schedules of their rates, averages of what they found.

Optimizers and schedules know tensors; `swa_utils` alone knows networks.
"""

# ruff: noqa: F401
from minidl.optim import lr_scheduler, swa_utils
from minidl.optim.adadelta import Adadelta
from minidl.optim.adagrad import Adagrad
from minidl.optim.adam import Adam
from minidl.optim.adamax import Adamax
from minidl.optim.adamw import AdamW
from minidl.optim.nadam import NAdam
from minidl.optim.optimizer import Optimizer
from minidl.optim.rmsprop import RMSprop
from minidl.optim.sgd import SGD
