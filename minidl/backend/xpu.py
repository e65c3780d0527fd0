"""Intel's GPUs (``torch.xpu``), for which there are no kernels: the devices are "cpu" and "cuda"."""


def is_available() -> bool:
    """False."""
    return False
