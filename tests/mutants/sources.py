"""All faults of an op: in its rules, or in its reference and its kernels, and in the helpers that these call."""

from __future__ import annotations

import inspect
import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from types import CodeType, FunctionType
from typing import Any

from specs import OPS

import minidl as md
from minidl.fusion import Composite, composites
from minidl.op import Op
from mutants import Mutant, syntax, wrapped

CHUNK = 8


def mutants(name: str) -> Iterator[Mutant]:
    """Every fault in the derivatives of an op, by different names."""
    same: Counter[str] = Counter()
    for fault in planned(OPS[name]):
        same[str(fault)] += 1
        n = same[str(fault)]
        yield fault if n == 1 else replace(fault, change=f"{fault.change} ({n})")


def planned(op: Op | Composite) -> Iterator[Mutant]:
    """Faults around the rules of an op or around its kernels, and in their source or that of what they call."""
    if isinstance(op, Op):
        yield from wrapped.mutants(op)
        functions = {argument: rule.function for argument, rule in op.rules.items()}
    else:
        yield from itertools.chain(*(wrapped_kernel(op, kernel) for kernel in op.kernels))
        functions = {"reference": op.reference}
        functions |= {f"{k.__name__}.{part}": getattr(k, part) for k in op.kernels for part in ("forward", "backward")}
    arrays = {"g", "h", "z", *op.arguments}
    helpers: dict[str, FunctionType] = {}
    for root in functions.values():
        reach(root, helpers)
    for place, function in (functions | helpers).items():
        for kind, change, code in syntax.faults(function, place, set() if place in helpers else arrays):
            yield Mutant(op.name, place, kind, change, partial(syntax.recoded, function, code))


def reach(root: FunctionType, helpers: dict[str, FunctionType]) -> None:
    """Collect the plain functions of its module that a function calls, and that they call, if they refuse nothing."""
    for name in names(root.__code__):
        f = root.__globals__.get(name)
        plain = isinstance(f, FunctionType) and f.__module__ == root.__module__ and not hasattr(f, "__wrapped__")
        if plain and f is not root and name not in helpers and "raise" not in inspect.getsource(f):
            helpers[name] = f
            reach(f, helpers)


def names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names(constant)


def wrapped_kernel(op: Composite, kernel: Any) -> Iterator[Mutant]:
    """A kernel whose gradient of one argument is wrong."""
    for (i, argument), (kind, wrong) in itertools.product(enumerate(op.arguments), wrapped.WRONG_RESULTS.items()):
        if wrong is not wrapped.raw:
            yield Mutant(op.name, f"{kernel.__name__}.{argument}", kind, "", partial(replaced, kernel, i, wrong))


@contextmanager
def replaced(kernel: Any, i: int, wrong: Callable[[Any], Any]) -> Iterator[None]:
    own = kernel.backward

    def backward(*args, **options):
        gradients = list(own(*args, **options))
        gradients[i] = None if gradients[i] is None else wrong(gradients[i])
        return gradients

    try:
        kernel.backward = staticmethod(backward)
        yield
    finally:
        kernel.backward = staticmethod(own)


@contextmanager
def exercised() -> Iterator[None]:
    """Kernels run, and work in several chunks also where there is little to do."""
    modules = {sys.modules[kernel.__module__] for op in composites.values() for kernel in op.kernels}
    chunked = {module: module.CHUNK for module in modules if hasattr(module, "CHUNK")}
    fused = md.modes.mode.fused
    try:
        md.modes.mode.fused = True
        for module in chunked:
            module.CHUNK = CHUNK
        yield
    finally:
        md.modes.mode.fused = fused
        for module, chunk in chunked.items():
            module.CHUNK = chunk
