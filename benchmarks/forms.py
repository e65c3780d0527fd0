"""What it costs to write a network as functions of tensors, beside the same as a list of layers.

Layers in a row are served at once (`minidl.nn.fused`). What a function returns its caller may keep, so it is there:
relu and pooling go over memory once more each way. They can't write over an input that nobody else sees, as nothing
says so: from Python 3.14 on, a name may not count as a reference. In backward, where the graph is known, one kernel
could go through a convolution and its relu. Relu's pass back takes 1.1 to 1.4 ns an element, a 3×3 convolution of 32
channels to 64 and relu, forward and backward, 18: at most 8 % are to be had. After a batch norm it is less: its
loops take 0.9 ns back without relu and 1.3 with it, of 35 (float32, one thread, EPYC with AVX2). So backward stays a
walk from node to node.

Both forms have the same weights and take turns, in processor time, which other programs disturb less.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from benchmarks.case import Asked, Case, benchmark
from benchmarks.engines import Engine, Minidl, Model, Work
from benchmarks.engines.engine import Lacking
from benchmarks.networks import NETWORKS, STYLES, problem
from benchmarks.timing import spent


@benchmark
def forms(asked: Asked) -> Iterator[Case]:
    """A training step of batch 128 in functional form, beside that in Sequential form, in processor time."""
    for name in filter(asked.wants, NETWORKS):
        written, listed = (
            functools.partial(step, *problem(name, 4 if asked.quick else 128, style)) for style in STYLES
        )
        yield Case(name, written, NETWORKS[name].tolerance, {"Sequential": listed}, unit="CPU s", threads=1)


def step(model: Model, images: np.ndarray, targets: np.ndarray, engine: Engine) -> Work:
    """A training step, which measures itself."""
    if not isinstance(engine, Minidl):
        raise Lacking("forms that are ours")
    call, outputs = engine.training(model, images, targets)
    return Work(functools.partial(spent, call), outputs)
