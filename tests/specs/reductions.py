"""Reductions."""

from itertools import accumulate

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


def _cumsum(draw, rng):
    x = normal(rng, *shapes(draw, least=1))
    return Case([x], dict(dim=draw(st.integers(-x.ndim, x.ndim - 1))))


def _cumsum_oracle(x, dim):
    rows = np.moveaxis(x, dim, 0)
    return np.moveaxis(np.array(list(accumulate(rows))).reshape(rows.shape), 0, dim)


def _centred(draw, rng):
    x = normal(rng, *shapes(draw))
    return Case([x], dict(dim=some_dims(draw, x.shape)))


def _centred_oracle(x, dim):
    sums = np.add.reduce(x, _axes(x, dim), keepdims=True)
    return x - sums / max(x.size // max(sums.size, 1), 1)


def _logsumexp(x, dim, keepdim):
    return np.log(np.add.reduce(np.exp(x), _axes(x, dim), keepdims=keepdim))


def _bits(rng, *shape):
    return rng.integers(0, 2, shape)


def _reducing(function, **start):
    return lambda x, dim, keepdim: function.reduce(x, _axes(x, dim), keepdims=keepdim, **start)


def _top(draw, rng):
    x = rng.integers(0, 3, shapes(draw, least=1))
    dim = draw(st.integers(0, x.ndim - 1))
    return Case([x], dict(k=draw(st.integers(0, x.shape[dim])), dim=dim, largest=draw(st.booleans())))


def _top_oracle(x, k, dim, largest):
    def best(row):
        return sorted(range(len(row)), key=lambda i: (-row[i] if largest else row[i], i))[:k]

    return np.apply_along_axis(best, dim, x) if k and x.size else np.take(x, range(k), dim)


def _whole(values):
    return lambda draw, rng: Case([values(rng, *shapes(draw))])


def _whole_numbers(draw, rng):
    x = rng.integers(0, 4, shapes(draw, least=1))
    return x, draw(st.integers(0, x.ndim - 1))


def _median_index(draw, rng):
    x, dim = _whole_numbers(draw, rng)
    return Case([x.astype(float)], dict(dim=dim))


def _median_oracle(x, dim):
    def at(row):
        return [sorted(range(len(row)), key=lambda i: (row[i], i))[(len(row) - 1) // 2]]

    return np.apply_along_axis(at, dim, x) if x.size else np.zeros(x.shape[:dim] + (1,) + x.shape[dim + 1 :])


def _running_index(draw, rng):
    x, dim = _whole_numbers(draw, rng)
    return Case([x.astype(float)], dict(dim=dim, largest=draw(st.booleans())))


def _running_oracle(x, dim, largest):
    def best(row):
        return [max(range(n + 1), key=lambda i: (row[i] if largest else -row[i], i)) for n in range(len(row))]

    return np.apply_along_axis(best, dim, x) if x.size else np.zeros(x.shape)


SPECS["greatest"] = Spec(_whole(spaced), lambda x: sorted(x.ravel())[-1], False)
SPECS["least"] = Spec(_whole(spaced), lambda x: sorted(x.ravel())[0], False)
SPECS["middle"] = Spec(_whole(spaced), lambda x: sorted(x.ravel())[(x.size - 1) // 2] if x.size else np.nan, False)
SPECS["median_index"] = Spec(_median_index, _median_oracle, False)
SPECS["running_index"] = Spec(_running_index, _running_oracle, False)
SPECS["sum"] = Spec(_reduce(normal), _reducing(np.add))
SPECS["logsumexp"] = Spec(_reduce(lambda rng, *shape: 9 * normal(rng, *shape)), _logsumexp)
SPECS["centred"] = Spec(_centred, _centred_oracle)
SPECS["cumsum"] = Spec(_cumsum, _cumsum_oracle)
SPECS["all"] = Spec(_reduce(_bits), _reducing(np.multiply), False)
SPECS["any"] = Spec(_reduce(_bits), _reducing(np.maximum, initial=0), False)
SPECS["top_indices"] = Spec(_top, _top_oracle, False)
SPECS["amax"] = Spec(_reduce(spaced), _reducing(np.maximum), False)
SPECS["amin"] = Spec(
    _reduce(spaced), lambda x, dim, keepdim: -np.maximum.reduce(-x, _axes(x, dim), keepdims=keepdim), False
)
SPECS["argmax"] = Spec(_index_of(spaced), lambda x, dim, keepdim: np.argmin(-x, dim, keepdims=keepdim), False)
SPECS["argmin"] = Spec(_index_of(spaced), lambda x, dim, keepdim: np.argmax(-x, dim, keepdims=keepdim), False)


def _axes(x, dim):
    return tuple(range(x.ndim)) if dim is None else dim
