"""CUDA sources: compiled when a kernel is first asked for, and launched."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array

FOLDER = Path(__file__).parent
TYPES = {"float16": "__half", "float32": "float", "float64": "double"}
FLOATS = {np.dtype(name) for name in TYPES}  # a dtype is found sooner, in 0.1 µs, than its name, in 1
INTEGERS = {"int64": "long long"}  # for kernels that move, add and compare alone
INDEX = np.dtype(np.int64)
OPTIONS = ("--std=c++17",)
BLOCK = 256  # threads
MOST = 1 << 30  # elements: half of what an int counts, so that an index past the end by a block or a part is one
INCLUDE = re.compile(r'^#include "(\w+\.cuh)"$', re.MULTILINE)  # of files here: CuPy's cache would not see them change
ENTRY = re.compile(r"__global__ void (\w+)\(")
CONSTANT = re.compile(r"\b([A-Z_]+) = (\d+)\b")


def text(name: str) -> str:
    """The source ``name.cu``, with what all of them share before it, and what it includes in its place."""
    source = (FOLDER / "common.cuh").read_text("utf-8") + (FOLDER / f"{name}.cu").read_text("utf-8")
    return INCLUDE.sub(lambda found: (FOLDER / found[1]).read_text("utf-8"), source)


def entries(name: str, dtype: Any) -> dict[str, str]:
    """The kernels of ``name.cu``, each with the expression that stands for it in this dtype."""
    return {kernel: f"{kernel}<{(TYPES | INTEGERS)[str(dtype)]}>" for kernel in ENTRY.findall(text(name))}


def constants(name: str) -> dict[str, int]:
    """The numbers that ``name.cu`` declares under names in capitals, for those who launch its kernels."""
    return {constant: int(value) for constant, value in CONSTANT.findall(text(name))}


@functools.cache
def compiled(name: str, dtype: np.dtype) -> Any:
    """The module of all kernels of ``name.cu`` in this dtype. CuPy compiles it once, and keeps that on disk."""
    return backend.cupy().RawModule(
        code=text(name), options=OPTIONS, name_expressions=tuple(entries(name, dtype).values())
    )


class Kernel:
    """A kernel of ``name.cu`` in a dtype: called with grid, block and arguments, which are passed on by value.

    Arrays are passed as pointers, whatever their strides; Python integers as ``int``, floats as ``double``.
    """

    def __init__(self, name: str, kernel: str, dtype: np.dtype) -> None:
        self.function = compiled(name, dtype).get_function(entries(name, dtype)[kernel])

    def __call__(self, grid: tuple[int, ...], block: tuple[int, ...], *arguments: Any) -> None:
        self.function(grid, block, tuple(map(argument, arguments)))

    def each(self, n: int, *arguments: Any) -> None:
        """A thread for each of n elements; n comes as the last argument. ValueError for more than `MOST`."""
        if n > MOST:
            raise ValueError(f"{n} elements are more than kernels count; md.no_fusion() does without them")
        if n:
            self(((n + BLOCK - 1) // BLOCK,), (BLOCK,), *arguments, n)


kernel = functools.cache(Kernel)


def argument(value: Any) -> Any:
    """A number in the type that the kernels take; an array as it is."""
    if isinstance(value, (bool, int)):
        return np.int32(value)
    return np.float64(value) if isinstance(value, float) else value


def suits(x: Any, *others: Any) -> bool:
    """Whether these are CuPy arrays of one dtype that kernels are made for, x not empty; others may be None."""
    return (
        backend.on_gpu(x)
        and x.dtype in FLOATS
        and countable(x.size)
        and all(backend.on_gpu(a) and a.dtype == x.dtype for a in others if a is not None)
    )


def countable(*sizes: int) -> bool:
    """Whether there are any elements, and not more than `MOST`."""
    return min(sizes) > 0 and max(sizes) <= MOST


def readable(x: Array) -> Array:
    """x, contiguous: floats as they are, integers and bools as int64."""
    return backend.cupy().ascontiguousarray(x, x.dtype if x.dtype in FLOATS else INDEX)
