"""Reductions."""

import numpy as np
from hypothesis import strategies as st

from specs.drawing import SPECS, Case, Spec, normal, shapes, some_dims, spaced


def _reduce(values):
    def draw_case(draw, rng):
        x = values(rng, *shapes(draw))
        return Case([x], dict(dim=some_dims(draw, x.shape), keepdim=draw(st.booleans())))

    return draw_case


def _index_of(values):
    def draw_case(draw, rng):
        x = values(rng, *shapes(draw, least=1))
        dim = draw(st.none() | st.integers(-x.ndim, x.ndim - 1))
        return Case([x], dict(dim=dim, keepdim=draw(st.booleans())))

    return draw_case


SPECS["sum"] = Spec(_reduce(normal), lambda x, dim, keepdim: np.add.reduce(x, _axes(x, dim), keepdims=keepdim))
SPECS["amax"] = Spec(
    _reduce(spaced), lambda x, dim, keepdim: np.maximum.reduce(x, _axes(x, dim), keepdims=keepdim), False
)
SPECS["amin"] = Spec(
    _reduce(spaced), lambda x, dim, keepdim: -np.maximum.reduce(-x, _axes(x, dim), keepdims=keepdim), False
)
SPECS["argmax"] = Spec(_index_of(spaced), lambda x, dim, keepdim: np.argmin(-x, dim, keepdims=keepdim), False)
SPECS["argmin"] = Spec(_index_of(spaced), lambda x, dim, keepdim: np.argmax(-x, dim, keepdims=keepdim), False)


def _axes(x, dim):
    return tuple(range(x.ndim)) if dim is None else dim
