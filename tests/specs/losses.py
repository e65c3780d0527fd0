"""Normalisation, softmax, cross-entropy."""

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from minidl.ops.window import Window
from specs.drawing import SPECS, Case, Spec, normal, shapes


def _along_a_dim(draw, rng):
    x = normal(rng, *shapes(draw, least=1))
    return Case([x], dict(dim=draw(st.integers(0, x.ndim - 1))))


def _normalize_channels(draw, rng):
    shape = (
        draw(st.integers(2, 4)),
        draw(st.integers(1, 3)),
        *(draw(st.integers(1, 4)) for _ in range(draw(st.sampled_from([0, 1, 2, 2])))),
    )
    vectors = [normal(rng, shape[1]) if draw(st.booleans()) else None for _ in range(2)]
    options = dict(eps=1e-3, pool=None, relu=draw(st.booleans()))
    if len(shape) == 4 and draw(st.booleans()):
        size, stride = (tuple(draw(st.integers(1, n)) for n in limits) for limits in (shape[2:], (3, 3)))
        options["pool"] = Window(size, stride)
    plain = not options["relu"] and options["pool"] is None
    scale = draw(st.sampled_from([1.0, 0.01])) if plain else 1.0  # variance near eps, so that a lost eps shows
    case = Case([scale * normal(rng, *shape) + 1, *vectors], options)
    z = _normalize_oracle(*case.arrays, **options | dict(pool=None, relu=False))
    seen = np.sort(z[..., None] if options["pool"] is None else _windows(z, options["pool"]))
    steepest = np.abs(1 if vectors[0] is None else vectors[0]).max() / np.sqrt(
        case.arrays[0].var((0, *range(2, len(shape)))).min() + 1e-3
    )
    margin = 1e-3 * max(1, steepest)  # what a difference moves the result by
    assume(not options["relu"] or np.abs(seen[..., -1]).min() > margin)
    assume(seen.shape[-1] == 1 or (seen[..., -1] - seen[..., -2]).min() > margin)
    return case


def _windows(z, window):
    """What a window sees from each of its places: (N, C, OH, OW, KH·KW)."""
    seen = np.lib.stride_tricks.sliding_window_view(z, window.size, (2, 3))
    seen = seen[:, :, :: window.stride[0], :: window.stride[1]]
    return seen.reshape(*seen.shape[:4], np.prod(window.size))


def _normalize_oracle(x, weight, bias, eps, pool, relu):
    z = x
    if x.size:
        by_channel = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
        z = [(row - np.mean(row)) / np.sqrt(np.mean(row**2) - np.mean(row) ** 2 + eps) for row in by_channel]
        z = [row * (1 if weight is None else weight[c]) + (0 if bias is None else bias[c]) for c, row in enumerate(z)]
        z = np.moveaxis(np.array(z).reshape(x.shape[1], x.shape[0], *x.shape[2:]), 0, 1)
    z = z if pool is None else _windows(z, pool).max(-1)
    return z * (z > 0) if relu else z


def _normalize_rows(draw, rng):
    shape = (*(draw(st.integers(1, 3)) for _ in range(draw(st.integers(1, 2)))), draw(st.integers(2, 5)))
    of_last = shape[draw(st.integers(1, len(shape) - 1)) :]
    vectors = [normal(rng, *of_last) if draw(st.booleans()) else None for _ in range(2)]
    scale = draw(st.sampled_from([1.0, 0.01]))  # variance near eps, so that a lost eps shows
    return Case([scale * normal(rng, *shape) + 1, *vectors], dict(eps=1e-3))


def _rows_oracle(x, weight, bias, eps):
    z = [
        (row - np.mean(row)) / np.sqrt(np.mean(row**2) - np.mean(row) ** 2 + eps) for row in x.reshape(-1, x.shape[-1])
    ]
    z = np.array(z).reshape(x.shape)
    return z * (1 if weight is None else weight) + (0 if bias is None else bias)


def _softmax_cross_entropy(draw, rng):
    x = normal(rng, *shapes(draw, least=1))
    over = min(1, x.ndim - 1)
    assume(x.shape[over])
    target = np.asarray(rng.integers(0, x.shape[over], x.shape[:over] + x.shape[over + 1 :]))
    options = dict(
        weight=rng.uniform(0.2, 2, x.shape[over]) if draw(st.booleans()) else None,
        ignore_index=draw(st.sampled_from([-100, 0])),
        label_smoothing=draw(st.sampled_from([0.0, 0.3])),
        reduction=draw(st.sampled_from(["mean", "sum", "none"])),
    )
    if options["ignore_index"] < 0:
        target[rng.random(target.shape) < 0.3] = options["ignore_index"]
    assume(options["reduction"] != "mean" or (target != options["ignore_index"]).any())
    return Case([x, target], options)


def _cross_entropy_oracle(x, target, weight, ignore_index, label_smoothing, reduction):
    over = min(1, x.ndim - 1)
    classes = x.shape[over]
    weight = np.ones(classes) if weight is None else weight
    each, total = np.zeros(target.shape), 0
    for place in np.ndindex(target.shape):
        label, scores = target[place], np.moveaxis(x, over, -1)[place]
        if label != ignore_index:
            losses = weight * (np.log(np.exp(scores).sum()) - scores)
            each[place] = (1 - label_smoothing) * losses[label] + label_smoothing * losses.mean()
            total += weight[label]
    return each if reduction == "none" else each.sum() / (total if reduction == "mean" else 1)


SPECS["softmax"] = Spec(_along_a_dim, lambda x, dim: np.exp(x) / np.exp(x).sum(dim, keepdims=True))
SPECS["log_softmax"] = Spec(_along_a_dim, lambda x, dim: x - np.log(np.exp(x).sum(dim, keepdims=True)))
SPECS["normalize_channels"] = Spec(_normalize_channels, _normalize_oracle)
SPECS["normalize_rows"] = Spec(_normalize_rows, _rows_oracle)
SPECS["softmax_cross_entropy"] = Spec(_softmax_cross_entropy, _cross_entropy_oracle)
