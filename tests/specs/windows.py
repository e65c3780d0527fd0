"""Matrix products, convolution, pooling."""

import itertools
import math

import numpy as np
import scipy.signal
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minidl.ops.window import Window
from specs.drawing import SPECS, Case, Spec, normal, spaced


def _matrix_product(draw, rng):
    batch = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=2, max_side=2)).input_shapes
    m, n, k = (draw(st.integers(1, 3)) for _ in range(3))
    return Case([normal(rng, *batch[0], m, n), normal(rng, *batch[1], n, k)])


def _linear(draw, rng):
    n, i, o = (draw(st.integers(0 if size == 0 else 1, 3)) for size in range(3))
    return Case([normal(rng, n, i), normal(rng, o, i)])


SPECS["linear"] = Spec(_linear, lambda x, w: np.einsum("ni,oi->no", x, w))
SPECS["matrix_product"] = Spec(_matrix_product, lambda x, y: (x[..., :, :, None] * y[..., None, :, :]).sum(-2))


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


def _triad(draw, depthwise=None):
    """Shapes of x, w and g of one convolution, its options, and the sizes of image and kernel."""
    window, groups = _window(draw), draw(st.integers(1, 3))
    alone = groups > 1 and (draw(st.booleans()) if depthwise is None else depthwise)
    n, c, o = (
        draw(st.integers(1, 2)),
        groups * (1 if alone else draw(st.integers(1, 2))),
        groups * draw(st.integers(1, 3)),
    )
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
    size = np.subtract(x.shape[2:], dilated.shape[2:]) + 1
    return np.array(planes).reshape(len(x), o, *size)[:, :, :: stride[0], :: stride[1]]


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
    assume(np.isfinite(_seen(x, window, -np.inf)).any(-1).all())  # `max_pool2d` refuses windows in nothing but padding
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
SPECS["max_pool"] = Spec(_window_argmax, lambda x, window: _seen(x, window, -np.inf).max(-1))
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


def _im2col(draw, rng):
    window = _window(draw)
    return Case(
        [normal(rng, draw(st.integers(1, 2)), draw(st.integers(1, 2)), *_image(draw, window))], {"window": window}
    )


def _columns(x, window):
    seen = _seen(x, window, 0)
    n, c, oh, ow, k = seen.shape
    return np.moveaxis(seen, -1, 2).reshape(n, c * k, oh * ow)


def _col2im(draw, rng):
    case = _im2col(draw, rng)
    (x,), window = case.arrays, case.options["window"]
    return Case([normal(rng, *_columns(x, window).shape)], dict(window=window, size=x.shape[2:]))


def _place(draw, rng):
    n, c, used, free = (draw(st.integers(1, 3)) for _ in range(4))
    index = rng.permuted(np.broadcast_to(np.arange(used + free), (n, c, used + free)), axis=2)[:, :, :used]
    return Case([normal(rng, n, c, used), index], dict(size=used + free))


def _place_oracle(x, index, size):
    z = np.zeros((*x.shape[:2], size), x.dtype)
    for place in np.ndindex(x.shape):
        z[(*place[:2], index[place])] = x[place]
    return z


SPECS["im2col"] = Spec(_im2col, _columns)
SPECS["col2im"] = Spec(
    _col2im,
    _transposed(
        lambda unit, a, k: _columns(unit, k["window"]),
        lambda a, size, k: (a[0].shape[0], a[0].shape[1] // math.prod(k["window"].size), *size),
        at=0,
    ),
)
SPECS["place"] = Spec(_place, _place_oracle)


# --- convolution with bias, pooling and relu --------------------------------------------------------------------------


def _convolved(x, w, bias, *, pool, relu, **geometry):
    """The result, and how near it is to a kink: the least gap to a second largest element, or to 0."""
    z = _conv_oracle(x, w, **geometry)
    z, gaps = z if bias is None else z + bias[:, None, None], [np.inf]
    if pool is not None:
        seen = np.sort(_seen(z, pool, -np.inf), -1)
        z = seen[..., -1]
        gaps += np.diff(seen, axis=-1)[..., -1:].ravel().tolist()
    if relu:
        gaps += np.abs(z).ravel().tolist()
        z = np.maximum(z, 0)
    return z, min(gaps)


def _tiled(draw):
    """As `_triad`: square windows, and single elements, which some kernels see in several places at once."""
    k, step = draw(st.sampled_from([(1, 1), (3, 1), (3, 1), (5, 1), (3, 2), (5, 2)]))
    window = Window((k, k), (step, step), ((0, 0), (0, 0)) if k == 1 else (_pair(draw, 0, 2), _pair(draw, 0, 2)))
    n, c, o = (draw(st.sampled_from([1, 2, 4])), *_pair(draw, 1, 2))
    size = _pair(draw, k, k + 4)
    options = dict(stride=window.stride, padding=window.padding, dilation=window.dilation, groups=1)
    return (n, c, *size), (o, c, k, k), (n, o, *window.positions(*size)), options


def _convolve(draw, rng):
    kind, pool = draw(st.sampled_from(["tiled", "depthwise", "any"])), None
    x, w, (_, o, *places), options = _tiled(draw) if kind == "tiled" else _triad(draw, kind == "depthwise")
    if kind == "tiled" and min(places) > 1 and draw(st.booleans()):
        pool = Window((2, 2), (2, 2))
    elif draw(st.booleans()):
        size = tuple(draw(st.integers(1, min(n, 2))) for n in places)
        pool = Window(size, size if draw(st.booleans()) else _pair(draw, 1, 2))
    arrays = [normal(rng, *x), normal(rng, *w), normal(rng, o) if draw(st.booleans()) else None]
    options |= dict(pool=pool, relu=draw(st.booleans()))
    assume(_convolved(*arrays, **options)[1] > 1e-3)
    return Case(arrays, options)


SPECS["convolve"] = Spec(_convolve, lambda *arrays, **options: _convolved(*arrays, **options)[0])
