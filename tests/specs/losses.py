"""Normalisation, softmax."""

import numpy as np
from hypothesis import strategies as st

from specs.drawing import SPECS, Case, Spec, normal, shapes


def _along_a_dim(draw, rng):
    x = normal(rng, *shapes(draw, least=1))
    return Case([x], dict(dim=draw(st.integers(0, x.ndim - 1))))


def _normalize_channels(draw, rng):
    shape = (draw(st.integers(2, 4)), draw(st.integers(1, 3)), *draw(st.lists(st.integers(1, 3), max_size=2)))
    vectors = [normal(rng, shape[1]) if draw(st.booleans()) else None for _ in range(2)]
    scale = draw(st.sampled_from([1.0, 0.01]))  # variance near eps, so that a lost eps shows
    return Case([scale * normal(rng, *shape) + 1, *vectors], dict(eps=1e-3))


def _normalize_oracle(x, weight, bias, eps):
    if not x.size:
        return x
    by_channel = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    z = [(row - np.mean(row)) / np.sqrt(np.mean(row**2) - np.mean(row) ** 2 + eps) for row in by_channel]
    z = [row * (1 if weight is None else weight[c]) + (0 if bias is None else bias[c]) for c, row in enumerate(z)]
    return np.moveaxis(np.array(z).reshape(x.shape[1], x.shape[0], *x.shape[2:]), 0, 1)


SPECS["softmax"] = Spec(_along_a_dim, lambda x, dim: np.exp(x) / np.exp(x).sum(dim, keepdims=True))
SPECS["log_softmax"] = Spec(_along_a_dim, lambda x, dim: x - np.log(np.exp(x).sum(dim, keepdims=True)))
SPECS["normalize_channels"] = Spec(_normalize_channels, _normalize_oracle)
