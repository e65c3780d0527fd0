"""For every op: how to draw arguments for it, and an independent oracle for its value.

Hypothesis draws shapes, options and a seed; the values come from a generator with that seed. They are free of kinks by
construction: `spaced` numbers differ by far more than a finite difference moves them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.signal
import scipy.special
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minidl.ops.window import Window


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


# --- elementwise ------------------------------------------------------------------------------------------------------


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


# --- reductions and shapes --------------------------------------------------------------------------------------------


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


def _reshape(draw, rng):
    shape = shapes(draw)
    size = tuple(draw(st.permutations(shape)))
    if size and draw(st.booleans()):
        at = draw(st.integers(0, len(size) - 1))
        size = size[:at] + (-1,) + size[at + 1 :]
    return Case([normal(rng, *shape)], dict(size=size))


def _permute(draw, rng):
    shape = shapes(draw)
    order = tuple(d - len(shape) * draw(st.booleans()) for d in draw(st.permutations(range(len(shape)))))
    return Case([normal(rng, *shape)], dict(order=order))


def _sum_to(draw, rng):
    small, big = _broadcast(draw)
    return Case([normal(rng, *big)], dict(size=small))


def _expand(draw, rng):
    small, big = _broadcast(draw)
    return Case([normal(rng, *small)], dict(size=big))


def _broadcast(draw):
    small = shapes(draw)
    big = tuple(n if n > 1 else draw(st.integers(1, 3)) for n in small)
    return small, tuple(draw(st.lists(st.integers(1, 3), max_size=2))) + big


def _sum_to_oracle(x, size):
    total = np.zeros(size)
    lead = x.ndim - len(size)
    for place in np.ndindex(x.shape):
        total[tuple(i if n > 1 else 0 for i, n in zip(place[lead:], size, strict=True))] += x[place]
    return total


SPECS["reshape"] = Spec(_reshape, lambda x, size: np.array(list(x.flat)).reshape(size))
SPECS["permute"] = Spec(_permute, lambda x, order: np.einsum(x, list(range(x.ndim)), [o % x.ndim for o in order]))
SPECS["sum_to"] = Spec(_sum_to, _sum_to_oracle)
SPECS["expand"] = Spec(_expand, lambda x, size: x + np.zeros(size))


def _index(draw, rng, shape):
    """Basic, integer or boolean; integers may name a place twice."""
    kind = draw(st.sampled_from(["basic", "integers", "mask", "mixed", "repeated"]))
    if kind == "repeated":
        return (np.array([0, 0]),)
    if kind == "basic":
        return draw(hnp.basic_indices(shape, min_dims=0, max_dims=4, allow_newaxis=True, allow_ellipsis=True))
    if kind == "mask":
        return rng.random(shape[: draw(st.integers(1, len(shape)))]) < 0.5
    rows = rng.integers(-shape[0], shape[0], draw(st.integers(1, 4)))
    return rows if kind == "integers" or len(shape) < 2 else (slice(None, None, 2), rng.integers(0, shape[1], (2, 2)))


def _getitem(draw, rng):
    shape = shapes(draw, least=1)
    return Case([normal(rng, *shape)], dict(index=_index(draw, rng, shape)))


def _unindex(draw, rng):
    shape = shapes(draw, least=1)
    index = _index(draw, rng, shape)
    return Case([normal(rng, *np.zeros(shape)[index].shape)], dict(index=index, size=shape))


def _unindex_oracle(x, index, size):
    places = np.arange(int(np.prod(size))).reshape(size)[index]
    return np.bincount(places.ravel(), x.ravel(), int(np.prod(size))).reshape(size)


def _take_along(draw, rng):
    shape = shapes(draw, least=1)
    dim = draw(st.integers(0, len(shape) - 1))
    size = shape[:dim] + (draw(st.integers(1, 3)),) + shape[dim + 1 :]
    return Case([normal(rng, *shape), rng.integers(0, shape[dim], size)], dict(dim=dim))


def _put_along(draw, rng):
    case = _take_along(draw, rng)
    x, index = case.arrays
    return Case([normal(rng, *index.shape), index], case.options | dict(size=x.shape))


def _places(index, dim):
    for place in np.ndindex(index.shape):
        yield place, place[:dim] + (index[place],) + place[dim + 1 :]


def _take_along_oracle(x, index, dim):
    z = np.zeros(index.shape)
    for to, source in _places(index, dim):
        z[to] = x[source]
    return z


def _put_along_oracle(x, index, dim, size):
    z = np.zeros(size)
    for source, to in _places(index, dim):
        z[to] += x[source]
    return z


SPECS["getitem"] = Spec(_getitem, lambda x, index: x.ravel()[np.arange(x.size).reshape(x.shape)[index]])
SPECS["unindex"] = Spec(_unindex, _unindex_oracle)
SPECS["take_along"] = Spec(_take_along, _take_along_oracle)
SPECS["put_along"] = Spec(_put_along, _put_along_oracle)


def _pad(draw, rng):
    shape = shapes(draw, least=1, smallest=3)
    widths = draw(st.lists(st.integers(-1, 2), min_size=2, max_size=2 * len(shape)).filter(lambda w: len(w) % 2 == 0))
    return Case([normal(rng, *shape)], dict(widths=tuple(widths), value=draw(st.sampled_from([0.0, 1.5]))))


def _pad_oracle(x, widths, value):
    for axis, (before, after) in zip(
        range(x.ndim - 1, -1, -1), zip(widths[::2], widths[1::2], strict=True), strict=False
    ):
        x = np.pad(
            x, [(max(before, 0), max(after, 0)) if a == axis else (0, 0) for a in range(x.ndim)], constant_values=value
        )
        x = np.take(x, range(max(-before, 0), x.shape[axis] - max(-after, 0)), axis)
    return x


def _concatenate(draw, rng):
    shape = shapes(draw, least=1)
    dim = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    return Case([normal(rng, *shape[:dim], n, *shape[dim + 1 :]) for n in sizes], dict(dim=dim))


SPECS["pad"] = Spec(_pad, _pad_oracle)
SPECS["concatenate"] = Spec(
    _concatenate, lambda *xs, dim: np.moveaxis(np.array([row for x in xs for row in np.moveaxis(x, dim, 0)]).reshape(
        sum(x.shape[dim] for x in xs), *np.moveaxis(xs[0], dim, 0).shape[1:]), 0, dim)
)  # fmt: skip


# --- products and windows ---------------------------------------------------------------------------------------------


def _bmm(draw, rng):
    batch = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=2)).input_shapes
    m, n, k = (draw(st.integers(1, 3)) for _ in range(3))
    return Case([normal(rng, *batch[0], m, n), normal(rng, *batch[1], n, k)])


def _linear(draw, rng):
    n, i, o = (draw(st.integers(0 if size == 0 else 1, 3)) for size in range(3))
    return Case([normal(rng, n, i), normal(rng, o, i)])


SPECS["linear"] = Spec(_linear, lambda x, w: np.einsum("ni,oi->no", x, w))
SPECS["bmm"] = Spec(_bmm, lambda x, y: (x[..., :, :, None] * y[..., None, :, :]).sum(-2))


def _pair(draw, low, high):
    return draw(st.tuples(st.integers(low, high), st.integers(low, high)))


def _window(draw, most_padding=2):
    size = _pair(draw, 1, 3)
    padding = tuple(_pair(draw, 0, min(most_padding, k - 1) if most_padding == 1 else most_padding) for k in size)
    return Window(size, _pair(draw, 1, 2), padding, _pair(draw, 1, 2))


def _image(draw, window):
    """Height and width in which the window has a place, and perhaps some more that no window sees."""
    return tuple(
        max(1, e - sum(p)) + draw(st.integers(0, 3)) for e, p in zip(window.extent(), window.padding, strict=True)
    )


def _triad(draw):
    """Shapes of x, w and g of one convolution, its options, and the sizes of image and kernel."""
    window, groups = _window(draw), draw(st.integers(1, 2))
    n, c, o = draw(st.integers(1, 2)), groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    image = _image(draw, window)
    options = dict(stride=window.stride, padding=window.padding, dilation=window.dilation, groups=groups)
    return (n, c, *image), (o, c // groups, *window.size), (n, o, *window.positions(*image)), options


def _conv(draw, rng):
    x, w, _, options = _triad(draw)
    return Case([normal(rng, *x), normal(rng, *w)], options)


def _conv_x(draw, rng):
    x, w, g, options = _triad(draw)
    return Case([normal(rng, *g), normal(rng, *w)], options | dict(size=x[2:]))


def _conv_w(draw, rng):
    x, w, g, options = _triad(draw)
    return Case([normal(rng, *x), normal(rng, *g)], options | dict(size=w[2:]))


def _conv_oracle(x, w, *, stride, padding, dilation, groups):
    x = np.pad(x, [(0, 0), (0, 0), *padding])
    o, c, kh, kw = w.shape
    dilated = np.zeros((o, c, (kh - 1) * dilation[0] + 1, (kw - 1) * dilation[1] + 1))
    dilated[:, :, :: dilation[0], :: dilation[1]] = w
    planes = [
        [
            sum(
                scipy.signal.correlate(image[i // (o // groups) * c + j], dilated[i, j], "valid", "direct")
                for j in range(c)
            )
            for i in range(o)
        ]
        for image in x
    ]
    return np.array(planes)[:, :, :: stride[0], :: stride[1]]


def _transposed(forward, inner, at):
    """The adjoint of a linear map by its definition: its matrix, column by column, from `forward`."""

    def oracle(*arrays, size, **options):
        shape = inner(arrays, size, options)
        z = np.zeros(shape)
        for place in np.ndindex(shape):
            unit = np.zeros(shape)
            unit[place] = 1
            z[place] = (forward(unit, arrays, options) * arrays[at]).sum()
        return z

    return oracle


SPECS["conv"] = Spec(_conv, _conv_oracle)
SPECS["conv_x"] = Spec(
    _conv_x,
    _transposed(
        lambda unit, a, k: _conv_oracle(unit, a[1], **k),
        lambda a, size, k: (a[0].shape[0], a[1].shape[1] * k["groups"], *size),
        at=0,
    ),
)
SPECS["conv_w"] = Spec(
    _conv_w,
    _transposed(
        lambda unit, a, k: _conv_oracle(a[0], unit, **k),
        lambda a, size, k: (a[1].shape[1], a[0].shape[1] // k["groups"], *size),
        at=1,
    ),
)


def _pooled(draw, rng, values=normal):
    window = _window(draw, most_padding=1)
    return values(rng, draw(st.integers(1, 2)), draw(st.integers(1, 2)), *_image(draw, window)), window


def _seen(x, window, fill):
    """For each place of the window what it sees: (N, C, OH, OW, KH·KW), by loops."""
    x = np.pad(x, [(0, 0), (0, 0), *window.padding], constant_values=fill)
    oh, ow = ((n - e) // s + 1 for n, e, s in zip(x.shape[2:], window.extent(), window.stride, strict=True))
    z = np.zeros((*x.shape[:2], oh, ow, window.size[0] * window.size[1]))
    for y, x_ in itertools.product(range(oh), range(ow)):
        for k, (i, j) in enumerate(itertools.product(*map(range, window.size))):
            z[:, :, y, x_, k] = x[
                :, :, y * window.stride[0] + i * window.dilation[0], x_ * window.stride[1] + j * window.dilation[1]
            ]
    return z


def _window_argmax(draw, rng):
    x, window = _pooled(draw, rng, spaced)
    return Case([x], dict(window=window))


def _window_sum(draw, rng):
    x, window = _pooled(draw, rng)
    return Case([x], dict(window=window))


def _window_take(draw, rng):
    x, window = _pooled(draw, rng)
    chosen = rng.integers(0, window.size[0] * window.size[1], (*x.shape[:2], *window.positions(*x.shape[2:])))
    return Case([x, chosen], dict(window=window))


def _window_put(draw, rng):
    case = _window_take(draw, rng)
    x, chosen = case.arrays
    return Case([normal(rng, *chosen.shape), chosen], case.options | dict(size=x.shape[2:]))


def _window_spread(draw, rng):
    x, window = _pooled(draw, rng)
    g = normal(rng, *x.shape[:2], *window.positions(*x.shape[2:]))
    return Case([g], dict(window=window, size=x.shape[2:]))


def _take_oracle(x, chosen, window):
    return np.take_along_axis(_seen(x, window, 0), chosen[..., None], -1)[..., 0]


SPECS["window_argmax"] = Spec(_window_argmax, lambda x, window: _seen(x, window, -np.inf).argmax(-1), False)
SPECS["window_sum"] = Spec(_window_sum, lambda x, window: _seen(x, window, 0).sum(-1))
SPECS["window_take"] = Spec(_window_take, _take_oracle, analytic=False)
SPECS["window_put"] = Spec(
    _window_put,
    _transposed(lambda unit, a, k: _take_oracle(unit, a[1], **k), lambda a, size, k: (*a[0].shape[:2], *size), at=0),
    analytic=False,
)
SPECS["window_spread"] = Spec(
    _window_spread,
    _transposed(
        lambda unit, a, k: _seen(unit, k["window"], 0).sum(-1), lambda a, size, k: (*a[0].shape[:2], *size), at=0
    ),
)


# --- normalisation and losses -----------------------------------------------------------------------------------------


def _along_a_dim(draw, rng):
    x = normal(rng, *shapes(draw, least=1))
    return Case([x], dict(dim=draw(st.integers(0, x.ndim - 1))))


def _normalize_channels(draw, rng):
    shape = (draw(st.integers(2, 4)), draw(st.integers(1, 3)), *draw(st.lists(st.integers(1, 3), max_size=2)))
    vectors = [normal(rng, shape[1]) if draw(st.booleans()) else None for _ in range(2)]
    scale = draw(st.sampled_from([1.0, 0.01]))  # variance near eps, so that a lost eps shows
    return Case([scale * normal(rng, *shape) + 1, *vectors], dict(eps=1e-3))


def _normalize_oracle(x, weight, bias, eps):
    by_channel = np.moveaxis(x, 1, 0).reshape(x.shape[1], -1)
    z = [(row - np.mean(row)) / np.sqrt(np.mean(row**2) - np.mean(row) ** 2 + eps) for row in by_channel]
    z = [row * (1 if weight is None else weight[c]) + (0 if bias is None else bias[c]) for c, row in enumerate(z)]
    return np.moveaxis(np.array(z).reshape(x.shape[1], x.shape[0], *x.shape[2:]), 0, 1)


SPECS["softmax"] = Spec(_along_a_dim, lambda x, dim: scipy.special.softmax(x, dim))
SPECS["log_softmax"] = Spec(_along_a_dim, lambda x, dim: scipy.special.log_softmax(x, dim))
SPECS["normalize_channels"] = Spec(_normalize_channels, _normalize_oracle)
