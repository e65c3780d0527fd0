"""What it costs to write a network as functions of tensors, beside the same as a list of layers.

Layers in a row are served at once (`minidl.nn.fused`); what a function returns may be kept by the caller, and is there.
Both forms have the same weights and take turns, measured by the processor's time, which other programs disturb less.
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
