"""Optimizers that update all parameters of a group in one launch."""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate
from typing import Any

import numpy as np

from minidl import backend
from minidl.backend import Array
from minidl.engine.core import Tensor
from minidl.kernels.cuda.source import BLOCK, constants, kernel, suits
from minidl.optim.adam import Adam, begin
from minidl.optim.optimizer import Updates, multi_tensor
from minidl.optim.sgd import SGD

DECLARED = constants("optim")
CHUNK, ROWS = DECLARED["CHUNK"], DECLARED["ROWS"]
POINTERS = ("p", "g", "first", "second")
ROW = np.dtype([*((name, "u8") for name in POINTERS), ("size", "i4"), ("block", "i4")])
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


def sgd(updates: Updates, group: dict[str, Any]) -> Updates:
    """`SGD` of many parameters."""
    lr, momentum, dampening, decay = (float(group[name]) for name in ("lr", "momentum", "dampening", "weight_decay"))
    left, served = [], defaultdict(list)
    for p, g, state in updates:
        fresh = "momentum_buffer" not in state
        kept = [] if fresh or not momentum else [state["momentum_buffer"].array]
        if not serves(p, g, *kept):
            left.append((p, g, state))
            continue
        with p.device:
            if momentum and fresh:
                kept = [backend.cupy().empty_like(p)]
                state["momentum_buffer"] = Tensor(kept[0])
            served[p.dtype, p.device.id, fresh].append((p, backend.cupy().ascontiguousarray(g), *kept))
    for (*_, fresh), tensors in served.items():
        launch("sgd", tensors, lr, momentum, dampening, decay, bool(group["nesterov"]), fresh)
    return left


def adam(updates: Updates, group: dict[str, Any]) -> Updates:
    """`Adam` of many parameters."""
    if group["amsgrad"] or group["decoupled_weight_decay"]:
        return updates
    left, served = [], defaultdict(list)
    for p, g, state in updates:
        if not serves(p, g, *[state[name].array for name in ("exp_avg", "exp_avg_sq") if state]):
            left.append((p, g, state))
            continue
        with p.device:
            lr, eps = begin(p, state, group)
            g = backend.cupy().ascontiguousarray(g)
            kept = (state["exp_avg"].array, state["exp_avg_sq"].array)
            served[p.dtype, p.device.id, lr, eps].append((p, g, *kept))
    for (*_, lr, eps), tensors in served.items():
        launch("adam", tensors, lr, eps, *map(float, group["betas"]), float(group["weight_decay"]))
    return left


multi_tensor[SGD].append(sgd)
multi_tensor[Adam].append(adam)
