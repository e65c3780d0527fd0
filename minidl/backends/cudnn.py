"""cuDNN, in whose place there are kernels of minidl's own: whatever the switches say, their sums have one order."""

deterministic, benchmark, enabled = True, False, True


def is_available() -> bool:
    """False."""
    return False
