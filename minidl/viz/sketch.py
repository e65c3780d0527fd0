"""A tensor on one line."""

from __future__ import annotations

import numpy as np

from minidl.backend import dims, transfer
from minidl.engine.core import Tensor
from minidl.engine.require import require_arrays

BARS = "▁▂▃▄▅▆▇█"
BINS = 12


def sketch(tensor: Tensor | np.ndarray) -> str:
    """Shape, dtype, mean and standard deviation, least and greatest element, a histogram, and what is not finite.

    Parameters
    ----------
    tensor : Tensor or ndarray (any shape)

    Returns
    -------
    str
        Such as ``64×10 float32  mean 0.00231 ± 0.98  in [-3.1, 3.4]  ▁▁▂▄▆█▇▅▃▁▁▁  2 NaN``. The bars are of twelve
        equal parts of the range; statistics are of the finite elements.
    """
    require_arrays("sketch", tensor)
    array = np.asarray(transfer.move(tensor.array if isinstance(tensor, Tensor) else tensor, "cpu"))
    parts = [f"{dims(array.shape)} {array.dtype}"]
    values = array.astype(np.float64)[np.isfinite(array)]
    if array.ndim == 0:
        parts.append(f"{array.item():.6g}")
    elif values.size:
        low, high = values.min(), values.max()
        large = max(1.0, abs(low), abs(high))  # so that no square overflows
        parts.append(f"mean {large * (values / large).mean():.3g} ± {large * (values / large).std():.2g}")
        parts.append(f"in [{low:.3g}, {high:.3g}]")
        parts.append(histogram(values / large))
    missing = np.isnan(array).sum(), np.isinf(array).sum()
    parts += [f"{count:,} {name}" for count, name in zip(missing, ("NaN", "inf"), strict=True) if count and array.ndim]
    return "  ".join(parts)


def histogram(values: np.ndarray) -> str:
    """How often values lie in each twelfth of their range; a bar that is not the lowest has at least one."""
    low, high = values.min(), values.max()
    counts, _ = np.histogram((values - low) / (high - low), BINS, (0, 1)) if high > low else np.histogram(values, BINS)
    heights = np.ceil(counts / counts.max() * (len(BARS) - 1)).astype(int)
    return "".join(BARS[height] for height in heights)
