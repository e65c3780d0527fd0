"""``torch.utils.checkpoint``: `minidl.autograd.checkpoint`."""

from minidl.autograd.checkpoint import checkpoint as checkpoint
from minidl.autograd.checkpoint import checkpoint_sequential as checkpoint_sequential
