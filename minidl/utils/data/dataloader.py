"""``torch.utils.data.dataloader``: only names."""

from minidl.data import DataLoader as DataLoader
from minidl.data import default_collate as default_collate
from minidl.data import default_convert as default_convert
from minidl.data import get_worker_info as get_worker_info
