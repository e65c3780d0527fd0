"""Faults around a derivative rule: in what it gives, in what it is given, and in what of it is recorded."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from minidl.engine.core import Tensor
from minidl.engine.op import Op, Rule, cast
from minidl.ops.shape import flip, transpose
from mutants import Mutant


def raw(a):
    return a.detach() if isinstance(a, Tensor) else a


# --- in what it gives: the gradient d ---------------------------------------------------------------------------------


def rolled(d):
    return d[..., np.roll(np.arange(d.shape[-1]), 1)] if d.ndim else d


def swapped(d):
    """d with two of its axes, of one size, swapped."""
    pairs = itertools.combinations(range(d.ndim), 2)
    return next((transpose(d, i, j) for i, j in pairs if d.shape[i] == d.shape[j] > 1), d)


def without_an_element(d):
    mask = np.ones(d.shape, d.dtype)
    mask.flat[-1:] = 0
    return d * mask


WRONG_RESULTS: dict[str, Callable[[Any], Any]] = {
    "zero": lambda d: d * 0.0,
    "negate": lambda d: -d,
    "scale": lambda d: d * 1.01,
    "add a constant": lambda d: d + 1e-9,
    "lose precision": lambda d: cast(cast(d, dtype=np.dtype("f4")), dtype=d.dtype),
    "reverse": lambda d: flip(d, (-1,)) if d.ndim else d,
    "roll": rolled,
    "swap axes": swapped,
    "drop an element": without_an_element,
    "drop the graph": raw,
}


def first_slice(d, shape):
    """What is left of d where the sum over broadcast dimensions is skipped."""
    kept = d[(0,) * (d.ndim - len(shape))]
    return kept[tuple(slice(0, n) if n == 1 else slice(None) for n in shape)]


# --- the mutants ------------------------------------------------------------------------------------------------------


def mutants(op: Op) -> Iterator[Mutant]:
    """Every fault around every rule of `op`."""
    for argument, rule in op.rules.items():
        for kind, change, wrong in (*wrong_results(op, rule), *wrong_inputs(op, rule)):
            yield Mutant(op.name, argument, kind, change, partial(installed, op, argument, wrong))


@contextmanager
def installed(op: Op, argument: str, rule: Rule) -> Iterator[None]:
    """`rule` in place of the op's own, with what it names kept for it."""
    position = op.arguments.index(argument)
    own, needs = op.rules[argument], op.needs[position]
    places = {name: i for i, name in enumerate(op.arguments)} | {"z": -1}
    try:
        op.rules[argument] = rule
        op.needs[position] = tuple((name, places[name]) for name in rule.names if name in places)
        yield
    finally:
        op.rules[argument], op.needs[position] = own, needs


def wrong_results(op: Op, rule: Rule) -> Iterator[tuple[str, str, Rule]]:
    f = rule.function
    for kind, wrong in WRONG_RESULTS.items():
        yield kind, "", rule._replace(function=lambda *a, wrong=wrong, **k: wrong(f(*a, **k)))
    if op.broadcasts:
        with_shape = lambda *a, **k: first_slice(f(*a[:-1], **k), a[-1])  # noqa: E731
        yield "skip the broadcast sum", "", rule._replace(function=with_shape, names=(*rule.names, "shape"))


def wrong_inputs(op: Op, rule: Rule) -> Iterator[tuple[str, str, Rule]]:
    f = rule.function
    arrays = (*op.arguments, "z")

    def with_argument(i, change):
        return rule._replace(function=lambda *a, **k: f(*a[:i], change(a[i]), *a[i + 1 :], **k))

    def overwriting(i):
        def function(*a, **k):
            d = f(*a, **k)
            if isinstance(a[i], np.ndarray):
                a[i][...] = 0
            return d

        return rule._replace(function=function)

    yield "square in g", "", with_argument(0, lambda g: g * g)
    for i, name in enumerate(("g", *rule.names)):
        if name in ("g", "z", *op.rules):
            yield "detach an array", f"detach {name}", with_argument(i, raw)
        if name == "g" or name in arrays:
            yield "overwrite an array", f"overwrite {name}", overwriting(i)
    for name, other in itertools.product(rule.names, arrays):
        if name in arrays and other not in rule.names:
            names = tuple(other if n == name else n for n in rule.names)
            yield "keep a wrong array", f"keep {other} for {name}", rule._replace(names=names)
    for i, name in enumerate(rule.names, 1):
        if name in op.options:
            for what, change in without_option(name):
                yield "drop an option", what, with_argument(i, change)
    for name in rule.rest:
        for what, change in without_option(name):
            function = lambda *a, name=name, change=change, **k: f(*a, **k | {name: change(k[name])})  # noqa: E731
            yield "drop an option", what, rule._replace(function=function)


NEUTRAL = {"stride": 1, "dilation": 1, "padding": 0, "groups": 1}  # as if they had not been given


def without_option(name: str) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Ways to ignore an option of a convolution, or a part of the window of a pooling."""
    if name in NEUTRAL:
        yield f"ignore {name}", lambda value: filled(value, NEUTRAL[name])
    for part in ("stride", "dilation", "padding") if name == "window" else ():
        yield f"ignore {part}", lambda w, part=part: w._replace(**{part: filled(getattr(w, part), NEUTRAL[part])})


def filled(value: Any, number: int) -> Any:
    """Nested tuples, as `value`, of one number."""
    return tuple(filled(v, number) for v in value) if isinstance(value, tuple) else number
