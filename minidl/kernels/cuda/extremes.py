"""The least and the largest of an array at once: what an index or a label is held against its range by."""

import numpy as np

from minidl import backend
from minidl.backend.transfer import extremes
from minidl.engine.op import on_cuda
from minidl.kernels.cuda.source import BLOCK, countable, kernel, readable

BLOCKS = 512  # at most
RUN = 16  # values for a thread, at least


@on_cuda(extremes)
def extremes_cuda(values, low, ignore):
    """`extremes` in one launch, two where values are many; one more where they are strided, or other integers."""
    if not countable(values.size) or values.dtype == np.uint64:  # of which an int64 can't hold all
        return extremes.function(values, low, ignore)
    values = readable(values)
    blocks, number = min(BLOCKS, -(-values.size // (BLOCK * RUN))), values.dtype.type
    z = backend.cupy().empty((blocks, 2), values.dtype)
    options = number(low), number(low if ignore is None else ignore), values.size
    kernel("extremes", "extremes", values.dtype)((blocks,), (BLOCK,), values, z, *options)
    return z[0] if blocks == 1 else extremes_cuda(z, low, ignore)
