"""Random numbers made where they are needed: the bits of NumPy's Philox stream, by a kernel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array
from minidl.backend.random import Generator, fill_uniform
from minidl.engine.op import on_cuda
from minidl.functional.dropout import dropout_mask
from minidl.kernels.cuda.source import BLOCK, countable, kernel, suits

STREAM = np.dtype(
    [("counter", "u8", 4), ("key", "u8", 2), ("used", "i4"), ("has_half", "i4"), ("half", "u4")], align=True
)  # laid out as in random.cu


def draw(name: str, out: Array, generator: Generator, *options: float) -> None:
    """Launch a kernel that makes a number of `generator` for each element of `out`; the stream moves on by as many."""
    bits: Any = generator.numpy.bit_generator
    with bits.lock:
        s = bits.state
        generator.skip(out.size)
    used, has_half = s["buffer_pos"], s["has_uint32"]
    stream = np.array([(s["state"]["counter"], s["state"]["key"], used, has_half, s["uinteger"])], STREAM)
    words = used + (out.size - has_half + 1) // 2
    grid = (words + 4 * BLOCK - 1) // (4 * BLOCK)  # a thread makes four words
    kernel("random", name, out.dtype)((grid,), (BLOCK,), out, stream, *options, out.size)


@on_cuda(fill_uniform)
def fill_uniform_cuda(out: Array, generator: Generator) -> None:
    """`fill_uniform` of float32, or of what is rounded from that."""
    if suits(out) and out.dtype != np.float64 and out.flags.c_contiguous:
        draw("fill_uniform", out, generator)
    else:
        fill_uniform.function(out, generator)


@on_cuda(dropout_mask)
def dropout_mask_cuda(x: Array, shape: tuple[int, ...], p: float, generator: Generator) -> Array:
    """`dropout_mask` in one launch."""
    if not countable(math.prod(shape)):
        return dropout_mask.function(x, shape, p, generator)
    out = backend.cupy().empty(shape, x.dtype)
    draw("dropout_mask", out, generator, p, 1 / (1 - p) if p < 1 else 0.0)
    return out
