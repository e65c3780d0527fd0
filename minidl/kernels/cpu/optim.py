"""Optimizers that go once over each parameter, its gradient and its state."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import Array
from minidl.backend.threads import parallel
from minidl.engine.core import Tensor
from minidl.kernels import loops
from minidl.kernels.cpu.layout import suits
from minidl.kernels.loops import loop
from minidl.optim.adam import Adam, begin
from minidl.optim.optimizer import Updates, multi_tensor
from minidl.optim.sgd import SGD

CHUNK = 1 << 16  # elements that are worth the switch to another thread


@loop("void(T[::1], T[::1], T[::1], float64, float64, float64, float64, boolean, boolean)")
def sgd_step(p, g, v, lr, momentum, dampening, decay, nesterov, fresh):
    """`SGD` of one parameter; without momentum, v is not used."""
    rate, keep, take, shrink = (
        p.dtype.type(lr),
        p.dtype.type(momentum),
        p.dtype.type(1 - dampening),
        p.dtype.type(decay),
    )
    for i in range(len(p)):
        d = g[i] + shrink * p[i] if decay else g[i]
        if momentum:
            v[i] = d if fresh else keep * v[i] + take * d
            d = d + keep * v[i] if nesterov else v[i]
        p[i] -= rate * d


@loop("void(T[::1], T[::1], T[::1], T[::1], T[::1], float64, float64, float64, float64, float64, float64, boolean)")
def adam_step(p, g, m, v, most, lr, eps, beta1, beta2, decay, shrink, amsgrad):
    """`Adam` of one parameter, which is first multiplied by `shrink`; without amsgrad, `most` is not used."""
    T = p.dtype.type
    rate, least, keep1, take1, keep2, take2 = T(lr), T(eps), T(beta1), T(1 - beta1), T(beta2), T(1 - beta2)
    pull, left = T(decay), T(shrink)
    for i in range(len(p)):
        d = g[i] + pull * p[i] if decay else g[i]
        m[i] = keep1 * m[i] + take1 * d
        v[i] = keep2 * v[i] + take2 * d * d
        second = v[i]
        if amsgrad:
            second = second if second > most[i] or second != second else most[i]  # NaN is kept
            most[i] = second
        p[i] = left * p[i] - rate * m[i] / (np.sqrt(second) + least)


def lines(p: Array, g: Array, *state: Array) -> list[np.ndarray] | None:
    """A parameter, its gradient and its state as vectors; None where memory, type or dtype forbid it."""
    if suits(p, g, *state) and loops.serve() and all(a.flags.c_contiguous for a in (p, *state)):
        return [a.reshape(-1) for a in (p, np.ascontiguousarray(g), *state)]
    return None


def work(jobs: list[tuple[Any, list[np.ndarray], tuple[Any, ...]]]) -> None:
    """Loops over vectors, each with its options: large ones in pieces, and several at a time."""
    pieces = []
    for step, vectors, options in jobs:
        for start in range(0, len(vectors[0]), CHUNK):
            pieces.append((step, [v[start : start + CHUNK] for v in vectors], options))
    parallel(lambda piece: piece[0](*piece[1], *piece[2]), pieces)


def sgd(updates: Updates, group: dict[str, Any]) -> Updates:
    """`SGD` of many parameters."""
    lr, momentum, dampening, decay = (float(group[name]) for name in ("lr", "momentum", "dampening", "weight_decay"))
    left, jobs = [], []
    for p, g, state in updates:
        fresh = "momentum_buffer" not in state
        kept = p if fresh or not momentum else state["momentum_buffer"].array
        vectors = lines(p, g, kept)
        if vectors is None:
            left.append((p, g, state))
            continue
        if momentum and fresh:
            state["momentum_buffer"] = Tensor(np.empty_like(p))
            vectors[2] = state["momentum_buffer"].array.reshape(-1)
        jobs.append((sgd_step, vectors, (lr, momentum, dampening, decay, bool(group["nesterov"]), fresh)))
    work(jobs)
    return left


def adam(updates: Updates, group: dict[str, Any]) -> Updates:
    """`Adam` of many parameters."""
    (beta1, beta2), decay, amsgrad = group["betas"], float(group["weight_decay"]), bool(group["amsgrad"])
    pull, shrink = (0.0, 1 - float(group["lr"]) * decay) if group["decoupled_weight_decay"] else (decay, 1.0)
    left, jobs = [], []
    for p, g, state in updates:
        vectors = lines(p, g, *[kept.array for kept in state.values() if isinstance(kept, Tensor)])
        if vectors is None:
            left.append((p, g, state))
            continue
        lr, eps = begin(p, state, group)
        kept = [state[name].array.reshape(-1) for name in ("exp_avg", "exp_avg_sq")]
        most = state["max_exp_avg_sq"].array.reshape(-1) if amsgrad else kept[1]
        options = (lr, eps, float(beta1), float(beta2), pull, shrink, amsgrad)
        jobs.append((adam_step, [*vectors[:2], *kept, most], options))
    work(jobs)
    return left


multi_tensor[SGD].append(sgd)
multi_tensor[Adam].append(adam)
