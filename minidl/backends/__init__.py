"""PyTorch's switches of libraries (``torch.backends``), none of which is used here: they change nothing.

What arrays are and where they live is `minidl.backend`.
"""

from minidl.backends import cudnn as cudnn
from minidl.backends import mps as mps
