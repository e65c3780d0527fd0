"""PyTorch's other names (``torch.utils``) for what lives elsewhere: only names."""

from minidl.utils import checkpoint as checkpoint
from minidl.utils import data as data
