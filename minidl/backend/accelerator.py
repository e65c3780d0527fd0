"""The accelerator of this machine, if it has one, under PyTorch's names (``torch.accelerator``): GPUs of CUDA."""

from __future__ import annotations

from minidl.backend.cuda import device_count as device_count
from minidl.backend.cuda import is_available as is_available
from minidl.backend.cuda import synchronize as synchronize
from minidl.backend.devices import device


def current_accelerator(check_available: bool = False) -> device | None:
    """``device("cuda")`` where there is a GPU, None where not: with `check_available` or without."""
    return device("cuda") if is_available() else None
