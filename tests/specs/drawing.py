"""What a specification is, and how the values in it are drawn.

Hypothesis draws shapes, options and a seed; the values come from a generator with that seed. They are free of kinks by
construction: `spaced` numbers differ by far more than a finite difference moves them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


@dataclass
class Case:
    """One call: its arrays (of which `checked` are differentiated by) and its options."""

    arrays: list[np.ndarray]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Spec:
    """`draw(draw, rng)` makes a Case, and `oracle(*arrays, **options)` its value.

    Where an op is `analytic`, it is differentiated by the complex step; else it must be piecewise linear.
    """

    draw: Callable[..., Case]
    oracle: Callable[..., Any]
    analytic: bool = True


def cases(spec: Spec) -> st.SearchStrategy[Case]:
    @st.composite
    def build(draw):
        case = spec.draw(draw, np.random.default_rng(draw(st.integers(0, 2**32 - 1))))
        return Case([a if a is None else np.asarray(a) for a in case.arrays], case.options)

    return build()


SPECS: dict[str, Spec] = {}


# --- values -----------------------------------------------------------------------------------------------------------


def normal(rng, *shape):
    return rng.standard_normal(shape)


def away_from_zero(rng, *shape):
    return rng.uniform(0.2, 2, shape) * rng.choice([-1, 1], shape)


def positive(rng, *shape):
    return rng.uniform(0.2, 3, shape)


def spaced(rng, *shape):
    """Numbers 0.1 apart, none nearer to 0 than 0.05."""
    size = int(np.prod(shape))
    return (0.1 * (rng.permutation(size) - size // 2) + 0.05).reshape(shape)


SIDES = [(1, 4)]  # the smallest and the largest size that shapes are drawn with: the last entry holds


@contextlib.contextmanager
def sides(least: int, most: int) -> Iterator[None]:
    """Within it shapes have sizes from `least` to `most`; where `least` is 0, one of them is."""
    SIDES.append((least, most))
    try:
        yield
    finally:
        SIDES.pop()


def shapes(draw, least=0, most=3, smallest=1):
    """A shape of `least` to `most` dimensions, of sizes from `smallest` (or 0, where `sides` begin there)."""
    low, high = SIDES[-1]
    low = max(low, smallest) if low else 0
    if not (least or low == 0 or draw(st.booleans())):
        return ()
    drawn = hnp.array_shapes(min_dims=max(least, 1), max_dims=most, min_side=low, max_side=max(low, high))
    return draw(drawn.filter(lambda shape: low or 0 in shape))


def broadcastable(draw, number):
    """Shapes that broadcast together."""
    low, high = SIDES[-1]
    drawn = hnp.mutually_broadcastable_shapes(num_shapes=number, max_dims=3, min_side=low, max_side=min(high, 3))
    return draw(drawn.map(lambda them: them.input_shapes).filter(lambda them: low or any(0 in s for s in them)))


def some_dims(draw, shape):
    """None, one dimension, or several; counted from either end."""
    if not shape:
        return None
    chosen = draw(st.none() | st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    if chosen is None:
        return None
    signed = tuple(d - len(shape) * draw(st.booleans()) for d in chosen)
    return signed[0] if len(signed) == 1 and draw(st.booleans()) else signed
