"""Optimizers that update all parameters of a group in one launch."""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array
from minidl.kernels.cuda.source import BLOCK, constants, kernel, suits
from minidl.optim import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, NAdam, RMSprop
from minidl.optim.elementwise import Elementwise
from minidl.optim.optimizer import Updates, multi_tensor

DECLARED = constants("optim")
CHUNK, ROWS = DECLARED["CHUNK"], DECLARED["ROWS"]
POINTERS = ("p", "g", "first", "second", "third")
ROW = np.dtype([*((name, "u8") for name in POINTERS), ("size", "i4"), ("block", "i4")])
KERNELS: dict[type[Elementwise], str] = {
    SGD: "sgd", Adam: "adam", AdamW: "adam", NAdam: "nadam", Adamax: "adamax", RMSprop: "rmsprop", Adagrad: "adagrad",
    Adadelta: "adadelta",
}  # fmt: skip
TABLE = np.dtype([("row", ROW, ROWS), ("rows", "i4")], align=True)  # laid out as in optim.cu


def serves(p: Array, g: Array, *state: Array) -> bool:
    """Whether these can be gone through by one index; a gradient may have to be copied to that end."""
    return suits(p, g, *state) and all(a.flags.c_contiguous for a in (p, *state))


def launch(name: str, tensors: list[tuple[Array, ...]], *options: float) -> None:
    """Launch a kernel over tensors of one dtype and device, each with gradient and state; once for each full table."""
    for i in range(0, len(tensors), ROWS):
        part = tensors[i : i + ROWS]
        *starts, blocks = accumulate(((p.size + CHUNK - 1) // CHUNK for p, *_ in part), initial=0)
        table = np.zeros((), TABLE)
        table["row"][: len(part)] = [row(arrays, start) for arrays, start in zip(part, starts, strict=True)]
        table["rows"] = len(part)
        with part[0][0].device:
            kernel("optim", name, part[0][0].dtype)((blocks,), (BLOCK,), table, *options)


def row(arrays: tuple[Array, ...], start: int) -> tuple[int, ...]:
    """A row of a table: as many pointers as there are arrays, the size, and the first block."""
    pointers = [a.data.ptr for a in arrays]
    return (*pointers, *[0] * (len(POINTERS) - len(pointers)), arrays[0].size, start)


def serve(kind: type[Elementwise], name: str) -> None:
    """Let a kernel make the steps of an optimizer, of many parameters at once."""

    def update(updates: Updates, group: dict[str, Any]) -> Updates:
        left, served = [], defaultdict(list)
        for p, g, state in updates:
            if not serves(p, g, *kind.kept(p, state)):
                left.append((p, g, state))
                continue
            with p.device:
                numbers = kind.begin(p, state, group)
                g = backend.cupy().ascontiguousarray(g)
                served[p.dtype, p.device.id, numbers].append((p, g, *kind.kept(p, state)))
        for (*_, numbers), tensors in served.items():
            launch(name, tensors, *numbers)
        return left

    multi_tensor[kind].append(update)


for kind, name in KERNELS.items():
    serve(kind, name)
