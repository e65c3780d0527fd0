"""Libraries that PyTorch has switches for (``torch.backends``): none is used, and the switches change nothing."""

from minidl.backends import cudnn as cudnn
from minidl.backends import mps as mps
