"""Convolution, pooling and resampling beside PyTorch's: values, gradients, and what is refused."""

from itertools import product

import numpy as np
import pytest
from parity import OURS, THEIRS, agree, compare, functional, normal, refused, ties, torch

pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel"),
    pytest.mark.filterwarnings("ignore:The default behavior for interpolate"),
    pytest.mark.filterwarnings("ignore:Note that order of the arguments"),
]


def grid(name, /, **choices):
    """Parametrise ``name`` by every combination of the choices, as dictionaries."""
    options = [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
    return pytest.mark.parametrize(name, options, ids=lambda o: ",".join(map(str, o.values())).replace(" ", ""))


def both(value, spatial=2):
    return (value,) * spatial if isinstance(value, int) else value


# --- convolution ------------------------------------------------------------------------------------------------------


@grid("options", stride=[1, 2, (2, 1), [3]], padding=[0, 1, (1, 2), "same", "valid"], dilation=[1, (1, 2)])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("kernel", [1, 3, (2, 3)])
def test_conv2d(kernel, groups, options):
    batch = (2,) * (kernel != 1)  # a 1×1 convolution is tried unbatched
    x, w, b = normal(*batch, 4, 6, 7), normal(8, 4 // groups, *both(kernel)), normal(8)
    f = functional("conv2d", **options, groups=groups)
    agree("conv2d", f, x, w, *[b] * (options["stride"] == 1), order=1 + (groups == 2))


@grid("options", stride=[1, 2, (3,)], padding=[0, 1, (2,), "same", "valid"], dilation=[1, 2], groups=[1, 2, 4])
@pytest.mark.parametrize("kernel", [1, 2, 5])
def test_conv1d(kernel, options):
    batch, multiplier = (2,) * (kernel != 1), 1 if options["padding"] == 1 else 2
    x, w, b = normal(*batch, 4, 9), normal(4 * multiplier, 4 // options["groups"], kernel), normal(4 * multiplier)
    agree("conv1d", functional("conv1d", **options), x, w, *[b] * (kernel == 2), order=1 + (kernel == 2))


@grid("options", stride=[1, 2, (2, 1)], padding=[0, 1, (2, 0)], output_padding=[0, 1, (0, 2)], dilation=[1, 3])
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("kernel", [1, (2, 3)])
def test_conv_transpose2d(kernel, groups, options):
    batch = (2,) * (groups != 2)
    x, w, b = normal(*batch, 4, 3, 2), normal(4, 2, *both(kernel)), normal(2 * groups)
    f = functional("conv_transpose2d", **options, groups=groups)
    agree("conv_transpose2d", f, x, w, *[b] * (options["stride"] == 1), order=1 + (groups == 4))


@grid("options", stride=[1, 2, (3,)], padding=[0, 1, (4,)], output_padding=[0, 1, 2], groups=[1, 4], dilation=[1, 3])
@pytest.mark.parametrize("kernel", [1, 3])
def test_conv_transpose1d(kernel, options):
    x, w, b = normal(*(2,) * (kernel != 1), 4, 5), normal(4, 3, kernel), normal(3 * options["groups"])
    agree("conv_transpose1d", functional("conv_transpose1d", **options), x, w, b, order=1)


def test_conv_transpose_of_output_padding_only():
    """So much padding that it cuts off more than there is, and so much output padding that something is left."""
    x, w = normal(2, 3, 1), normal(3, 2, 1)
    compare(functional("conv_transpose1d", dilation=6, padding=2, output_padding=5), x, w)


@pytest.mark.parametrize("channels_last", [False, True])
@grid("options", stride=[1, 2, 3], padding=[0, 1, 4], dilation=[1, 2])
@pytest.mark.parametrize("multiplier", [1, 3, 9])
def test_depthwise(multiplier, options, channels_last):
    x, w = normal(2, 6, 9, 8), normal(6 * multiplier, 1, 3, 3)
    x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1) if channels_last else x
    agree("conv2d", functional("conv2d", groups=6, **options), x, w, order=1 + channels_last)


@pytest.mark.parametrize("n, channels, size, groups", [(2, 3, 9, 1), (1, 1, 28, 1), (0, 2, 5, 1), (9, 64, 33, 64)])
def test_conv2d_float32(n, channels, size, groups):
    x, w = normal(n, channels, size, size), normal(6 * groups, channels // groups, 5, 5)
    compare(functional("conv2d", groups=groups), x.astype("f4"), w.astype("f4"), order=1, tol=1e-4)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
@pytest.mark.parametrize("name, groups", [("conv2d", 1), ("conv2d", 4), ("conv_transpose2d", 1)])
def test_convolution_of_integers(name, groups, dtype):
    x, w = ties(2, 4, 5, 5), ties(4, 4 // groups, 3, 3)
    agree(name, functional(name, groups=groups), x.astype(dtype), w.astype(dtype))


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("name, sizes", [("conv1d", (5,)), ("conv_transpose1d", (5,)), ("conv_transpose2d", (5, 4))])
def test_convolution_of_no_batch(name, sizes, groups):
    w = normal(4, 4 // groups, *(3,) * len(sizes))
    agree(name, functional(name, groups=groups), normal(0, 4, *sizes), w)


@grid("options", dilation=[1, (1, 2)], padding=[0, 1, (3, 2)], stride=[1, 2, (3, 1)])
@pytest.mark.parametrize("kernel", [1, 2, (2, 3), 5])
@pytest.mark.parametrize("batch", [(), (2,)])
def test_unfold_and_fold(batch, kernel, options):
    x = normal(*batch, 3, 6, 7)
    agree("unfold", functional("unfold", kernel, **options), x)
    if kernel != 5 or options["padding"] == (3, 2):  # it fits
        columns = THEIRS.F.unfold(torch.tensor(x), kernel, **options).numpy()
        agree("fold", functional("fold", (6, 7), kernel, **options), columns)


# --- pooling ----------------------------------------------------------------------------------------------------------


@grid("options", stride=[None, 1, (2, 3)], padding=[0, 1, [1, 0]], dilation=[1, 2, (1, 3)], ceil_mode=[False, True])
@pytest.mark.parametrize("kernel", [2, (3,), (2, 3)])
def test_max_pool2d(kernel, options):
    f = functional("max_pool2d", kernel, **options, return_indices=True)
    agree("max_pool2d", f, (normal if options["ceil_mode"] else ties)(2, 3, 7, 8), order=1 + (options["dilation"] == 2))


@grid("options", stride=[None, 1, (3,), 4], padding=[0, 1, (1,)], dilation=[1, 2], ceil_mode=[False, True])
@pytest.mark.parametrize("return_indices", [False, True])
@pytest.mark.parametrize("kernel", [1, 2, (3,)])
def test_max_pool1d(kernel, return_indices, options):
    f = functional("max_pool1d", kernel, **options, return_indices=return_indices)
    agree("max_pool1d", f, ties(*(2,) * (kernel != 1), 3, 9), order=1)


@pytest.mark.parametrize("count", [{"count_include_pad": True}, {"count_include_pad": False}, {"divisor_override": -3}])
@grid("options", stride=[None, 1, (2, 3), 4], padding=[0, 1, (1, 0)], ceil_mode=[False, True])
@pytest.mark.parametrize("kernel", [2, [3], (2, 3)])
def test_avg_pool2d(kernel, options, count):
    agree("avg_pool2d", functional("avg_pool2d", kernel, **options, **count), normal(2, 3, 7, 8))


@grid("options", stride=[None, 1, (3,)], padding=[0, 1], ceil_mode=[False, True], count_include_pad=[True, False])
@pytest.mark.parametrize("kernel", [1, 2, (3,)])
def test_avg_pool1d(kernel, options):
    agree("avg_pool1d", functional("avg_pool1d", kernel, **options), normal(*(2,) * (kernel != 1), 3, 8))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 11, (3,), (2, 2), (None,), None, -1, 2.5, True], ids=str)
@pytest.mark.parametrize("batch", [(), (2,), (0,)])
@pytest.mark.parametrize("name", ["adaptive_avg_pool1d", "adaptive_max_pool1d"])
def test_adaptive_pool1d(name, batch, size):
    agree(name, functional(name, size), ties(*batch, 3, 7))


@pytest.mark.parametrize(
    "size",
    [1, 3, 7, 9, (3, 2), (1, 8), (None, 4), [4, None], (None, None), (2, 2, 2), None, (2, -1), 2.5, True],
    ids=str,
)
@pytest.mark.parametrize("batch", [(), (2,), (0,)])
@pytest.mark.parametrize("name", ["adaptive_avg_pool2d", "adaptive_max_pool2d"])
def test_adaptive_pool2d(name, batch, size):
    agree(name, functional(name, size), ties(*batch, 3, 7, 6))


@pytest.mark.parametrize("size", [0, (0, 3), (3, 0)])
@pytest.mark.parametrize("name", ["adaptive_avg_pool2d", "adaptive_max_pool2d"])
def test_adaptive_pooling_to_nothing(name, size):
    compare(lambda m, x: getattr(m.F, name)(x.detach(), size), normal(2, 3, 7, 6))


@pytest.mark.parametrize("size", [2, 3, 9])
@pytest.mark.parametrize("name, sizes", [("adaptive_max_pool1d", (7,)), ("adaptive_max_pool2d", (7, 6))])
def test_adaptive_indices(name, sizes, size):
    compare(functional(name, size, return_indices=True), ties(2, 3, *sizes))
    compare(functional(name, size, True), ties(3, *sizes))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("size", [(3, 7, 8), (0, 3, 7, 8), (1, 3, 7, 8)])
@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "unfold"])
def test_unbatched_empty_and_narrow(name, size, dtype):
    tol = {"float64": 1e-11, "float32": 1e-6, "float16": 2e-3}[dtype]
    agree(name, functional(name, 2), normal(*size).astype(dtype), order=1, tol=tol)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "int8"])
@pytest.mark.parametrize("padding", [0, 1])
def test_max_pool_of_integers(padding, dtype):
    agree("max_pool2d", functional("max_pool2d", 3, 2, padding, return_indices=True), ties(2, 3, 7, 8).astype(dtype))


@pytest.mark.parametrize("value", [np.nan, -np.inf, np.inf, np.finfo(float).min])
@pytest.mark.parametrize("padding", [0, 1])
def test_max_pool_of_extremes(padding, value):
    x = np.where(ties(2, 3, 7, 8) > 0, normal(2, 3, 7, 8), value)
    compare(functional("max_pool2d", 3, 2, padding, 2 - padding, return_indices=True), x)
    compare(functional("max_pool2d", 2, 1, padding, return_indices=True), np.full((1, 1, 4, 5), -np.inf))


def test_windows_do_not_touch_each_other():
    """What is infinite or NaN stays in its window."""
    x = np.zeros((1, 1, 6, 6))
    x[0, 0, 0, 0], x[0, 0, 5, 5] = np.inf, np.nan
    for name in ("avg_pool2d", "max_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d"):
        compare(functional(name, 3), x, order=1)
        compare(functional(name, (2, 3)), x, order=1)


@pytest.mark.parametrize("output_size", [None, (7, 8), (2, 3, 7, 8), [6, 9]], ids=str)
@pytest.mark.parametrize("pooling", [(2, 2, 0), (2, 2, 1), ((2, 3), None, 0), (3, 1, 0), (3, (2, 1), 1)], ids=str)
@pytest.mark.parametrize("batch", [(), (2,), (0,)])
def test_max_unpool2d(batch, pooling, output_size):
    values, indices = THEIRS.F.max_pool2d(torch.tensor(normal(*batch, 3, 7, 8)), *pooling, return_indices=True)
    f = functional("max_unpool2d", *pooling, output_size)
    agree("max_unpool2d", f, values.numpy(), indices.numpy())


@pytest.mark.parametrize("output_size", [None, (9,), (2, 3, 8)], ids=str)
@pytest.mark.parametrize("pooling", [(2, 2, 0), (2, 2, 1), (3, 1, 0), ((3,), None, 1)], ids=str)
@pytest.mark.parametrize("batch", [(), (2,)])
def test_max_unpool1d(batch, pooling, output_size):
    values, indices = THEIRS.F.max_pool1d(torch.tensor(normal(*batch, 3, 8)), *pooling, return_indices=True)
    f = functional("max_unpool1d", *pooling, output_size)
    agree("max_unpool1d", f, values.numpy(), indices.numpy())


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9])
@pytest.mark.parametrize("shape", [(2, 5, 4), (2, 5, 3, 4), (1, 4, 2, 3, 2), (0, 3, 2), (2, 0, 3)], ids=str)
def test_local_response_norm(shape, size):
    agree("local_response_norm", functional("local_response_norm", size, 0.5, 0.6, 1.5), normal(*shape))
    agree("local_response_norm", functional("local_response_norm", size), normal(*shape))


# --- resampling -------------------------------------------------------------------------------------------------------

SIZES = [{"size": n} for n in (1, 2, 5, 7, 10, 13, (4,), (4, 6), 0, -1, 2.5, (2.5, 1), True, "3", None)]
SCALES = [
    {"scale_factor": f}
    for f in (0.5, 1, 1.5, 2, 2.3, 3, 1 / 3, np.float32(1.7), (0.7,), (0.7, 1.2), [2, 1.1], 0.1, 0, -1, np.nan, "2")
]
RECOMPUTED = [{"scale_factor": f, "recompute_scale_factor": True} for f in (0.5, 1.1, 2.3, (1.7,), (2.3, 0.4))]


@pytest.mark.parametrize("align_corners", [None, False, True])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "linear", "bilinear"])
@pytest.mark.parametrize("to", SIZES + SCALES + RECOMPUTED, ids=str)
@pytest.mark.parametrize("shape", [(2, 3, 5), (1, 2, 5, 4)], ids=str)
def test_interpolate(shape, to, mode, align_corners):
    f = functional("interpolate", mode=mode, align_corners=align_corners, **to)
    agree("interpolate", f, normal(*shape), order=1 + ("size" in to))


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("to", SIZES + SCALES[:-4], ids=str)
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_antialiased(mode, to, align_corners):
    """Of a side that keeps its length by rounding, PyTorch's gradient is not that of its own forward."""
    f = functional("interpolate", mode=mode, antialias=True, align_corners=align_corners, **to)
    agree("interpolate", f, normal(1, 2, 5, 4), order=str(to.get("scale_factor")) not in ("(0.7, 1.2)", "[2, 1.1]"))


@pytest.mark.parametrize("dtype, tol", [("float64", 1e-11), ("float32", 1e-6)])
@pytest.mark.parametrize("mode, shape", [("nearest", (1, 2)), ("nearest", (1, 2, 3)), ("nearest-exact", (1, 2, 3))])
def test_nearest_places(mode, shape, dtype, tol):
    """The same element where ⌊i·n/o⌋ is a matter of rounding. In PyTorch, the gradient of signals rounds otherwise."""
    numbers = [(2, 41), (2, 82), (6, 74), (14, 23), (14, 46), (21, 69), (26, 22), *product((1, 5, 12), range(1, 31, 3))]
    ways = [(n, dict(size=(*shape[2:], o))) for n, o in numbers] + [(9, dict(scale_factor=f)) for f in (1.1, 2.05, 2.1)]
    for n, way in ways:
        x = np.arange(np.prod(shape) * n, dtype=dtype).reshape(*shape, n)
        f = functional("interpolate", mode=mode, **way)
        compare(f if len(shape) == 3 else lambda m, x, f=f: f(m, x.detach()), x, order=1, tol=tol)


def test_interpolate_other_inputs():
    bytes_ = ties(2, 3, 4, 5).astype("uint8")
    agree("interpolate", functional("interpolate", 7), bytes_)
    for mode in ("nearest", "bilinear"):
        agree("interpolate", functional("interpolate", 7, mode=mode), normal(0, 3, 4, 5))
        agree("interpolate", functional("interpolate", 7, mode=mode), normal(2, 3, 1, 1))
        compare(functional("interpolate", 7, mode=mode), normal(2, 3, 4, 5).astype("f4"), tol=1e-6)
    with pytest.raises(ValueError, match="interpolate: mode must be one of .*'bilinear', 'bicubic', got 'cubic'"):
        OURS.F.interpolate(OURS.tensor(normal(2, 3, 4, 5)), 7, mode="cubic")


def test_interpolate_to_a_size_of_tensors():
    compare(lambda m, x: m.F.interpolate(x, [m.tensor(7), m.tensor(3)]), normal(1, 2, 4, 5))


@pytest.mark.parametrize("mode, align_corners", [("bicubic", None), ("bicubic", True), ("area", None)])
@pytest.mark.parametrize("options", [
    {"size": (4, 9)}, {"size": 3}, {"scale_factor": 2}, {"scale_factor": (0.6, 1.7)}, {"scale_factor": [2.5, 0.7]},
    {"scale_factor": 1.7, "recompute_scale_factor": True},
], ids=str)  # fmt: skip
def test_interpolate_more_modes(mode, align_corners, options):
    f = functional("interpolate", mode=mode, align_corners=align_corners, **options)
    for size in ((5, 7), (8, 4), (2, 3)):
        agree("interpolate", f, normal(2, 3, *size), tol=1e-10)
    agree("interpolate", f, normal(2, 3, 5, 7).astype("f4"), tol=1e-5)
    agree("interpolate", functional("interpolate", mode=mode, **options), normal(1, 2, 5))


# --- arguments --------------------------------------------------------------------------------------------------------
# Every argument, in PyTorch's order and by PyTorch's name, at a value that is not its default.

X, L = normal(2, 4, 8, 7), normal(2, 4, 9)
CALLS = {
    "conv1d": dict(input=L, weight=normal(6, 2, 3), bias=normal(6), stride=2, padding=1, dilation=2, groups=2),
    "conv2d": dict(input=X, weight=normal(6, 2, 3, 3), bias=normal(6), stride=2, padding=1, dilation=2, groups=2),
    "conv_transpose1d": dict(input=L, weight=normal(4, 3, 3), bias=normal(6), stride=3, padding=1, output_padding=2,
                             groups=2, dilation=2),
    "conv_transpose2d": dict(input=X, weight=normal(4, 3, 3, 3), bias=normal(6), stride=3, padding=1,
                             output_padding=(2, 1), groups=2, dilation=2),
    "unfold": dict(input=X, kernel_size=(2, 3), dilation=2, padding=1, stride=3),
    "fold": dict(input=normal(2, 24, 9), output_size=(8, 7), kernel_size=(2, 3), dilation=2, padding=1, stride=(3, 2)),
    "max_pool1d": dict(input=L, kernel_size=3, stride=2, padding=1, dilation=2, ceil_mode=True, return_indices=True),
    "max_pool2d": dict(input=X, kernel_size=3, stride=2, padding=1, dilation=2, ceil_mode=True, return_indices=True),
    "avg_pool1d": dict(input=L, kernel_size=2, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
    "avg_pool2d": dict(input=X, kernel_size=2, stride=2, padding=1, ceil_mode=True, count_include_pad=False,
                       divisor_override=3),
    "adaptive_avg_pool1d": dict(input=L, output_size=4),
    "adaptive_avg_pool2d": dict(input=X, output_size=(4, 3)),
    "adaptive_max_pool1d": dict(input=L, output_size=4, return_indices=True),
    "adaptive_max_pool2d": dict(input=X, output_size=(4, 3), return_indices=True),
    "max_unpool2d": dict(input=normal(1, 1, 2, 2), indices=np.array([[[[0, 3], [5, 8]]]]), kernel_size=2, stride=2,
                         padding=1, output_size=(3, 3)),
    "interpolate": dict(input=X, size=None, scale_factor=1.3, mode="bilinear", align_corners=True,
                        recompute_scale_factor=True),
    "local_response_norm": dict(input=X, size=3, alpha=0.3, beta=0.6, k=2.0),
}  # fmt: skip


def spelled(name, arguments, by_position=False):
    """The case that calls the function with these arguments, and the arrays among them, which are its tensors."""
    arrays = {key: value for key, value in arguments.items() if isinstance(value, np.ndarray)}

    def f(m, *xs):
        given = arguments | dict(zip(arrays, xs, strict=True))
        return getattr(m.F, name)(*given.values()) if by_position else getattr(m.F, name)(**given)

    return f, *arrays.values()


@pytest.mark.parametrize("by_position", [False, True])
@pytest.mark.parametrize("name", CALLS)
def test_every_argument(name, by_position):
    compare(*spelled(name, CALLS[name], by_position), order=1)


MISTAKES = {
    "conv1d": [dict(input=X), dict(input=L[0, 0]), dict(weight=normal(6, 2, 3, 3)), dict(weight=normal(6, 3, 3)),
               dict(groups=4), dict(groups=0), dict(groups=-1), dict(bias=normal(5)), dict(bias=normal(6, 1)),
               dict(stride=(1, 1)), dict(stride=0), dict(stride=1.5), dict(padding=-1), dict(padding="same"),
               dict(padding="full"), dict(dilation=0), dict(dilation=9), dict(bias=normal(6).astype("f4"))],
    "conv2d": [dict(input=X[0, 0]), dict(input=X[None]), dict(weight=normal(6, 2, 3)), dict(weight=normal(6, 3, 3, 3)),
               dict(groups=4), dict(groups=0), dict(groups=1.5), dict(groups=True), dict(bias=normal(5)),
               dict(stride=(1, 1, 1)), dict(stride=0), dict(stride=True), dict(stride="2"), dict(padding=-1),
               dict(padding="same"), dict(padding="full"), dict(padding=None), dict(dilation=(0, 1)), dict(dilation=9),
               dict(weight=normal(6, 2, 0, 3)), dict(weight=normal(6, 2, 3, 3).astype("f4")), dict(input=X[:, :, :0]),
               dict(weight=normal(6, 2, 20, 3))],
    "conv_transpose1d": [dict(input=X), dict(weight=normal(4, 3, 3, 3)), dict(weight=normal(3, 3, 3)), dict(groups=3),
                         dict(groups=0), dict(bias=normal(3)), dict(stride=0), dict(padding=-1), dict(padding="same"),
                         dict(output_padding=3), dict(output_padding=-1), dict(padding=20), dict(dilation=0)],
    "conv_transpose2d": [dict(input=X[0, 0]), dict(weight=normal(4, 3, 3)), dict(weight=normal(3, 3, 3, 3)),
                         dict(groups=3), dict(bias=normal(4)), dict(stride=(1, 2, 1)), dict(padding="valid"),
                         dict(output_padding=(0, 3)), dict(padding=(0, 20)), dict(input=X[:, :, :0])],
    "unfold": [dict(input=X[0, 0]), dict(input=X[None]), dict(kernel_size=0), dict(kernel_size=20), dict(dilation=0),
               dict(padding=-1), dict(stride=0), dict(kernel_size=2.5), dict(kernel_size=(1, 2, 3)),
               dict(input=X[:, :0])],
    "fold": [dict(input=normal(24)), dict(input=normal(2, 23, 9)), dict(input=normal(2, 24, 8)), dict(output_size=9),
             dict(output_size=(1, 1)), dict(output_size=0), dict(kernel_size=0), dict(padding=-1), dict(stride=0),
             dict(input=normal(1, 1, 24, 9)), dict(output_size=None), dict(input=normal(2, 0, 9))],
    "max_pool1d": [dict(input=X), dict(input=L[0, 0]), dict(kernel_size=0), dict(kernel_size=(2, 2)), dict(stride=0),
                   dict(padding=2), dict(padding=-1), dict(dilation=0), dict(kernel_size=20), dict(input=L[:, :0]),
                   dict(kernel_size=None), dict(input=L > 0)],
    "max_pool2d": [dict(input=X[0, 0]), dict(kernel_size=0), dict(kernel_size=(2, 2, 2)), dict(stride=(0, 1)),
                   dict(padding=2), dict(padding=-1), dict(dilation=0), dict(kernel_size=20), dict(input=X[:, :0]),
                   dict(kernel_size=2.5), dict(kernel_size=True), dict(input=X[:, :, :0])],
    "avg_pool1d": [dict(input=X), dict(input=L[0, 0]), dict(kernel_size=0), dict(kernel_size=(2, 2)), dict(stride=0),
                   dict(padding=2), dict(padding=-1), dict(kernel_size=20), dict(input=L > 0)],
    "avg_pool2d": [dict(input=X[0, 0]), dict(kernel_size=0), dict(stride=0), dict(padding=2), dict(kernel_size=20),
                   dict(divisor_override=0), dict(divisor_override=1.5), dict(input=X[:, :0])],
    "adaptive_avg_pool1d": [dict(input=X), dict(output_size=-2), dict(input=L[:, :, :0])],
    "adaptive_avg_pool2d": [dict(input=X[0, 0]), dict(input=X[None]), dict(input=X[:, :, :0]), dict(output_size="2")],
    "adaptive_max_pool1d": [dict(input=X), dict(output_size=-2), dict(input=L[:, :, :0])],
    "adaptive_max_pool2d": [dict(input=X[0, 0]), dict(input=X[None]), dict(input=X[:, :, :0]), dict(output_size=-1)],
    "max_unpool2d": [dict(indices=np.array([[[[0, 3], [5, 9]]]])), dict(indices=np.array([[[[0, 3], [5, -1]]]])),
                     dict(indices=np.array([[[[0, 3]]]])), dict(indices=normal(1, 1, 2, 2)), dict(input=normal(2, 2)),
                     dict(output_size=(4, 4)), dict(output_size=(0, 3)), dict(output_size=(3,)), dict(output_size=3),
                     dict(padding=3), dict(kernel_size=None), dict(output_size=(3.5, 3))],
    "interpolate": [dict(input=normal(3, 4)), dict(size=3), dict(scale_factor=None), dict(mode="linear"),
                    dict(mode="cubic"), dict(mode=None), dict(mode="nearest"), dict(input=X[:, :0]),
                    dict(input=X[:, :, :0]), dict(size=3, scale_factor=None), dict(scale_factor=(1.0, 2.0, 3.0))],
    "local_response_norm": [dict(input=normal(3, 4)), dict(size=0), dict(size=-1), dict(size=2.5), dict(size=(3,))],
}  # fmt: skip


@pytest.mark.parametrize(
    "name, changes",
    [pytest.param(name, c, id=f"{name} {list(c)} {i}") for name, all_ in MISTAKES.items() for i, c in enumerate(all_)],
)
def test_mistakes(name, changes):
    refused(name, *spelled(name, CALLS[name] | changes))
