"""Optimizers that go once over each parameter, its gradient and its state."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import Array
from minidl.backend.threads import parallel
from minidl.kernels import loops
from minidl.kernels.cpu.layout import suits
from minidl.kernels.loops import Loop, loop
from minidl.optim import SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, NAdam, RMSprop
from minidl.optim.elementwise import Elementwise
from minidl.optim.optimizer import Updates, multi_tensor

CHUNK = 1 << 16  # elements that are worth the switch to another thread
Job = tuple[Loop, list[np.ndarray], tuple[float, ...]]


@loop("void(T[::1], T[::1], T[::1], float64, float64, float64, float64, boolean, boolean)")
def sgd(p, g, v, lr, momentum, dampening, decay, nesterov, fresh):
    """`SGD` of one parameter; without momentum, v is not used."""
    T = p.dtype.type
    rate, keep, take, pull = T(lr), T(momentum), T(1 - dampening), T(decay)
    for i in range(len(p)):
        d = g[i] + pull * p[i] if decay else g[i]
        if momentum:
            v[i] = d if fresh else keep * v[i] + take * d
            d = d + keep * v[i] if nesterov else v[i]
        p[i] -= rate * d


@loop("void(T[::1], T[::1], T[::1], T[::1], T[::1], float64, float64, float64, float64, float64, float64, boolean)")
def adam(p, g, m, v, most, lr, eps, beta1, beta2, decay, shrink, amsgrad):
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


@loop("void(T[::1], T[::1], T[::1], T[::1], float64, float64, float64, float64, float64, float64, float64)")
def nadam(p, g, m, v, by_gradient, by_mean, eps, beta1, beta2, decay, shrink):
    """`NAdam` of one parameter, which is first multiplied by `shrink`."""
    T = p.dtype.type
    a, b, least, keep1, take1 = T(by_gradient), T(by_mean), T(eps), T(beta1), T(1 - beta1)
    keep2, take2, pull, left = T(beta2), T(1 - beta2), T(decay), T(shrink)
    for i in range(len(p)):
        d = g[i] + pull * p[i] if decay else g[i]
        m[i] = keep1 * m[i] + take1 * d
        v[i] = keep2 * v[i] + take2 * d * d
        p[i] = left * p[i] - (a * d + b * m[i]) / (np.sqrt(v[i]) + least)


@loop("void(T[::1], T[::1], T[::1], T[::1], float64, float64, float64, float64, float64)")
def adamax(p, g, m, u, lr, eps, beta1, beta2, decay):
    """`Adamax` of one parameter."""
    T = p.dtype.type
    rate, least, keep1, take1, keep2, pull = T(lr), T(eps), T(beta1), T(1 - beta1), T(beta2), T(decay)
    for i in range(len(p)):
        d = g[i] + pull * p[i] if decay else g[i]
        m[i] = keep1 * m[i] + take1 * d
        size, before = np.abs(d) + least, keep2 * u[i]
        u[i] = size if size > before or size != size else before  # NaN is kept
        p[i] -= rate * m[i] / u[i]


@loop("void(T[::1], T[::1], T[::1], T[::1], T[::1], float64, float64, float64, float64, float64, boolean)")
def rmsprop(p, g, v, b, m, lr, alpha, eps, decay, momentum, centered):
    """`RMSprop` of one parameter; without momentum, b is not used, and m not unless it is centered."""
    T = p.dtype.type
    rate, keep, take, least, pull, push = T(lr), T(alpha), T(1 - alpha), T(eps), T(decay), T(momentum)
    for i in range(len(p)):
        d = g[i] + pull * p[i] if decay else g[i]
        v[i] = keep * v[i] + take * d * d
        spread = v[i]
        if centered:
            m[i] = keep * m[i] + take * d
            spread = v[i] - m[i] * m[i]
            spread = T(0) if spread < 0 else spread
        d = d / (np.sqrt(spread) + least)
        if momentum:
            b[i] = push * b[i] + d
            d = b[i]
        p[i] -= rate * d


@loop("void(T[::1], T[::1], T[::1], float64, float64, float64)")
def adagrad(p, g, s, lr, eps, decay):
    """`Adagrad` of one parameter."""
    T = p.dtype.type
    rate, least, pull = T(lr), T(eps), T(decay)
    for i in range(len(p)):
        d = g[i] + pull * p[i] if decay else g[i]
        s[i] += d * d
        p[i] -= rate * d / (np.sqrt(s[i]) + least)


@loop("void(T[::1], T[::1], T[::1], T[::1], float64, float64, float64, float64)")
def adadelta(p, g, v, u, lr, rho, eps, decay):
    """`Adadelta` of one parameter."""
    T = p.dtype.type
    rate, keep, take, least, pull = T(lr), T(rho), T(1 - rho), T(eps), T(decay)
    for i in range(len(p)):
        d = g[i] + pull * p[i] if decay else g[i]
        v[i] = keep * v[i] + take * d * d
        step = np.sqrt(u[i] + least) / np.sqrt(v[i] + least) * d
        u[i] = keep * u[i] + take * step * step
        p[i] -= rate * step


LOOPS: dict[type[Elementwise], Loop] = {
    SGD: sgd, Adam: adam, AdamW: adam, NAdam: nadam, Adamax: adamax, RMSprop: rmsprop, Adagrad: adagrad,
    Adadelta: adadelta,
}  # fmt: skip


def serve(kind: type[Elementwise], step: Loop) -> None:
    """Let a loop make the steps of an optimizer, of many parameters at once."""

    def kernel(updates: Updates, group: dict[str, Any]) -> Updates:
        left, jobs = [], []
        for p, g, state in updates:
            if served(p, g, *kind.kept(p, state)):
                numbers = kind.begin(p, state, group)
                vectors = [a.reshape(-1) for a in (p, np.require(g, None, ["C", "W"]), *kind.kept(p, state))]
                jobs.append((step, vectors, numbers))
            else:
                left.append((p, g, state))
        work(jobs)
        return left

    multi_tensor[kind].append(kernel)


def served(p: Array, g: Array, *kept: Array) -> bool:
    """Whether memory, type and dtype let a loop go over these; a gradient may have to be copied to that end."""
    return suits(p, g, *kept) and loops.serve() and all(a.flags.c_contiguous for a in (p, *kept))


def work(jobs: list[Job]) -> None:
    """Loops over vectors, each with its numbers: large ones in pieces, small ones together, several at a time."""
    together: list[list[Job]] = []
    room = 0  # elements that may join the last of them
    for step, vectors, numbers in jobs:
        starts = range(0, len(vectors[0]), CHUNK)
        for start in starts:
            piece = vectors if len(starts) == 1 else [v[start : start + CHUNK] for v in vectors]
            if len(piece[0]) > room:
                together.append([])
                room = CHUNK
            together[-1].append((step, piece, numbers))
            room -= len(piece[0])
    parallel(lambda some: [step(*vectors, *numbers) for step, vectors, numbers in some], together)


for kind, step in LOOPS.items():
    serve(kind, step)
