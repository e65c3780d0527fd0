"""Elementwise ops."""

import numpy as np
import scipy.special
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from specs.drawing import SPECS, Case, Spec, away_from_zero, normal, positive, shapes, spaced


def unary(name, oracle, values=normal, analytic=True):
    SPECS[name] = Spec(lambda draw, rng: Case([values(rng, *shapes(draw))]), oracle, analytic)


def binary(name, oracle, values=normal, analytic=True):
    def draw_pair(draw, rng):
        pair = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)).input_shapes
        both = values(rng, sum(int(np.prod(s)) for s in pair))  # drawn together: no ties between the two
        cut = int(np.prod(pair[0]))
        return Case([both[:cut].reshape(pair[0]), both[cut:].reshape(pair[1])])

    SPECS[name] = Spec(draw_pair, oracle, analytic)


unary("alias", lambda x: x)
unary("clone", lambda x: x)
unary("neg", np.negative)
unary("exp", np.exp)
unary("log", np.log, positive)
unary("sqrt", np.sqrt, positive)
unary("root", np.sqrt, positive)
unary("tanh", np.tanh)
unary("sigmoid", scipy.special.expit)
unary("sign", np.sign, away_from_zero, analytic=False)
unary("abs", np.abs, away_from_zero, analytic=False)
unary("relu", lambda x: x * (x > 0), away_from_zero, analytic=False)
binary("add", np.add)
binary("sub", np.subtract)
binary("mul", np.multiply)
binary("div", np.divide, away_from_zero)
binary("pow", np.power, positive)
binary("maximum", np.maximum, spaced, analytic=False)
binary("minimum", np.minimum, spaced, analytic=False)
for _name, _oracle in dict(eq=np.equal, ne=np.not_equal, lt=np.less, le=np.less_equal, gt=np.greater, ge=np.greater_equal).items():  # fmt: skip # noqa: E501
    binary(_name, _oracle, spaced, analytic=False)


def _where(draw, rng):
    c, x, y = draw(hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=3)).input_shapes
    return Case([rng.random(c) < 0.5, normal(rng, *x), normal(rng, *y)])


def _keep(draw, rng):
    shape = shapes(draw)
    return Case([normal(rng, *shape), rng.random(shape) < 0.5])


def _clip(draw, rng):
    low, high = draw(st.sampled_from([(None, 0.3), (-0.4, None), (-0.4, 0.3)]))
    return Case([spaced(rng, *shapes(draw))], dict(min=low, max=high))


def _clip_oracle(x, min, max):
    return np.minimum(np.maximum(x, -np.inf if min is None else min), np.inf if max is None else max)


SPECS["where"] = Spec(_where, lambda c, x, y: np.choose(c, [y, x]), analytic=False)
SPECS["keep"] = Spec(_keep, lambda x, mask: x * mask, analytic=False)
SPECS["clip"] = Spec(_clip, _clip_oracle, analytic=False)
SPECS["cast"] = Spec(
    lambda draw, rng: Case([normal(rng, *shapes(draw))], dict(dtype=np.dtype("f8"))), lambda x, dtype: x, False
)
SPECS["transfer"] = Spec(
    lambda draw, rng: Case([normal(rng, *shapes(draw))], dict(device="cpu", source="cpu")), lambda x, **k: x
)
