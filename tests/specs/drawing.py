"""What a specification is, and how the values in it are drawn.

Hypothesis draws shapes, options and a seed; the values come from a generator with that seed. They are free of kinks by
construction: `spaced` numbers differ by far more than a finite difference moves them.
"""

from __future__ import annotations

from collections.abc import Callable
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
    """`draw(draw, rng)` makes a Case; `oracle(*arrays, **options)` its value; `analytic`: the complex step applies."""

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


def shapes(draw, least=0, most=3, smallest=1):
    return draw(hnp.array_shapes(min_dims=max(least, 1), max_dims=most, min_side=smallest, max_side=4)) if (
        least or draw(st.booleans())
    ) else ()  # fmt: skip


def some_dims(draw, shape):
    """None, one dimension, or several; counted from either end."""
    if not shape:
        return None
    chosen = draw(st.none() | st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    if chosen is None:
        return None
    signed = tuple(d - len(shape) * draw(st.booleans()) for d in chosen)
    return signed[0] if len(signed) == 1 and draw(st.booleans()) else signed
