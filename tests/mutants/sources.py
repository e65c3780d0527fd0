"""All faults of an op: in its rules, or in its reference and its kernels, and in the helpers that these call."""

from __future__ import annotations

import inspect
import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import pytest
from specs import OPS

import minidl as md
from minidl.engine.fusion import Composite, composites
from minidl.engine.op import Op
from minidl.kernels import cpu, loops
from minidl.kernels.cpu import layout
from mutants import Mutant, syntax, wrapped

FEW, MANY = 8, 1 << 14  # elements that are worked on at a time
SPEED = {
    "patches",
    "parts",
    "chunks",
    "matrices",
    "Tiles.chunks",
}  # only decide how much is worked on at a time: no faults in them
PARTS = "forward", "backward", "value", "rule"  # of a kernel
SERVED = {"dtypes": (np.float32, np.float64), "channels": 1, "tiles": -np.inf}  # by a kernel that asks for more


def subjects(name: str) -> list[tuple[str, str]]:
    """An op in parts that are tried by themselves: its rules or its reference, and each of its kernels."""
    return [(name, ""), *[(name, kernel.__name__) for kernel in kernels(OPS[name])]]


def kernels(op: Op | Composite) -> list[Any]:
    """Those for the CPU that a composite has: faults in the others are written down, in cuda.txt."""
    return [kernel for kernel in getattr(op, "kernels", ()) if kernel.__module__.startswith(cpu.__name__)]


@cache
def mutants(name: str) -> list[Mutant]:
    """Every fault in the derivatives of an op, by different names."""
    same: Counter[str] = Counter()
    faults = []
    for fault in planned(OPS[name]):
        same[str(fault)] += 1
        n = same[str(fault)]
        faults.append(fault if n == 1 else replace(fault, change=f"{fault.change} ({n})"))
    return faults


def planned(op: Op | Composite) -> Iterator[Mutant]:
    """Faults around the rules of an op or around its kernels, and in their source or that of what they call."""
    arrays = {"g", "h", "z", *op.arguments}
    if isinstance(op, Op):
        yield from wrapped.mutants(op)
        yield from within(op, {argument: rule.function for argument, rule in op.rules.items()}, arrays)
    else:
        yield from within(op, {"reference": op.reference}, arrays)
        for kernel in kernels(op):
            parts = {f"{kernel.__name__}.{part}": f for part, f in methods(kernel, PARTS).items()}
            for fault in itertools.chain(wrapped_kernel(op, kernel), within(op, parts, arrays)):
                yield replace(fault, kernel=kernel.__name__)


def within(op: Op | Composite, functions: dict[str, FunctionType], arrays: set[str]) -> Iterator[Mutant]:
    """Faults in the source of some functions of an op, and of the helpers that they call."""
    helpers: dict[str, FunctionType] = {}
    for root in functions.values():
        reach(root, helpers)
    for place, function in (functions | helpers).items():
        for kind, change, code in syntax.faults(function, place, set() if place in helpers else arrays):
            yield Mutant(op.name, place, kind, change, partial(syntax.recoded, function, code))


def methods(kernel: Any, names: tuple[str, ...]) -> dict[str, FunctionType]:
    """The static and class methods of those names that a kernel has."""
    return {name: inspect.getattr_static(kernel, name).__func__ for name in names if hasattr(kernel, name)}


@contextmanager
def alone(name: str, kernel: str) -> Iterator[None]:
    """No other kernel of an op may serve instead of this one, if it names one."""
    some = [k for k in kernels(OPS[name]) if kernel in ("", k.__name__)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OPS[name], "kernels", some, raising=False)
        yield


def reach(root: FunctionType, helpers: dict[str, FunctionType]) -> None:
    """Collect the functions of its module that a function calls, and that they call, and the methods of its classes.

    Not those that refuse something.
    """
    for name in names(root.__code__):
        found = root.__globals__.get(name)
        if isinstance(found, type) and found.__module__ == root.__module__:
            methods = {f"{name}.{part}": getattr(f, "fget", f) for part, f in vars(found).items()}
        else:
            methods = {name: found}
        for called, f in methods.items():
            f = f.function if isinstance(f, loops.Loop) else f
            plain = isinstance(f, FunctionType) and f.__module__ == root.__module__ and not hasattr(f, "__wrapped__")
            plain = plain and called not in SPEED
            if plain and f is not root and called not in helpers and "raise" not in inspect.getsource(f):
                helpers[called] = f
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
    right = kernel.backward

    def backward(*args, **options):
        gradients = list(right(*args, **options))
        gradients[i] = None if gradients[i] is None else wrong(gradients[i])
        return gradients

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "backward", staticmethod(backward))
        yield


@contextmanager
def exercised(interpreted: bool) -> Iterator[None]:
    """Kernels run, in all precisions, and in several chunks, also where there is little to do, on memory of no use.

    Their loops are `interpreted`, where something may be planted in them: what is compiled would not see it.
    """
    every = [kernel for op in composites.values() for kernel in kernels(op)]
    with chunked(FEW), pytest.MonkeyPatch.context() as patch:
        patch.setattr(md.backend.modes.mode, "fused", True)
        patch.setattr(loops, "COMPILED", loops.COMPILED and not interpreted)
        for module in modules():
            if hasattr(module, "empty"):
                patch.setattr(module, "empty", unclean)
        for kernel, (name, value) in itertools.product(every, SERVED.items()):
            if hasattr(kernel, name):
                patch.setattr(kernel, name, value)
        yield


@contextmanager
def chunked(elements: int) -> Iterator[None]:
    """Kernels work on so many elements at a time."""
    with pytest.MonkeyPatch.context() as patch:
        for module, size in itertools.product(modules(), ("CHUNK", "SMALL")):
            if hasattr(module, size):
                patch.setattr(module, size, elements)
        yield


@cache
def modules() -> set[ModuleType]:
    """Those of the kernels."""
    return {layout, *(sys.modules[kernel.__module__] for op in composites.values() for kernel in kernels(op))}


def unclean(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """As `minidl.backend.memory.empty`: a number that nobody writes is NaN, or −1."""
    z = np.empty(shape, dtype)
    z.reshape(-1).view(np.uint8)[...] = 255
    return z
