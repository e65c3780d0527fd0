"""Functions of networks, what users call ``F``: PyTorch's names, arguments, defaults and semantics."""

from minidl.functional.dense import batch_norm as batch_norm
from minidl.functional.dense import dropout as dropout
from minidl.functional.dense import linear as linear
from minidl.functional.dense import pad as pad
from minidl.functional.losses import cross_entropy as cross_entropy
from minidl.functional.windows import avg_pool2d as avg_pool2d
from minidl.functional.windows import conv2d as conv2d
from minidl.functional.windows import max_pool2d as max_pool2d
from minidl.ops.elementwise import relu as relu
from minidl.ops.loss import log_softmax as log_softmax
from minidl.ops.loss import softmax as softmax
