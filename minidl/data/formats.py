"""The binary formats of the data sets: bytes to arrays, or a ValueError that names the file and its fault."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from minidl.backend import dims

IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def parse_idx(raw: bytes, where: str | Path) -> np.ndarray:
    """Decode an IDX file, as MNIST's are: magic number, dimensions, then the array, all big-endian.

    The result has the shape and element type that the header states, in native byte order.
    """
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in IDX_DTYPES:
        raise ValueError(
            f"{where}: not an IDX file: it starts with [{raw[:4].hex(' ')}], but IDX starts with "
            "[00 00], a type code (08, 09, 0b-0e) and the number of dimensions"
        )
    dtype, ndim = np.dtype(IDX_DTYPES[raw[2]]), raw[3]
    start = 4 + 4 * ndim
    if len(raw) < start:
        raise ValueError(f"{where}: truncated: {len(raw)} of its header's {start} bytes")
    shape = np.frombuffer(raw, ">u4", count=ndim, offset=4).tolist()
    length = start + math.prod(shape) * dtype.itemsize
    if len(raw) != length:
        raise ValueError(
            f"{where}: {'truncated' if len(raw) < length else 'has bytes after its end'}: by its header it holds "
            f"{dims(shape)} elements, {length:,} bytes in all, but it has {len(raw):,}"
        )
    return np.frombuffer(raw[start:], dtype).reshape(shape).astype(dtype.type)


def parse_cifar(raw: bytes, where: str | Path) -> np.ndarray:
    """Decode a CIFAR-10 binary file: uint8 records (N, 3073), each a label, then the planes R, G, B, 32×32."""
    if not raw or len(raw) % 3073:
        raise ValueError(f"{where}: truncated: its {len(raw):,} bytes are not records of 3,073 bytes")
    return np.frombuffer(raw, np.uint8).reshape(-1, 3073)
