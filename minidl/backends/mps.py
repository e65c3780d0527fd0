"""Apple's GPUs, for which there are no kernels: the devices are "cpu" and "cuda"."""


def is_available() -> bool:
    """False."""
    return False


def is_built() -> bool:
    """False."""
    return False
